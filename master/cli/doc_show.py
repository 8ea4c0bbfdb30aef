"""`orch doc show`: a host's document in full, and who signed it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from orch.common import printable
from orch.common.clock import ago, rfc3339
from orch.common.document import Document, File, Packages
from orch.master.cli import completing, fleet, past
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import Data
from orch.master.cli.past import Held
from orch.master.cli.upload import size


@click.command("show", cls=ReadingCommand)
@click.argument("host", type=completing.HOST)
@click.argument("release", default=past.NEWEST)
@click.pass_context
def show(context: click.Context, host: str, release: str) -> None:
    """What HOST is to be, as it was signed.

    RELEASE is ~0 for the newest (as where nothing is said), ~1 for the one before, or a number such as 6 or 1:6.
    -v shows the contents of small files.
    """
    desk = desk_of(context)
    policies = past.chain(desk)
    with desk.line() as centre:
        row = fleet.one(host, fleet.fetch(centre, desk.surroundings.clock).rows.values())
        found = past.releases(policies, centre, row.host, most=200)
        held = past.document(policies, centre, row.host, release=past.choose(found, release, host=row.host))
    if desk.output.structured:
        desk.output.data("orch/doc/1", _data(held))
        return
    desk.output.lines([head(desk, held), "", *_screen(held.document, contents=desk.output.verbose)])
    desk.output.next(f"orch doc diff {row.host}", f"orch explain {row.host}")


def head(desk: Desk, held: Held) -> str:
    """`library/srv1 · release 1:6 of main, signed by anna 3 min ago`."""
    release, now = held.signed.release, desk.surroundings.clock.wall()
    said = f', "{printable.one_line(release.note)}"' if release.note else ""
    by = f"{' and '.join(held.signed.people)} {ago(now - release.created)} ago"
    return f"{held.document.host} · release {past.named(held.signed)} of {release.scope}, signed by {by}{said}"


def _screen(document: Document, *, contents: bool) -> Iterator[str]:
    origins = {item.resource: item.where for item in document.origins}
    if document.packages is not None:
        yield from _packages(document.packages)
    for item in document.lists:
        yield _line(f"list {item.name}", f"{size(item.size)}, {item.sha256.hex()[:12]}", origins)
    for file in document.files:
        about = f"{file.mode:04o} {file.owner}:{file.group} {size(file.size)}"
        yield _line(f"file {file.path}", about, origins)
        yield from _content(file) if contents else ()
    for secret in document.secrets:
        about = f"{secret.mode:04o} {secret.owner}:{secret.group} secret {secret.secret} {secret.value[:4].hex()}"
        yield _line(f"file {secret.path}", about, origins)
    yield _line("listens", ", ".join(document.listen) or "nowhere", origins)
    every = document.reconcile
    at_boot = ", at boot" if every.at_boot else ""
    yield _line("looks", f"every {ago(every.every)}, in full every {ago(every.full)}{at_boot}", origins)
    if document.commit:
        yield _line("git", document.commit, origins)


def _packages(packages: Packages) -> Iterator[str]:
    yield _line("packages", f"as listed in {', '.join(packages.lists)}", {})
    yield _line("", f"unlisted: {packages.unlisted.value}; at most {packages.removals} removed at once", {})
    if packages.also:
        yield _line("", f"also: {', '.join(packages.also)}", {})
    if packages.protect:
        yield _line("", f"protected: {', '.join(packages.protect)}", {})


def _line(label: str, text: str, origins: dict[str, str]) -> str:
    where = origins.get(label, "")
    return f"  {label:<28} {text}{'    ' + where if where else ''}".rstrip()


def _content(file: File) -> Iterator[str]:
    if file.content is None:
        yield "      (too large to travel inside)"
        return
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError:
        yield "      (not text)"
        return
    for line in text.splitlines():
        yield f"      | {printable.one_line(line)}"


def _data(held: Held) -> dict[str, Data]:
    document, release = held.document, held.signed.release
    origins = {item.resource: item.where for item in document.origins}
    packages = document.packages
    return {
        "host": document.host,
        "scope": document.scope,
        "release": {
            "epoch": release.epoch,
            "number": release.number,
            "created": rfc3339(release.created),
            "expires": rfc3339(release.expires),
            "signers": list(held.signed.people),
            "note": release.note or None,
        },
        "packages": {
            "lists": list(packages.lists),
            "also": list(packages.also),
            "unlisted": packages.unlisted.value,
            "protect": list(packages.protect),
            "removals": packages.removals,
        }
        if packages
        else None,
        "lists": [{"name": item.name, "sha256": item.sha256.hex(), "size": item.size} for item in document.lists],
        "files": [
            {
                "path": item.path,
                "sha256": item.sha256.hex(),
                "size": item.size,
                "mode": f"{item.mode:04o}",
                "owner": item.owner,
                "group": item.group,
            }
            for item in document.files
        ],
        "secrets": [
            {
                "path": item.path,
                "secret": item.secret,
                "value": item.value.hex(),
                "mode": f"{item.mode:04o}",
                "owner": item.owner,
                "group": item.group,
            }
            for item in document.secrets
        ],
        "listen": list(document.listen),
        "reconcile": {
            "every": document.reconcile.every,
            "full": document.reconcile.full,
            "at_boot": document.reconcile.at_boot,
        },
        "commit": document.commit or None,
        "origins": origins,
    }
