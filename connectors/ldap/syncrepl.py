"""syncrepl (RFC 4533), as OpenLDAP and others offer it.

A whole read takes the mark first, and then the entries by pages: OpenLDAP leaves out of a first refresh what was
written while other writes were under way, until the next write, and such entries are not absent. What changes after
the mark comes again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import ldap

from connectors.ldap.connection import SCOPES, Entry
from connectors.ldap.controls import (
    DELETE,
    PRESENT,
    RESPONSES,
    SYNC_DONE,
    SYNC_INFO,
    SYNC_STATE,
    id_set,
    sync_request,
)
from connectors.ldap.faults import SYNC_REFRESH_REQUIRED, result_of, shown
from connectors.ldap.following import Following, packed, unpacked
from connectors.ldap.reading import NOTHING, Records
from hub.contract import Page, Query, key_text
from hub.errors import Fatal

FORGOTTEN = frozenset({2, 12, 53, SYNC_REFRESH_REQUIRED})
"""Results by which a server says that a cookie is of no use to it."""
PRESENCE = (
    "the directory tells who is present, not who is gone: its session log does not reach back so far "
    "(syncprov-sessionlog)"
)


class Syncrepl(Following):
    """RFC 4533, refreshOnly. What changed comes entry by entry; the account needs no size limit."""

    kind = "syncrepl"

    def _whole(self, query: Query) -> Iterator[Page]:
        (cookie,) = deque(self._answers([NOTHING], None), maxlen=1)
        assert isinstance(cookie, bytes)
        yield from self.everything(query, self.token(packed(cookie)))

    def _changed(self, query: Query, at: float, mark: str) -> Iterator[Page]:
        cookie = unpacked(mark)
        if not cookie:  # the directory would take it for none, and tell no deletion
            raise self.expired("its cookie cannot be read")
        return self._pages(query, cookie)

    def _pages(self, query: Query, cookie: bytes) -> Iterator[Page]:
        records = Records(self.connection, self.shape, query)
        size = min(query.page_size or 1000, self.connection.settings.page_size or 1000)
        entries: list[Entry] = []
        gone: list[str] = []
        first, held = 1, Page(b"", 0)
        for what in self._answers(records.attributes, cookie):
            if isinstance(what, tuple):
                entries.append(what)
            elif isinstance(what, list):
                gone += what
            else:
                held = Page(b"", 0, token=self.token(packed(what)))
            if len(entries) >= size:
                yield Page(records.lines(entries), len(entries), self.shape.base, first)
                first, entries = first + len(entries), []
        yield replace(
            held, records=records.lines(entries), count=len(entries), origin=self.shape.base, first=first, last=True,
            deleted=tuple(gone),
        )  # fmt: skip

    def _answers(
        self, attributes: Sequence[str], cookie: bytes | None
    ) -> Iterator[Entry | list[str] | bytes]:
        """Entries, lists of those that are gone, and at the end the new cookie."""
        with self.connection.telling(self.where):
            raw = self.connection.open()
            number = raw.search_ext(
                self.shape.base, SCOPES[self.shape.declared.scope], self.shape.condition, list(attributes),
                serverctrls=[sync_request(cookie)],
            )  # fmt: skip
        done = False
        while not done:
            kind, found, controls = self._next(number, known=cookie is not None)
            if kind == ldap.RES_SEARCH_ENTRY:
                yield from self._entries(found)
            elif kind == ldap.RES_INTERMEDIATE:
                yield from self._told(found)
            done = kind == ldap.RES_SEARCH_RESULT
        yield self._cookie(controls, cookie)

    def _next(self, number: int, *, known: bool) -> tuple[int, list[Any], list[Any]]:
        """One message: its kind, what it holds, and its controls."""
        with self.connection.telling(self.where):
            try:
                kind, found, _, controls, _, _ = self.connection.open().result4(
                    number, all=0, timeout=self.connection.settings.timeout, add_ctrls=1, add_intermediates=1,
                    resp_ctrl_classes=RESPONSES,
                )  # fmt: skip
            except ldap.LDAPError as error:
                if known and result_of(error) in FORGOTTEN:
                    raise self.expired(shown(error, self.connection.secrets)) from None
                raise
        return kind, found or [], controls or []

    def _entries(self, found: list[Any]) -> Iterator[Entry | list[str]]:
        for dn, values, controls in found:
            said = next((one for one in controls if one.controlType == SYNC_STATE), None)
            if said is None:
                raise Fatal(
                    "ldap.answer",
                    "an entry comes without its state",
                    where=self.where,
                    hint="is syncprov loaded?",
                )
            if said.state == PRESENT:
                raise self.expired(PRESENCE)
            if said.state == DELETE:
                yield [key_text([said.uuid])]
            else:
                yield dn, values

    def _told(self, found: list[Any]) -> Iterator[list[str]]:
        for name, value, _ in found:
            known = id_set(value) if name == SYNC_INFO else None
            if known is not None and not known.deletes:
                raise self.expired(PRESENCE)
            if known is not None:
                yield [key_text([one]) for one in known.uuids]

    def _cookie(self, controls: list[Any], before: bytes | None) -> bytes:
        done = next((one for one in controls if one.controlType == SYNC_DONE), None)
        if done is None:
            raise Fatal(
                "ldap.answer", "the read ends without a cookie", where=self.where, hint="is syncprov loaded?"
            )
        if before is not None and not done.deletes:
            raise self.expired(PRESENCE)
        if done.cookie is None and before:  # nothing changed
            return before
        if not done.cookie:
            # OpenLDAP takes a cookie it cannot read for none, gives every entry, and an empty cookie
            raise (
                self.expired("the directory does not understand its cookie")
                if before is not None
                else Fatal(
                    "ldap.answer",
                    "the directory gives no cookie",
                    where=self.where,
                    hint="is syncprov loaded?",
                )
            )
        return bytes(done.cookie)
