"""Where a passphrase comes from: a file that was named, or the person at the terminal. Never an argument or a variable.

A passphrase in an argument list or an environment can be read by others; a file's name cannot do harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from orch.common.errors import KeyFileError
from orch.master.cli import files

VARIABLE = "ORCH_PASSPHRASE_FILE"
HELP = "A file whose first line is the passphrase of your keys; else it is asked for."
OPTION = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=VARIABLE,
    help=HELP,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passphrase:
    """How to get the passphrase of the operator's keys."""

    file: Path | None
    interactive: bool

    @property
    def tries(self) -> int:
        """How often asking makes sense: a file does not change its mind."""
        return 1 if self.file is not None else 3

    def get(self, what: str) -> str:
        """The passphrase of a key.

        Raises:
            KeyFileError: no file was named, and nobody is there to ask.
        """
        if self.file is not None:
            return self._from_file(self.file)
        self._demand_person(what)
        return str(click.prompt(f"Passphrase of your {what}", hide_input=True, err=True))

    def choose(self) -> str:
        """A new passphrase, typed twice.

        Raises:
            KeyFileError: no file was named and nobody is there to ask, or the file is empty.
        """
        if self.file is not None:
            chosen = self._from_file(self.file)
            if not chosen:
                raise KeyFileError(f"{self.file} is empty", hint="write a passphrase into its first line")
            return chosen
        self._demand_person("new keys")
        prompt = "Choose a passphrase for your new keys"
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))

    def _demand_person(self, what: str) -> None:
        if not self.interactive:
            raise KeyFileError(
                f"the passphrase of the {what} is needed, and nobody is there to ask",
                hint="give --passphrase-file FILE, or set ORCH_PASSPHRASE_FILE",
            )

    @staticmethod
    def _from_file(path: Path) -> str:
        text = files.read(path, limit=4096).decode("utf-8", "surrogateescape")
        return text.partition("\n")[0].removesuffix("\r")
