"""A collector of OpenTelemetry: OTLP over HTTP, as the standard's protocol buffers."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """A span as it came."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    service: str
    attributes: dict[str, Any]
    links: tuple[str, ...]
    failed: bool


class Collector:
    """``spans`` as they came; ``raw`` is every byte of them."""

    def __init__(self) -> None:
        self.raw, self.lock = b"", threading.Lock()
        self._spans: list[Seen] = []

    @property
    def spans(self) -> list[Seen]:
        with self.lock:
            return list(self._spans)

    def named(self, name: str) -> list[Seen]:
        return [one for one in self.spans if one.name == name]

    def above(self, one: Seen) -> Iterator[Seen]:
        """The span, and all that it is a part of."""
        known = {seen.id: seen for seen in self.spans}
        found: Seen | None = one
        while found is not None:
            yield found
            found = known.get(found.parent)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self.lock:
            self.raw += body
            for whole in request.resource_spans:
                service = _plain(whole.resource.attributes).get("service.name", "")
                self._spans += [_seen(span, service) for scope in whole.scope_spans for span in scope.spans]


def _seen(span: Any, service: str) -> Seen:
    links = tuple(link.trace_id.hex() for link in span.links)
    identity = (span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.kind)
    return Seen(*identity, service, _plain(span.attributes), links, span.status.code == 2)


def _plain(pairs: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in pairs}


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector and its address."""
    made = Collector()

    class _Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            made.take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
