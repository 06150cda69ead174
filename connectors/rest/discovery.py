"""What an API offers, by its OpenAPI document (2 or 3), or by a sample of its records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.contract import Field, FieldType, Resource
from hub.doctor.discovery import MOST, Discovered, cursor_among, inferred, key_among, told_apart
from hub.errors import ConfigError, HubError
from hub.http import Transport
from hub.untrusted import parse_json

PLACES = ("openapi.json", "swagger.json", "v3/api-docs", "api-docs")
DEPTH = 6
_FORMATS: dict[str, FieldType] = {"date-time": "datetime", "date": "date", "byte": "binary", "binary": "binary"}
_TYPES: dict[str, FieldType] = {"integer": "integer", "number": "decimal", "boolean": "boolean", "string": "text"}
_PAGES = (("offset", "offset"), ("skip", "offset"), ("start", "offset"), ("page", "page"), ("pageNumber", "page"),
          ("cursor", "cursor"), ("pageToken", "cursor"))  # fmt: skip
_SIZES = ("limit", "per_page", "page_size", "pageSize", "size", "top", "count")
_SINCE = re.compile(r"(?i)since|updated_?(after|from)|modified_?(after|since|from)")


def discovered(transport: Transport, names: Sequence[str], sample: bytes | None) -> list[Discovered]:
    """One resource per path whose answer to GET holds a list of records."""
    document = _served(transport) if sample is None else _parsed(sample)
    if isinstance(document, Mapping) and ("openapi" in document or "swagger" in document):
        found = [one for one in _Api(document).lists() if not names or one.name in names]
        if found:
            return told_apart(found[:MOST])
        raise ConfigError(
            "discover.nothing", "the OpenAPI document tells of no path that answers with a list of records",
            hint="declare resources by hand, or give sample records by --from",
        )  # fmt: skip
    return [_sampled(document, names[0] if names else "records")]


def _served(transport: Transport) -> Any:
    for place in PLACES:
        try:
            found = transport.request("GET", place).json()
        except HubError as error:
            if error.code in ("http.not_found", "http.html", "auth.forbidden", "http.not_json"):
                continue
            raise
        if isinstance(found, Mapping) and ("openapi" in found or "swagger" in found):
            return found
    raise ConfigError(
        "discover.nothing", f"the API serves no OpenAPI document at {', '.join(PLACES)}",
        hint="give one, or an answer with records, by --from FILE",
    )  # fmt: skip


def _parsed(sample: bytes) -> Any:
    lines = [line for line in sample.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines):
        return [parse_json(line, Any, where="sample") for line in lines]
    return parse_json(sample, Any, where="sample")


def _sampled(document: Any, name: str) -> Discovered:
    """A resource by its records: the sample itself, or the first list of objects in it."""
    found = next(_objects(document, ()), None)
    if found is None:
        raise ConfigError(
            "discover.nothing", "the sample holds no list of records", hint="give the JSON of a whole answer"
        )
    path, rows = found
    fields = inferred(rows)
    options: dict[str, Any] = {"path": f"/{name}"}
    reasons = {"path": "not told by the sample: write the path below url"}
    if path:
        options["records"], reasons["records"] = ".".join(path), "the first list of records in the sample"
    return _finished(name, options, reasons, fields, ["write paging:, see the API's manual"], rows)


def _objects(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Mapping[str, Any]]]]:
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        yield path, value
    elif isinstance(value, Mapping) and len(path) < DEPTH:
        for name, inner in value.items():
            yield from _objects(inner, (*path, str(name)))


def _finished(
    name: str, options: dict[str, Any], reasons: dict[str, str], fields: Sequence[Field], lacking: list[str],
    rows: Sequence[Mapping[str, Any]] = (), since: str = "",
) -> Discovered:  # fmt: skip
    if found := key_among(fields, rows):
        options["key"], reasons["key"] = found
    else:
        lacking.append("no field looks like a key: write key:")
    changed, cursor = cursor_among(fields), None
    if changed and since:
        cursor = changed[0]
        options["cursor"] = {"field": cursor, "param": since}
        reasons["cursor"] = "proposed by the names of field and parameter; cophub systems check says whether it selects"
    elif changed:
        lacking.append(f"{changed[0]} looks like the time of a change: write cursor: if the API selects by it")
    options["fields"] = {one.name: _shape(one) for one in fields}
    key = (str(options["key"]),) if "key" in options else ()
    return Discovered(Resource(name, key, cursor, tuple(fields)), options, reasons, tuple(lacking))


def _shape(one: Field) -> Any:
    inner: Any = {each.name: _shape(each) for each in one.fields} if one.fields else one.type
    return [inner] if one.many else inner


class _Api:
    """An OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def lists(self) -> Iterator[Discovered]:
        for path, item in (self._document.get("paths") or {}).items():
            call = item.get("get") if isinstance(item, Mapping) and "{" not in path else None
            if not isinstance(call, Mapping):
                continue
            found = self._list(self._answer(call), ())
            if found is not None:
                yield self._one(str(path), call, *found)

    def _one(self, path: str, call: Mapping[str, Any], at: tuple[str, ...], schema: Mapping[str, Any]) -> Discovered:
        name = re.sub(r"\W+", "_", path.strip("/")).strip("_").lower() or "root"
        name = name.rpartition("v1_")[2]
        options: dict[str, Any] = {"path": path}
        reasons: dict[str, str] = {}
        if at:
            options["records"], reasons["records"] = ".".join(at), "the list in the answer's schema"
        given = [str(self._followed(one).get("name")) for one in call.get("parameters") or []]
        lacking = [] if self._paging(given, options, reasons) else [
            "no parameter looks like paging: write paging: if the API cuts lists"
        ]  # fmt: skip
        since = next((one for one in given if _SINCE.search(one)), "")
        return _finished(name, options, reasons, self._fields(schema, 0), lacking, since=since)

    @staticmethod
    def _paging(given: Sequence[str], options: dict[str, Any], reasons: dict[str, str]) -> bool:
        found = next(((name, kind) for name, kind in _PAGES if name in given), None)
        size = next((name for name in _SIZES if name in given), None)
        if found is None or found[1] == "cursor":
            return False
        rule = {"param": found[0], **({"size_param": size} if size else {})}
        options["paging"] = {found[1]: rule}
        reasons["paging"] = "proposed by the names of the parameters; cophub systems check says whether it holds"
        return True

    def _answer(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        answers = call.get("responses") or {}
        good = self._followed(answers.get("200") or answers.get(200) or answers.get("default") or {})
        if "schema" in good:  # version 2
            return self._followed(good["schema"])
        content = good.get("content") or {}
        kind: Any = next((value for name, value in content.items() if "json" in str(name)), {})
        return self._followed(kind.get("schema") or {})

    def _list(
        self, schema: Mapping[str, Any], at: tuple[str, ...]
    ) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
        """Where the list of objects is in an answer, and the schema of its items."""
        if schema.get("type") == "array" or "items" in schema:
            items = self._followed(schema.get("items") or {})
            return (at, items) if self._properties(items) else None
        if len(at) < 3:
            for name, inner in self._properties(schema).items():
                if (found := self._list(self._followed(inner), (*at, str(name)))) is not None:
                    return found
        return None

    def _properties(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        made = dict(schema.get("properties") or {})
        for part in schema.get("allOf") or []:
            made |= self._properties(self._followed(part))
        return made

    def _fields(self, schema: Mapping[str, Any], depth: int) -> tuple[Field, ...]:
        made = []
        for name, inner in self._properties(schema).items():
            found = self._followed(inner)
            many = found.get("type") == "array"
            item = self._followed(found.get("items") or {}) if many else found
            nested = self._fields(item, depth + 1) if depth < 2 else ()
            made.append(Field(str(name), "json" if nested else self._kind(item), many, nested))
        return tuple(made)

    @staticmethod
    def _kind(schema: Mapping[str, Any]) -> FieldType:
        said = schema.get("type")
        one = next((kind for kind in said if kind != "null"), "") if isinstance(said, list) else said
        return _FORMATS.get(str(schema.get("format"))) or _TYPES.get(str(one), "json")

    def _followed(self, value: Any) -> Mapping[str, Any]:
        """What a reference within the document leads to; others lead nowhere, and nothing is fetched."""
        for _ in range(DEPTH):
            if not isinstance(value, Mapping):
                return {}
            link = value.get("$ref")
            if not isinstance(link, str):
                return value
            value = self._document if link.startswith("#/") else None
            for step in link.removeprefix("#/").split("/"):
                name = step.replace("~1", "/").replace("~0", "~")
                value = value.get(name) if isinstance(value, Mapping) else None
        return {}
