"""The head of a message that is sent (RFC 5322 §2.2), written from values of others.

What looks like an encoded word (RFC 2047) in a value is text: it is encoded once more, so that it is shown as it is.
`email.message.EmailMessage` would decode it, and a line end or another header in it would become one of the head.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.header import Header
from email.utils import getaddresses
from typing import Any

from connectors.mail.declared import ADDRESS
from hub.errors import RecordRejected

_WORD = 70
_WHOLE = re.compile(rb"(?:[!-9;-~]+: ?[^\r\n]*(?:\r\n[ \t]+[^\r\n]+)*\r\n)+")


def one_line(name: str, value: Any) -> str:
    """A value as text; RecordRejected ``mail.header`` where it has control characters or half ones."""
    text = "" if value is None else str(value)
    if re.search(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]", text):
        raise RecordRejected("mail.header", "the value must be one line", where=name)
    return text


def addresses(name: str, value: Any) -> list[tuple[str, str]]:
    """Name and address of each, from a list or from one text with commas; RecordRejected where one is none."""
    several = value if isinstance(value, list | tuple) else str(value or "").split(",")
    found = [one for one in (one_line(name, one).strip() for one in several) if one]
    return [_person(name, one) for one in found]


def _person(name: str, text: str) -> tuple[str, str]:
    people = getaddresses([text])
    if len(people) != 1 or not ADDRESS.fullmatch(people[0][1]) or "=?" in people[0][1]:
        raise RecordRejected("mail.recipient", f"{text[:80]!r} is not one mail address", where=name)
    return people[0]


def text_line(header: str, text: str) -> bytes:
    """One header of free text."""
    return _written(header, _folded(header, text) if text else "")


def people_line(header: str, people: Sequence[tuple[str, str]]) -> bytes:
    """One header of addresses, each on a line of its own."""
    return _written(header, ",\r\n ".join(_shown(header, *one) for one in people))


def whole(lines: Iterable[bytes]) -> bytes:
    """The head; ValueError where it is not of headers alone."""
    head = b"".join(lines)
    if not _WHOLE.fullmatch(head):
        raise ValueError("a header holds a line end")
    return head


def _written(header: str, value: str) -> bytes:
    return f"{header}: {value}\r\n".encode()


def _shown(header: str, name: str, address: str) -> str:
    if not name:
        return address
    if _plain(name):
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        return f'"{escaped}" <{address}>'
    return f"{_folded(header, name)}\r\n <{address}>"


def _plain(text: str) -> bool:
    """Whether a text needs no encoding: ASCII, no encoded word, and every word short enough for a line."""
    words = text.split(" ")
    return text.isascii() and "=?" not in text and len(text) <= _WORD and all(words)


def _folded(header: str, text: str) -> str:
    if _plain(text):
        return text
    return Header(text, "utf-8", header_name=header).encode(linesep="\r\n")
