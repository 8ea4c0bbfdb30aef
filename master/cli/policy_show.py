"""`orch policy show`: who may do what where, and which keys count."""

from __future__ import annotations

import click

from orch.common import enrolment
from orch.common.clock import ago, rfc3339
from orch.common.policy import KeySet, Policy
from orch.master.cli import grants, wording
from orch.master.cli.context import desk_of
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import Data, table
from orch.master.cli.wording import mark, marks


@click.command(cls=ReadingCommand)
@click.pass_context
def show(context: click.Context) -> None:
    """Who may do what where, how many must sign, and which keys count, by the newest policy in your files.

    Every signature is checked, from the policy on that your keys were made for. Needs no centre.
    """
    desk = desk_of(context)
    policy, output = desk.verified(), desk.output
    if output.structured:
        output.data("orch/policy/1", data(policy))
        return
    output.lines(screen(policy, now=desk.surroundings.clock.wall()))
    # What a new operator is shown by `orch key request`, so that two people can compare.
    output.lines([f"  words of the first policy: {enrolment.words(desk.keyring.pin())}"])
    output.next("orch policy history")


def screen(policy: Policy, *, now: int) -> list[str]:
    """A policy in full, for people."""
    people = [
        (person.name, grants.all_written(person), wording.until(person), mark(person.signing), mark(person.login))
        for person in sorted(policy.operators, key=lambda one: one.name)
    ]
    centre = policy.centre
    rows = [
        ("root", wording.key_set(policy.root)),
        *((("" if at else "signatures"), wording.rule(item)) for at, item in enumerate(policy.thresholds)),
        *([] if policy.thresholds else [("signatures", "one person each")]),
        ("images", wording.key_set(policy.images)),
        ("enrolment", "operators who may enrol" if policy.enrolment is None else wording.key_set(policy.enrolment)),
        ("centre", ", ".join(centre.addresses)),
        ("", f"connection key {mark(centre.curve[0])}, later ones {marks(centre.curve[1:])}"),
        ("", f"freshness key {marks(centre.fresh)}"),
        ("epochs", ", ".join(f"{item.scope} {item.epoch}" for item in policy.epochs) or "1 in every scope"),
    ]
    return [
        f"{policy.estate}, policy {policy.version}, made {ago(now - policy.issued)} ago",
        "",
        *table([("OPERATOR", "MAY", "UNTIL", "SIGNING KEY", "LOGIN KEY"), *people]),
        "",
        *table(rows),
    ]


def data(policy: Policy) -> dict[str, Data]:
    """A policy in full, for programs; keys as hexadecimal digits."""
    centre = policy.centre
    return {
        "estate": policy.estate,
        "version": policy.version,
        "issued": rfc3339(policy.issued),
        "operators": [
            {
                "name": person.name,
                "grants": [grants.written(grant) for grant in person.grants],
                "until": rfc3339(person.not_after) if person.not_after else None,
                "signing": person.signing.hex(),
                "login": person.login.hex(),
                "connection": person.login_curve.hex(),
            }
            for person in policy.operators
        ],
        "thresholds": [
            {"verb": item.verb.value, "scope": item.scope, "signatures": item.signatures} for item in policy.thresholds
        ],
        "root": _keys(policy.root),
        "images": _keys(policy.images),
        "enrolment": _keys(policy.enrolment),
        "centre": {
            "addresses": list(centre.addresses),
            "connection": [key.hex() for key in centre.curve],
            "freshness": [key.hex() for key in centre.fresh],
        },
        "epochs": {item.scope: item.epoch for item in policy.epochs},
    }


def _keys(keys: KeySet | None) -> Data:
    return None if keys is None else {"threshold": keys.threshold, "keys": [key.hex() for key in keys.keys]}
