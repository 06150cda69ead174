"""What a folder holds: one resource per file, described by its first records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.files.reading import pages
from connectors.files.settings import FileResource, format_of
from hub.contract import Query, Resource
from hub.doctor.discovery import MOST, SAMPLE, Discovered, cursor_among, inferred, key_among, told_apart
from hub.doctor.records import page_rows
from hub.errors import ConfigError, HubError
from hub.place import Entry, Place

HEAD = 256 * 1024
ENCODINGS = ("utf-8-sig", "gb18030", "cp1252")
DELIMITERS = ",;\t|"


def discovered(place: Place, names: Sequence[str]) -> list[Discovered]:
    """The files that the connector can read, or those that are named (by file, or as resources)."""
    entries = [one for one in place.find("*") if format_of(FileResource.model_validate({"path": one.name}))]
    if names:
        entries = [one for one in entries if one.name in names or _plain(one.name) in names]
    if not entries:
        raise ConfigError(
            "discover.nothing", "the folder holds no file of a known kind" + (" and name" if names else ""),
            hint="csv, tsv, txt, ndjson, jsonl, json, xlsx and parquet are read; XML only as IDocs, by connector: idoc",
        )  # fmt: skip
    return told_apart(_one(place, entry) for entry in entries[:MOST])


def _one(place: Place, entry: Entry) -> Discovered:
    options: dict[str, Any] = {"path": entry.name}
    reasons: dict[str, str] = {}
    name = _plain(entry.name)
    if format_of(FileResource.model_validate(options)) == "csv":
        _text(place, entry, options, reasons)
    try:
        rows = _rows(place, entry, FileResource.model_validate(options))
    except HubError as error:
        return Discovered(Resource(name), options, reasons, (f"it cannot be read: {error.message} [{error.code}]",))
    fields = inferred(rows)
    lacking = []
    if found := key_among(fields, rows):
        options["key"], reasons["key"] = found
    else:
        lacking.append(f"no field tells all {len(rows)} records apart: write key:, of several fields if need be")
    if changed := cursor_among(fields):
        options["cursor"], reasons["cursor"] = changed
    options["fields"] = {one.name: one.type for one in fields if not one.many and not one.fields}
    reasons["fields"] = f"by the values of {len(rows)} records"
    key = (str(options["key"]),) if "key" in options else ()
    return Discovered(
        Resource(name, key, options.get("cursor"), tuple(fields)), options, reasons, tuple(lacking)
    )


def _rows(place: Place, entry: Entry, declared: FileResource) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    kind = format_of(declared)
    assert kind is not None
    for page in pages(kind, declared, entry.name, lambda: place.open(entry), Query(Resource(""), page_size=SAMPLE)):
        rows += page_rows(page)[: SAMPLE - len(rows)]
        if len(rows) >= SAMPLE:
            break
    return rows


def _text(place: Place, entry: Entry, options: dict[str, Any], reasons: dict[str, str]) -> None:
    """Encoding and delimiter, where they are not the usual ones."""
    with place.open(entry) as stream:
        head = stream.read(HEAD)
    whole = head.rpartition(b"\n")[0] or head
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif whole[1::2].count(0) > len(whole) // 4:
        encoding = options["encoding"] = "utf-16-le"
        reasons["encoding"] = "every other byte is zero, and there is no byte order mark"
    else:
        encoding = next((one for one in ENCODINGS if _decodes(whole, one)), "latin-1")
        if encoding != "utf-8-sig":
            options["encoding"] = encoding
            reasons["encoding"] = "it is no UTF-8; this one decodes what was read"
    first = head.decode(encoding, "ignore").lstrip("\ufeff").split("\n", 1)[0]
    best = max(DELIMITERS, key=first.count)
    usual = "\t" if entry.name.lower().endswith(".tsv") else ","
    if first.count(best) and best != usual:
        options["delimiter"] = best
        reasons["delimiter"] = "the most frequent one in the first line"


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _plain(name: str) -> str:
    """
    >>> _plain("Employees-2026.gbk.csv")
    'employees_2026_gbk'
    """
    stem = name.rpartition("/")[2].rpartition(".")[0]
    return re.sub(r"\W+", "_", stem).strip("_").lower() or "file"
