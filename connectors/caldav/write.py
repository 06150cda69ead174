"""Writing to-dos: created only where nothing is, changed only as they were seen."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.caldav.dav import TodoCollection, name_of
from connectors.caldav.declared import CalendarResource
from connectors.caldav.objects import OWN, changed, made, record
from connectors.caldav.read import SUFFIX
from hub.contract import Change, Found, Outcome
from hub.errors import RecordRejected
from hub.http import ANY, Response
from hub.http.outcomes import each, of_status
from hub.http.waits import wait_of

_PLAIN = re.compile(r"[A-Za-z0-9_.@+=~-]{1,150}")


class Writer:
    """Writes one collection."""

    def __init__(self, collection: TodoCollection, declared: CalendarResource) -> None:
        self._collection, self._declared = collection, declared
        self._transport = collection.transport

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        return each(changes, self._send)

    def find(self, key: Mapping[str, Any]) -> Found | None:
        """One to-do by its uid or by its address. RecordRejected ``find.ambiguous`` where several have the uid."""
        ((name, value),) = key.items()
        if not value:
            return None
        if name == "href":
            found = self._get(str(value))
            return None if found is None else self._found(*found)
        told = [one for one in self._collection.by_uid(str(value)) if one.text is not None]
        records = [record(str(one.text), name_of(one.href), one.etag) for one in told]
        rows = [one for one in records if one is not None and one["uid"] == str(value)]
        if len(rows) > 1:
            raise RecordRejected(
                "find.ambiguous", f"several records have the key {value}", where=self._collection.path
            )
        return Found(str(rows[0]["href"]), rows[0]["etag"], rows[0]) if rows else None

    @staticmethod
    def _found(name: str, etag: str | None, text: str) -> Found | None:
        values = record(text, name, etag)
        return None if values is None else Found(name, etag, values)

    # ------------------------------------------------------------------ changing

    def _send(self, change: Change) -> Outcome:
        if change.operation == "create":
            return self._create(change)
        name = change.foreign_id
        if name is None:
            found = self.find(change.key)
            if found is None:
                return of_status(404, change.operation, "there is no such to-do")
            name = found.foreign_id
        if change.operation == "delete":
            return self._judged(change, name, self._put("DELETE", name, None, {"If-Match": change.version}))
        return self._update(change, name)

    def _create(self, change: Change) -> Outcome:
        values = {one: value for one, value in {**change.key, **change.values}.items() if one not in OWN}
        uid = str(values.get("uid") or change.key.get("uid") or change.id)
        if not uid or re.search(r"[\x00-\x1f\x7f]", uid):
            raise RecordRejected("caldav.uid", "a to-do needs a uid of one line", where="uid")
        name = str(change.key.get("href") or (uid if _PLAIN.fullmatch(uid) else _hashed(uid)) + SUFFIX)
        text = made(uid, values, self._now())
        return self._judged(change, name, self._put("PUT", name, text, {"If-None-Match": "*"}))

    def _update(self, change: Change, name: str) -> Outcome:
        found = self._get(name)
        if found is None:
            return of_status(404, "update", "the to-do is not there any more", foreign_id=name)
        _, etag, text = found
        if change.version is not None and etag is not None and change.version != etag:
            return Outcome("conflict", name, None, "http.412", "the to-do changed since it was last seen")
        after = changed(text, {**change.key, **change.values}, self._now())
        if after is None:
            return Outcome("done", name, etag)
        return self._judged(change, name, self._put("PUT", name, after, {"If-Match": etag or "*"}))

    def _get(self, name: str) -> tuple[str, str | None, str] | None:
        answer = self._transport.request(
            "GET", self._collection.address(name), headers={"Accept": "text/calendar"}, expect=(404, 410)
        )
        if not answer.ok:
            return None
        return name, answer.headers.get("etag"), answer.utf8().decode("utf-8", "replace")

    def _put(
        self, method: str, name: str, text: str | None, conditions: Mapping[str, str | None]
    ) -> Response:
        headers = {key: value for key, value in conditions.items() if value}
        if text is not None:
            headers["Content-Type"] = "text/calendar; charset=utf-8"
        data = None if text is None else text.encode()
        address = self._collection.address(name)
        return self._transport.request(method, address, data=data, headers=headers, expect=ANY)

    def _judged(self, change: Change, name: str, answer: Response) -> Outcome:
        if answer.status == 401:
            self._transport.refuse(answer)
        if answer.ok:
            return Outcome("done", name, answer.headers.get("etag"))
        said = self._transport.redact(answer.body[:300].decode("utf-8", "replace"))
        wait = wait_of(answer.status, answer.headers, self._transport.now())
        message = f"answered {answer.status}: {said}".rstrip(": ")
        return of_status(answer.status, change.operation, message, wait=wait, foreign_id=name)

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(int(self._transport.now()), dt.UTC)


def _hashed(uid: str) -> str:
    """A name for a uid that no address can hold."""
    return hashlib.sha256(uid.encode()).hexdigest()[:40]
