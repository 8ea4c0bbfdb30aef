"""The first files of an estate, as text that a person goes on from."""

from __future__ import annotations

ESTATE = """\
# The whole estate in one short file; the rest is found by its place: sites/*.yaml  lists/*.list  files/**
orch: 1                       # the format's version
estate: {name}

defaults:                     # hold for every host; what a site or a host says itself goes before
  lists: [base]
  unlisted: remove            # what no list names is removed: remove | report | ignore
  expires: 30d                # hosts stop changing things on a release that is older; what runs goes on running
"""

BASE_LIST = """\
# What every host carries: one package a line. What is on the list gets installed, what is not gets removed.
# The output of `dpkg --get-selections` is a list, too; `@other` takes in lists/other.list.
ca-certificates
openssh-server
"""

README = """\
# The estate {name}

A site is a file `sites/NAME.yaml`:

```yaml
site: library
title: The town library
labels: {{ kind: library }}
hosts:
  srv1:
    lists: [base]
    files:
      /etc/motd: {{ content: "This machine is looked after by orch.\\n" }}
```

`policy/`, `hosts/` and `{name}.enrol` are written by `orch`; commit them with the rest: a lost centre is rebuilt from
them.
"""

IGNORED = """\
# Keys never belong here: yours are in ~/.config/orch, the recovery key is on paper.
*.key
"""

MASTER = """\
# Settings of the centre of {name}; docs/reference/master-settings.md has all of them.
listen = ["tcp://*:{port}"]
"""

RECOVERY = """\
The recovery key of the estate {name}.

Whoever has it can replace every operator and the centre of this estate. It is needed when keys or the centre are lost:

    cd ESTATE && orch init --recover THIS_FILE

Print this page, or move the file to a stick in a safe. Then delete it here: orch does not need it in daily work.
It may be typed in again; blanks and the case of letters do not count.
"""
