"""Lone surrogates: half a character, written as ``\\ud800`` in a JSON text, which no text in UTF-8 can hold.

DuckDB refuses a whole file for one of them. It is made readable here: each becomes a sign that stands for no
character (``\\uffff``) and its number behind it, by which its record is known, set aside and never applied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hub.exchange.runfile import RunFile

SIGN = "\\uffff"
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?P<lone>[dD][89a-fA-F][0-9a-fA-F]{2})|[\s\S])"
)


def mend(run: RunFile, paths: Sequence[Path], longest: int) -> bool:
    """Rewrite the staged files that have some, line for line; answers whether any had. A file may be a second
    name of the source's own, so a new one takes its place. Retriable ``file.changed`` where that changed."""
    found = False
    for path in paths:
        if (copy := mended(path, longest)) is not None:
            run.require_unchanged()
            copy.replace(path)
            run.linked.pop(path, None)
            found = True
    return found


def mended(path: Path, longest: int) -> Path | None:
    """A copy beside the file, without lone surrogates; None where it has none."""
    copy, found = path.with_suffix(".mended"), False
    with path.open("rb") as lines, copy.open("wb", buffering=1 << 20) as out:
        while line := lines.readline(longest + 3):
            text = _ESCAPE.sub(_readable, line) if b"\\u" in line else line
            found |= text != line
            out.write(text)
    if not found:
        copy.unlink()
    return copy if found else None


def _readable(escape: re.Match[bytes]) -> bytes:
    lone = escape["lone"]
    return escape[0] if lone is None else SIGN.encode() + lone
