"""Values between the octets of a directory and JSON, by the kind of their attribute."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from hub.contract import FieldType
from hub.errors import RecordRejected

Kind = Literal[
    "text", "integer", "boolean", "time", "utctime", "filetime", "guid", "sid", "binary", "float", "dn"
]
TYPES: dict[Kind, FieldType] = {
    "text": "text", "integer": "integer", "boolean": "boolean", "time": "datetime", "utctime": "datetime",
    "filetime": "datetime", "guid": "text", "sid": "text", "binary": "binary", "float": "float", "dn": "text",
}  # fmt: skip
_SYNTAXES: dict[str, Kind] = {
    "1.3.6.1.4.1.1466.115.121.1.7": "boolean", "1.3.6.1.4.1.1466.115.121.1.27": "integer",
    "1.2.840.113556.1.4.906": "integer", "1.3.6.1.4.1.1466.115.121.1.24": "time",
    "1.3.6.1.4.1.1466.115.121.1.53": "utctime", "1.3.6.1.4.1.1466.115.121.1.40": "binary",
    "1.3.6.1.4.1.1466.115.121.1.28": "binary", "1.3.6.1.4.1.1466.115.121.1.5": "binary",
    "1.3.6.1.4.1.1466.115.121.1.8": "binary", "1.3.6.1.4.1.1466.115.121.1.9": "binary",
    "1.3.6.1.4.1.1466.115.121.1.10": "binary", "1.3.6.1.4.1.1466.115.121.1.4": "binary",
    "1.3.6.1.4.1.1466.115.121.1.23": "binary", "1.2.840.113556.1.4.907": "binary",
    "1.3.6.1.4.1.1466.115.121.1.12": "dn",
}  # fmt: skip
"""RFC 4517 §3.3 and Active Directory's own: large integers and security descriptors."""
_GUIDS = frozenset({"objectguid", "parentguid", "ms-ds-consistencyguid", "msexchmailboxguid", "attributesecurityguid",
                    "schemaidguid", "currentlocation"})  # fmt: skip
