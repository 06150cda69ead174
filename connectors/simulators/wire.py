"""A request and an answer, as the products see them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from connectors.simulators.faults import Faults
from connectors.simulators.oplog import OperationLog
from connectors.simulators.tables import Clock, Table

JSON = "application/json"


class Refused(Exception):
    """A product refuses: ``status`` and what the product says about it, in the product's own form."""

    def __init__(self, status: int, code: str, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail


@dataclass(slots=True)
class Answer:
    """What goes back. ``headers`` besides Content-Length, Date and Server."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, body, {"Content-Type": f"{JSON}; charset=utf-8", **(headers or {})})

    @classmethod
    def text(cls, status: int, value: str, kind: str = "text/plain") -> Answer:
        return cls(status, value.encode(), {"Content-Type": f"{kind}; charset=utf-8"})


@dataclass(slots=True)
class Request:
    """What came in. ``path`` is still percent-encoded, ``query`` decoded, ``base`` scheme and host."""

    method: str
    target: str
    headers: Message
    body: bytes
    base: str
    faults: Faults
    log: OperationLog
    actor: str = "anonymous"
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path = parts.path
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True, errors="strict"))

    @property
    def segments(self) -> list[str]:
        """The path's parts, decoded."""
        return [unquote(part) for part in self.path.strip("/").split("/")]

    def json(self) -> Any:
        try:
            return json.loads(self.body or b"null")
        except ValueError as error:
            raise Refused(400, "invalid_json", f"the body is not JSON: {error}") from None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise Refused(400, "invalid_json", "the body must be a JSON object")
        return value

    def fault(self, kind: str, method: str | None = None) -> str | None:
        """The value of a fault that is due here ('' where it has none), or None."""
        return self.faults.take(kind, method or self.method, self.path)

    def lies(self) -> bool:
        """Whether a change is to be acknowledged and not applied."""
        return self.faults.lies(self.method, self.path)

    def record(self, action: str, resource: str, key: str, note: str = "") -> None:
        """Write an operation to the log."""
        self.log.append(self.actor, action, resource, key, note)


class Product(Protocol):
    """One product: its data, and its answer to a request. It runs under a lock: one request at a time.

    ``login`` says with which credentials; ``tables`` are its resources by the names of the operation log.
    """

    clock: Clock

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def login(self) -> str: ...

    @property
    def tables(self) -> Mapping[str, Table]: ...

    def answer(self, request: Request) -> Answer: ...

    def refusal(self, kind: str, value: str, path: str = "") -> Answer:
        """How it says ``unauthorized``, or ``throttle`` with the fault's value, at a path."""
        ...


def refusal(kind: str, value: str, path: str = "") -> Answer:
    """Refusals by status alone, as plain HTTP has them."""
    if kind == "unauthorized":
        challenge = {"WWW-Authenticate": 'Basic realm="simulator"'}
        return Answer.json(401, {"error": {"code": "401", "message": "Unauthorized"}}, challenge)
    retry = formatdate(time.time() + 2, usegmt=True) if value == "date" else value or "1"
    headers = {} if value == "none" else {"Retry-After": retry}
    return Answer.json(429, {"error": {"code": "429", "message": "Too many requests"}}, headers)
