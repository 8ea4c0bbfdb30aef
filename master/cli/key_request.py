"""`orch key request`: a new operator makes keys on the machine where they will be used, and asks to be let in."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common import enrolment, keyfile
from orch.common.errors import UsageError
from orch.master.cli import files, founding, passphrase, writing
from orch.master.cli.context import folder_of, unpinned
from orch.master.cli.group import OrchCommand, output_of, surroundings_of
from orch.master.cli.intent import operator_name
from orch.master.cli.passphrase import Passphrase
from orch.master.cli.policy_operator import words
from orch.master.cli.writing import Lock, Staging

ABOUT = """\
The public keys of somebody who asks to be an operator of this estate. Nothing here is secret, but the check words
must be compared: whoever changes this file on its way would be let in instead.
"""


@click.command(cls=OrchCommand)
@click.option("--operator", metavar="NAME", help="Your name in the policy; else your user name.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="The file to send; else ./NAME.operator.")
@passphrase.OPTION
@click.pass_context
def request(context: click.Context, /, *, operator: str | None, to: Path | None, passphrase_file: Path | None) -> None:
    """Make your own keys, and a file with their public halves for somebody who holds a root key.

    In a copy of the estate's git. The secret halves stay on this machine; nobody else ever needs them.
    """
    surroundings, output, kept = surroundings_of(context), output_of(context), folder_of(context)
    pin, policy = unpinned(kept.policies())
    name = operator_name(operator)
    if name in {person.name for person in policy.operators}:
        raise UsageError(f"{name} is an operator already", hint="take another name: --operator NAME")
    target, folder = to or Path(f"{name}.operator"), surroundings.home() / policy.estate
    _refuse_existing(target, folder)
    files.needs_folder(target)
    unlock = Passphrase(file=passphrase_file, interactive=surroundings.interactive())
    lock = Lock(unlock.choose(), surroundings.key_cost)
    own = founding.own_keys(policy.estate, name)
    staging = Staging()
    try:
        writing.keys(own, lock, pin=pin, folder=staging.place(folder, above=0o700))
        files.write(target, keyfile.write(own.part, about=ABOUT))
        staging.finish()
    finally:
        staging.discard()
    output.lines(
        [
            output.sign(f"✓ keys of {name}") + f" for {policy.estate} are in {folder}: back them up",
            "",
            f"  {target}    send this to somebody who holds a root key, and read out these words:",
            f"      {words(own.part)}",
            "  ask them for the words of the first policy (orch policy show). Yours is:",
            f"      {enrolment.words(pin)}",
            "      If theirs is another, these files are not of their estate: delete them, and the keys.",
        ]
    )
    output.next(f"there: orch policy operator add {name} --key {target.name} --grant SCOPE/RING:VERBS")


def _refuse_existing(target: Path, folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        hint = "to have other keys: orch key rotate; or move the folder away, or set ORCH_HOME"
        raise UsageError(f"{folder} is there already: nothing was done", hint=hint)
    if target.exists():
        raise UsageError(f"{target} is there already: nothing was done", hint="name another file: --to FILE")
