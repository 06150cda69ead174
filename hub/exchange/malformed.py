"""Where a record cannot be read: the reader names a byte of the scratch, people need a line of the source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from hub.errors import Fatal

LARGE = "record.large"
HINT = "nothing of this read was used; mend the file, or ask the system's owner"


class Place(Protocol):
    """Rows from ``start`` on are ``origin`` from ``first`` on."""

    @property
    def start(self) -> int: ...
    @property
    def origin(self) -> str: ...
    @property
    def first(self) -> int: ...


def malformed(error: Exception, staged: Iterable[Path], pieces: Sequence[Place], longest: int) -> Exception:
    """The error of a record that DuckDB could not read, with its line in the source; another error as it is.
    Staged files named with a number are copies of whole files, others hold records without empty lines.

    Fatal ``record.malformed`` or ``record.large`` (``longest`` in bytes).
    """
    text = str(error)
    large = LARGE in text or "maximum_object_size" in text
    if "JSON" not in text and not large:
        return error
    ordered = sorted(staged, key=lambda path: (path.stem.startswith("records"), len(path.name), path.name))
    for where, line in _lines(ordered, pieces, longest):
        if len(line) > longest + 1:
            return _large(where, longest)
        if why := _fault(line):
            return Fatal("record.malformed", f"the record is no JSON: {why}", where=where, hint=HINT)
    if large:
        return _large(pieces[0].origin if pieces else "", longest)
    return Fatal(
        "record.malformed", "a record is no JSON", where=pieces[0].origin if pieces else "", hint=HINT
    )


def _large(where: str, longest: int) -> Fatal:
    return Fatal(
        "record.large",
        f"a record is larger than {longest >> 20} MB",
        where=where,
        hint="nothing of this read was used; read the resource without its large fields",
    )


def _lines(staged: Sequence[Path], pieces: Sequence[Place], longest: int) -> Iterator[tuple[str, bytes]]:
    """Every record and its place."""
    row = 0
    for path in staged:
        with path.open("rb") as stream:
            line = 0
            while text := stream.readline(longest + 3):
                line += 1
                if not text.strip():
                    continue
                piece = _piece(pieces, row)
                at = line if "-" in path.stem else piece.first + row - piece.start
                yield f"{piece.origin}:{at}", text
                row += 1


def _piece(pieces: Sequence[Place], row: int) -> Place:
    return [piece for piece in pieces if piece.start <= row][-1]


def _fault(line: bytes) -> str:
    """Why a line is no JSON; empty where it is."""
    try:
        json.loads(line)
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 (byte {error.start + 1} of the line)"
    except json.JSONDecodeError as error:
        return f"{error.msg} (column {error.pos + 1})"
    except RecursionError:
        return ""
    return ""
