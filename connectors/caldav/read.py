"""Reading a collection: all of it, or what changed since a token, deletions among it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from connectors.caldav.dav import Synced, TodoCollection, Told, name_of
from connectors.caldav.declared import CalendarResource
from connectors.caldav.objects import record
from hub.contract import Page, Query, key_text
from hub.errors import ConfigError, Fatal

MAX_NAMED = 20_000
SUFFIX = ".ics"


class Reader:
    """Reads one collection.

    Servers tell deletions by address. A token therefore keeps the UID of every to-do whose address is not its UID;
    of all others it follows from the address.
    """

    def __init__(self, collection: TodoCollection, declared: CalendarResource, size: int) -> None:
        self._collection, self._declared, self._size = collection, declared, size

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of one read; Fatal ``token.expired`` where the server has forgotten the token's time."""
        size = min(query.page_size or self._size, self._size)
        if not self._declared.sync:
            hrefs = [one.href for one in self._collection.names()]
            yield from self._chunked(hrefs, size, {}, (), None)
            return
        token, named = self._known(query.token) if query.token is not None else ("", {})
        hrefs, gone, mark = self._changed(token, whole=query.token is None)
        deleted = [self._key(name_of(href), named) for href in gone]
        yield from self._chunked(hrefs, size, named, tuple(deleted), mark)

    def _changed(self, token: str, *, whole: bool) -> tuple[list[str], list[str], str]:
        """Addresses that are there, addresses that are gone, and the next token."""
        there: dict[str, bool] = {}
        seen = {token}
        while True:
            found = self._collection.sync(token)
            if found is None:
                raise self._expired("the server no longer knows it", whole=whole)
            for one in found.objects:
                if one.status != 507:
                    there[one.href] = one.status != 404
            if not found.more:
                return [*(one for one, is_ in there.items() if is_)], self._gone(there, whole), found.token
            token = self._next(found, seen)

    @staticmethod
    def _gone(there: Mapping[str, bool], whole: bool) -> list[str]:
        return [] if whole else [one for one, is_ in there.items() if not is_]

    def _next(self, found: Synced, seen: set[str]) -> str:
        if found.token in seen:
            raise Fatal(
                "page.repeated", "the server holds back more and gives the same token", where=self._collection.path,
                hint="set sync: false",
            )  # fmt: skip
        seen.add(found.token)
        return found.token

    def _chunked(
        self, hrefs: list[str], size: int, named: dict[str, str], deleted: tuple[str, ...], mark: str | None
    ) -> Iterator[Page]:
        chunks = [hrefs[start : start + size] for start in range(0, len(hrefs), size)] or [[]]
        count = 0
        for number, chunk in enumerate(chunks, 1):
            rows = self._records(chunk, named) if chunk else []
            last = number == len(chunks)
            token = self._token(mark, named) if last and mark is not None else None
            text = msgspec.json.Encoder().encode_lines(rows)
            gone = deleted if last else ()
            yield Page(text, len(rows), self._collection.path, count + 1, last, token=token, deleted=gone)
            count += len(rows)

    def _records(self, hrefs: list[str], named: dict[str, str]) -> list[dict[str, Any]]:
        """The records at these addresses. What is gone meanwhile is told by the next token."""
        answers = {name_of(one.href): one for one in self._collection.texts(hrefs)}
        if lost := [href for href in hrefs if name_of(href) not in answers]:
            raise Fatal(
                "caldav.answer", f"{len(lost)} of {len(hrefs)} to-dos asked for are not in the answer",
                where=self._collection.path, hint="ask for fewer at once: page_size",
            )  # fmt: skip
        made = []
        for one in answers.values():
            if one.status == 404:
                continue
            found = self._record(one)
            if found is None:
                continue
            name, uid = str(found["href"]), found["uid"]
            named.pop(name, None)
            if uid is not None and uid + SUFFIX != name:
                named[name] = uid
            made.append(found)
        return made

    def _record(self, one: Told) -> dict[str, Any] | None:
        if one.text is None:
            raise Fatal(
                "caldav.answer", f"the server gives no text of {name_of(one.href)} ({one.status})",
                where=self._collection.path, hint="check the account's rights in the collection",
            )  # fmt: skip
        return record(one.text, name_of(one.href), one.etag)

    # ------------------------------------------------------------------ tokens

    def _key(self, name: str, named: dict[str, str]) -> str:
        uid = named.pop(name, name.removesuffix(SUFFIX))
        return key_text([uid if self._declared.key == ["uid"] else name])

    def _token(self, mark: str, named: Mapping[str, str]) -> str:
        kept = dict(named) if self._declared.key == ["uid"] else {}
        if len(kept) > MAX_NAMED:
            raise ConfigError(
                "caldav.names", f"more than {MAX_NAMED} to-dos have addresses that do not tell their UID",
                where=self._collection.path, hint="write key: href",
            )  # fmt: skip
        return json.dumps({"place": self._place(), "mark": mark, "named": kept}, ensure_ascii=False)

    def _known(self, token: str) -> tuple[str, dict[str, str]]:
        try:
            said = json.loads(token)
            place, mark, named = said["place"], said["mark"], said["named"]
        except (ValueError, KeyError, TypeError):
            raise self._expired("it cannot be read") from None
        if place != self._place() or not mark:
            raise self._expired("it was given for another collection")
        return str(mark), dict(named)

    def _place(self) -> str:
        text = f"{self._collection.path}\n{self._declared.key}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _expired(self, why: str, *, whole: bool = False) -> Fatal:
        code = "caldav.answer" if whole else "token.expired"
        return Fatal(
            code, f"the last read cannot be gone on from: {why}", where=self._collection.path,
            hint="a full read starts anew",
        )  # fmt: skip
