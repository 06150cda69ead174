"""The order of what lies in a folder: by the time of the control record, and at one time by DOCNUM.

Where several messages are about one object the last one counts. Files have names that say nothing of that. So all
files are gone through before the first record is given; what of them fits into memory is not read a second time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from connectors.idoc.control import CONTROL
from hub.contract import Page
from hub.place import Entry

KEPT = 64 << 20
"""Bytes of records that are kept between the two times."""
ZONES = dt.timedelta(hours=15)
"""A control record has the time of SAP's own zone, a file that of the world: so far apart are two of them at most, with
an hour for clocks."""
_ENCODE = msgspec.json.Encoder().encode_lines
Read = Callable[[Entry], list[dict[str, Any]]]
_Place = tuple[str, str, int, int]
"""CREATED, DOCNUM, the file's number and the record's in it."""


def since(files: Sequence[Entry], moment: str | None) -> list[Entry]:
    """The files that may hold an IDoc of that time or later, or one that came late: but for those that were last
    changed before it in every zone."""
    try:
        begin = dt.datetime.fromisoformat(moment or "") - ZONES
    except (ValueError, OverflowError):
        return list(files)
    stamp = begin.replace(tzinfo=begin.tzinfo or dt.UTC).timestamp()
    return [one for one in files if one.modified is None or one.modified >= stamp]


def pages(files: Sequence[Entry], read: Read, path: str) -> Iterator[Page]:
    """The records of all files in their order; a page holds such as stand together in one file."""
    shelf = _Shelf(files, read)
    places = sorted(place for number in range(len(files)) for place in shelf.places(number))
    if not places:  # nothing was sent, or all of it was taken away
        yield Page(b"", 0, path, last=True)
        return
    cuts = [at for at, (one, next_) in enumerate(pairwise(places), 1) if next_[2:] != (one[2], one[3] + 1)]
    for begin, end in pairwise([0, *cuts, len(places)]):
        _, _, number, first = places[begin]
        lines = shelf.lines(number)[first : first + end - begin]
        yield Page(b"\n".join(lines), end - begin, files[number].name, first + 1, end == len(places))


class _Shelf:
    """Records as lines, by file: those that fit are kept, and of the others that which was asked for last."""

    def __init__(self, files: Sequence[Entry], read: Read) -> None:
        self._files, self._read = files, read
        self._kept: dict[int, list[bytes]] = {}
        self._left = KEPT
        self._open: tuple[int, list[bytes]] = (-1, [])

    def places(self, number: int) -> Iterator[_Place]:
        found = self._read(self._files[number])
        for at, record in enumerate(found):
            yield str(record["CREATED"] or ""), str(record[CONTROL]["DOCNUM"]).zfill(16), number, at
        lines = _ENCODE(found).splitlines()
        size = sum(map(len, lines))
        if size <= self._left:
            self._left -= size
            self._kept[number] = lines

    def lines(self, number: int) -> list[bytes]:
        if number in self._kept:
            return self._kept[number]
        if self._open[0] != number:
            self._open = (number, _ENCODE(self._read(self._files[number])).splitlines())
        return self._open[1]
