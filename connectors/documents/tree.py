"""What a place of documents can do, wherever it lies, and which names are taken from it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hub.contract import Content
from hub.errors import HubError, RecordRejected

PIECE = 1 << 20
LONGEST = 1024
_TURNS = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
_DEVICES = {"con", "prn", "aux", "nul", *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(1, 10))}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file below the root: ``path`` with / between, ``size`` in bytes, ``modified`` in UTC seconds. ``refused`` is
    why it is not read at all."""

    path: str
    size: int
    modified: float | None
    revision: str
    refused: str = ""


class Changed(HubError):
    """The file is not the one that was expected; nothing was written."""


class Tree(Protocol):
    """One folder and what is below it. Paths are relative to it and have passed ``checked``."""

    def probe(self) -> None:
        """Raise where the folder cannot be used."""
        ...

    def walk(self, folder: str) -> Iterator[Entry]:
        """Every file below a folder, in the order of their paths."""
        ...

    def entry(self, path: str) -> Entry | None: ...

    def pieces(self, path: str) -> Iterator[bytes]: ...

    def write(self, path: str, content: Content, expected: str | None) -> Entry:
        """All of the content, or nothing. ``expected`` is the revision that is there now, None for none; Changed where
        it is another one."""
        ...

    def move(self, path: str, target: str, expected: str) -> Entry: ...

    def remove(self, path: str, expected: str) -> None: ...

    def close(self) -> None: ...


def checked(path: object) -> str:
    """A path as a record gives it; RecordRejected ``document.name`` where it leaves the folder, or is a name that
    some system cannot have or shows otherwise than it is."""
    text = path if isinstance(path, str) else ""
    if why := hostile(text):
        raise RecordRejected("document.name", f"the path cannot be used: {why}", where=text[:200])
    return text


def hostile(path: str) -> str:
    """Why a path is not used; empty where it is.

    >>> hostile("2026/contract.pdf"), hostile("../etc/passwd"), hostile("a/con.txt")
    ('', 'it leaves the folder', 'con is a device of Windows')
    """
    if not path or len(path.encode("utf-8", "replace")) > LONGEST:
        return "it is empty, or longer than 1024 bytes"
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _TURNS for sign in path):
        return "it holds a control character, a turn of direction or half a character"
    if "\\" in path or path.startswith("/") or ":" in path:
        return "it holds a backslash or a colon, or begins with /"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return "it leaves the folder"
        if part != part.rstrip(". "):
            return "a part of it ends in a blank or a dot"
        if part.split(".")[0].lower() in _DEVICES:
            return f"{part.split('.')[0]} is a device of Windows"
    return ""
