"""Somebody outside who is told of changes: an HTTP server that checks signatures and can refuse."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from hub.bus.signature import verify
from hub.errors import AuthError

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Hook:
    """``events`` as they came, ``answers`` the statuses to give first (then 200)."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.types: list[str] = []
        self.answers: list[int] = []
        self.forged = 0
        hook = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(hook.took(headers, body))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                """Nothing is said."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def took(self, headers: dict[str, str], body: bytes) -> int:
        try:
            verify([SECRET], headers, body, time.time())
        except AuthError:
            self.forged += 1
        self.events.append(json.loads(body))
        self.types.append(headers["content-type"])
        return self.answers.pop(0) if self.answers else 200

    def __enter__(self) -> Hook:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
