"""$batch of OData V2: multipart/mixed in, multipart/mixed out (OData V2 "Batch Processing")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from http import HTTPStatus

from connectors.simulators.wire import Answer, Refused, Request

_BOUNDARY = "ejjeeffe"


@dataclass(frozen=True, slots=True)
class Part:
    """One request inside of a batch."""

    method: str
    target: str
    headers: Message
    body: bytes
    content_id: str

    def request(self, outer: Request, root: str, locations: Mapping[str, str]) -> Request:
        """As a request of its own, with ``$1`` replaced by what the change of that Content-ID made."""
        target = re.sub(r"^/?\$(\w+)", lambda found: locations.get(found[1], found[0]), self.target)
        target = target.removeprefix(outer.base)
        if not target.startswith("/"):
            target = f"{root}/{target}"
        return Request(
            self.method, target, self.headers, self.body, outer.base, outer.faults, outer.log, outer.actor
        )


def parts_of(request: Request) -> list[Part | list[Part]]:
    """The parts of a batch in order; a list is a change set. 400 where it cannot be read."""
    message = _message(request.headers.get("Content-Type", ""), request.body)
    parts: list[Part | list[Part]] = []
    for part in _subparts(message):
        if part.get_content_maintype() == "multipart":
            changes = [_part(inner) for inner in _subparts(part)]
            if not changes:
                raise _malformed("an empty change set")
            parts.append(changes)
        else:
            single = _part(part)
            if single.method != "GET":
                raise _malformed(f"{single.method} outside of a change set")
            parts.append(single)
    return parts


def assemble(answers: Iterable[tuple[Part, Answer] | Sequence[tuple[Part, Answer]]]) -> tuple[bytes, str]:
    """(body, content type) of the answer."""
    pieces = []
    for number, answer in enumerate(answers):
        if isinstance(answer, tuple):
            pieces.append(_piece(*answer))
        else:
            boundary = f"{_BOUNDARY}-c{number}"
            body = _joined([_piece(*each) for each in answer], boundary)
            head = (
                f"Content-Type: multipart/mixed; boundary={boundary}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            pieces.append(head.encode() + body)
    return _joined(pieces, _BOUNDARY), f"multipart/mixed; boundary={_BOUNDARY}"


def _message(kind: str, body: bytes) -> Message:
    if not kind.lower().startswith("multipart/mixed") or "boundary=" not in kind:
        raise _malformed("the content type is not multipart/mixed with a boundary")
    return BytesParser().parsebytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body)


def _subparts(message: Message) -> list[Message]:
    payload = message.get_payload()
    if not isinstance(payload, list):
        raise _malformed("no parts between its boundaries")
    return [part for part in payload if isinstance(part, Message)]


def _part(message: Message) -> Part:
    if message.get_content_type() != "application/http":
        raise _malformed(f"a part of type {message.get_content_type()}")
    raw = message.get_payload(decode=True)
    text = raw.lstrip(b"\r\n") if isinstance(raw, bytes) else b""
    line, _, rest = text.replace(b"\r\n", b"\n", 1).partition(b"\n")
    words = line.decode("utf-8", "replace").split()
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise _malformed("a part without a request line")
    inner = BytesParser().parsebytes(rest.lstrip(b" "))
    body = inner.get_payload(decode=True)
    content = body if isinstance(body, bytes) else b""
    length = inner.get("Content-Length", "")
    content = content[: int(length)] if length.isdigit() else content
    content_id = inner.get("Content-ID") or message.get("Content-ID") or ""
    return Part(words[0].upper(), words[1], inner, content, content_id.strip())


def _piece(part: Part, answer: Answer) -> bytes:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    head += [f"Content-ID: {part.content_id}"] if part.content_id else []
    status = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
    headers = [f"{name}: {value}" for name, value in answer.headers.items()]
    lines = [*head, "", status, *headers, f"Content-Length: {len(answer.body)}", "", ""]
    return "\r\n".join(lines).encode() + answer.body


def _joined(pieces: Iterable[bytes], boundary: str) -> bytes:
    mark = b"--" + boundary.encode()
    return b"".join(mark + b"\r\n" + piece + b"\r\n" for piece in pieces) + mark + b"--\r\n"


def _malformed(why: str) -> Refused:
    return Refused(400, "/IWFND/CM_MGW/120", f"Malformed batch request: {why}")
