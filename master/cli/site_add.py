"""`orch site add NEW --like OLD`: a new site's file, made of another's, comments and layout kept."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common import names
from orch.common.errors import EstateError, UsageError
from orch.master.cli import completing, files
from orch.master.cli.context import folder_of
from orch.master.cli.folder import Folder
from orch.master.cli.group import OrchCommand, did_you_mean, output_of
from orch.master.cli.output import Output
from orch.master.estate import copying, loader
from orch.master.estate.diagnostics import Severity, render


@click.command("add", cls=OrchCommand)
@click.argument("name")
@click.option("--like", required=True, metavar="SITE", type=completing.SITE, help="The site whose file is taken.")
@click.option(
    "--host", "renamed", multiple=True, metavar="OLD=NEW", help="What a host is called there; may be given again."
)
@click.pass_context
def add(context: click.Context, name: str, *, like: str, renamed: tuple[str, ...]) -> None:
    """Write sites/NAME.yaml like that of another site: its names changed, all else as it was written there.

    Hosts get names that fit (lib-srv1 of library is sch-srv1 of school); --host says others. The file is checked, and
    the lines are named that probably still say what holds for the other site.
    """
    output, folder = output_of(context), folder_of(context)
    estate = loader.load(folder.path)
    if like not in estate.sites:
        known = ", ".join(sorted(estate.sites)[:12]) or "none"
        raise UsageError(f"there is no site {like!r}{did_you_mean(like, estate.sites)}", hint=f"known here: {known}")
    target = folder.path / "sites" / f"{name}.yaml"
    if not names.is_name(name):
        raise UsageError(f"{name!r} cannot be a site's name", hint="use a-z, 0-9, dot, dash, underscore")
    if name in estate.sites or target.exists():
        raise UsageError(f"there is a site {name} already", hint=f"look at {target}; nothing was written")
    found = copying.read(_file_of(folder, like), f"sites/{like}.yaml")
    hosts = _hosts(found, renamed, like=like, name=name)
    text = copying.copied(found, name=name, hosts=hosts)
    files.write(target, text)
    wrong = [item for item in loader.examine(folder.path).diagnostics if item.severity is Severity.ERROR]
    if wrong:
        target.unlink()
        hint = "nothing was written; mend the site that it is like, or name the hosts: --host OLD=NEW"
        raise EstateError(render(wrong), hint=hint)
    _tell(output, found, text=text, both=(name, like), hosts=hosts)
    output.next(
        "orch lint",
        f"on the new machine: orch-minion enrol {estate.name}.enrol --name {name}/{next(iter(hosts.values()))}",
    )


def _file_of(folder: Folder, like: str) -> Path:
    for ending in ("yaml", "yml"):
        path = folder.path / "sites" / f"{like}.{ending}"
        if path.exists():
            return path
    raise UsageError(f"the file of {like} is not sites/{like}.yaml", hint="name it so: one file for each site")


def _hosts(found: copying.Read, renamed: tuple[str, ...], *, like: str, name: str) -> dict[str, str]:
    hosts = {old: copying.renamed(old, like=like, name=name) for old in found.hosts}
    for word in renamed:
        old, equals, new = word.partition("=")
        if not equals or old not in hosts:
            known = ", ".join(hosts)
            raise UsageError(f"--host {word}: write OLD=NEW{did_you_mean(old, hosts)}", hint=f"{like} has {known}")
        hosts[old] = new
    for new in hosts.values():
        if not names.is_name(new):
            raise UsageError(f"{new!r} cannot be a host's name", hint="use a-z, 0-9, dot, dash, underscore")
    if len(set(hosts.values())) < len(hosts):
        raise UsageError("two hosts would have one name", hint="name them: --host OLD=NEW, once for each")
    return hosts


def _tell(output: Output, found: copying.Read, *, text: str, both: tuple[str, str], hosts: dict[str, str]) -> None:
    name, like = both
    output.lines([output.sign(f"✓ sites/{name}.yaml") + f", like sites/{like}.yaml", ""])
    output.lines(f"  {like}/{old} is {name}/{new}" for old, new in hosts.items())
    look = list(copying.to_look_at(text, found, like=like))
    if look:
        output.lines(["", f"  look at these lines, which say what they say of {like}:"])
        output.lines(f"  {number:>4}  {line}" for number, line in look)
