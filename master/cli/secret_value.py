"""Where a secret's value comes from: typed twice and not shown, a stream, a file, or chance. Never an argument."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import click

from orch.common.errors import UsageError
from orch.common.sealed import MOST
from orch.master.cli import files
from orch.master.cli.group import OrchCommand
from orch.master.cli.surroundings import Surroundings

_META = "orch.secret-value"
_FILE = click.Path(path_type=Path, dir_okay=False)
GENERATED = 32
"""Bytes of chance in a value that is made here."""


class ValueCommand(OrchCommand):
    """A command that takes a value."""

    def __init__(self, name: str | None, **settings: object) -> None:
        """Add the options behind the command's own."""
        super().__init__(name, **settings)
        self.params += [
            _option(["--from-stdin"], is_flag=True, help="Take stdin, to its end and byte for byte."),
            _option(["--file"], type=_FILE, metavar="FILE", help="Take a file's content, byte for byte."),
            _option(["--generate"], is_flag=True, help="Have one made: 43 characters by chance, shown to nobody."),
        ]


def _option(names: list[str], **settings: object) -> click.Parameter:
    return click.Option(names, expose_value=False, callback=_remember, **settings)  # type: ignore[arg-type]


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> object:
    context.meta.setdefault(_META, {})[parameter.name] = value
    return value


def is_generated(context: click.Context) -> bool:
    """Whether values are to be made by chance."""
    return bool(context.meta[_META]["generate"])


def value_of(context: click.Context, name: str, surroundings: Surroundings) -> bytes:
    """The value that is meant.

    Raises:
        UsageError: it was said in two ways, or nobody is there to ask; it is empty, or too large.
    """
    given = context.meta[_META]
    file, stdin, generate = given["file"], given["from_stdin"], given["generate"]
    if sum((file is not None, stdin, generate)) > 1:
        raise UsageError("a value comes from one place: --from-stdin, --file or --generate")
    if generate:
        return base64.urlsafe_b64encode(surroundings.chance.token(GENERATED)).rstrip(b"=")
    if file is not None:
        return _checked(files.read(file, limit=MOST))
    if stdin:
        return _checked(sys.stdin.buffer.read(MOST + 1))
    if not surroundings.interactive():
        raise UsageError(
            f"the value of {name} is needed, and nobody is there to ask",
            hint="give --from-stdin, --file FILE or --generate; never write it into a command line",
        )
    typed = click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True)
    return _checked(str(typed).encode("utf-8", "surrogateescape"))


def _checked(value: bytes) -> bytes:
    if not value:
        raise UsageError("the value is empty")
    if len(value) > MOST:
        raise UsageError(f"a secret has at most {MOST} bytes", hint="a larger content belongs into files/")
    return value
