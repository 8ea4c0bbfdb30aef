"""What only the whole estate can show: lists that are missing, contradict each other or serve nobody; paths in the way.

Each different combination of lists or files is looked at once, however many hosts have it.

Called by loader.py, once the model stands.
"""

from __future__ import annotations

from collections.abc import Iterable

from orch.common import lists
from orch.master.estate.compiler import needed
from orch.master.estate.diagnostics import Findings, Located, Mark, suggest
from orch.master.estate.merge import Effective, Merger
from orch.master.estate.model import Estate, FileWanted, ListSource, Settings

MAX_LISTS = 256
MAX_FILES = 2000
MAX_SECRETS = 500
_OTHERS = 0o007


def check(estate: Estate, findings: Findings) -> None:
    """Say everything that is wrong between the files."""
    for item in estate.lists.values():
        _unsupported(item, findings)
    for level in _levels(estate):
        _named_lists(level, estate, findings)
        _named_secrets(level, estate, findings)
    combinations = _combinations(estate, findings)
    used = _resolve(estate, combinations, findings)
    for one in combinations:
        _files(one, findings)
    if not findings.has_errors:  # otherwise a fault may be why nobody seems to use it
        for name in sorted(estate.lists.keys() - used):
            findings.warning(Mark(estate.lists[name].parsed.file, 1), f'no host uses the list "{name}"')
        _unused_secrets(estate, combinations, findings)


def _combinations(estate: Estate, findings: Findings) -> tuple[Effective, ...]:
    """Everything that holds for some host, each combination once."""
    merger = Merger(estate)
    found: dict[Effective, None] = {}
    for site in estate.sites.values():
        for host in site.hosts.values():
            one = merger.of(site, host)
            found[one] = None
            if not one.lists:
                text = f"{host.place} has no lists: its packages are left alone"
                findings.warning(host.mark, text, "name at least one under lists:")
    return tuple(found)


def list_error(problem: lists.ListError, findings: Findings) -> None:
    """A fault of a list, in the words and at the place that the list's parser gives."""
    at = problem.at
    findings.error(Mark(at.file, at.line, at.column, at.length), problem.problem, problem.advice)


def _unsupported(item: ListSource, findings: Findings) -> None:
    for entry in item.parsed.entries:
        what = lists.unsupported(entry)
        if what is not None:
            findings.unsupported(Mark(entry.file, entry.line, entry.column, len(entry.name)), what)


def _levels(estate: Estate) -> Iterable[Settings]:
    yield estate.defaults
    for group in estate.groups.values():
        yield group.own
    for site in estate.sites.values():
        yield site.own
        for host in site.hosts.values():
            yield host.own


def _named_lists(level: Settings, estate: Estate, findings: Findings) -> None:
    """Every list that a level names is there, and named once."""
    seen: set[str] = set()
    for name in level.lists.value if level.lists else ():
        if name.value not in estate.lists:
            hint = suggest(name.value, estate.lists, otherwise=f"write lists/{name.value}.list")
            findings.error(name.mark, f'there is no list "{name.value}"', hint)
        elif name.value in seen:
            findings.error(name.mark, f'the list "{name.value}" is named twice', "take one of them out")
        seen.add(name.value)


def _named_secrets(level: Settings, estate: Estate, findings: Findings) -> None:
    """Every secret that a level names is there, of this estate, and for few eyes."""
    for path, file in level.files.items():
        if file.secret is None:
            continue
        name, mark = file.secret.value, file.secret.mark
        found = estate.secrets.get(name)
        if found is None and not findings.wrong(f"secrets/{name}.sealed"):
            hint = suggest(name, estate.secrets, otherwise=f"make it: orch secret set {name}")
            findings.error(mark, f'there is no secret "{name}"', hint)
        elif found is not None and estate.name and found.estate != estate.name:
            findings.error(
                mark, f'the secret "{name}" is of the estate {found.estate}', "secrets do not move: set it anew"
            )
        if file.mode & _OTHERS:
            findings.warning(file.mark, f"{path} is a secret that everybody on the host may use: mode {file.mode:04o}")


def _unused_secrets(estate: Estate, combinations: Iterable[Effective], findings: Findings) -> None:
    used = {file.secret.value for one in combinations for file in one.files.values() if file.secret is not None}
    for name in sorted(estate.secrets.keys() - used):
        findings.warning(Mark(f"secrets/{name}.sealed", 1), f'no host uses the secret "{name}"')


def _resolve(estate: Estate, combinations: Iterable[Effective], findings: Findings) -> set[str]:
    """What lists say together; the names of those that serve somebody."""
    known = estate.parsed_lists
    used: set[str] = set()
    wanted = {tuple(item.value for item in one.lists if item.value in known): one for one in combinations}

    def report(problem: lists.ListError) -> None:
        list_error(problem, findings)

    for names, one in wanted.items():
        lists.combine(lists.expand(names, known, report=report), report=report)
        together = needed(names, known)
        used.update(together)
        if len(together) > MAX_LISTS:
            _too_many(one.lists, findings)
    for level in _levels(estate):
        used.update(needed((item.value for item in (level.lists.value if level.lists else ())), known))
    for name in known.keys() - used:
        lists.combine(lists.expand((name,), known, report=report), report=report)
    return used


def _too_many(named: Iterable[Located[str]], findings: Findings) -> None:
    for item in named:
        findings.error(item.mark, f"more than {MAX_LISTS} lists in all, with those that they include")
        return


def _files(one: Effective, findings: Findings) -> None:
    """No file stands where another one needs a folder; and not more than a document holds."""
    if len(one.files) > MAX_FILES:
        last = list(one.files.values())[MAX_FILES]
        findings.error(last.mark, f"{len(one.files)} files for one host, at most {MAX_FILES} travel")
    secret = [file for file in one.files.values() if file.secret is not None]
    if len(secret) > MAX_SECRETS:
        last = secret[MAX_SECRETS]
        findings.error(last.mark, f"{len(secret)} secrets for one host, at most {MAX_SECRETS} travel")
    for path, file in one.files.items():
        folder = _file_above(path, one)
        if folder is not None:
            text = f"{folder.path} is a file ({folder.mark}), so nothing can lie below it"
            findings.error(file.mark, text)


def _file_above(path: str, one: Effective) -> FileWanted | None:
    while (path := path.rpartition("/")[0]) != "":
        if path in one.files:
            return one.files[path]
    return None
