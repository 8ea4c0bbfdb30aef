"""What TAB offers, within a few hundredths of a second: no library and no command is loaded, and nobody is called.

The shell's part is click's (`orch completion SHELL`); it asks by the variable _ORCH_COMPLETE, and this answers in
click's words. Commands and options come from wordtree.py's data, which are made once and kept; names from what
status, plan and apply saw last (remembered.py).

Called by __main__, before anything else is imported.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from orch.master.cli import homes, remembered

Tree: TypeAlias = Mapping[str, Mapping[str, object]]
VARIABLE = "_ORCH_COMPLETE"
STATES = (
    "ahead",
    "changing",
    "converged",
    "degraded",
    "failed",
    "no-release",
    "offline",
    "online",
    "refused",
    "waiting",
)
_MOST = 500
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to go on; `kind` is the shell's: plain, file or dir."""

    value: str
    help: str = ""
    kind: str = "plain"


def answer(make: Callable[[], Tree]) -> str:
    """What is printed for the question in the environment; `make` works all commands out, where that is not kept."""
    shell = os.environ[VARIABLE].removesuffix("_complete")
    words, begun = _asked(shell)
    return "".join(_written(shell, item) + "\n" for item in offers(tree(make), words, begun))


def _asked(shell: str) -> tuple[list[str], str]:
    """The words before the one that is being written, and its beginning."""
    every = _split(os.environ.get("COMP_WORDS", ""))
    if shell == "fish":
        begun = (_split(os.environ.get("COMP_CWORD", "")) or [""])[0]
        words = every[1:]
        return (words[:-1] if begun and words and words[-1] == begun else words), begun
    at = int(os.environ.get("COMP_CWORD", "0"))
    return every[1:at], every[at] if at < len(every) else ""


def _split(line: str) -> list[str]:
    """As a shell would, though a quote may still be open."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words


def _written(shell: str, item: Offer) -> str:
    if shell == "zsh":
        value = item.value.replace(":", r"\:") if item.help else item.value
        return f"{item.kind}\n{value}\n{item.help or '_'}"
    return f"{item.kind},{item.value}" + (f"\t{item.help}" if shell == "fish" and item.help else "")


def tree(make: Callable[[], Tree]) -> Tree:
    """All commands (wordtree.py), kept from last time or made now."""
    newest = max(entry.stat().st_mtime_ns for entry in os.scandir(_HERE) if entry.name.endswith(".py"))
    file = homes.cache() / f"words-{newest:x}.json"
    try:
        kept = json.loads(file.read_bytes())
    except (OSError, ValueError):
        kept = None
    if isinstance(kept, dict):
        return kept
    fresh = make()
    remembered.keep(file, json.dumps(fresh))
    for old in file.parent.glob("words-*.json"):
        if old != file:
            old.unlink(missing_ok=True)
    return fresh


@dataclass(slots=True)
class _Place:
    """Where in the line we are, after the words before."""

    command: str = ""
    wanted: object = None  # what the last option still takes
    arguments: int = 0
    plain: bool = False  # behind `--`
    estate: str = ""
    node: Mapping[str, object] = field(default_factory=dict)


def offers(tree: Tree, words: Sequence[str], begun: str) -> Iterator[Offer]:
    """Every way to go on from these words.

    Args:
        tree: all commands.
        words: those before, without the program's name.
        begun: the beginning of the word that is being written.
    """
    place = _walk(tree, words)
    options, commands = _mapping(place.node, "options"), _mapping(place.node, "commands")
    if place.wanted is not None:
        yield from _values(place, place.wanted, begun)
    elif begun.startswith("-") and not place.plain:
        yield from (Offer(name) for name in options if name.startswith(begun))
    elif commands:
        yield from (Offer(name, str(text)) for name, text in commands.items() if name.startswith(begun))
    else:
        arguments = place.node.get("arguments")
        known = arguments if isinstance(arguments, list) else []
        at = min(place.arguments, len(known) - 1) if place.node.get("many") else place.arguments
        if 0 <= at < len(known):
            yield from _values(place, known[at], begun)


def _walk(tree: Tree, words: Sequence[str]) -> _Place:
    place = _Place(node=tree.get("", {}))
    option = ""
    for word in words:
        if place.wanted is not None:
            place.wanted = None
            place.estate = word if option == "--estate" else place.estate
        elif word == "--" and not place.plain:
            place.plain = True
        elif word.startswith("-") and len(word) > 1 and not place.plain:
            name, _equals, value = word.partition("=")
            option = name
            place.wanted = _mapping(place.node, "options").get(name) if not _equals else None
            place.estate = value if value and name == "--estate" else place.estate
        elif word in _mapping(place.node, "commands"):
            place.command = f"{place.command} {word}".strip()
            place.node = tree.get(place.command, {})
        else:
            place.arguments += 1
    return place


def _mapping(node: Mapping[str, object], member: str) -> Mapping[str, object]:
    found = node.get(member)
    return found if isinstance(found, dict) else {}


def _values(place: _Place, taken: object, begun: str) -> Iterator[Offer]:
    kinds = taken if isinstance(taken, dict) else {}
    found = [Offer(word) for word in kinds.get("words", ()) if word.startswith(begun)]
    if "names" in kinds:
        found += _names(place, kinds["names"], begun)
    if not found and kinds.get("files"):
        found = [Offer(begun, kind=kinds["files"][0])]
    yield from found


def _names(place: _Place, kinds: Sequence[str], begun: str) -> list[Offer]:
    """Names that go on as the person began; behind a comma a new one begins."""
    before, comma, word = begun.rpartition(",")
    estate = _estate(place.estate or os.environ.get("ORCH_ESTATE", ""))
    names = remembered.read(remembered.path(homes.cache(), estate)) if estate is not None else {}
    offered = (name for kind in kinds for name in _of(kind, names))
    return [Offer(before + comma + name) for name in offered if name.startswith(word)][:_MOST]


def _of(kind: str, names: remembered.Names) -> list[str]:
    if kind == "states":
        return [f"state:{word}" for word in STATES]
    return [f"@{name}" for name in names.get(kind, [])] if kind == "groups" else names.get(kind, [])


def _estate(said: str) -> Path | None:
    """The estate's directory as meant.py finds it, without judging what is wrong with it."""
    start = Path(said or ".").expanduser().absolute()
    if said and "/" not in said and not (start / "estate.yaml").is_file():
        listed = _config().get("estates")
        named = [Path(str(path)) for path in listed if Path(str(path)).name == said] if isinstance(listed, list) else []
        return named[0] if named else None
    around = next((item for item in (start, *start.parents) if (item / "estate.yaml").is_file()), None)
    if around is not None or said:
        return around
    default = _config().get("estate")
    return Path(default).expanduser() if isinstance(default, str) and default else None


def _config() -> dict[str, object]:
    try:
        text = (homes.home() / "config").read_text("utf-8")
    except (OSError, ValueError):
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
