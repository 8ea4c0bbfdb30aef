"""The options that commands which make, sign or publish a policy have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from orch.master.cli import passphrase, rootkeys
from orch.master.cli.group import OrchCommand, surroundings_of
from orch.master.cli.passphrase import Passphrase

_META = "orch.changing"
_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What these options said."""

    unlock: Passphrase
    roots: tuple[Path, ...] = ()
    proposal: Path | None = None
    force: bool = False
    yes: bool = False
    renews: bool = True  # whether what hangs on dropped people is signed anew with the keys of now
    servers: tuple[bytes, ...] = ()  # by which alone the centre proves itself, where that is known


class SigningCommand(OrchCommand):
    """A command that signs or publishes a policy."""

    def __init__(self, name: str | None, **settings: object) -> None:
        """Add the options behind the command's own."""
        super().__init__(name, **settings)
        self.params.extend(_options())


class AmendingCommand(SigningCommand):
    """A command that makes the next policy."""

    def __init__(self, name: str | None, **settings: object) -> None:
        """Add where the proposal goes."""
        super().__init__(name, **settings)
        told = "Publish nothing: write what was made to FILE, for others to sign."
        self.params.append(_option(["--proposal"], type=_FILE, metavar="FILE", help=told))


def _options() -> list[click.Parameter]:
    return [
        _option(["--root"], multiple=True, type=_FILE, metavar="FILE", help=rootkeys.HELP),
        _option(["--force"], is_flag=True, help="Go on although somebody would be locked out."),
        _option(["--yes", "-y"], is_flag=True, help="Do not ask."),
        _option(["--passphrase-file"], type=_FILE, envvar=passphrase.VARIABLE, help=passphrase.HELP),
    ]


def _option(names: list[str], **settings: object) -> click.Parameter:
    return click.Option(names, expose_value=False, callback=_remember, **settings)  # type: ignore[arg-type]


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> object:
    context.meta.setdefault(_META, {})[parameter.name] = value
    return value


def how_of(context: click.Context) -> How:
    """What the options of this command said."""
    given = context.meta[_META]
    interactive = surroundings_of(context).interactive()
    return How(
        unlock=Passphrase(file=given["passphrase_file"], interactive=interactive),
        roots=tuple(given["root"]),
        proposal=given.get("proposal"),
        force=given["force"],
        yes=given["yes"],
    )
