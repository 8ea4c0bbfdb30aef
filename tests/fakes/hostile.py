"""Words that somebody chose to do harm with, and how to see that a screen or a log came away unharmed."""

from __future__ import annotations

import re

FORGED = "FORGED"
"""Stands at the beginning of a line that somebody tried to add to ours."""

TEXTS = (
    "$(touch /tmp/owned); `id` | sh && reboot",
    "' OR 1=1 --\"",
    "\x1b]0;owned\x07\x1b[2J\x1b[1;1H",
    "\x9b2J\x90q\x9c",
    "<script>alert(1)</script>&amp;",
    f"first\n{FORGED}  ✓ converged\r{FORGED}",
    f"first\u2028{FORGED}\u2029{FORGED}\x85{FORGED}\x0b{FORGED}\x0c{FORGED}",
    "\u202egpj.exe\u2066\u2069",
    "a\x00b\x7fc\x08\x08",
    "../../../etc/shadow",
    "-oProxyCommand=id",
    "--help",
    "%s%n{0}${HOME}[red]bold[/red]",
)
"""Shell, SQL, terminal, HTML, new lines of every kind, turned writing, NUL, paths, options, templates."""

TOGETHER = ("".join(TEXTS[:6]), "x" + "".join(TEXTS[6:]))
"""All of them in two texts of at most a line's length, for screens that take a while."""

_HARM = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def harm_in(shown: str) -> str:
    """What of this output could move a cursor, turn the writing, or pass for a line of ours; empty for nothing."""
    if found := _HARM.search(shown):
        return f"{found[0]!r} in {shown[max(0, found.start() - 60) : found.end() + 20]!r}"
    lines = [line for line in shown.split("\n") if line.startswith(FORGED)]
    return f"a line begins with {lines[0]!r}" if lines else ""