_SIDS = frozenset({"objectsid", "sidhistory", "tokengroups", "securityidentifier", "msexchmasteraccountsid"})
_FILETIMES = frozenset({
    "accountexpires", "badpasswordtime", "lastlogoff", "lastlogon", "lastlogontimestamp", "lockouttime", "pwdlastset",
    "creationtime", "msds-userpasswordexpirytimecomputed", "msds-lastsuccessfulinteractivelogontime",
    "msds-lastfailedinteractivelogontime",
})  # fmt: skip
_BEGIN = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = 2**63 - 1
_TIME = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:(\d\d))?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as it is read and written. ``many``: all its values, as a list; else its first."""

    name: str
    kind: Kind = "text"
    many: bool = False
    fixed: bool = False
    title: str = ""


def kind_of(name: str, syntax: str | None, declared: FieldType | None = None) -> Kind:
    """What the values of an attribute are, by its name, the syntax of the schema, and what YAML says."""
    known = name.partition(";")[0].lower()
    natural: Kind = _SYNTAXES.get(syntax or "", "text")
    if declared == "binary":
        return "binary"
    if known in _GUIDS:
        return "guid"
    if known in _SIDS:
        return "sid"
    if known in _FILETIMES and declared in (None, "datetime"):
        return "filetime"
    if declared is None:
        return natural
    if declared == "datetime":
        return {"integer": "filetime", "utctime": "utctime"}.get(natural, "time")  # type: ignore[return-value] # its values are the types
    if declared == "text":
        return "dn" if natural == "dn" else "text"
    return {"integer": "integer", "boolean": "boolean"}.get(declared, "float")  # type: ignore[return-value] # its values are the types


# ------------------------------------------------------------------ reading


def read_time(value: bytes) -> str | None:
    """Generalized time (RFC 4517 §3.3.13) as ISO 8601; a time without a zone stays without.

    >>> read_time(b"20260102030405Z"), read_time(b"2026010203+0800"), read_time(b"20260102030405.0Z")
    ('2026-01-02T03:04:05Z', '2026-01-01T19:00:00Z', '2026-01-02T03:04:05Z')
    """
    found = _TIME.fullmatch(value.strip())
    if found is None:
        return value.decode("utf-8", "replace")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        made = datetime(*map(int, (year, month, day, hour, minute or 0, second or 0)))  # type: ignore[arg-type] # their number is known
        if fraction:  # of the smallest unit that is written
            unit = timedelta(seconds=1) if second else timedelta(minutes=1) if minute else timedelta(hours=1)
            made += unit * float(b"0." + fraction)
        if zone and zone != b"Z":
            made -= _offset(zone.decode())
    except (ValueError, OverflowError):
        return value.decode("utf-8", "replace")
    return made.isoformat() + ("Z" if zone else "")


def _offset(zone: str) -> timedelta:
    minutes = int(zone[1:3]) * 60 + int(zone[3:5] or 0)
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def read_utctime(value: bytes) -> str | None:
    """UTC time: two digits of the year, seconds optional (RFC 4517 §3.3.34).

    >>> read_utctime(b"9912312359Z")
    '1999-12-31T23:59:00Z'
    """
    century = b"19" if value[:2] >= b"50" else b"20"
    return read_time(century + value)


def read_filetime(value: bytes) -> str | None:
    """100 ns since 1601 as ISO 8601; 0 and the largest number mean never.

    >>> read_filetime(b"133801668000000000"), read_filetime(b"0"), read_filetime(b"9223372036854775807")
    ('2025-01-01T01:00:00Z', None, None)
    """
    try:
        number = int(value)
        if number in (0, _NEVER) or number < 0:
            return None
        made = _BEGIN + timedelta(microseconds=number // 10)
    except (ValueError, OverflowError):
        return value.decode("utf-8", "replace")
    return made.replace(tzinfo=None).isoformat() + "Z"


def read_guid(value: bytes) -> str:
    """A GUID as Microsoft writes it: the first three groups are stored the other way round.

    >>> read_guid(bytes.fromhex("12517bb094032d478c5b61a422121b00"))
    'b07b5112-0394-472d-8c5b-61a422121b00'
    """
    return str(uuid.UUID(bytes_le=value)) if len(value) == 16 else base64.b64encode(value).decode()


def read_sid(value: bytes) -> str:
    """A security identifier as text.

    >>> read_sid(bytes.fromhex("01020000000000052000000020020000"))
    'S-1-5-32-544'
    """
    if len(value) < 8 or len(value) != 8 + 4 * value[1]:
        return base64.b64encode(value).decode()
    parts = [int.from_bytes(value[at : at + 4], "little") for at in range(8, len(value), 4)]
    return "-".join(map(str, ["S", value[0], int.from_bytes(value[2:8], "big"), *parts]))


def _read_number(value: bytes) -> Any:
    try:
        return int(value)
    except ValueError:
        return value.decode("utf-8", "replace")


def _read_float(value: bytes) -> Any:
    try:
        return float(value)
    except ValueError:
        return value.decode("utf-8", "replace")


def _read_truth(value: bytes) -> Any:
    return {b"TRUE": True, b"FALSE": False}.get(value.upper(), value.decode("utf-8", "replace"))


def _read_text(value: bytes) -> str:
    """What is not UTF-8 breaks RFC 4517; a sign for a lost letter is better than a lost entry."""
    return value.decode("utf-8", "replace")


READ: dict[Kind, Callable[[bytes], Any]] = {
    "text": _read_text, "dn": _read_text,
    "integer": _read_number, "float": _read_float, "boolean": _read_truth, "time": read_time,
    "utctime": read_utctime, "filetime": read_filetime, "guid": read_guid, "sid": read_sid,
    "binary": lambda value: base64.b64encode(value).decode(),
}  # fmt: skip


# ------------------------------------------------------------------ writing


def octets(attribute: Attribute, value: Any) -> bytes:
    """One value as the directory takes it. RecordRejected ``ldap.value`` where it cannot be one."""
    try:
        return _WRITE.get(attribute.kind, _write_text)(value)
    except (ValueError, TypeError, OverflowError):
        raise RecordRejected(
            "ldap.value", f"the value does not fit the attribute {attribute.name}, which is {attribute.kind}",
            where=attribute.name, hint="map it to the attribute's type",
        ) from None  # fmt: skip


def _write_text(value: Any) -> bytes:
    if isinstance(value, dict | list):
        raise TypeError("one value is wanted")
    if isinstance(value, bool):
        return b"TRUE" if value else b"FALSE"
    if isinstance(value, datetime):
        return _write_time(value)
    return str(value).encode()


def _write_number(value: Any) -> bytes:
    return str(int(value) if not isinstance(value, float) or value.is_integer() else _refused()).encode()


def _refused() -> int:
    raise ValueError("no whole number")


def _write_truth(value: Any) -> bytes:
    return {"true": b"TRUE", "false": b"FALSE", "1": b"TRUE", "0": b"FALSE"}.get(str(value).lower()) or bytes(
        _refused()
    )


def moment(value: Any) -> datetime:
    """A time of the hub, in UTC; ValueError where it is none."""
    made = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (made if made.tzinfo else made.replace(tzinfo=UTC)).astimezone(UTC)


def _write_time(value: Any) -> bytes:
    made = moment(value)
    fraction = f".{made.microsecond:06d}".rstrip("0") if made.microsecond else ""
    return f"{made:%Y%m%d%H%M%S}{fraction}Z".encode()


def _write_filetime(value: Any) -> bytes:
    return str((moment(value) - _BEGIN) // timedelta(microseconds=1) * 10).encode()


def _write_guid(value: Any) -> bytes:
    return uuid.UUID(str(value)).bytes_le


def _write_sid(value: Any) -> bytes:
    _, revision, authority, *parts = str(value).split("-")
    inner = b"".join(int(part).to_bytes(4, "little") for part in parts)
    return bytes([int(revision), len(parts)]) + int(authority).to_bytes(6, "big") + inner


def _write_binary(value: Any) -> bytes:
    return value if isinstance(value, bytes) else base64.b64decode(str(value), validate=True)


_WRITE: dict[Kind, Callable[[Any], bytes]] = {
    "integer": _write_number, "boolean": _write_truth, "time": _write_time,
    "utctime": lambda value: f"{moment(value):%y%m%d%H%M%S}Z".encode(), "filetime": _write_filetime,
    "guid": _write_guid, "sid": _write_sid, "binary": _write_binary,
}  # fmt: skip


def password(name: str, value: Any) -> bytes:
    """A new password as its attribute takes it: Active Directory wants quotes and UTF-16.

    >>> password("unicodePwd", "ab")
    b'"\\x00a\\x00b\\x00"\\x00'
    """
    text = str(value)
    return f'"{text}"'.encode("utf-16-le") if name.lower() == "unicodepwd" else text.encode()


def escape(value: bytes | str) -> str:
    """A value as it stands in a filter (RFC 4515 §3): no byte of it can be read as syntax.

    >>> escape("a*(b)\\\\\\0")
    'a\\\\2a\\\\28b\\\\29\\\\5c\\\\00'
    """
    raw = value.encode() if isinstance(value, str) else value
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"*()\\" else f"\\{byte:02x}" for byte in raw
    )
