"""The head of an answer must end: a connection that closes within it was cut.

``http.client`` takes the end of the connection for the end of the headers: a cut answer would look like one
without Content-Length and without a body.
"""

from __future__ import annotations

from http.client import HTTPResponse, RemoteDisconnected
from typing import Any


class _Lines:
    """The lines of the head, each of which ends."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._file.readline(limit)
        if not line.endswith(b"\n") and len(line) != limit:
            raise RemoteDisconnected("the connection was closed within the head of the answer")
        return line

    def close(self) -> None:
        self._file.close()

    def flush(self) -> None:
        """Nothing is written here."""


class WholeHead(HTTPResponse):
    """An answer with a whole head, or none."""

    def begin(self) -> None:
        body, self.fp = self.fp, _Lines(self.fp)  # type: ignore[assignment] # the only place where the answer is read
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = body
