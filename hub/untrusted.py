"""The one guarded place for foreign XML, JSON and archives.

Nothing else of the hub opens an XML parser or inflates anything that a stranger wrote. Every refusal
is a ``Fatal`` with a stable code, because an answer that cannot be trusted must never look like an
empty one.

=================  =====================================================================
``xml.*``          ``too_large doctype encoding malformed``
``json.*``         ``too_large truncated malformed encoding``
``archive.*``      ``too_large ratio entries path link encrypted malformed``
=================  =====================================================================
"""

from __future__ import annotations

import codecs
import io
import lzma
import posixpath
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, TypeVar, overload

import msgspec
from lxml import etree

from hub.errors import Fatal

MEGABYTE = 1 << 20
XML_LIMIT = 32 * MEGABYTE
JSON_LIMIT = 256 * MEGABYTE
INFLATED_LIMIT = 1024 * MEGABYTE
RATIO_LIMIT = 100
ENTRY_LIMIT = 10_000
DIRECTORY_LIMIT = 16 * MEGABYTE
CHUNK = 64 * 1024
# a tiny member may well be all blanks: the ratio is judged only from here on
RATIO_FROM = MEGABYTE

# the end of a zip: a comment of up to 64 KB, its record of 22 bytes, and those of zip64 (56 and 20) before it
_END_64 = 76
_TAIL = (1 << 16) + 22 + _END_64

T = TypeVar("T")


def parse_xml(
    text: bytes, *, limit: int = XML_LIMIT, where: str = "", encoding: str | None = None
) -> etree._Element:
    """Parse a document without DTD, entities, network or huge trees; answer its root.

    A document type declaration is refused before the parser sees it, and once more afterwards for
    encodings in which the first look could not read it. ``encoding`` goes before what the document says.
    """
    text, encoding = _harmless(text, limit, where, encoding)
    parser = etree.XMLParser(load_dtd=False, dtd_validation=False, encoding=encoding, **_GUARDED)
    try:
        root = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _unreadable(error, where) from None
    return _judged(root, where)


def stream_xml(
    text: bytes,
    tags: str | Sequence[str] | None,
    take: Callable[[etree._Element], None],
    *,
    limit: int = XML_LIMIT,
    where: str = "",
    encoding: str | None = None,
) -> etree._Element:
    """Parse as ``parse_xml`` does, giving every element of these tags (``{*}name``; None for all) to ``take``
    as soon as it is complete; answer the root.

    ``take`` may clear the element it is given, so that the tree of a long list is never held as a whole. It
    must keep what it took to itself until the answer: the document may turn out to be broken behind it.
    """
    text, encoding = _harmless(text, limit, where, encoding)
    parser = etree.iterparse(
        io.BytesIO(text), events=("end",), tag=tags, load_dtd=False, collect_ids=False, encoding=encoding,
        **_GUARDED,
    )  # fmt: skip
    try:
        for _, element in parser:
            take(element)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _unreadable(error, where) from None
    return _judged(parser.root, where)


_GUARDED: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def _harmless(text: bytes, limit: int, where: str, encoding: str | None) -> tuple[bytes, str | None]:
    """The text as the parser may see it: as UTF-8 where its encoding was told from outside."""
    if len(text) > limit:
        raise Fatal("xml.too_large", f"the XML has {len(text)} bytes, more than {limit}", where=where)
    if b"<!DOCTYPE" in (text.replace(b"\0", b"") if b"\0" in text[:4] else text):
        raise _doctype(where)
    if encoding is None:
        return text, None
    try:
        return decoded(text, encoding).encode(), "utf-8"
    except (LookupError, UnicodeError):
        raise Fatal("xml.encoding", f"the XML is not in {encoding}, as its sender says", where=where) from None


_CHARACTER_SETS = re.compile(
    r"utf-?(?:8|8-sig|(?:16|32)(?:-[bl]e)?)|ascii|iso8859-\d+|cp\d+|gb2312|gbk|gb18030|hz|big5|big5hkscs|euc_.*"
    r"|shift_jis.*|iso2022.*|johab|koi8.*|mac-.*|tis-620|ptcp154|kz1048"
)


