"""Types of arguments for which completion offers names that were seen last (quick.py does, from remembered.py)."""

from __future__ import annotations

import click


class Names(click.types.StringParamType):
    """A text for which names of some kinds are offered."""

    def __init__(self, *kinds: str, files: bool = False) -> None:
        """Offer these kinds; `states` and `groups` belong to targets, `files` are offered where no name fits."""
        self.kinds = kinds
        self.files = files


TARGET = Names("sites", "hosts", "groups", "states")
TARGET_OR_FILE = Names("sites", "hosts", "groups", "states", files=True)
HOST = Names("hosts")
SITE = Names("sites")
SECRET = Names("secrets")
