"""WebDAV and CalDAV requests of one collection (RFC 4791, 6578), and their multi-status answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

from lxml import etree

from hub.errors import Fatal
from hub.http import Response, Transport
from hub.http.answers import refuse_html
from hub.untrusted import parse_xml

DAV, CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
SPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
TODOS = '<C:comp-filter name="VCALENDAR"><C:comp-filter name="VTODO">{}</C:comp-filter></C:comp-filter>'
EXPIRED = (400, 403, 404, 409, 410, 412, 507)
"""Statuses by which servers refuse a token they no longer know; RFC 6578 says 403 with valid-sync-token."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer tells of one object: its address, status (0 where it tells none of it), version and text."""

    href: str
    status: int
    etag: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Synced:
    """What changed since a token: the objects, the next token, and whether the server holds back more."""

    objects: list[Told]
    token: str
    more: bool


class TodoCollection:
    """One collection at its path."""

    def __init__(self, transport: Transport, path: str) -> None:
        self.transport, self.path = transport, path.strip("/") + "/"

    def properties(self) -> etree._Element:
        """What the collection says it is."""
        body = (
            f"<D:propfind {SPACES}><D:prop><D:resourcetype/><C:supported-calendar-component-set/>"
            "<D:supported-report-set/><D:current-user-privilege-set/></D:prop></D:propfind>"
        )
        return self._multistatus(self._ask("PROPFIND", body, depth="0"))

    def names(self) -> list[Told]:
        """All to-dos, without their texts, for servers that tell no changes."""
        return self._query("", "<D:getetag/>")

    def by_uid(self, uid: str) -> list[Told]:
        """Objects whose UID holds a text: the standard compares by substring."""
        text = f'<C:text-match collation="i;octet">{escape(uid)}</C:text-match>'
        match = f'<C:prop-filter name="UID">{text}</C:prop-filter>'
        return self._query(match, "<D:getetag/><C:calendar-data/>")

    def sync(self, token: str) -> Synced | None:
        """What changed since ``token``, all where it is empty; None where the server no longer knows it."""
        body = (
            f"<D:sync-collection {SPACES}><D:sync-token>{escape(token)}</D:sync-token>"
            "<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"
        )
        # RFC 6578 wants no Depth but 0; some servers want none
        answer = self._ask("REPORT", body, depth="0", expect=EXPIRED if token else ())
        if not answer.ok:
            return None
        root = self._multistatus(answer)
        found = root.findtext(f"{DAV}sync-token")
        if not found:
            raise Fatal(
                "caldav.answer", "the answer holds no sync-token", where=answer.where,
                hint="set sync: false, if the server does not know RFC 6578",
            )  # fmt: skip
        told = list(self._told(root))
        return Synced([one for one in told if not self._itself(one.href)], found, _held_back(root))

    def texts(self, hrefs: Sequence[str]) -> list[Told]:
        """The objects at these addresses, as the server named them."""
        wanted = "".join(f"<D:href>{escape(one)}</D:href>" for one in hrefs)
        body = (
            f"<C:calendar-multiget {SPACES}><D:prop><D:getetag/><C:calendar-data/></D:prop>{wanted}"
            "</C:calendar-multiget>"
        )
        return list(self._told(self._multistatus(self._ask("REPORT", body, depth="1"))))

    def address(self, name: str) -> str:
        return self.path + quote(name, safe="")

    def _query(self, inner: str, properties: str) -> list[Told]:
        body = (
            f"<C:calendar-query {SPACES}><D:prop>{properties}</D:prop><C:filter>{TODOS.format(inner)}</C:filter>"
            "</C:calendar-query>"
        )
        answer = self._ask("REPORT", body, depth="1")
        return [one for one in self._told(self._multistatus(answer)) if not self._itself(one.href)]

    def _ask(self, method: str, body: str, *, depth: str, expect: Collection[int] = ()) -> Response:
        headers = {
            "Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml, text/xml", "Depth": depth,
        }  # fmt: skip
        text = f'<?xml version="1.0" encoding="utf-8"?>{body}'.encode()
        return self.transport.request(
            method, self.path, data=text, headers=headers, idempotent=True, expect=expect
        )

    def _multistatus(self, answer: Response) -> etree._Element:
        refuse_html(answer)
        limit = self.transport.settings.limits.max_body
        root = parse_xml(answer.body, limit=limit, where=answer.where)
        if root.tag != f"{DAV}multistatus":
            raise Fatal(
                "caldav.answer", "the answer is none of WebDAV", where=answer.where,
                hint="check url:, and path: of the resource",
            )  # fmt: skip
        return root

    @staticmethod
    def _told(root: etree._Element) -> Iterator[Told]:
        for one in root.iterfind(f"{DAV}response"):
            href = (one.findtext(f"{DAV}href") or "").strip()
            status, etag, text = _status(one.findtext(f"{DAV}status")), None, None
            for part in one.iterfind(f"{DAV}propstat"):
                if 200 <= _status(part.findtext(f"{DAV}status")) < 300:
                    status = 200
                    etag = part.findtext(f"{DAV}prop/{DAV}getetag") or etag
                    text = part.findtext(f"{DAV}prop/{CAL}calendar-data") or text
            if href:
                yield Told(href, status, etag, text)  # properties that fail do not say that it is gone

    def _itself(self, href: str) -> bool:
        return href.endswith("/")


def name_of(href: str) -> str:
    """The last part of an address, decoded.

    >>> name_of("/alice/tasks/a%20b.ics")
    'a b.ics'
    """
    return unquote(urlsplit(href).path.rstrip("/").rpartition("/")[2])


def _held_back(root: etree._Element) -> bool:
    """Whether the collection itself answers 507: there is more behind the new token (RFC 6578 §3.6)."""
    return any(_status(one.text) == 507 for one in root.iterfind(f"{DAV}response/{DAV}status"))


def _status(line: str | None) -> int:
    parts = (line or "").split()
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
