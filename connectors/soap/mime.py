"""Answers in several parts (MTOM, SOAP with attachments): the envelope, with what it includes put in its place."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

from hub.errors import Fatal
from hub.http import Response

_BOUNDARY = re.compile(r"(?i)boundary\s*=\s*(?:\"([^\"]{1,200})\"|([^;\s]{1,200}))")
_START = re.compile(r"(?i)start\s*=\s*\"?<?([^\";>]{1,400})>?\"?")
_INCLUDE = re.compile(rb"<(?:[\w.-]+:)?Include\b[^>]{0,800}?\bhref\s*=\s*[\"']cid:([^\"']{1,400})[\"'][^>]{0,800}?"
                      rb"(?:/>|>\s*</(?:[\w.-]+:)?Include\s*>)")  # fmt: skip


def envelope_of(answer: Response) -> tuple[bytes, str | None]:
    """The text of the envelope, and the encoding by which to read it where that is not the document's own."""
    kind = answer.headers.get("content-type", "")
    if not kind.lower().lstrip().startswith("multipart/"):
        return answer.body, None if _declares(answer.body) else _charset(kind)
    found = _BOUNDARY.search(kind)
    parts = _parts(answer.body, (found[1] or found[2]).encode()) if found else []
    if not parts:
        raise Fatal(
            "soap.multipart", "the answer in several parts has no parts, or was cut", where=answer.where
        )
    start = _START.search(kind)
    wanted = start[1] if start else ""
    head, envelope = next(
        (one for one in parts if wanted and wanted in one[0].get("content-id", "")), parts[0]
    )
    by_id = {one[0].get("content-id", "").strip("<> "): one[1] for one in parts}

    used = set[str]()

    def included(match: re.Match[bytes]) -> bytes:
        name = unquote(match[1].decode("ascii", "replace"))
        if name not in by_id:
            raise Fatal(
                "soap.multipart", f"the answer includes {name}, which is not there", where=answer.where
            )
        if name in used:  # one part used a hundred times would be a hundred times as large
            raise Fatal("soap.multipart", f"the answer includes {name} more than once", where=answer.where)
        used.add(name)
        return base64.b64encode(by_id[name])

    return _INCLUDE.sub(included, envelope), None if _declares(envelope) else _charset(
        head.get("content-type", "")
    )


def _declares(text: bytes) -> bool:
    """Whether the document says its encoding itself, by a declaration or a byte order mark."""
    start = text[:200]
    return b"encoding" in start.replace(b"\0", b"").partition(b"?>")[0] or start[:2] in (
        b"\xff\xfe",
        b"\xfe\xff",
    )


def _charset(kind: str) -> str | None:
    found = re.search(r"(?i)charset\s*=\s*\"?([\w.:-]{1,40})", kind)
    return found[1] if found else None


def _parts(body: bytes, boundary: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Headers (lower-case names) and content of each part; none where the last boundary is missing."""
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|$)", body)
    if b"--" not in pieces[1::2]:
        return []
    made = []
    for piece in pieces[2:-1:2]:
        found = re.search(rb"\A\r?\n|\r?\n\r?\n", piece)
        head, content = (piece[: found.start()], piece[found.end() :]) if found else (piece, b"")
        headers = {}
        for line in re.split(rb"\r?\n(?![ \t])", head):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        made.append((headers, content))
    return made
