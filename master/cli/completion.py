"""`orch completion SHELL`: what makes a shell complete commands, options, and names of sites and hosts."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from orch.common.errors import UsageError
from orch.master.cli import quick
from orch.master.cli.group import OrchCommand, output_of

SHELLS = ("bash", "zsh", "fish")
_WHERE = {
    "bash": 'eval "$(orch completion bash)"    in ~/.bashrc',
    "zsh": 'eval "$(orch completion zsh)"    in ~/.zshrc',
    "fish": "orch completion fish > ~/.config/fish/completions/orch.fish",
}


@click.command(cls=OrchCommand)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete orch: commands, options, and the names of sites, hosts, groups and states.

    For bash: eval "$(orch completion bash)" in ~/.bashrc; for zsh the same in ~/.zshrc; for fish:
    orch completion fish > ~/.config/fish/completions/orch.fish. Names are those that status, plan and apply saw last.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"{shell} is not known")
    output = output_of(context)
    output.text(kind(context.find_root().command, {}, "orch", quick.VARIABLE).source())
    output.note(f"put it where your shell reads it: {_WHERE[shell]}")
