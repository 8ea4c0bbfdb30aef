"""A quiet web server for one folder: `python3 -m tests.lab.server FOLDER ADDRESS PORT`, in the centre's namespace.

It answers GET and HEAD of plain files, shows no listings, and writes one line per request to its standard output.
"""

from __future__ import annotations

import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Handler(SimpleHTTPRequestHandler):
    """Files and nothing else; apt keeps its connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def list_directory(self, path: object) -> None:
        """No listings."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard library's name
        """One line: who, what, how it ended."""
        sys.stdout.write(f"{self.address_string()} {format % args}\n")
        sys.stdout.flush()


def main(folder: str, address: str, port: str) -> None:
    """Serve until the process is ended."""
    with ThreadingHTTPServer((address, int(port)), partial(Handler, directory=folder)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:4])
