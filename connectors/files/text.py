"""Bytes of a text file, block by block, as UTF-8 without byte order mark and without NUL."""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from hub.errors import Fatal

BLOCK = 4 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESSES = ("gb18030", "utf-16-le", "cp1252")


def blocks(stream: BinaryIO, encoding: str, name: str) -> Iterator[bytes]:
    """Blocks of about ``BLOCK`` bytes. Those of a UTF-8 file may end within a character and are not
    checked yet (see ``valid``); others are decoded strictly and encoded again.

    Raises Fatal ``encoding.invalid`` and ``text.nul`` with file and line.
    """
    block = stream.read(BLOCK)
    encoding, skip = _encoding(block, encoding)
    decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("strict")
    block, lines = block[skip:], 1
    while block:
        if decoder is not None:
            try:
                block = decoder.decode(block).encode()
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n")
                raise invalid(name, line, encoding) from error
            except UnicodeEncodeError as error:  # a lone surrogate of UTF-16
                raise invalid(name, lines + block[: error.start * 2].count(b"\n"), encoding) from error
        at = block.find(b"\0")
        if at >= 0:
            line = lines + _ends(block[:at]) if decoder is not None else _line(stream, block[at:])
            raise Fatal(
                "text.nul",
                "a NUL byte is in the text",
                where=f"{name}:{line}",
                hint="the file is binary, damaged, or UTF-16 without byte order mark: set encoding",
            )
        yield block
        # Counting costs as much as all other checks together, so UTF-8 is counted only on an error.
        lines += _ends(block) if decoder is not None else 0
        block = stream.read(BLOCK)
    if decoder is not None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise invalid(name, lines, encoding) from error


def _line(stream: BinaryIO, behind: bytes) -> int:
    """The line that the stream has read up to, without the bytes that lie ``behind`` the point."""
    left, line = stream.tell() - len(behind), 1
    stream.seek(0)
    while left > 0 and (block := stream.read(min(left, BLOCK))):
        left -= len(block)
        line += _ends(block)
    return line


def _ends(block: bytes) -> int:
    """Line ends of any kind."""
    return block.count(b"\n") or block.count(b"\r")


def _encoding(start: bytes, declared: str) -> tuple[str, int]:
    """The encoding to decode with and the bytes of the byte order mark to skip."""
    for mark, name in _MARKS:
        family = declared in {"auto", "utf-16"} or declared.removesuffix("-sig") == name
        if start.startswith(mark) and family:
            return name, len(mark)
    if declared in {"auto", "utf-8-sig"}:
        return "utf-8", 0
    return ("utf-16-le", 0) if declared == "utf-16" else (declared, 0)


def valid(lines: bytes, name: str, first: int) -> None:
    """Check whole lines for UTF-8, at the speed of memory (Arrow's validator needs no copy).

    Raises Fatal ``encoding.invalid`` with the line; ``first`` is the number of the first one.
    """
    if lines.isascii():
        return
    spans = pa.py_buffer(struct.pack("<ii", 0, len(lines)))
    text = pa.Array.from_buffers(pa.string(), 1, [None, spans, pa.py_buffer(lines)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        try:
            lines.decode()
        except UnicodeDecodeError as error:
            line = first + _ends(lines[: error.start])
            start = max(lines.rfind(b"\n", 0, error.start), lines.rfind(b"\r", 0, error.start)) + 1
            bad = lines[start:].splitlines()[0]
            raise invalid(name, line, "utf-8", bad) from error
        raise


def invalid(name: str, line: int, encoding: str, sample: bytes = b"") -> Fatal:
    """Bytes that are no text of the encoding; ``sample`` is their line, to guess the right one by."""
    hint = "set encoding of the resource to what the writer uses"
    for guess in _GUESSES if sample else ():
        try:
            sample.decode(guess)
        except UnicodeDecodeError:
            continue
        hint += f"; {guess} would read this line"
        break
    return Fatal("encoding.invalid", f"the bytes are not {encoding}", where=f"{name}:{line}", hint=hint)


def torn(name: str, line: int, why: str) -> Fatal:
    """The file ends within a record."""
    return Fatal(
        "file.torn",
        f"the last line is torn: {why}",
        where=f"{name}:{line}",
        hint="the writer was cut or has not finished; send the file again, or declare done: or settle:",
    )
