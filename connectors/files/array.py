"""A JSON file with an array of records. It is held in memory as a whole, so its size is capped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from hub.contract import Page
from hub.errors import Fatal
from hub.untrusted import JSON_LIMIT, parse_json

PAGE = 10_000


def pages(blocks: Iterable[bytes], name: str, records: str, *, size: int | None) -> Iterator[Page]:
    """Pages of records exactly as written, each on a line of its own; ``first`` counts records.

    ``records`` is the dotted path of the array; empty where the file is the array itself.
    """
    found = _array(_text(blocks, name), name, records)
    step = size or PAGE
    for at in range(0, len(found), step):
        numbered = enumerate(found[at : at + step], at + 1)
        part = [_line(bytes(record), name, number) for number, record in numbered]
        yield Page(b"".join(part), len(part), origin=name, first=at + 1, announced=len(found))


def _text(blocks: Iterable[bytes], name: str) -> bytes:
    held: list[bytes] = []
    total = 0
    for block in blocks:
        held.append(block)
        total += len(block)
        if total > JSON_LIMIT:
            raise Fatal(
                "json.too_large",
                f"the file is larger than {JSON_LIMIT >> 20} MB",
                where=name,
                hint="have it written as NDJSON, one object per line: that has no limit",
            )
    return b"".join(held)


def _array(text: bytes, name: str, path: str) -> list[msgspec.Raw]:
    here = ""
    value = msgspec.Raw(text)
    for step in filter(None, path.split(".")):
        members = _members(value, name, here)
        if step not in members:
            raise Fatal(
                "json.records",
                f"there is no {step!r} in {here or 'the file'}",
                where=name,
                hint=f"mend records: of the resource; it has {', '.join(sorted(members)[:10]) or 'nothing'}",
            )
        value, here = members[step], f"{here}.{step}".lstrip(".")
    if bytes(value).lstrip()[:1] == b"{":
        members = _members(value, name, here)
        raise Fatal(
            "json.shape",
            f"{here or 'the file'} is an object, not an array of records",
            where=name,
            hint=f"name the array by records: (there are {', '.join(sorted(members)[:10])}), or declare "
            "format: ndjson where each line is an object",
        )
    return parse_json(bytes(value), list[msgspec.Raw], where=name)


def _members(value: msgspec.Raw, name: str, here: str) -> dict[str, msgspec.Raw]:
    if bytes(value).lstrip()[:1] == b"[":
        raise Fatal("json.records", f"{here or 'the file'} is an array, not an object", where=name)
    return parse_json(bytes(value), dict[str, msgspec.Raw], where=name)


def _line(record: bytes, name: str, number: int) -> bytes:
    if record[:1] != b"{":
        raise Fatal("json.shape", "the record is not an object", where=f"{name}:{number}")
    # Line ends can only stand between the parts of a JSON text, never within a string.
    return record.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"
