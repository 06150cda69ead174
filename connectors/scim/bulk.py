"""Several changes in one request: POST /Bulk (RFC 7644 §3.7).

``failOnErrors`` is never sent: a service then goes on behind a change that it refuses, and one record keeps no other
one back. Every operation has a bulkId. Services need not repeat it where nothing is created; then an answer is found
by its method and location.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
EMPTY = len(msgspec.json.encode({"schemas": [REQUEST], "Operations": []}))


@dataclass(frozen=True, slots=True)
class Sending:
    """One request that is part of a change: ``path`` below the service's address, ``identity`` the resource's id."""

    method: str
    path: str
    body: Any = None
    version: str | None = None
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service says of one operation."""

    status: int
    said: Mapping[str, Any]
    version: str | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold: operations, and bytes."""

    operations: int
    payload: int

    def taken(self, texts: Sequence[bytes]) -> int:
        """How many of the operations fit into one request; 0 where the first alone is too large."""
        size = EMPTY
        for number, text in enumerate(texts[: self.operations]):
            size += len(text) + 1
            if size > self.payload:
                return number
        return min(len(texts), self.operations)


def operation(number: int, sending: Sending, versions: bool) -> bytes:
    """One operation; ``number`` is its bulkId."""
    made: dict[str, Any] = {"method": sending.method, "bulkId": str(number), "path": sending.path}
    if sending.version and versions:
        made["version"] = sending.version
    if sending.body is not None:
        made["data"] = sending.body
    return msgspec.json.encode(made)


def request(operations: Sequence[bytes]) -> bytes:
    """The whole body."""
    return msgspec.json.encode({"schemas": [REQUEST], "Operations": [msgspec.Raw(one) for one in operations]})


def replies(answer: Any, sent: Mapping[int, Sending]) -> dict[int, Reply]:
    """The reply to each operation that has one of its own; two that claim to be of the same are nobody's."""
    found = answer.get("Operations") if isinstance(answer, dict) else None
    told: dict[int, list[Reply]] = {}
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict) and (number := _whose(one, sent)) is not None:
            told.setdefault(number, []).append(_reply(one))
    ids = [identity for several in told.values() for one in several if (identity := identity_of(one)) is not None]
    return {
        number: several[0]
        for number, several in told.items()
        if len(several) == 1
        and ids.count(identity_of(several[0]) or "") < 2
        and sent[number].identity in (None, identity_of(several[0]) or sent[number].identity)
    }


def identity_of(reply: Reply) -> str | None:
    """The id of the resource that a reply speaks of."""
    given = reply.said.get("id")
    return str(given) if given is not None else _last(reply.location) or None


def _whose(one: Mapping[str, Any], sent: Mapping[int, Sending]) -> int | None:
    method = str(one.get("method") or "").upper()
    if one.get("bulkId") is not None:
        text = str(one["bulkId"])
        number = int(text) if text.isdecimal() and len(text) < 9 else -1
        return number if number in sent and method in ("", sent[number].method) else None
    located = [
        number
        for number, sending in sent.items()
        if sending.identity is not None and sending.method == method
        and sending.identity == _last(str(one.get("location") or ""))
    ]  # fmt: skip
    return located[0] if len(located) == 1 else None


def _reply(one: Mapping[str, Any]) -> Reply:
    status = one.get("status")
    if isinstance(status, dict):  # as drafts of the standard had it
        status = status.get("code")
    said = one.get("response")
    text = str(status or "")
    return Reply(
        int(text) if text.isdecimal() and len(text) == 3 else 500,
        said if isinstance(said, dict) else {},
        str(one["version"]) if one.get("version") else None,
        str(one.get("location") or ""),
    )


def _last(location: str) -> str:
    """The id at the end of an address."""
    return unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])


def parts(texts: Mapping[int, bytes], limits: Limits) -> Iterator[list[int]]:
    """Which operations go together; one that is too large for any request stands alone."""
    left = list(texts)
    while left:
        taken = max(1, limits.taken([texts[number] for number in left]))
        yield left[:taken]
        left = left[taken:]
