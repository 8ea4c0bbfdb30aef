"""`orch key root new`: one holder's root key, made where it stays: on a machine without a line, or on a stick."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common import keyfile, names, phrase
from orch.common.crypto import SigningKey
from orch.common.errors import UsageError
from orch.common.keyfile import RootPart
from orch.master.cli import files, passphrase, writing
from orch.master.cli.group import Entry, LazyGroup, OrchCommand, output_of, surroundings_of
from orch.master.cli.passphrase import Passphrase
from orch.master.cli.writing import Lock

PUBLIC = ".pub"


@click.command(cls=OrchCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--holder", required=True, metavar="NAME", help="Whose key it is.")
@click.option("--for", "estate", required=True, metavar="ESTATE", help="The estate's name.")
@passphrase.OPTION
@click.pass_context
def new(context: click.Context, /, file: Path, *, holder: str, estate: str, passphrase_file: Path | None) -> None:
    """Make a root key in FILE, under a passphrase, and its public half in FILE.pub.

    Needs neither the estate's files nor a line: make it on a stick, at a machine that you trust. The public half is
    what `orch key ceremony` collects. The key is of no use before a policy names it.
    """
    surroundings, output = surroundings_of(context), output_of(context)
    for what, name in (("holder", holder), ("estate", estate)):
        if not names.is_name(name):
            raise UsageError(f"{name!r} cannot be the name of the {what}", hint="use a-z, 0-9, dot, dash, underscore")
    public = file.with_name(file.name + PUBLIC)
    for path in (file, public):
        if path.exists():
            raise UsageError(f"{path} is there already: nothing was done", hint="name another file")
    if any((above / "estate.yaml").is_file() for above in file.absolute().parents):
        hint = "name a file on a stick, or anywhere that nobody else reads"
        raise UsageError(f"{file} would lie in an estate's directory, which is shared", hint=hint)
    files.needs_folder(file)
    unlock = Passphrase(file=passphrase_file, interactive=surroundings.interactive())
    made = SigningKey.generate()
    writing.sealed(made, Lock(unlock.choose(), surroundings.key_cost), file)
    part = RootPart(estate=estate, holder=holder, root=made.public)
    files.write(public, keyfile.write(part, about="The public half of a root key. Nothing here is secret."))
    output.lines(
        [
            output.sign(f"✓ root key of {holder}") + f" for {estate}",
            "",
            f"  {file}    the key: keep it and its passphrase apart, and a copy of it in another place",
            f"  {public}    bring this to the ceremony, and read out these words there:",
            f"      {words(part)}",
        ]
    )


def words(part: RootPart) -> str:
    """Check words of the public half of a root key."""
    return phrase.check_words(keyfile.write(part).encode())


TABLE = {"new": Entry(help="Make one, where it stays.", load=lambda: new)}

root = LazyGroup("root", TABLE, about="The root keys of those who sign policies.")