def decoded(text: bytes, encoding: str) -> str:
    """The text in a character set that its sender names; LookupError where that is none. Python's other codecs
    (punycode, idna, escapes) are no character sets, and some take a time that grows with the square."""
    if not _CHARACTER_SETS.fullmatch(codecs.lookup(encoding).name):
        raise LookupError(encoding)
    return text.decode(encoding)


def _judged(root: etree._Element, where: str) -> etree._Element:
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise _doctype(where)
    return root


def _unreadable(error: Exception, where: str) -> Fatal:
    """What libxml2 could not read. Its limits (10 MB in one value, 256 levels) are those of a tree that is not
    huge."""
    said = " ".join(str(getattr(error, "msg", None) or error).split())
    if re.search(r"(?i)huge|excessive depth|too long|internal error", said):
        return Fatal(
            "xml.too_large",
            f"a value of the XML is larger than 10 MB, or it is nested deeper than 256 levels: {said}",
            where=where,
            hint="ask the sender for smaller values, or leave the field out of the request",
        )
    if re.search(r"(?i)encoding|proper UTF-8|input conversion|invalid bytes", said):
        return Fatal(
            "xml.encoding",
            f"the XML is not in the encoding it says: {said}",
            where=where,
            hint="the sender must declare the encoding that it writes",
        )
    return Fatal("xml.malformed", f"the XML cannot be read: {said}", where=where)


def _doctype(where: str) -> Fatal:
    return Fatal(
        "xml.doctype",
        "the XML declares a document type, which is refused",
        where=where,
        hint="a DTD can pull in files and explode; ask the sender for a document without one",
    )


@overload
def parse_json(text: bytes, *, limit: int = ..., where: str = ...) -> Any: ...
@overload
def parse_json(text: bytes, kind: type[T], *, limit: int = ..., where: str = ...) -> T: ...
def parse_json(text: bytes, kind: Any = Any, *, limit: int = JSON_LIMIT, where: str = "") -> Any:
    """Decode one JSON text, as ``kind`` where given (``dict[str, msgspec.Raw]`` keeps values as bytes).

    ``json.truncated`` says that the text ends too early (a cut answer), ``json.malformed`` that it
    is not JSON or not of this kind.
    """
    if len(text) > limit:
        raise Fatal("json.too_large", f"the JSON has {len(text)} bytes, more than {limit}", where=where)
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        return msgspec.json.decode(text, type=kind)
    except UnicodeDecodeError as error:
        raise Fatal("json.encoding", f"the JSON is not UTF-8 (byte {error.start})", where=where) from None
    except (msgspec.DecodeError, RecursionError) as error:
        code = "json.truncated" if "truncated" in str(error) else "json.malformed"
        raise Fatal(code, f"the JSON cannot be read: {error}", where=where) from None


def inflate(
    chunks: Iterable[bytes], *, limit: int = INFLATED_LIMIT, ratio: int = RATIO_LIMIT, where: str = ""
) -> Iterator[bytes]:
    """Inflate a gzip or zlib stream piece by piece, counting what comes out.

    Members may follow each other, as gzip allows. A stream that ends inside a member is malformed.
    """
    taken = given = 0
    inflater = zlib.decompressobj(wbits=47)
    begun = False
    for chunk in chunks:
        taken += len(chunk)
        while chunk:
            if inflater.eof:
                inflater = zlib.decompressobj(wbits=47)
            begun = True
            try:
                piece = inflater.decompress(chunk, CHUNK)
            except zlib.error as error:
                raise Fatal("archive.malformed", f"cannot be inflated: {error}", where=where) from None
            given += len(piece)
            _judge(taken, given, limit, ratio, where)
            if piece:
                yield piece
            chunk = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if not chunk and not piece:
                break
    if begun and not inflater.eof:
        raise Fatal("archive.malformed", "the compressed stream ends too early", where=where)


def _judge(taken: int, given: int, limit: int, ratio: int, where: str) -> None:
    if given > limit:
        raise Fatal("archive.too_large", f"inflates to more than {limit} bytes", where=where)
    if given > RATIO_FROM and given > taken * ratio:
        raise Fatal("archive.ratio", f"inflates to more than {ratio} times its size", where=where)


