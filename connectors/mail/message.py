"""A message (RFC 5322, MIME) as a record.

Whoever can write a mail writes here, so every part is bounded before it is parsed: size, headers, nesting, parts,
addresses, texts. What goes beyond is a record with its identity and a ``problem``, never an error of the read.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
from collections.abc import Mapping
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

MAX_HEADERS: Final = 256 << 10
MAX_LINES: Final = 2000
MAX_NESTED: Final = 60
MAX_PARTS: Final = 500
MAX_PART_HEAD: Final = 4 << 10
MAX_VALUE: Final = 16 << 10
MAX_ADDRESSES: Final = 500
MAX_TEXT: Final = 1 << 20
LISTS: Final = ("to", "cc", "reply_to")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_NESTING = re.compile(rb"(?i)boundary\s*=|message/rfc822")
# what describes a part: Python reads its parameters in quadratic time
_PART_HEAD = re.compile(rb"(?im)^content-[a-z-]{1,40}:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
_BOUNDARY = re.compile(rb"(?i)boundary[*0-9]{0,4}\s*=\s*\"?([^\";\r\n]{1,200})")
_ID = re.compile(rb"(?im)^message-id:\s*(<[^<>\r\n]{1,500}>)")
# codecs that are no character sets, or take more than linear time
_REFUSED = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "unicode_escape", "undefined"}
)


class Hostile(Exception):
    """A message beyond the bounds; the text says which."""


def record(raw: bytes, headers: Mapping[str, str], *, content: bool) -> dict[str, Any]:
    """The fields of one message. ``headers`` are further ones; ``content`` adds that of attachments."""
    made: dict[str, Any] = {"problem": None}
    try:
        _bounded(raw)
        message = message_from_bytes(raw)
        made |= _head(message, headers)
        made |= _body(message, content=content)
    except Hostile as error:
        found = _ID.search(raw[:MAX_HEADERS])
        made |= {"message_id": found[1].decode("ascii", "replace") if found else None, "problem": str(error)}
    # a parser of untrusted text may fail in more ways than its manual says: the message is set aside, not the run
    except (
        MessageError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        AssertionError,
    ) as error:
        made["problem"] = f"unreadable: {type(error).__name__}"
    return made


def _bounded(raw: bytes) -> None:
    end = _HEADER_END.search(raw, 0, MAX_HEADERS + 4)
    head = raw[: end.start()] if end else raw
    if len(head) > MAX_HEADERS or head.count(b"\n") > MAX_LINES:
        raise Hostile(f"its headers are larger than {MAX_HEADERS >> 10} KB or {MAX_LINES} lines")
    if sum(1 for _ in _NESTING.finditer(raw)) > MAX_NESTED:
        raise Hostile(f"it is nested more than {MAX_NESTED} times")
    sizes = [found.end() - found.start() for found in _PART_HEAD.finditer(raw)]
    if max(sizes, default=0) > MAX_PART_HEAD or sum(sizes) > MAX_HEADERS:
        raise Hostile(f"the headers of a part are larger than {MAX_PART_HEAD >> 10} KB")
    lines = {b"--" + found[1].strip() for found in _BOUNDARY.finditer(raw)}
    if sum(raw.count(b"\n" + line) for line in lines) > 2 * MAX_PARTS:
        raise Hostile(f"it has more than {MAX_PARTS} parts")


def _head(message: Message, headers: Mapping[str, str]) -> dict[str, Any]:
    sender = _people(message, "from")
    made: dict[str, Any] = {
        "message_id": _one(message, "message-id"), "subject": _words(message, "subject"),
        "sender": sender[0] if sender else None, "date": _date(_one(message, "date")),
        "in_reply_to": _one(message, "in-reply-to"),
        "references": re.findall(r"<[^<>\s]{1,500}>", _one(message, "references") or "")[:MAX_ADDRESSES],
        "auto_submitted": _one(message, "auto-submitted"),
    }  # fmt: skip
    made |= {name: _people(message, name.replace("_", "-")) for name in LISTS}
    return made | {field: _words(message, header) for field, header in headers.items()}


def _body(message: Message, *, content: bool) -> dict[str, Any]:
    texts: dict[str, str | None] = {"text": None, "html": None}
    attachments = []
    for number, part in enumerate(message.walk()):
        if number > MAX_PARTS:
            raise Hostile(f"it has more than {MAX_PARTS} parts")
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), _filename(part)
        slot = {"text/plain": "text", "text/html": "html"}.get(kind)
        if slot and name is None and part.get_content_disposition() != "attachment" and texts[slot] is None:
            texts[slot] = _text(part)
        else:
            attachments.append(_attachment(part, kind, name, content=content))
    return {**texts, "attachments": attachments}


def _attachment(part: Message, kind: str, name: str | None, *, content: bool) -> dict[str, Any]:
    data = _decoded(part)
    made: dict[str, Any] = {
        "name": name, "type": kind, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    return made | {"content": base64.b64encode(data).decode()} if content else made


def _filename(part: Message) -> str | None:
    """The name without a path: it is somebody else's word."""
    found = part.get_filename()
    return None if found is None else _decode(found).replace("\\", "/").rpartition("/")[2][:255] or None


def _decoded(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _text(part: Message) -> str:
    data = _decoded(part)
    if len(data) > MAX_TEXT:
        raise Hostile(f"its text is larger than {MAX_TEXT >> 20} MB")
    return _clean(data.decode(charset(part.get_content_charset()), "replace")).replace("\r\n", "\n")


def charset(name: str | None) -> str:
    """The codec of a character set; UTF-8 for what is none.

    >>> charset("gb2312"), charset("x-unknown"), charset("idna"), charset(None)
    ('gb18030', 'utf-8', 'utf-8', 'utf-8')
    """
    try:
        found = codecs.lookup(name or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"
    if found in _REFUSED:
        return "utf-8"
    if found == "ascii":
        return "utf-8"
    # what says GB2312 or GBK holds characters of its successor, and Latin-1 those of Windows
    known = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252"}.get(found, found)
    try:
        b"a".decode(known, "replace")
    except (LookupError, UnicodeError):  # hex, zlib and the like decode no text
        return "utf-8"
    return known


# ---------------------------------------------------------------------- headers


def _one(message: Message, name: str) -> str | None:
    """A header as one line, cut where it is longer than any honest one."""
    value = message.get(name)
    if value is None:
        return None
    text = str(value)[:MAX_VALUE].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _clean(re.sub(r"[\r\n]+[ \t]*", " ", text)).strip() or None


def _words(message: Message, name: str) -> str | None:
    value = _one(message, name)
    return None if value is None else _decode(value)


def _decode(text: str) -> str:
    """Encoded words (RFC 2047); what is broken stays as it is written."""
    text = text[:MAX_VALUE].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if "=?" not in text:
        return _clean(text)
    try:
        parts = decode_header(text)
    except (HeaderParseError, ValueError, LookupError):
        return _clean(text)
    return _clean("".join(
        part.decode(charset(name), "replace") if isinstance(part, bytes) else part for part, name in parts
    ))  # fmt: skip


def _people(message: Message, name: str) -> list[dict[str, str | None]]:
    values = [str(one)[:MAX_VALUE] for one in message.get_all(name, [])[:20]]
    texts = [one.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for one in values]
    found = getaddresses(texts)[:MAX_ADDRESSES]
    return [
        {"name": _decode(shown) or None, "address": _clean(address).lower()}
        for shown, address in found
        if "@" in address
    ]


def _date(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text[:200]).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _clean(text: str) -> str:
    """Text that every place can keep: no NUL, no half characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
