"""Prints docs/reference/estate.md, made from the schema: `python -m orch.master.estate.reference`.

tests/unit/master/estate/test_reference.py fails when the file and the schema differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from orch.common.lists import Want
from orch.master.estate import schema, services
from orch.master.estate.kinds import Fields, Key, Kind, Many, Shapes, Table

_INTRODUCTION = """\
# The files of an estate

<!-- Made from the schema by: python -m orch.master.estate.reference -->

An estate is a directory, best kept in git:

```text
estate/
  estate.yaml          the whole estate in one short file
  sites/NAME.yaml      a site and its hosts
  lists/NAME.list      a package list
  files/...            contents for `files:`
  secrets/NAME.sealed  a secret, written by `orch secret`
```

The YAML is strict: only `true`, `false`, `null` and whole numbers are more than text, so `no`, `on`, `22:30` and `0644`
stay what was written. Duplicate keys, merge keys, anchors, tags and plain text over several lines are errors. Unknown
keys are errors. Keys marked *not yet* belong to the format and are refused by this version. `orch lint` says everything
that is wrong, with file, line and column.

## Settings, on every level

These keys may stand under `defaults:`, in a group, in a site and in a host. `defaults` hold for every host. What a
group says goes before them, what a site says goes before its groups, what a host says goes before its site. Where a
host is in two groups, the later one in `estate.yaml` decides. `files` are merged path by path and `reconcile` key by
key; everything else is replaced as a whole.
"""

_LISTS = """\
## lists/NAME.list

One package to a line. A plain list of names is a list, and so is the output of `dpkg --get-selections`.

| line | means |
|---|---|
| `rsync` | installed, and kept up to date |
| `libc6:amd64` | the same, of this architecture |
| `site-tools (= 1.2-1)` | exactly this version |
| `telnet purge` | must be absent, its settings too |
| `telnet deinstall` | must be absent, its settings stay |
| `linux-image-* allow` | neither installed nor removed; patterns only with `allow` and `purge` |
| `@base` | the lines of another list; a list counts once, where it is first named |
| `rsync # why` | a comment, after a blank and `#` |
| `lm-sensors (>= 1:3.6)`, `rsync hold`, `rsync /bookworm-backports` | *not yet* |

Words are {words}; none means `install`. A later line about the same name wins, but a name that is to be installed and
to be purged is an error that names both lines. A list without any package is an error.
"""

_TARGETS = """\
## Targets

| target | means |
|---|---|
| `*` | every host |
| `library`, `library/lib-srv1` | a site, a host |
| `@public` | a group |
| `ring:pilot` | the sites of a ring |
| `kind=library`, `kind!=lab`, `title~town` | a label (or `title`, `scope`) is, is not, holds; not who has none |
| `link.down<4Mbit` | an amount, compared by its unit: `< <= > >=` |
| `state:offline` | what the centre knows; not in groups |
| `fact:xen.version~4.17`, `svc:apps<2.5` | *not yet* |

Join them with `and`, `or` (or a comma), `not` and parentheses; `and` binds closer than `or`.
"""


def pages() -> Iterator[str]:
    """The page, section by section."""
    yield _INTRODUCTION
    yield from _tables(Fields("settings", schema.SETTINGS), "")
    yield "## estate.yaml\n"
    yield from _tables(schema.ESTATE_FILE, "")
    yield "## sites/NAME.yaml\n"
    yield from _tables(schema.SITE_FILE, "")
    yield _LISTS.format(words=", ".join(f"`{want}`" for want in Want))
    yield _TARGETS
    yield "## services/NAME.yaml\n\n*Not yet*: the whole file is refused by this version.\n"
    yield from _tables(services.SERVICE_FILE, "")
    yield "## policy.yaml\n\n*Not yet*: the whole file is refused by this version.\n"
    yield from _tables(schema.POLICY_FILE, "")


def page() -> str:
    """The whole page."""
    return "\n".join(pages())


def _tables(fields: Fields, trail: str) -> Iterator[str]:
    """One table for a map, then one for each map below it; the settings that every level has are shown once."""
    own = fields.keys if fields.keys == schema.SETTINGS else _without_settings(fields)
    lines = ["| key | takes | default | |", "|---|---|---|---|"]
    lines += [_row(key) for key in own]
    if len(own) < len(fields.keys):
        lines.append("| and all [settings](#settings-on-every-level) | | | |")
    yield (f"### {trail}\n\n" if trail else "") + "\n".join(lines) + "\n"
    for key in own:
        inner, suffix = _inner(key.kind)
        if inner is not None:
            yield from _tables(inner, f"{trail}.{key.name}{suffix}".lstrip("."))


def _without_settings(fields: Fields) -> tuple[Key[object], ...]:
    if not set(schema.SETTINGS) <= set(fields.keys):
        return fields.keys
    return tuple(key for key in fields.keys if key not in schema.SETTINGS)


def _row(key: Key[object]) -> str:
    default = f"`{key.default}`" if key.default else "(must be there)" if key.required else ""
    text = key.text if key.built else f"*Not yet.* {key.text}"
    return f"| `{key.name}` | {_escape(_takes(key.kind))} | {_escape(default)} | {_escape(text)} |"


def _takes(kind: Kind[object]) -> str:
    """What a key takes; maps have a table of their own below."""
    if isinstance(kind, Fields):
        return "a map"
    if isinstance(kind, Table):
        return f"{kind.key.words}: {_takes(kind.value)}"
    if isinstance(kind, Many):
        lone = f"{kind.lone.words}, or " if kind.lone else ""
        return f"{lone}a list of: {_takes(kind.item)}"
    return kind.words


def _inner(kind: object) -> tuple[Fields | None, str]:
    """The map within a kind, and how its path goes on."""
    if isinstance(kind, Fields):
        return kind, ""
    if isinstance(kind, Table):
        inner, suffix = _inner(kind.value)
        return inner, f".NAME{suffix}"
    if isinstance(kind, Many):
        inner, suffix = _inner(kind.item)
        return inner, f"[]{suffix}"
    if isinstance(kind, Shapes):
        return _inner(kind.mapping)
    return None, ""


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