def open_zip(
    file: BinaryIO | bytes,
    *,
    limit: int = INFLATED_LIMIT,
    ratio: int = RATIO_LIMIT,
    entries: int = ENTRY_LIMIT,
    where: str = "",
) -> zipfile.ZipFile:
    """Open an archive whose directory is harmless: count, announced sizes and ratios, names, no links,
    nothing encrypted. Read its members by ``read_entry``, because announced sizes may lie."""
    stream = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        _judge_directory(stream, entries, where)
        archive = zipfile.ZipFile(stream)
    except _BROKEN_ZIP as error:
        raise Fatal("archive.malformed", f"not a readable zip archive: {error}", where=where) from None
    members = archive.infolist()
    if len(members) > entries:
        raise _crowded(len(members), entries, where)
    if sum(member.file_size for member in members) > limit:
        raise Fatal("archive.too_large", f"inflates to more than {limit} bytes", where=where)
    for member in members:
        _judge_member(member, ratio, where)
    return archive


_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError, OSError, OverflowError,
)  # fmt: skip
"""What ``zipfile`` and its inflaters raise on bytes that are no archive, or one of a kind that they cannot read."""


def _judge_directory(stream: BinaryIO, entries: int, where: str) -> None:
    """Refuse too many members before ``zipfile`` makes an object of each. What the end of the archive announces may
    be a lie, so the entries of the directory are counted by their signature, of which each has one."""
    tail_at = max(stream.seek(0, io.SEEK_END) - _TAIL, 0)
    stream.seek(tail_at)
    tail = stream.read(_TAIL)
    at = len(tail) - 22 if tail[-22:-18] == b"PK\5\6" and tail[-2:] == b"\0\0" else tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("it has no end of a directory")
    count, size = struct.unpack_from("<HL", tail, at + 10)
    wide = at - _END_64
    if wide >= 0 and tail[wide : wide + 4] == b"PK\6\6" and tail[at - 20 : at - 16] == b"PK\6\7":
        at, (count, size) = wide, struct.unpack_from("<2Q", tail, wide + 32)
    if count > entries:
        raise _crowded(count, entries, where)
    if size > tail_at + at:
        raise zipfile.BadZipFile("its directory is larger than the file")
    if size > DIRECTORY_LIMIT:
        raise Fatal(
            "archive.too_large", f"its directory has {size} bytes, more than {DIRECTORY_LIMIT}", where=where
        )
    stream.seek(tail_at + at - size)
    if (found := stream.read(size).count(b"PK\1\2")) > entries:
        raise _crowded(found, entries, where)


def _crowded(count: int, entries: int, where: str) -> Fatal:
    return Fatal("archive.entries", f"holds {count} members, more than {entries}", where=where)


def _judge_member(member: zipfile.ZipInfo, ratio: int, where: str) -> None:
    name = member.filename
    _judge(member.compress_size, member.file_size, INFLATED_LIMIT, ratio, f"{where}!{name}")
    if name.startswith(("/", "\\")) or ":" in name or ".." in posixpath.normpath(name).split("/"):
        raise Fatal("archive.path", f"member {name!r} points outside of the archive", where=where)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Fatal("archive.link", f"member {name!r} is a symbolic link", where=where)
    if member.flag_bits & 1:
        raise Fatal("archive.encrypted", f"member {name!r} is encrypted", where=where)


def read_entry(
    archive: zipfile.ZipFile,
    name: str,
    *,
    limit: int = INFLATED_LIMIT,
    ratio: int = RATIO_LIMIT,
    where: str = "",
) -> Iterator[bytes]:
    """Give one member piece by piece, counting what really comes out."""
    place = f"{where}!{name}"
    try:
        member = archive.getinfo(name)
        given = 0
        with archive.open(member) as stream:
            while piece := stream.read(CHUNK):
                given += len(piece)
                _judge(member.compress_size, given, limit, ratio, place)
                yield piece
    except KeyError:
        raise Fatal("archive.malformed", f"has no member {name!r}", where=where) from None
    except _BROKEN_ZIP as error:
        raise Fatal("archive.malformed", f"cannot be inflated: {error}", where=place) from None
