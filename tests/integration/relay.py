"""A TCP relay that can lose the answer to one request: what a cut network does at the worst moment."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

COMMIT = re.compile(rb"(?<!AUTO)COMMIT", re.IGNORECASE)
LDAP_ADD = re.compile(rb"\x30.{1,5}\x02[\x01-\x04].{1,4}\x68", re.DOTALL)
"""An AddRequest (RFC 4511 §4.7) behind the number of its message."""


class Relay:
    """Listens on ``port`` of the loopback and passes bytes on to the server; ``lose_answer`` makes it cut
    the next connection that sends what matches ``request``, after the server has got it."""

    def __init__(self, host: str, port: int, request: re.Pattern[bytes] = COMMIT) -> None:
        self._request = request
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed = threading.Event()
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def lose_answer(self) -> None:
        self._armed.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            lost = threading.Event()
            threading.Thread(target=self._there, args=(client, server, lost), daemon=True).start()
            threading.Thread(target=self._back, args=(client, server, lost), daemon=True).start()

    def _there(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while block := client.recv(65536):
                if self._armed.is_set() and self._request.search(block):
                    self._armed.clear()
                    lost.set()
                server.sendall(block)
        server.close()

    def _back(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while block := server.recv(65536):
                if lost.is_set():  # the server has done it, and nobody will hear of it
                    client.shutdown(socket.SHUT_RDWR)
                    break
                client.sendall(block)
        client.close()
