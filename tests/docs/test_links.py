"""What the documentation points at is there: links between pages, and the files that pages name."""

import re
from pathlib import Path

import pytest

from tests.docs import blocks

LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
FILE = re.compile(r"`((?:common|states|minion|master|tests|packaging|orch)/[\w./-]*)`")

PAGES = [pytest.param(path, id=str(path.relative_to(blocks.TOP))) for path in blocks.documents()]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert not missing


def test_the_files_that_the_architecture_names_are_there() -> None:
    page = blocks.TOP / "docs" / "explanation" / "architecture.md"
    missing = [name for name in FILE.findall(page.read_text(encoding="utf-8")) if not (blocks.TOP / name).exists()]
    assert not missing
