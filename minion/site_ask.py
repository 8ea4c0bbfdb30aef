"""Asking the executor from a command on site: one question, one answer, with a time limit.

Called by the commands on site.
"""

from __future__ import annotations

import select
from pathlib import Path
from typing import Final

from orch.common import errors
from orch.common.errors import HostError, OrchError, SettingsError
from orch.minion import channel
from orch.minion.channel import Ask, Closed, SiteAnswer, SiteAsk

PATIENCE: Final = {Ask.STATUS: 10.0, Ask.EXPLAIN: 10.0, Ask.PLAN: 3600.0, Ask.IMPORT: 120.0, Ask.REPORTS: 60.0}
"""Seconds to wait: a plan waits for the turn that is at work, and may fetch lists and apt's indexes."""


def ask(socket: Path, question: SiteAsk) -> bytes:
    """The encoded answer.

    Raises:
        SettingsError: the executor does not answer.
        NotAllowed: this user may not ask.
        OrchError: what the executor says is in the way, as the class that its code names.
    """
    line = channel.connect(socket)
    try:
        line.send(question)
        while True:
            writing = [line.fileno()] if line.waits_to_write else []
            ready, writable, _ = select.select([line.fileno()], writing, [], PATIENCE[question.what])
            if not ready and not writable:
                raise SettingsError("the executor does not answer", hint="look at what orch-minion executor wrote")
            line.flush()
            for word in line.receive():
                return _read(word)
    except Closed as err:
        raise SettingsError(f"the executor went away: {err}", hint="ask again") from err
    finally:
        line.close()


def _read(word: channel.Word) -> bytes:
    if not isinstance(word, SiteAnswer):
        raise SettingsError(f"the executor answers {word.TAG}", hint="is it of the same version?")
    if not word.code:
        return word.result
    named = errors.named(word.code)
    error: type[OrchError] = HostError if named is OrchError else named
    raise error(word.text, hint=word.hint)
