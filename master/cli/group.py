"""Commands that load when they are called, take the shared options, and end in one place.

`orch --version`, completion and `orch status` must start quickly, so a group knows its commands by name and a function
that imports one; nothing else is loaded. (design section 9)
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click
from click.core import ParameterSource

from orch.common.errors import OrchError
from orch.master.cli import failures, terminal
from orch.master.cli.exits import Exit
from orch.master.cli.output import Output, unwritten
from orch.master.cli.surroundings import Surroundings

_META = "orch"
HELP = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A command in the table of a group: one line of help, and how to get it."""

    help: str
    load: Callable[[], click.Command]


FORMATS = ("table", "json", "jsonl", "yaml")
"""How a result can be printed; `name` besides where it is a number of named things."""


def shared_options(*, formats: Sequence[str]) -> list[click.Parameter]:
    """The options that every command takes; `formats` are those of --output, for commands that have a result."""
    made: list[click.Parameter] = []
    if formats:
        choices = click.Choice(formats)
        made.append(_option(["--output"], type=choices, default="table", help="How to print the result."))
    made += [
        _option(["--verbose", "-v"], is_flag=True, help="Unfold what is folded."),
        _option(["--quiet", "-q"], is_flag=True, help="Only what is different or wrong."),
        _option(["--color"], type=click.Choice(["auto", "always", "never"]), default="auto", help="When to colour."),
        _option(["--ascii"], is_flag=True, help="No signs beyond ASCII."),
        _option(["--debug"], is_flag=True, help="Show where an error came from."),
        _option(
            ["--estate"],
            type=click.Path(path_type=Path, file_okay=False),
            help="The estate's directory, or its name in your config; else ORCH_ESTATE, else the one around you.",
        ),
    ]
    return made


def _option(names: list[str], **settings: object) -> click.Parameter:
    return SharedOption(names, expose_value=False, callback=_remember, **settings)  # type: ignore[arg-type]


class SharedOption(click.Option):
    """An option that stands at every command, so that the reference can list it once."""


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> object:
    given = context.meta.setdefault(_META, {})
    if isinstance(given, dict) and parameter.name is not None:
        # Given before the command's name and behind it mean the same: a default behind must not undo what stood before.
        if context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            given[parameter.name] = value
        else:
            given.setdefault(parameter.name, value)
    return value


def _given(context: click.Context, name: str) -> object:
    given = context.meta.get(_META, {})
    return given.get(name) if isinstance(given, dict) else None


def output_of(context: click.Context) -> Output:
    """How to print, from the shared options."""
    found = terminal.look(str(_given(context, "color") or "auto"), ascii_only=bool(_given(context, "ascii")))
    return Output(
        format=str(_given(context, "output") or "table"),
        verbose=bool(_given(context, "verbose")),
        quiet=bool(_given(context, "quiet")),
        colour=found.out.colour,
        err_colour=found.err.colour,
        ascii=found.ascii,
        moves=found.out.moves,
        err_moves=found.err.moves,
        width=found.width,
    )


def estate_of(context: click.Context) -> Path | None:
    """The directory that --estate named."""
    found = _given(context, "estate")
    return found if isinstance(found, Path) else None


def surroundings_of(context: click.Context) -> Surroundings:
    """What a test gave, or the real ones."""
    found = context.find_object(Surroundings)
    return Surroundings() if found is None else found


class OrchCommand(click.Command):
    """A command that changes something: the shared options without --output."""

    formats: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str | None, **settings: object) -> None:
        """Add the shared options behind the command's own."""
        super().__init__(name, **settings)  # type: ignore[arg-type]
        self.params.extend(shared_options(formats=self.formats))


class ReadingCommand(OrchCommand):
    """A command with a result: the shared options with --output."""

    formats: ClassVar[tuple[str, ...]] = FORMATS


class NamingCommand(ReadingCommand):
    """A command whose result is a number of named things: they can be had by name alone, for other commands."""

    formats = (*FORMATS, "name")


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def __init__(self, name: str, table: Mapping[str, Entry], *, about: str) -> None:
        """Know the commands by name."""
        super().__init__(name, help=about, context_settings=HELP)
        self.table = table

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the commands where none was named, which is a mistake: versions of click end that differently."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(Exit.USAGE)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """In the order of the table, which is that of a day's work."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import one command."""
        entry = self.table.get(cmd_name)
        return entry.load() if entry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was called, or say which one was meant."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.table and not ctx.resilient_parsing:
            ctx.fail(f"there is no command {name!r}{did_you_mean(name, self.table)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.table.items()])


class Root(LazyGroup):
    """The command `orch` itself: whatever ends a command ends here."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """Take the options; help is printed here."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except OSError as lost:
            if not _of_output(lost):
                raise
            raise unwritten(lost) from lost

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; turn what was raised into text and exit code."""
        try:
            return super().invoke(ctx)
        except OrchError as err:
            if _given(ctx, "debug"):
                import traceback

                traceback.print_exc()
            ctx.exit(failures.show(err, output_of(ctx)))
        except (KeyboardInterrupt, click.Abort):
            output_of(ctx).note("\ninterrupted")
            ctx.exit(Exit.INTERRUPTED)
        except OSError as lost:
            if not _of_output(lost):
                raise
            raise unwritten(lost) from lost  # help of a command, which click prints


def _of_output(error: OSError) -> bool:
    """Whether a stream could not be written: those errors name no file."""
    return error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else ""
