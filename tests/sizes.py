"""Refuse a file above 400 lines and a function above 60: the two limits that no linter of ours knows.

Called by ``make lint`` with the folders to look through. Prints one line per finding and ends 1 if there was one.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60


def too_long(path: Path) -> Iterator[str]:
    """Say what in this file is too long, as ``file:line: what``."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield f"{path}:1: {lines} lines in a file, {FILE_LINES} at most: one noun per file"
    for node in ast.walk(ast.parse(text, filename=str(path))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.end_lineno is None:
            continue
        length = node.end_lineno - node.lineno + 1
        if length > FUNCTION_LINES:
            yield f"{path}:{node.lineno}: {length} lines in {node.name}(), {FUNCTION_LINES} at most"


def main(folders: list[str]) -> int:
    """Look through every Python file under `folders`."""
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    findings = [finding for path in files for finding in too_long(path)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
