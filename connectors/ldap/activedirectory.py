"""Changes and deletions of Active Directory: by DirSync, and by uSNChanged and tombstones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import ldap

from connectors.ldap.connection import ANY, Entry
from connectors.ldap.controls import DIRSYNC, RESPONSES, SHOW_DELETED, Plain, dirsync_request
from connectors.ldap.faults import result_of, shown
from connectors.ldap.following import Following, packed, unpacked
from connectors.ldap.reading import NOTHING, Records
from connectors.ldap.settings import USN
from connectors.ldap.values import read_guid
from hub.contract import Page, Query, key_text
from hub.errors import AuthError, ConfigError, Fatal

OLDEST = 30 * 86_400.0
"""Seconds after which a token is no longer trusted: tombstones may be gone, by default after 60 days in the oldest
forests."""
GUIDS = 100
"""Entries that are looked up by one filter."""
GUID = "objectGUID"
FORGOTTEN = frozenset({2, 12, 53})
"""Results by which a controller says that a cookie is of no use to it."""
# Where the right to see deletions comes from.
_RIGHTS = {
    "dirsync": "give the account Replicating Directory Changes at the top of the domain",
    "usn": "let the account list and read CN=Deleted Objects (dsacls), or use sync: dirsync",
}


class ActiveDirectory(Following):
    """What DirSync and tombstones have in common: both see the whole domain, and parts of entries only."""

    @property
    def domain(self) -> str:
        """The naming context that holds the entries."""
        base = self.shape.base.lower()
        contexts = [
            one for one in self.connection.root.get("namingcontexts", []) if base.endswith(one.lower())
        ]
        return max(
            contexts, key=len, default=self.connection.first("defaultNamingContext") or self.shape.base
        )

    def _require_fresh(self, at: float) -> None:
        if self.now() - at > OLDEST:
            raise self.expired(
                f"it is older than {OLDEST / 86_400:.0f} days, and deletions are forgotten some day"
            )

    def _require_visible(self) -> None:
        """AuthError where the account cannot see deleted entries: their absence would say nothing."""
        place = f"CN=Deleted Objects,{self.domain}"
        with self.connection.telling(self.where):
            try:
                self.connection.open().search_ext_s(
                    place, ldap.SCOPE_BASE, ANY, ["1.1"], serverctrls=[Plain(SHOW_DELETED)]
                )
            except (ldap.NO_SUCH_OBJECT, ldap.INSUFFICIENT_ACCESS):
                raise self._blind(place) from None

    def _blind(self, what: str) -> AuthError:
        return AuthError(
            "ldap.deletions",
            f"the account may not see deletions ({what})",
            where=self.where,
            hint=_RIGHTS[self.kind],
        )


class DirSync(ActiveDirectory):
    """DirSync tells which entries changed, in parts; they are read again as a whole. Those that do not match any
    more are gone from the resource. A deleted entry matches hardly a filter, so none is sent."""

    kind = "dirsync"

    def _whole(self, query: Query) -> Iterator[Page]:
        # the mark first: what changes while the pages are read comes again
        *_, (cookie, _) = self._pieces(b"", self.shape.condition, [GUID])
        yield from self.everything(query, self.token(packed(cookie)))

    def _changed(self, query: Query, at: float, mark: str) -> Iterator[Page]:
        self._require_fresh(at)
        cookie = unpacked(mark)
        if not cookie:
            raise self.expired("its cookie cannot be read")
        records = Records(self.connection, self.shape, query)
        watched = [
            *(name for name in records.attributes if name != NOTHING),
            "name",
            "isDeleted",
            "objectClass",
        ]
        first = 1
        changed: dict[str, None] = {}
        for following, entries in self._pieces(cookie, ANY, watched):
            cookie = following
            changed |= {read_guid(values[GUID][0]): None for _, values in entries if values.get(GUID)}
        gone: list[str] = []
        every = list(changed)
        for start in range(0, len(every), GUIDS):
            chunk = every[start : start + GUIDS]
            entries = self._again(chunk, records.attributes)
            there = {read_guid(values[GUID][0]) for _, values in entries if values.get(GUID)}
            gone += [key_text([one]) for one in chunk if one not in there]
            yield Page(records.lines(entries), len(entries), self.shape.base, first)
            first += len(entries)
        yield Page(
            b"", 0, self.shape.base, first, True, token=self.token(packed(cookie)), deleted=tuple(gone)
        )

    def _again(self, guids: Sequence[str], attributes: Sequence[str]) -> list[Entry]:
        several = "".join(f"({GUID}={_octets(UUID(one).bytes_le)})" for one in guids)
        found: list[Entry] = []
        for entries, _ in self.search(f"(&{self.shape.condition}(|{several}))", [*attributes, GUID]):
            found += entries
        return found

    def _pieces(
        self, cookie: bytes, condition: str, attributes: Sequence[str]
    ) -> Iterator[tuple[bytes, list[Entry]]]:
        known = bool(cookie)
        while True:
            with self.connection.telling(self.where):
                raw = self.connection.open()
                try:
                    number = raw.search_ext(
                        self.domain,
                        ldap.SCOPE_SUBTREE,
                        condition,
                        list(attributes),
                        serverctrls=[dirsync_request(cookie)],
                    )
                    _, entries, _, controls = raw.result3(
                        number, timeout=self.connection.settings.timeout, resp_ctrl_classes=RESPONSES
                    )
                except ldap.INSUFFICIENT_ACCESS as error:
                    raise self._blind(shown(error, self.connection.secrets)) from None
                except ldap.LDAPError as error:
                    if known and result_of(error) in FORGOTTEN:
                        raise self.expired(shown(error, self.connection.secrets)) from None
                    raise
            done = next((one for one in controls if one.controlType == DIRSYNC), None)
            if done is None or not done.cookie:
                raise Fatal(
                    "ldap.answer",
                    "DirSync ends without a cookie",
                    where=self.where,
                    hint="is that Active Directory?",
                )
            cookie = done.cookie
            yield cookie, [(dn, values) for dn, values in entries if dn is not None]
            if not done.more:
                return


class Usn(ActiveDirectory):
    """uSNChanged and tombstones. The numbers of one domain controller mean nothing to another, so the token names
    the database they count in (invocationId)."""

    kind = "usn"

    def _whole(self, query: Query) -> Iterator[Page]:
        self._require_visible()
        token = self._mark()
        yield from self.everything(query, token)

    def _changed(self, query: Query, at: float, mark: str) -> Iterator[Page]:
        self._require_fresh(at)
        database, _, number = mark.rpartition("/")
        if database != self._database() or not number.isdigit():
            raise self.expired("another domain controller answers, whose numbers are other ones")
        self._require_visible()
        token = self._mark()
        changed = f"({USN}>={int(number) + 1})"
        # who changed first, then who still matches: what changes in between comes with the next read
        there = set(self._guids(changed, self.domain, []))
        gone = set(self._guids(f"(&(isDeleted=TRUE){changed})", self.domain, [Plain(SHOW_DELETED)]))
        first = 1
        records = Records(self.connection, self.shape, query)
        attributes = [*records.attributes, *([] if GUID in records.attributes else [GUID])]
        for entries, _ in self.search(f"(&{self.shape.condition}{changed})", attributes, query.page_size):
            there -= {read_guid(values[GUID][0]) for _, values in entries if values.get(GUID)}
            yield Page(records.lines(entries), len(entries), self.shape.base, first)
            first += len(entries)
        deleted = tuple(key_text([one]) for one in sorted(gone | there))
        yield Page(b"", 0, self.shape.base, first, True, token=token, deleted=deleted)

    def _guids(self, condition: str, base: str, controls: Sequence[Any]) -> Iterator[str]:
        size = self.connection.settings.page_size
        for entries, _ in self.connection.search(
            base, "subtree", condition, [GUID], size=size, controls=controls, where=self.where
        ):
            yield from (read_guid(values[GUID][0]) for _, values in entries if values.get(GUID))

    def _mark(self) -> str:
        """A token of now. Asked anew each time: the root DSE that is known is of the log-in."""
        found = self.connection.entry("", ["highestCommittedUSN"])
        number = found[1].get("highestCommittedUSN", [b""])[0].decode() if found else ""
        if not number.isdigit():
            raise ConfigError(
                "ldap.usn",
                "the directory counts no uSNChanged",
                where=self.where,
                hint="is that Active Directory?",
            )
        return self.token(f"{self._database()}/{number}")

    def _database(self) -> str:
        service = self.connection.first("dsServiceName")
        found = self.connection.entry(service, ["invocationId"]) if service else None
        octets = found[1].get("invocationId", [b""])[0] if found else b""
        return read_guid(octets) if octets else service


def _octets(value: bytes) -> str:
    """Octets in a filter, each escaped: GUIDs hold any."""
    return "".join(f"\\{byte:02x}" for byte in value)
