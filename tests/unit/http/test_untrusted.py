"""Foreign XML, JSON and archives that mean harm."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from pathlib import Path

import pytest

from hub.errors import Fatal
from hub.untrusted import inflate, open_zip, parse_json, parse_xml, read_entry

BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'
FILE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
NET = b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>'


@pytest.mark.parametrize("text", [BOMB, FILE, NET, NET.decode().encode("utf-16")])
def test_a_document_type_is_refused_in_any_encoding(text: bytes):
    with pytest.raises(Fatal) as caught:
        parse_xml(text)
    assert caught.value.code == "xml.doctype"


@pytest.mark.parametrize(
    ("text", "limit", "code"),
    [(b"<a>" * 600 + b"</a>" * 600, 10_000, "xml.too_large"), (b"<a>&x;</a>", 50, "xml.malformed"),
     (b"<a", 50, "xml.malformed"),
     (b"", 50, "xml.malformed"), (b"<a>" + b" " * 50 + b"</a>", 50, "xml.too_large")],
)  # fmt: skip
def test_xml_that_is_too_deep_too_large_or_broken_is_refused(text: bytes, limit: int, code: str):
    with pytest.raises(Fatal) as caught:
        parse_xml(text, limit=limit)
    assert caught.value.code == code


def test_inclusions_are_left_alone():
    root = parse_xml(b'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="/etc/passwd"/></a>')
    assert len(root) == 1
    assert root[0].text is None


@pytest.mark.parametrize(
    ("text", "code"),
    [(b'{"a": [1, ', "json.truncated"), (b"{'a'}", "json.malformed"), (b'{"a": "\xff"}', "json.encoding"),
     (b"[" * 100_000, "json.malformed"), (b"[1, 2, 3]", "json.too_large")],
)  # fmt: skip
def test_json_that_cannot_be_used_says_why(text: bytes, code: str):
    with pytest.raises(Fatal) as caught:
        parse_json(text, limit=5 if code == "json.too_large" else 1_000_000)
    assert caught.value.code == code


def pieces(text: bytes, size: int = 1000) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_gzip_members_and_zlib_inflate(size: int):
    plain = b"".join(b"%d," % n for n in range(2000))
    assert b"".join(inflate(pieces(gzip.compress(plain) + gzip.compress(b"end"), size))) == plain + b"end"
    assert b"".join(inflate(pieces(zlib.compress(plain), size))) == plain


@pytest.mark.parametrize(
    ("text", "code"),
    [(gzip.compress(b"0" * 5_000_000), "archive.ratio"),
     (gzip.compress(b"x" * 90_000)[:-9], "archive.malformed"),
     (b"plain", "archive.malformed"), (gzip.compress(bytes(range(256)) * 300), "archive.too_large")],
    ids=["explodes", "cut", "plain", "large"],
)  # fmt: skip
def test_a_stream_that_explodes_or_breaks_off_is_refused(text: bytes, code: str):
    limit = 50_000 if code == "archive.too_large" else 1 << 30
    with pytest.raises(Fatal) as caught:
        list(inflate(pieces(text), limit=limit))
    assert caught.value.code == code


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in members:
            made.writestr(name, text)
    return file.getvalue()


def link() -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("link")
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (archive(("a", b"0" * 5_000_000)), "archive.ratio"),
        (archive(("../a", b"x")), "archive.path"),
        (archive(("/etc/a", b"x")), "archive.path"),
        (archive(("c:\\a", b"x")), "archive.path"),
        (archive((link(), b"/etc/passwd")), "archive.link"),
        (archive(*((str(n), b"") for n in range(11))), "archive.entries"),
        (archive(("a", b"x"))[:-10], "archive.malformed"),
        (b"PK", "archive.malformed"),
    ],
)
def test_an_archive_that_means_harm_is_not_opened(text: bytes, code: str):
    with pytest.raises(Fatal) as caught:
        open_zip(text, entries=10)
    assert caught.value.code == code


def many(count: int, announced: int | None = None) -> bytes:
    """An archive of so many empty members, of which its end announces as many or fewer."""
    made = bytearray(archive(*((str(n), b"") for n in range(count))))
    if announced is not None:
        at = made.rindex(b"PK\5\6")
        made[at + 8 : at + 12] = announced.to_bytes(2, "little") * 2
        if (wide := made.rfind(b"PK\6\6")) >= 0:
            made[wide + 24 : wide + 40] = announced.to_bytes(8, "little") * 2
    return bytes(made)


@pytest.mark.parametrize("announced", [None, 1])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_members_are_counted_before_the_directory_is_read(
    announced: int | None, wide: bool, comment: bytes, monkeypatch: pytest.MonkeyPatch
):
    if wide:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    text = many(11, announced)
    assert (b"PK\6\6" in text) is wide
    if comment:
        text = text[:-2] + len(comment).to_bytes(2, "little") + comment
    monkeypatch.delattr(zipfile, "ZipFile")
    with pytest.raises(Fatal) as caught:
        open_zip(text, entries=10)
    assert caught.value.code == "archive.entries"


def test_an_archive_of_zip64_reads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    text = archive(("a", b"1"), ("b", b"2"))
    assert b"PK\6\6" in text
    with open_zip(text, entries=2) as opened:
        assert opened.namelist() == ["a", "b"]


def test_no_altered_byte_of_an_archive_is_a_traceback():
    whole = archive(("a.txt", b"hello" * 100), ("b.txt", b"x" * 100))
    codes = set()
    for at in range(len(whole)):
        for value in (0x00, 0x01, 0x0C, 0x80, 0xFF):
            text = bytearray(whole)
            text[at] = value
            try:
                with open_zip(bytes(text)) as opened:
                    for name in opened.namelist():
                        list(read_entry(opened, name))
            except Fatal as error:
                codes.add(error.code)
    assert codes >= {"archive.malformed", "archive.encrypted"}


def test_a_member_that_is_larger_than_it_says_is_stopped():
    text = bytearray(archive(("a", bytes(1_000_000) + b"x")))
    position = text.rindex(b"PK\x01\x02")
    text[position + 24 : position + 28] = (10).to_bytes(4, "little")  # the directory says 10 bytes
    opened = open_zip(bytes(text))
    with pytest.raises(Fatal):
        list(read_entry(opened, "a", limit=1000))


def test_a_harmless_archive_reads(tmp_path: Path):
    opened = open_zip(archive(("sheet.xml", b"<a/>")))
    assert b"".join(read_entry(opened, "sheet.xml")) == b"<a/>"
