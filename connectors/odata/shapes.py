"""The shapes of answers: V2's wrappings taken off, times as ISO texts, deleted entries set apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.odata.edmx import Metadata, Type, unreadable
from connectors.odata.values import iso, key_of_address
from hub.contract import key_text
from hub.errors import Fatal
from hub.http import Response
from hub.http.records import ndjson
from hub.untrusted import parse_json

More = Callable[[str], list[Any]]
"""Gets the rest of an expanded list by its next link, as raw entries."""


@dataclass
class Batch:
    """One page as understood."""

    records: bytes = b""
    count: int = 0
    next: str | None = None
    delta: str | None = None
    announced: int | None = None
    deleted: list[str] = field(default_factory=list)


def page(metadata: Metadata, type_: Type, answer: Response, more: More) -> Batch:
    """Read a page of entities."""
    body = bytes(answer.json(msgspec.Raw))
    if not body.lstrip().startswith(b"{"):
        raise unreadable(answer.where)
    top = parse_json(body, dict[str, msgspec.Raw], where=answer.where)
    return (
        _page_v4(metadata, type_, top, answer, more)
        if metadata.version == 4
        else _page_v2(metadata, type_, top, answer, more)
    )


def entries(metadata: Metadata, answer: Response) -> tuple[list[Any], str | None]:
    """The raw entries and the next link of a plain list, for the rest of an expansion."""
    top = answer.json(dict)
    if metadata.version == 4:
        return list(top["value"]), top.get("@odata.nextLink")
    inner = top.get("d", top)
    if isinstance(inner, list):
        return inner, None
    return list(inner["results"]), inner.get("__next")


# ------------------------------------------------------------------ V4


def _page_v4(
    metadata: Metadata, type_: Type, top: dict[str, msgspec.Raw], answer: Response, more: More
) -> Batch:
    value = top.get("value")
    if value is None or not bytes(value).startswith(b"["):
        raise unreadable(answer.where)
    made = Batch(
        next=_decoded(top, "@odata.nextLink", "@nextLink"),
        delta=_decoded(top, "@odata.deltaLink", "@deltaLink"),
        announced=_whole(_decoded(top, "@odata.count", "@count")),
    )
    raws = parse_json(bytes(value), list[msgspec.Raw], where=answer.where)
    marks = (b"@removed", b"$deletedEntity", b"$deletedLink", b"$link", b"nextLink")
    text = bytes(value)
    if any(mark in text for mark in marks):
        raws = _picked_v4(metadata, type_, raws, made, answer, more)
    made.records, made.count = ndjson(raws, answer.where), len(raws)
    return made


def _picked_v4(
    metadata: Metadata, type_: Type, raws: list[msgspec.Raw], made: Batch, answer: Response, more: More
) -> list[msgspec.Raw]:
    kept = []
    for raw in raws:
        entry = parse_json(bytes(raw), where=answer.where)
        context = (
            str(entry.get("@odata.context", entry.get("@context", ""))) if isinstance(entry, dict) else ""
        )
        if "@removed" in entry or "@odata.removed" in entry or context.endswith("/$deletedEntity"):
            made.deleted.append(_deleted_key(type_, entry, answer.where))
        elif context.endswith(("/$link", "/$deletedLink")):
            continue  # changes of relations; the entities themselves are reported as well
        elif _complete_v4(entry, more):
            kept.append(msgspec.Raw(msgspec.json.encode(entry)))
        else:
            kept.append(raw)
    return kept


def _complete_v4(entry: Any, more: More) -> bool:
    """Append the rest of expanded lists that were cut; whether there were any."""
    changed = False
    if isinstance(entry, dict):
        for name in [name for name in entry if name.endswith(("@odata.nextLink", "@nextLink"))]:
            entry[name.partition("@")[0]] += more(entry.pop(name))
            changed = True
        for value in entry.values():
            changed = _complete_v4(value, more) or changed
    elif isinstance(entry, list):
        for value in entry:
            changed = _complete_v4(value, more) or changed
    return changed


def _deleted_key(type_: Type, entry: dict[str, Any], where: str) -> str:
    if all(name in entry for name in type_.key):
        return key_text([entry[name] for name in type_.key])
    for name in ("@odata.id", "@id", "id"):
        if isinstance(entry.get(name), str) and (key := key_of_address(type_, entry[name])) is not None:
            return key
    raise Fatal("odata.deleted", "a deleted entry does not say which one it is", where=where)


def _decoded(top: dict[str, msgspec.Raw], *names: str) -> Any:
    return next((parse_json(bytes(top[name])) for name in names if name in top), None)


def _whole(value: Any) -> int | None:
    text = str(value) if value is not None else ""
    return int(text) if text.isdigit() else None


# ------------------------------------------------------------------ V2


def _page_v2(
    metadata: Metadata, type_: Type, top: dict[str, msgspec.Raw], answer: Response, more: More
) -> Batch:
    inner = parse_json(bytes(top["d"])) if "d" in top else parse_json(answer.utf8())
    made = Batch()
    if isinstance(inner, dict) and "results" in inner:
        found = inner["results"]
        made.next, made.delta = inner.get("__next"), inner.get("__delta")
        made.announced = _whole(inner.get("__count"))
    elif isinstance(inner, dict) and "d" in top:
        found = [inner]
    else:
        found = inner
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise unreadable(answer.where)
    kept = []
    for entry in found:
        if str(entry.get("@odata.context", "")).endswith("/$deletedEntity"):
            made.deleted.append(_deleted_key(type_, entry, answer.where))
        else:
            kept.append(plain(metadata, type_, entry, more))
    made.records, made.count = b"\n".join(map(msgspec.json.encode, kept)), len(kept)
    return made


def plain(metadata: Metadata, type_: Type | None, entry: dict[str, Any], more: More) -> dict[str, Any]:
    """A V2 entry without wrappings: no __metadata, no deferred links, lists as lists, times as ISO."""
    made = {name: value for name, value in entry.items() if name != "__metadata"}
    for name, one in (type_.temporal if type_ else {}).items():
        if isinstance(value := made.get(name), str):
            made[name] = iso(one, value)
    for name in [name for name, value in made.items() if type(value) in _NESTING]:
        value = made[name]
        below = _type_below(metadata, type_, name)
        if isinstance(value, list):
            made[name] = [
                plain(metadata, below, each, more) if isinstance(each, dict) else each for each in value
            ]
        elif "__deferred" in value or "__mediaresource" in value:
            del made[name]
        else:
            made[name] = _inner(metadata, below, value, more)
    return made


_NESTING = (dict, list)


def _inner(metadata: Metadata, below: Type | None, value: dict[str, Any], more: More) -> Any:
    if not isinstance(value.get("results"), list):
        return plain(metadata, below, value, more)
    found = value["results"]
    if link := value.get("__next"):
        found = found + more(link)
    return [plain(metadata, below, each, more) if isinstance(each, dict) else each for each in found]


def _type_below(metadata: Metadata, type_: Type | None, name: str) -> Type | None:
    if type_ is None:
        return None
    navigation = type_.navigations.get(name)
    if navigation:
        return metadata.types[navigation.target]
    return metadata.types.get(type_.properties[name].type) if name in type_.properties else None


def etag_of(entry: dict[str, Any]) -> str | None:
    """The ETag of an entry in either version."""
    found = entry.get("@odata.etag") or entry.get("@etag")
    about = entry.get("__metadata")
    return found or (about.get("etag") if isinstance(about, dict) else None)
