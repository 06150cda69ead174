"""The HTTP side of a simulator: listens on loopback, applies faults, writes the log, serves tests.

Below ``/_sim`` are the switches for tests: ``log``, ``faults`` (GET, POST a list, DELETE), ``rows``
(GET one table; POST one record as a user of the product would change it; DELETE one by key).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from connectors.simulators.catalogue import made
from connectors.simulators.faults import Fault, Faults
from connectors.simulators.landscape import SEED
from connectors.simulators.oplog import OperationLog
from connectors.simulators.wire import Answer, Product, Refused, Request

MAX_BODY = 64 << 20
_ADMIN = "/_sim"
_LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Log on</title></head><body><form action='/login'>"
    "<input name='user'><input name='password' type='password'></form></body></html>"
)


class Simulator:
    """One product served on loopback. A context manager; ``url`` is where it listens."""

    def __init__(
        self,
        product: str | Product,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        faults: Iterable[str | Fault] = (),
        log: Path | None = None,
        seed: int = SEED,
        records: int | None = None,
    ) -> None:
        self.product = made(product, seed, records) if isinstance(product, str) else product
        self.faults = Faults(faults)
        self.log = OperationLog(log)
        self._lock = threading.Lock()
        self._server = _Server((host, port), self)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and close what is open; the log stays readable."""
        if self._thread:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self.log.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def change(self, resource: str, values: Mapping[str, Any]) -> None:
        """Change a record, or add one, as a user of the product would: the key fields name it."""
        table = self.product.tables[resource]
        key = table.key_of(values)
        with self._lock:
            if table.get(*key) is None:
                table.create(dict(values))
                self.log.append("user", "create", resource, _text(key))
            else:
                table.update(key, values)
                self.log.append("user", "update", resource, _text(key))

    def remove(self, resource: str, *key: Any) -> None:
        """Delete a record as a user of the product would."""
        with self._lock:
            self.product.tables[resource].delete(key)
            self.log.append("user", "delete", resource, _text(key))

    def rows(self, resource: str) -> list[dict[str, Any]]:
        """The records as they are, for comparison in tests."""
        with self._lock:
            return [dict(row) for row in self.product.tables[resource]]

    def respond(self, request: Request) -> Answer:
        """The answer of the product, or of a fault in its place."""
        if request.path.startswith(_ADMIN + "/"):
            return self._admin(request)
        if (answer := _instead(request, self.product)) is not None:
            self.log.append("fault", "request", f"{request.method} {request.path}", str(answer.status))
            return answer
        with self._lock:
            self.product.clock.skew = float(request.fault("skew") or 0)
            answer = self.product.answer(request)
            self.log.append(request.actor, "request", f"{request.method} {request.path}", str(answer.status))
        return answer

    def _admin(self, request: Request) -> Answer:
        part, *rest = request.segments[1:]
        try:
            return Answer.json(200, self._switch(request, part, rest))
        except (KeyError, ValueError, TypeError, Refused) as error:
            return Answer.json(400, {"error": f"{type(error).__name__}: {error}"})

    def _switch(self, request: Request, part: str, rest: list[str]) -> Any:
        match part, request.method:
            case "log", "GET":
                return [asdict(each) for each in self.log.since(int(request.query.get("since", "0")))]
            case "faults", "POST":
                self.faults.set(*request.json())
            case "faults", "DELETE":
                self.faults.clear()
            case "rows", "POST":
                self.change(rest[0], request.object())
            case "rows", "DELETE":
                self.remove(rest[0], *request.json())
            case "rows", "GET":
                return json.loads(json.dumps(self.rows(rest[0]), default=str))
            case "faults", "GET":
                pass
            case _:
                raise ValueError(f"{request.method} {request.path} is no switch")
        return self.faults.texts()


def _instead(request: Request, product: Product) -> Answer | None:
    """The answer of a fault that stands in for the product; refusals are in the product's own form."""
    if (value := request.fault("delay")) is not None:
        time.sleep(float(value or 1))
    if (value := request.fault("throttle")) is not None:
        return product.refusal("throttle", value, request.path)
    if (value := request.fault("unavailable")) is not None:
        answer = Answer.text(503, "<html><body>Service Unavailable</body></html>", "text/html")
        answer.headers |= {"Retry-After": value} if value else {}
        return answer
    if request.fault("unauthorized") is not None:
        return product.refusal("unauthorized", "", request.path)
    if request.fault("masked") is not None:
        refused = product.refusal("unauthorized", "", request.path)
        return Answer(200, refused.body, refused.headers)
    if request.fault("html") is not None:
        return Answer.text(200, _LOGIN_PAGE, "text/html")
    if request.fault("nothing") is not None:
        return Answer(200, b"", {"Content-Type": "application/json"})
    return None


def _text(key: Iterable[Any]) -> str:
    return ",".join(str(part) for part in key)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        self.simulator = simulator
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is nobody's error here; the log says what was applied."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        simulator = self.server.simulator
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self._send(Answer.text(411, "send a Content-Length"))
            return
        body = self.rfile.read(int(length))
        host = self.headers.get("Host", f"127.0.0.1:{simulator.port}")
        request = Request(
            self.command, self.path, self.headers, body, f"http://{host}", simulator.faults, simulator.log
        )
        if request.fault("refused") is not None:
            self._hang_up()
            return
        answer = simulator.respond(request)
        if request.fault("broken") is not None:
            answer = Answer.json(500, {"error": {"code": "500", "message": "Internal error"}})
        if request.fault("lost") is not None:
            self._hang_up()
        elif request.fault("cut") is not None:
            self._send(answer, size=len(answer.body) // 2)
        elif (pace := request.fault("slow")) is not None:
            self._send(answer, pace=float(pace or 200))
        else:
            self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_MERGE = do_HEAD = _serve

    def _send(self, answer: Answer, *, size: int | None = None, pace: float | None = None) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        body = b"" if self.command == "HEAD" else answer.body[:size]
        if pace:
            for start in range(0, len(body), 20):
                self.wfile.write(body[start : start + 20])
                time.sleep(20 / pace)
        else:
            self.wfile.write(body)
        if size is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the operation log is the log."""
