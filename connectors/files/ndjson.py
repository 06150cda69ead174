"""NDJSON: lines pass as they are, in blocks whose ends are line ends."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from connectors.files.text import torn, valid
from hub.contract import Page
from hub.errors import Fatal

LONGEST = 64 << 20
# A line that starts with white space, mostly an empty one: found at 3 GB/s.
_ODD = re.compile(rb"\n\s")


def pages(blocks: Iterable[bytes], name: str, *, size: int | None, final_newline: bool) -> Iterator[Page]:
    """Pages of whole lines; ``first`` is the line of the first record.

    A last line without line end must be a whole JSON object; Fatal ``file.torn`` otherwise.
    """
    line, rest = 1, [b""]
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest.append(block)
            if sum(map(len, rest)) > LONGEST:
                raise Fatal("json.large", f"a line is longer than {LONGEST >> 20} MB", where=f"{name}:{line}")
            continue
        rest.append(block[:cut])
        lines, rest = b"".join(rest), [block[cut:]]
        if line == 1:
            _object(lines, name)
        valid(lines, name, line)
        count = lines.count(b"\n")
        yield from _pages(lines, count, name, line, size)
        line += count
    last = b"".join(rest)
    if not last.strip():
        return
    if line == 1:
        _object(last, name)
    valid(last, name, line)
    _whole(last, name, line, final_newline)
    yield Page(last + b"\n", 1, origin=name, first=line)


def plain(path: Path) -> bool:
    """Whether the file begins with an object and ends with a whole line: then its lines are its records."""
    with path.open("rb") as stream:
        if stream.read(1) != b"{":
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def _object(lines: bytes, name: str) -> None:
    if lines.lstrip()[:1] not in {b"{", b""}:
        raise Fatal(
            "json.shape",
            "the file does not start with a JSON object",
            where=f"{name}:1",
            hint="NDJSON is one JSON object per line; for an array of records declare format: json",
        )


def _whole(last: bytes, name: str, line: int, final_newline: bool) -> None:
    if final_newline:
        raise torn(name, line, "it has no line end")
    try:
        if not isinstance(json.loads(last), dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise torn(name, line, "it is not a whole JSON object") from error


def _pages(lines: bytes, count: int, name: str, first: int, size: int | None) -> Iterator[Page]:
    """One page, or several where the lines are more than ``size`` or where an empty line parts them
    (it would shift the positions of the records behind it)."""
    if lines[:1].isspace() or _ODD.search(lines):
        yield from _parted(lines, name, first, size or count)
    elif size is None or count <= size:
        yield Page(lines, count, origin=name, first=first)
    else:
        start = 0
        for at in range(0, count, size):
            end, number = start, min(size, count - at)
            for _ in range(number):
                end = lines.index(b"\n", end) + 1
            yield Page(lines[start:end], number, origin=name, first=first + at)
            start = end


def _parted(lines: bytes, name: str, first: int, size: int) -> Iterator[Page]:
    held: list[bytes] = []
    at = first
    for number, line in enumerate(lines.split(b"\n")[:-1], first):
        if line.strip() and len(held) < size:
            at = at if held else number
            held.append(line)
            continue
        if held:
            yield Page(b"\n".join(held) + b"\n", len(held), origin=name, first=at)
        held, at = ([line], number) if line.strip() else ([], number)
    if held:
        yield Page(b"\n".join(held) + b"\n", len(held), origin=name, first=at)
