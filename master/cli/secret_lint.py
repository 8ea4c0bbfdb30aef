"""What lint says of secrets beyond the files themselves: hosts without a key, and readers who must not be any more.

By the newest policy and the admissions in the estate's directory, whose signatures are not checked here: it says what
is worth a look. `orch secret list` checks them.
"""

from __future__ import annotations

from collections.abc import Iterator

from orch.common.errors import OrchError
from orch.common.names import Place
from orch.master.cli import finding, readers
from orch.master.cli.folder import Folder
from orch.master.cli.readers import Known, Standing
from orch.master.estate.diagnostics import Diagnostic, Mark, Severity
from orch.master.estate.model import Estate
from orch.master.estate.uses import uses


def look(folder: Folder, estate: Estate | None, *, now: int) -> tuple[Diagnostic, ...]:
    """Warnings; none where the files cannot be read well enough, which has been said."""
    if estate is None or not estate.secrets:
        return ()
    try:
        policy = folder.newest_policy()
        admissions = {Place.parse(host): item.admission for host, item in folder.admissions().items()}
    except OrchError:
        return ()
    known, places = Known(policy=policy, admissions=admissions, now=now), uses(estate)
    found: list[Diagnostic] = []
    for name, secret in sorted(estate.secrets.items()):
        found += _one(folder, readers.standing(secret, places.get(name, ()), known))
    return tuple(found)


def _one(folder: Folder, item: Standing) -> Iterator[Diagnostic]:
    name, file = item.secret.name, f"secrets/{item.secret.name}.sealed"
    if item.former:
        who = finding.some(f"{former.who} ({former.why})" for former in item.former)
        yield _warning(file, f"could be read by {who}", f"give it a new value: orch secret rotate {name}")
    if item.lacking:
        yield _warning(file, f"not sealed yet to {finding.some(item.lacking)}", f"orch secret reseal {name}")
    for use in item.unknown:
        yield Diagnostic(
            severity=Severity.WARNING,
            file=use.mark.file,
            line=use.mark.line,
            column=use.mark.column,
            length=use.mark.length,
            text=f'the secret "{name}" cannot be sealed to {use.place} yet: nobody has admitted a key of it',
            help="orch key list --pending",
            source=_line(folder, use.mark),
        )


def _line(folder: Folder, mark: Mark) -> str:
    """The line of a file that has just been read."""
    return (folder.path / mark.file).read_text("utf-8").split("\n")[mark.line - 1]


def _warning(file: str, text: str, mend: str) -> Diagnostic:
    return Diagnostic(severity=Severity.WARNING, file=file, line=1, column=0, length=1, text=text, help=mend)
