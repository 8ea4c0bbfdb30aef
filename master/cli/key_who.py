"""`orch key who`: whose keys count for what, for a host, for an operator, or in all."""

from __future__ import annotations

import click

from orch.common.errors import UsageError
from orch.common.identity import Admission
from orch.common.policy import Operator, Policy, Verb
from orch.master.cli import grants, wording
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import ReadingCommand, did_you_mean
from orch.master.cli.output import Data, table
from orch.master.cli.wording import mark

MINE = {
    "login.key": "connects, asks for plans",
    "signing.key": "signs releases and admissions",
    "root.key": "signs policies",
}


@click.command(cls=ReadingCommand)
@click.argument("who", required=False)
@click.pass_context
def who(context: click.Context, /, who: str | None) -> None:
    """Who may do what at the host WHO (site/host); what the operator WHO may; else all operators, and your own keys.

    By the newest policy and the admissions in your files, every policy's signatures checked. Needs no centre.
    """
    desk = desk_of(context)
    policy, kept = desk.verified(), desk.folder.admissions()
    people = {person.name: person for person in policy.operators}
    if who is None:
        _everybody(desk, policy)
    elif who in kept:
        _host(desk, policy, kept[who].admission)
    elif who in people:
        _operator(desk, policy, people[who])
    else:
        near = did_you_mean(who, [*kept, *people])
        raise UsageError(f"no host is admitted as {who!r} and no operator is called so{near}", hint="see: orch key who")


def able(policy: Policy, verb: Verb, admission: Admission, *, now: int) -> tuple[str, ...]:
    """The operators who may do a verb at a host."""
    return tuple(
        person.name
        for person in policy.operators
        if person.may(verb, scope=admission.scope, ring=admission.ring, now=now)
    )


def _host(desk: Desk, policy: Policy, admission: Admission) -> None:
    now, output = desk.surroundings.clock.wall(), desk.output
    rows = [
        (verb.value, able(policy, verb, admission, now=now), policy.threshold(verb, admission.scope)) for verb in Verb
    ]
    keys = {"connection": admission.curve, "reports": admission.sign, "secrets": admission.seal}
    if output.structured:
        members: dict[str, Data] = {
            "host": admission.host,
            "scope": admission.scope,
            "ring": admission.ring,
            "serial": admission.serial,
            "keys": {name: key.hex() for name, key in keys.items()},
            "verbs": [{"verb": verb, "operators": list(found), "needed": needed} for verb, found, needed in rows],
        }
        output.data("orch/key-who-host/1", members)
        return
    told = [
        (verb, ", ".join(found) or "nobody", f"{needed} must sign" if needed > 1 else "")
        for verb, found, needed in rows
    ]
    output.lines(
        [
            f"{admission.host}, scope {admission.scope}, ring {admission.ring}, admission {admission.serial}",
            "",
            *table([("VERB", "WHO MAY", ""), *told]),
            "",
            "  its keys: " + ", ".join(f"{name} {mark(key)}" for name, key in keys.items()),
        ]
    )
    output.next(f"orch key who {told[1][1].partition(',')[0]}" if rows[1][1] else "orch policy show")


def _operator(desk: Desk, policy: Policy, person: Operator) -> None:
    now, output = desk.surroundings.clock.wall(), desk.output
    hosts = [item.admission for item in desk.folder.admissions().values()]
    where = {verb: [host.host for host in hosts if person.name in able(policy, verb, host, now=now)] for verb in Verb}
    if output.structured:
        output.data("orch/key-who-operator/1", {**_person(person), "hosts": {key.value: where[key] for key in where}})
        return
    keys = {"signing": person.signing, "login": person.login, "connection": person.login_curve}
    rows = [(verb.value, _short(found, of=len(hosts))) for verb, found in where.items()]
    output.lines(
        [
            f"{person.name}: {grants.all_written(person)}, {wording.until(person)}",
            "",
            *table([("VERB", "HOSTS"), *rows]),
            "",
            "  keys: " + ", ".join(f"{name} {mark(key)}" for name, key in keys.items()),
        ]
    )
    output.next("orch policy show")


def _short(hosts: list[str], *, of: int) -> str:
    if not hosts:
        return "none"
    if len(hosts) == of:
        return f"all {of}"
    return ", ".join(hosts[:4]) + (f" and {len(hosts) - 4} more" if len(hosts) > 4 else "")


def _everybody(desk: Desk, policy: Policy) -> None:
    output, folder = desk.output, desk.keyring.folder
    mine = {name: (folder / name).exists() for name in MINE}
    if output.structured:
        people = [_person(person) for person in policy.operators]
        output.data("orch/key-who/1", {"operators": people, "root": policy.root.threshold, "mine": mine})
        return
    rows = [
        (person.name, grants.all_written(person), wording.until(person), mark(person.signing), mark(person.login))
        for person in policy.operators
    ]
    kept = [(name, MINE[name] if there else "not here") for name, there in mine.items()]
    output.lines(
        [
            *table([("OPERATOR", "MAY", "UNTIL", "SIGNING KEY", "LOGIN KEY"), *rows]),
            "",
            f"  policies are signed with {wording.key_set(policy.root)}",
            "",
            f"on this machine, in {folder}:",
            *table(kept),
        ]
    )
    output.next("orch key who HOST", "orch policy show")


def _person(person: Operator) -> dict[str, Data]:
    return {
        "name": person.name,
        "grants": [grants.written(grant) for grant in person.grants],
        "until": person.not_after or None,
        "signing": person.signing.hex(),
        "login": person.login.hex(),
        "connection": person.login_curve.hex(),
    }
