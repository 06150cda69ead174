"""The controls by which directories tell what changed: syncrepl (RFC 4533), DirSync and others of Active Directory.

Their values are BER. What is here reads and writes just these forms: python-ldap knows no DirSync, takes cookies for
text, and decodes one state per entry too slowly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from ldap.controls import RequestControl, ResponseControl

from hub.errors import Fatal

SYNC_REQUEST, SYNC_STATE, SYNC_DONE = (f"1.3.6.1.4.1.4203.1.9.1.{number}" for number in (1, 2, 3))
SYNC_INFO = "1.3.6.1.4.1.4203.1.9.1.4"
DIRSYNC = "1.2.840.113556.1.4.841"
SHOW_DELETED = "1.2.840.113556.1.4.417"
POST_READ = "1.3.6.1.1.13.2"
ASSERTION = "1.3.6.1.1.12"
PRESENT, ADD, MODIFY, DELETE = range(4)
"""States of an entry (RFC 4533 §2.3)."""
_BOOLEAN, _INTEGER, _OCTETS, _ENUMERATED, _SEQUENCE, _SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
_ID_SET = 0xA3


def _write(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _number(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of every element of a sequence. Fatal ``ldap.answer`` where it is cut."""
    at = 0
    while at < len(content):
        if at + 2 > len(content):
            raise _broken()
        tag, size = content[at], content[at + 1]
        at += 2
        if size & 0x80:
            more = size & 0x7F
            if not 1 <= more <= 4 or at + more > len(content):
                raise _broken()
            size = int.from_bytes(content[at : at + more], "big")
            at += more
        if at + size > len(content):
            raise _broken()
        yield tag, content[at : at + size]
        at += size


def _sequence(value: bytes | None) -> list[tuple[int, bytes]]:
    found = [*_parts(value or b"")]
    if len(found) != 1 or found[0][0] != _SEQUENCE:
        raise _broken()
    return [*_parts(found[0][1])]


def _broken() -> Fatal:
    return Fatal(
        "ldap.answer", "the value of a control in the answer cannot be understood",
        hint="the directory, or what stands between, is broken: ask who keeps it",
    )  # fmt: skip


class Plain(RequestControl):  # type: ignore[misc]  # python-ldap is untyped
    """A control whose value is made already."""

    def __init__(self, control: str, value: bytes | None = None) -> None:
        super().__init__(control, True, None)
        self.value = value

    def encodeControlValue(self) -> bytes | None:
        return self.value


def sync_request(cookie: bytes | None) -> Plain:
    """Asks for what changed since a cookie, or for everything (refreshOnly)."""
    value = _write(_ENUMERATED, b"\x01") + (_write(_OCTETS, cookie) if cookie is not None else b"")
    return Plain(SYNC_REQUEST, _write(_SEQUENCE, value))


def dirsync_request(cookie: bytes, *, size: int = 1 << 20) -> Plain:
    """Asks for what changed since a cookie (MS-ADTS §3.1.1.3.4.1.3); empty: from the beginning."""
    inner = _write(_INTEGER, _number(0)) + _write(_INTEGER, _number(size)) + _write(_OCTETS, cookie)
    return Plain(DIRSYNC, _write(_SEQUENCE, inner))


class SyncState(ResponseControl):  # type: ignore[misc]  # python-ldap is untyped
    """What stands beside every entry: its state and its entryUUID."""

    controlType = SYNC_STATE
    state: int
    uuid: str

    def decodeControlValue(self, encodedControlValue: bytes) -> None:
        parts = _sequence(encodedControlValue)
        if len(parts) < 2 or parts[0][0] != _ENUMERATED or len(parts[1][1]) != 16:
            raise _broken()
        self.state, self.uuid = int.from_bytes(parts[0][1], "big"), str(UUID(bytes=parts[1][1]))


class SyncDone(ResponseControl):  # type: ignore[misc]  # python-ldap is untyped
    """What stands at the end: the new cookie, and whether deletions were told one by one."""

    controlType = SYNC_DONE
    cookie: bytes | None
    deletes: bool

    def decodeControlValue(self, encodedControlValue: bytes) -> None:
        parts = dict(_sequence(encodedControlValue))
        self.cookie, self.deletes = parts.get(_OCTETS), _true(parts.get(_BOOLEAN))


class DirSyncDone(ResponseControl):  # type: ignore[misc]  # python-ldap is untyped
    """What stands at the end of each piece: whether more follows, and where it goes on."""

    controlType = DIRSYNC
    more: bool
    cookie: bytes

    def decodeControlValue(self, encodedControlValue: bytes) -> None:
        parts = _sequence(encodedControlValue)
        if [tag for tag, _ in parts] != [_INTEGER, _INTEGER, _OCTETS]:
            raise _broken()
        self.more, self.cookie = any(parts[0][1]), parts[2][1]


RESPONSES = {one.controlType: one for one in (SyncState, SyncDone, DirSyncDone)}


@dataclass(frozen=True, slots=True)
class IdSet:
    """Entries that are there, or with ``deletes`` those that are gone."""

    deletes: bool
    uuids: tuple[str, ...]


def id_set(value: bytes | None) -> IdSet | None:
    """The entries of a sync info message (RFC 4533 §2.5); None where it is of another kind."""
    found = [*_parts(value or b"")]
    if len(found) != 1:
        raise _broken()
    tag, content = found[0]
    if tag != _ID_SET:
        return None
    deletes, uuids = False, []
    for inner, piece in _parts(content):
        if inner == _BOOLEAN:
            deletes = _true(piece)
        elif inner == _SET:
            uuids = [str(UUID(bytes=octets)) for _, octets in _parts(piece) if len(octets) == 16]
    return IdSet(deletes, tuple(uuids))


def _true(content: bytes | None) -> bool:
    return bool(content) and any(content or b"")
