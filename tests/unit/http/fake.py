"""A stand-in HTTP system on loopback: answers as told, also wrongly, and remembers what it was asked."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from hub.contract import Page


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None  # written as it is, then the connection is closed
    drip: bool = False  # one byte at a time, without an end


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, orjson.dumps(value), {"Content-Type": "application/json", **named})


def lines(pages: Iterable[Page]) -> list[Any]:
    """The records of pages, decoded."""
    texts = [page.records for page in pages]
    return [orjson.loads(line) for text in texts if isinstance(text, bytes) for line in text.splitlines()]


Reply = Callable[[Asked], Answer]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what many tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Fake:
    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked: list[Asked] = []
        self.stopped = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def parse_request(self) -> bool:
                parsed = super().parse_request()
                if parsed:
                    setattr(self, f"do_{self.command}", self.serve)
                return parsed

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, body)
                fake.asked.append(asked)
                fake.write(self, fake.reply(asked))

            def log_message(self, *args: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def write(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.raw is not None or answer.drip:
            handler.close_connection = True
            handler.wfile.write(answer.raw or b"")
            while answer.drip and not self.stopped.wait(0.02):
                try:
                    handler.wfile.write(b" ")
                except OSError:
                    return
            return
        handler.send_response(answer.status)
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(answer.body)


@contextmanager
def running(made: Fake) -> Iterator[Fake]:
    thread = threading.Thread(target=lambda: made.server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stopped.set()
        made.server.shutdown()
        made.server.server_close()
        thread.join()


@contextmanager
def fake(reply: Reply) -> Iterator[Fake]:
    with running(Fake(reply)) as made:
        yield made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
