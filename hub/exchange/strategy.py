"""How an exchange reads and writes a resource of which a check refuted some claims: it does without them.

What is claimed is believed until ``cophub systems check`` refutes it, and again when a later check finds that it
holds. A refuted claim never leads to a delete: no absence is concluded from pages that do not follow each other, and
no deletion is believed of a source that reports some that did not happen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.contract import Page, Query, Source
from hub.errors import ConfigError
from hub.exchange.canaries import doubted
from hub.exchange.extract import Extracted
from hub.exchange.ground import Asked
from hub.mapping.compile import Compiled
from hub.store import claims
from hub.store.claims import Refuted
from hub.store.database import Database

WHOLE = ("paging", "snapshot")
"""Claims without which no read is known to be whole."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """What of a resource is not relied upon; ``joined`` are those of the resources that are joined to it."""

    refuted: Mapping[str, Refuted]
    joined: Sequence[Refuted] = ()

    @property
    def incomplete(self) -> str:
        """Why a read of everything proves nothing about what it does not hold; empty where it does."""
        found = [self.refuted[name] for name in WHOLE if name in self.refuted] + list(self.joined)
        return "; ".join(_told(one) for one in found)

    def asked(self, asked: Asked) -> Asked:
        """From where to read: from the start, where the source cannot be asked for less."""
        if asked.given:
            return asked
        if asked.token is not None and {"deletes", "paging"} & self.refuted.keys():
            asked = dataclasses.replace(asked, token=None)
        if asked.since is not None and {"cursor", "paging"} & self.refuted.keys():
            asked = dataclasses.replace(asked, since=None)
        return asked

    def source(self, source: Source) -> Source:
        """The source; its reports of deletions are not heard where they are not believed."""
        return _Unheard(source) if "deletes" in self.refuted else source

    def judged(self, extracted: Extracted) -> Extracted:
        """The extract with a certificate that knows of the doubts, and with notes of what was chosen and why."""
        notes = (*extracted.notes, *self._notes())
        if "paging" in self.refuted:  # what may have been left out comes again: the watermark stays before it
            extracted = dataclasses.replace(extracted, cursor=None, token=None)
        if self.incomplete and extracted.certificate.complete:
            return dataclasses.replace(
                extracted, certificate=doubted(extracted, self.incomplete), notes=notes
            )
        return dataclasses.replace(extracted, notes=notes)

    def _notes(self) -> Iterator[str]:
        for name, does in (
            ("cursor", "everything is read, not only what changed"),
            ("deletes", "everything is read, and deletions that are reported are not believed"),
            ("paging", "everything is read, the watermark stays, and nothing counts as absent"),
            ("snapshot", "nothing counts as absent"),
        ):
            if name in self.refuted:
                yield f"strategy: {does}, because {_told(self.refuted[name])}"
        for one in self.joined:
            yield f"strategy: nothing counts as absent, because {_told(one)}"


def reading(database: Database, place: str, compiled: Compiled | None = None) -> Strategy:
    """How to read ``system.resource``, and what ``with`` joins to its records."""
    system, _, resource = place.partition(".")
    joined = []
    for join in compiled.joins if compiled is not None else ():
        found = claims.refuted(database, join.system, join.resource)
        joined += [found[name] for name in WHOLE if name in found]
    return Strategy(claims.refuted(database, system, resource), joined)


def unwritable(database: Database, place: str) -> str:
    """Why nothing may be written to ``system.resource``; empty where it may."""
    system, _, resource = place.partition(".")
    found = claims.refuted(database, system, resource).get("find")
    return f"nothing is written to {place}, because {_told(found)}" if found else ""


def require_writable(database: Database, place: str) -> None:
    """ConfigError ``claim.find`` where records cannot be looked up: what was created twice, or taken for another
    one, would be changed and deleted."""
    if why := unwritable(database, place):
        raise ConfigError(
            "claim.find", why, where=place,
            hint=f"mend find: or key: of the resource; then cophub systems check {place.partition('.')[0]}",
        )  # fmt: skip


def _told(one: Refuted) -> str:
    return (
        f"the claim {one.claim} of {one.system}.{one.resource} was refuted on {one.checked_at:%Y-%m-%d %H:%M} UTC: "
        f"{one.reason}"
    )


class _Unheard:
    """A source whose reports of deletions are left out."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def read(self, query: Query) -> Iterator[Page]:
        for page in self._source.read(query):
            yield dataclasses.replace(page, deleted=())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)
