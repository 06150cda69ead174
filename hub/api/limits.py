"""Limits of what is served, kept before anything of a request is read: its size, and how long its body may take."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub import tracing
from hub.api.problems import Refused, problem
from hub.metrics import METHODS, OTHER, answered

PROBES = ("/healthz", "/readyz")
"""Asked every few seconds: they are no part of any work."""
log = logging.getLogger("hub.requests")


@dataclass(slots=True)
class Guarded:
    """Around the whole application: gives each request an id, bounds its body, adds headers of safety where the
    answer has none of its own."""

    app: ASGIApp
    largest: int
    slowest: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not tracing.is_on() or scope["path"] in PROBES:
            await self._guarded(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        sent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
        with tracing.span(method, "server", after=[tracing.read(sent)], method=method) as told:
            status = await self._guarded(scope, receive, send)
            route = getattr(scope.get("route"), "path", None) or OTHER
            told.named(f"{method} {route}")
            told.tell(route=route, status=status)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answers the status."""
        identity = secrets.token_hex(8)
        scope.setdefault("state", {})["request"] = identity
        started, status, begun = False, 500, time.monotonic()

        async def sending(message: Message) -> None:
            nonlocal started, status
            if message["type"] == "http.response.start":
                started, status = True, int(message["status"])
                own = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(one for one in _headers(identity) if one[0] not in own),
                ]
            await send(message)

        try:
            if b"%00" in scope["query_string"] or "\0" in scope["path"]:
                raise Refused("request.malformed", "the address holds a NUL character", hint="leave it out")
            body = _Body(receive, self.largest, time.monotonic() + self.slowest)
            body.require_announced(scope)
            await self.app(scope, body, sending)
        except Refused as error:
            if started:
                raise
            await problem(error, identity)(scope, receive, sending)
        except Exception:
            if not started:
                raise
            # It is answered, and told in our log without its text; the server would log that, with a record's values.
        finally:
            route = getattr(scope.get("route"), "path", None)
            took = time.monotonic() - begun
            answered(scope["path"], route, scope["method"], status, took)
            if log.isEnabledFor(logging.INFO):  # the route and no address: that may name a person
                what = {"route": route, "method": scope["method"], "status": status, "seconds": round(took, 4)}
                log.info("answered", extra={"request": identity, **what})
        return status


class _Body:
    """A request's body as it arrives, bounded."""

    def __init__(self, receive: Receive, largest: int, until: float) -> None:
        self._receive, self._largest, self._until, self._read = receive, largest, until, 0
        self._whole = False

    def require_announced(self, scope: Scope) -> None:
        """Refuse what says itself that it is too large, before any of it is read."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._largest:
                raise self._large()

    async def __call__(self) -> Message:
        if self._whole:  # only the end of the connection is still to come
            return await self._receive()
        left = self._until - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.001))
        except TimeoutError:
            raise Refused(
                "request.slow", "the request's body took too long to arrive", hint="send it in one go"
            ) from None
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._read > self._largest:
                raise self._large()
        return message

    def _large(self) -> Refused:
        return Refused(
            "request.large",
            f"the request has more than {self._largest:,} bytes",
            hint="send less at once; api.largest in config/hub.yaml says how much is taken",
        )


def _headers(identity: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-request-id", identity.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    ]
