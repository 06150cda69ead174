"""``$batch``: several changes in one request, each judged by itself.

Multipart as in OData V2 "Batch Processing" and V4 Protocol §11.7.7, JSON as in V4.01 JSON §19. Each change
is a changeset of its own, so that one that fails takes no other with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import msgspec

from hub.errors import Fatal
from hub.untrusted import parse_json

BOUNDARY = "batch_hub"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


@dataclass(frozen=True, slots=True)
class Part:
    """One request; the path is below the service root."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, headers with lower-case names; ``id`` is the Content-ID of its part."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    id: str = ""


def multipart(parts: Sequence[Part]) -> tuple[bytes, str]:
    """The body of a multipart batch, and its content type."""
    made = []
    for number, part in enumerate(parts, 1):
        body = part.body or b""
        headers = dict(part.headers)
        if part.body is not None:
            headers["Content-Length"] = str(len(body))
        lines = [
            f"--{BOUNDARY}", f"Content-Type: multipart/mixed; boundary=change_{number}", "",
            f"--change_{number}", "Content-Type: application/http", "Content-Transfer-Encoding: binary",
            f"Content-ID: {number}", "", f"{part.method} {part.path} HTTP/1.1",
            *(f"{name}: {_safe(value)}" for name, value in headers.items()), "", "",
        ]  # fmt: skip
        made.append("\r\n".join(lines).encode() + body + f"\r\n--change_{number}--\r\n".encode())
    return b"".join(made) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/mixed; boundary={BOUNDARY}"


def _safe(value: str) -> str:
    if "\r" in value or "\n" in value:
        raise Fatal("odata.header", "a header value holds a line end")
    return value


def read_multipart(body: bytes, content_type: str) -> tuple[list[Reply], bool]:
    """The replies in order, and whether the body was complete (its last boundary is there)."""
    found = re.search(r"boundary=\"?([^\";]+)\"?", content_type)
    if found is None:
        raise Fatal("odata.batch", "the answer to $batch is not multipart")
    boundary = found[1].strip().encode()
    replies: list[Reply] = []
    pieces, complete = _pieces(body, boundary)
    for piece in pieces:
        head, _, rest = _head(piece)
        kind = head.get("content-type", "")
        if kind.lower().startswith("multipart/"):
            inner, inner_complete = read_multipart(rest, kind)
            replies += inner
            complete = complete and inner_complete
        elif rest.strip():
            replies.append(replace(_reply(rest), id=head.get("content-id", "")))
    return replies, complete


def placed(replies: Sequence[Reply], count: int, complete: bool) -> list[Reply | None]:
    """The replies by the requests they answer; None where nobody can tell. Their order says it where there
    is one for each request, or where the list ends in the first failure, at which a service may stop, or was cut;
    else, and where it contradicts the order, only a Content-ID does."""
    numbers = [int(one.id) if one.id.isdigit() and 1 <= int(one.id) <= count else 0 for one in replies]
    ordered = all(number in (0, place) for place, number in enumerate(numbers, 1))
    ended = not complete or ended_in_failure(replies)
    made: list[Reply | None] = [None] * count
    if ordered and (len(replies) == count or (len(replies) < count and ended)):
        made[: len(replies)] = replies
        return made
    for number, reply in zip(numbers, replies, strict=True):
        if number and numbers.count(number) == 1:
            made[number - 1] = reply
    return made


def ended_in_failure(replies: Sequence[Reply]) -> bool:
    """Whether the last reply is the first failure: a service may stop there, although it was asked not to (V4
    Protocol §11.7.4)."""
    failed = [one.status >= 400 for one in replies]
    return failed[-1:] == [True] and not any(failed[:-1])


def _pieces(body: bytes, boundary: bytes) -> tuple[list[bytes], bool]:
    marks = list(re.finditer(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|$)", body))
    pieces = [body[one.end() : two.start()] for one, two in pairwise(marks) if not one[1]]
    return [piece.lstrip(b"\r\n") for piece in pieces], bool(marks) and bool(marks[-1][1])


def _head(piece: bytes) -> tuple[dict[str, str], bytes, bytes]:
    found = re.search(rb"\r?\n\r?\n", piece)
    head, rest = (piece[: found.start()], piece[found.end() :]) if found else (piece, b"")
    headers = {}
    for line in re.split(rb"\r?\n", head):
        name, colon, value = line.partition(b":")
        if colon:
            headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
    return headers, head, rest


def _reply(text: bytes) -> Reply:
    headers, head, body = _head(text.lstrip(b"\r\n"))
    found = _STATUS.match(head)
    if found is None:
        raise Fatal("odata.batch", "a part of the answer to $batch has no status")
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) <= len(body):
        body = body[: int(length)]
    return Reply(int(found[1]), headers, body)


def as_json(parts: Sequence[Part]) -> bytes:
    """The body of a JSON batch."""
    requests = [
        {"id": str(number), "method": part.method, "url": part.path, "headers": _lower(part.headers)}
        | ({"body": msgspec.Raw(part.body)} if part.body is not None else {})
        for number, part in enumerate(parts, 1)
    ]
    return msgspec.json.encode({"requests": requests})


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    """V4.01 JSON §19.1 recommends lower case for header names, and servers look them up that way."""
    return {name.lower(): value for name, value in headers.items()}


def read_json(body: bytes, count: int) -> list[Reply | None]:
    """The replies by their ids; None for requests without one, and for those that two speak of."""
    made: list[Reply | None] = [None] * count
    seen: set[int] = set()
    found = parse_json(body, dict[str, msgspec.Raw])
    if "responses" not in found:
        raise Fatal("odata.batch", "the answer to $batch has no responses")
    for one in parse_json(bytes(found["responses"]), list[dict[str, msgspec.Raw]]):
        number = str(parse_json(bytes(one["id"])))
        headers = parse_json(bytes(one["headers"])) if "headers" in one else {}
        if number.isdigit() and 1 <= int(number) <= count:
            named = {str(name).lower(): str(value) for name, value in (headers or {}).items()}
            inner = bytes(one["body"]) if "body" in one else b""
            place = int(number) - 1
            reply = Reply(int(parse_json(bytes(one["status"]))), named, b"" if inner == b"null" else inner)
            made[place] = None if place in seen else reply
            seen.add(place)
    return made
