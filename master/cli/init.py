"""`orch init`: found an estate in one command, or recover one whose keys or centre were lost."""

from __future__ import annotations

import os
from pathlib import Path

import click

from orch.common import enrolment, names
from orch.common.errors import UsageError
from orch.master.cli import founding, passphrase, writing
from orch.master.cli.founding import Founded, Wanted
from orch.master.cli.group import OrchCommand, estate_of, output_of, surroundings_of
from orch.master.cli.intent import Asked, checked, operator_name
from orch.master.cli.output import Output
from orch.master.cli.passphrase import Passphrase
from orch.master.cli.surroundings import Surroundings
from orch.master.cli.writing import Lock, Places, Staging

_INSTALLED = Path("/var/lib/orch-master")
"""Where the package's service has its centre."""


@click.command(cls=OrchCommand)
@click.argument("name", required=False)
@click.option(
    "--centre",
    "addresses",
    multiple=True,
    metavar="tcp://HOST:PORT",
    help="Where hosts find the centre; may be given twice.",
)
@click.option("--directory", type=click.Path(path_type=Path), help="The estate's directory; else ./NAME.")
@click.option("--operator", metavar="NAME", help="Your name in the policy; else your user name.")
@click.option(
    "--centre-directory",
    type=click.Path(path_type=Path),
    help="What orch-master will run on; else ./NAME-centre. On the centre itself: /var/lib/orch-master.",
)
@click.option(
    "--recover",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Recover the estate in this directory with its recovery key.",
)
@passphrase.OPTION
@click.pass_context
def init(context: click.Context, /, **options: object) -> None:
    """Found an estate of one operator: keys, policy, first files, and the directory for the centre.

    With --recover KEYFILE, in an estate's directory out of git: new operator keys and a new centre for the same hosts.
    """
    surroundings, output = surroundings_of(context), output_of(context)
    asked = _asked(options, surroundings)
    recovery_file = options["recover"]
    if isinstance(recovery_file, Path):
        from orch.master.cli import recover

        recover.recover(recovery_file, asked, estate=estate_of(context), world=(surroundings, output))
        return
    _found(asked, surroundings, output)


def _asked(options: dict[str, object], surroundings: Surroundings) -> Asked:
    addresses = options["addresses"]
    file, directory, centre = options["passphrase_file"], options["directory"], options["centre_directory"]
    return Asked(
        name=str(options["name"]) if options["name"] else None,
        addresses=checked(tuple(str(item) for item in addresses)) if isinstance(addresses, tuple) else (),
        directory=directory if isinstance(directory, Path) else None,
        operator=str(options["operator"]) if options["operator"] else None,
        centre=centre if isinstance(centre, Path) else None,
        passphrase=Passphrase(file=file if isinstance(file, Path) else None, interactive=surroundings.interactive()),
    )


def _found(asked: Asked, surroundings: Surroundings, output: Output) -> None:
    if asked.name is None:
        raise UsageError("which name shall the estate have?", hint="orch init NAME --centre tcp://HOST:4505")
    if not names.is_name(asked.name):
        raise UsageError(f"{asked.name!r} cannot be an estate's name", hint="use a-z, 0-9, dot, dash, underscore")
    if not asked.addresses:
        raise UsageError(
            "where will the hosts find the centre?", hint=f"orch init {asked.name} --centre tcp://HOST:4505"
        )
    directory = (asked.directory or Path(asked.name)).absolute()
    places = Places(
        estate=directory,
        centre=(asked.centre or directory.with_name(f"{asked.name}-centre")).absolute(),
        keys=surroundings.home() / asked.name,
        recovery=directory.with_name(f"{asked.name}-recovery.key"),
    )
    places.refuse_existing(estate_too=True)
    lock = Lock(asked.passphrase.choose(), surroundings.key_cost)
    wanted = Wanted(
        estate=asked.name,
        operator=operator_name(asked.operator),
        addresses=asked.addresses,
        now=surroundings.clock.wall(),
    )
    founded = founding.found(wanted, seed=surroundings.chance.token(32))
    _write(founded, lock, places)
    _tell(founded, places, output)


def _write(founded: Founded, lock: Lock, places: Places) -> None:
    staging = Staging()
    try:
        writing.estate(founded, staging.place(places.estate))
        writing.centre(founded, [founded.envelope], folder=staging.place(places.centre))
        writing.recovery(founded, staging.place(places.recovery))
        folder = staging.place(places.keys, above=0o700)
        writing.keys(founded.own, lock, pin=founded.policy_hash, folder=folder, root=founded.root)
        staging.finish()
    finally:
        staging.discard()


def _tell(founded: Founded, places: Places, output: Output) -> None:
    name = founded.policy.estate
    words = enrolment.words(founded.policy_hash)
    output.lines(
        [
            f"{output.sign('✓ estate ' + name)} founded; you are its operator {founded.own.login.operator}",
            "",
            f"  {_short(places.estate)}/    your files: put them under git",
            f"  {_short(places.estate)}/{name}.enrol    give this to every new host, on a way that you trust;",
            f"      orch-minion enrol shows these words of it there: {words}",
            f"  {_short(places.centre)}/    {_what_with(places.centre)}",
            f"  {_short(places.keys)}/    your keys: back them up; the passphrase is nowhere",
            f"  {_short(places.recovery)}    the recovery key: print it or store it apart, then delete it here.",
            "      Without it, a lost key or a lost centre means a visit to every host.",
        ]
    )
    output.next(f"cd {_short(places.estate)}", "write sites/NAME.yaml, then: orch lint")


def _what_with(centre: Path) -> str:
    if centre == _INSTALLED:
        return "the centre of this machine, which runs as soon as it is there: systemctl status orch-master"
    return "move this to the centre's machine; there: orch-master --directory DIR"


def _short(path: Path) -> str:
    here = os.path.relpath(path)
    return here if len(here) < len(str(path)) and not here.startswith("../..") else str(path)
