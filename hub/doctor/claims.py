"""What a resource says of itself, tried by reading a few pages of it as it is: nothing is written.

``examine`` answers one ``Verdict`` per claim. On a system in use records come, change and go meanwhile: what looks
wrong is looked at twice before a claim counts as refuted.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.contract import Page, Probe, ProbeStatus, Query, Resource, Source, key_text
from hub.doctor import promises
from hub.doctor.records import at, page_rows, rank, text
from hub.errors import Fatal, HubError, RecordRejected

PAGES = 3
"""Pages of one read that are looked at."""
SMALL = 100
"""Records per page where small pages are asked for."""
MEANS = {
    "paging": "until it holds, exchanges count no absence of this resource and delete nothing by it",
    "snapshot": "until it holds, exchanges count no absence of this resource and delete nothing by it",
    "cursor": "until it holds, exchanges read this resource in full every time",
    "deletes": "until it holds, exchanges read this resource in full and believe no deletion that it reports",
    "find": "until it holds, exchanges write nothing to this resource",
    "key": "mend key: of the resource: records without one are set aside, of several with one only the first counts",
}
"""What follows from a refuted claim; all but ``key`` are remembered for the exchanges."""
REMEMBERED = tuple(claim for claim in MEANS if claim != "key")
WRITING = ("create idempotent", "verdict per row of a batch", "lost answers")

_ID = re.compile(r"[0-9a-fA-F-]{16,}")
Standing = Literal["held", "refuted", "noted", "untried", "broken"]
_STATUS: Mapping[Standing, ProbeStatus] = {
    "held": "ok", "refuted": "failed", "noted": "warning", "untried": "skipped", "broken": "failed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """One claim of one resource. ``noted`` neither holds nor harms; ``broken`` cannot be read at all."""

    claim: str
    standing: Standing
    detail: str
    remedy: str = ""
    code: str = ""

    def probe(self, resource: str) -> Probe:
        """As a step of a connection check."""
        refuted = self.standing == "refuted"
        remedy = self.remedy or (MEANS.get(self.claim, "") if refuted else "")
        code = self.code or ("claim.refuted" if refuted else "")
        return Probe(f"{self.claim} {resource}", _STATUS[self.standing], self.detail, remedy, code)


@dataclass(frozen=True)
class _Sample:
    """The first pages of a read; ``whole`` where the last page is among them."""

    pages: Sequence[Page]
    rows: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def whole(self) -> bool:
        return bool(self.pages) and self.pages[-1].last


def examine(source: Source, resource: Resource, now: Callable[[], float], by: Sequence[str] = ()) -> list[Verdict]:
    """Try the claims of a resource. ``by`` are the fields by which exchanges look records up, where these are not
    its key. Never raises an error of the hub."""
    return list(_Examination(source, resource, now, tuple(by)).verdicts())


class _Examination:
    def __init__(self, source: Source, resource: Resource, now: Callable[[], float], by: tuple[str, ...]) -> None:
        self._source, self._resource, self._now = source, resource, now
        self._by = by or resource.key
        self._first = _Sample(())

    def verdicts(self) -> Iterator[Verdict]:
        if not self._resource.key:
            yield Verdict("key", "untried", "nothing says which fields identify a record", "write key:")
            return
        try:
            self._first = self._read(Query(self._resource))
        except HubError as error:
            yield _stopped("paging", error)
            return
        if not self._first.rows:
            yield Verdict("paging", "untried", "there is no record, so nothing can be told")
            return
        yield self._key()
        yield self._twice("paging", self._paging)
        yield self._size()
        yield self._snapshot()
        if self._resource.cursor:
            yield self._twice("cursor", self._cursor)
        if self._resource.deletes:
            yield self._twice("deletes", self._deletes)
        if self._resource.writable and not self._resource.replaces:
            yield self._twice("find", self._find)
            named = ", ".join(WRITING)
            yield Verdict("writing", "untried", f"{named}: cannot be tried without writing; the contract kit does")

    # ------------------------------------------------------------------ reading

    def _read(self, query: Query, most: int = PAGES) -> _Sample:
        reading: Any = self._source.read(query)
        with closing(reading):
            pages = list(itertools.islice(reading, most))
        return _Sample(pages, [row for page in pages for row in page_rows(page)])

    def _key_of(self, row: Mapping[str, Any]) -> str:
        return key_text([at(row, name) for name in self._resource.key])

    def _keys(self, sample: _Sample) -> set[str]:
        return {self._key_of(row) for row in sample.rows}

    def _twice(self, claim: str, look: Callable[[], Verdict]) -> Verdict:
        """A verdict, and where it refutes the claim, that of a second look."""
        found = _safely(claim, look)
        if found.standing != "refuted":
            return found
        try:
            self._first = self._read(Query(self._resource))
        except HubError as error:
            return _stopped(claim, error)
        return _safely(claim, look)

    # ------------------------------------------------------------------ claims

    def _key(self) -> Verdict:
        rows, names = self._first.rows, ", ".join(self._resource.key)
        lacking = sum(any(at(row, name) in (None, "") for name in self._resource.key) for row in rows)
        if lacking:
            return Verdict("key", "refuted", f"{lacking} of {len(rows)} records have no {names}")
        doubled = sum(len(page_rows(page)) - len({self._key_of(row) for row in page_rows(page)})
                      for page in self._first.pages)  # fmt: skip
        if doubled:
            return Verdict("key", "refuted", f"{doubled} of {len(rows)} records share their {names} with another one")
        return Verdict("key", "held", f"{names} tells all {len(rows)} records apart that were looked at")

    def _paging(self) -> Verdict:
        first = self._first
        wrong = promises.miscounted(first.pages) or promises.repeated(first.pages, self._key_of)
        if wrong:
            return Verdict("paging", "refuted", wrong)
        size = self._small()
        small = self._read(Query(self._resource, page_size=size), PAGES + 1)  # the last one may be empty
        wrong = promises.miscounted(small.pages) or promises.repeated(small.pages, self._key_of)
        if wrong:
            return Verdict("paging", "refuted", f"in pages of {size}: {wrong}")
        whole, part = self._keys(first), self._keys(small)
        if first.whole and part - whole:
            return Verdict(
                "paging", "refuted",
                f"a read ends after {len(whole)} records, but in pages of {size} others come: the end of a page is "
                "taken for the end of all", "mend paging: (until:, the size, the field that says whether more follow)",
            )  # fmt: skip
        if small.whole and whole - part:
            return Verdict("paging", "refuted", f"in pages of {size} it ends after {len(part)} of {len(whole)} records")
        if not first.whole and {self._key_of(row) for row in small.rows[: len(first.rows)]} - whole:
            return Verdict("paging", "refuted", "records come in another order when pages have another size")
        if first.whole and len(small.pages) == 1:
            return Verdict("paging", "held", f"all {len(whole)} records come on one page")
        if len(first.pages) > 1:
            return Verdict("paging", "held", f"{len(first.pages)} pages follow each other without a repetition")
        return Verdict("paging", "held", f"{len(small.pages)} pages of {size} give what one page of all gives")

    def _small(self) -> int:
        """So that few pages hold more than the first sample did, where that was all there is."""
        number = len(self._first.rows)
        return number // PAGES + 1 if self._first.whole else max(1, min(number // (PAGES + 1), SMALL))

    def _size(self) -> Verdict:
        """Whether pages have the size that is asked for. Nothing rests on it but memory and time."""
        size = self._small()
        try:
            small = self._read(Query(self._resource, page_size=size))
        except HubError as error:
            return _stopped("page size", error)
        most = max((page.count for page in small.pages), default=0)
        if most > size:
            return Verdict("page size", "noted", f"{size} records were asked for and {most} came on a page",
                           "the size of pages is the system's; where they are too large, ask for another way of "
                           "paging")  # fmt: skip
        short = [page.count for page in small.pages if not page.last and page.count < size]
        if short:
            return Verdict("page size", "noted", f"{size} records were asked for and {short[0]} came, with more behind",
                           "the system cuts pages shorter: until: short may not be declared")  # fmt: skip
        return Verdict("page size", "held", f"pages hold {size} records where {size} are asked for")

    def _snapshot(self) -> Verdict:
        first, resource = self._first, self._resource
        told = max((page.announced for page in first.pages if page.announced is not None), default=None)
        if not resource.counts:
            return Verdict("snapshot", "untried", "no number of records is announced; a full read counts as complete "
                           "when its last page came")  # fmt: skip
        if told is None:
            return Verdict("snapshot", "refuted", "it claims to announce how many records there are, and does not")
        if first.whole and len(self._keys(first)) != told:
            return Verdict("snapshot", "refuted", f"{told} records are announced, and {len(self._keys(first))} come")
        if first.whole:
            return Verdict("snapshot", "held", f"{told} records are announced, and {told} come")
        return Verdict("snapshot", "held", f"{told} records are announced; whether so many come, each full read sees")

    def _cursor(self) -> Verdict:
        name, first = str(self._resource.cursor), self._first
        dated = [row for row in first.rows if at(row, name) not in (None, "")]
        if not dated:
            return Verdict("cursor", "noted", f"none of {len(first.rows)} records has a value of {name}",
                           "is that the field that changes with every change?")  # fmt: skip
        ranked = sorted((at(row, name) for row in dated), key=rank)
        since = ranked[len(ranked) // 2] if first.whole else ranked[-1]
        got = self._read(Query(self._resource, since=_written(since)))
        if got.whole and (lost := promises.lost_since(dated, got.rows, name, since, self._key_of)):
            return Verdict("cursor", "refuted", f"in a read since {_written(since)}, {lost}")
        earlier = {self._key_of(row) for row in dated if rank(at(row, name)) < rank(since)}
        if len(earlier) > 1 and earlier <= self._keys(got):
            return Verdict(
                "cursor", "noted", f"a read since {_written(since)} gives everything before it as well",
                "the system does not select by the cursor: each read takes as long as a full one",
            )  # fmt: skip
        ahead = dt.datetime.fromtimestamp(self._now() + 86_400, dt.UTC).replace(tzinfo=None).isoformat()
        if rank(ranked[-1]) > (1, ahead) and text(ranked[-1])[:2] in ("20", "21", "99"):
            return Verdict(
                "cursor", "noted", f"a record has {name} {_written(ranked[-1])}, which is yet to come",
                "changes before that moment are not read: mend the record, or take another cursor",
            )  # fmt: skip
        if len(dated) < len(first.rows):
            return Verdict(
                "cursor", "noted", f"{len(first.rows) - len(dated)} of {len(first.rows)} records have no {name}",
                "a change of them is seen by full reads only, unless the system fills it then",
            )  # fmt: skip
        partly = "" if got.whole else ", as far as it was read"
        return Verdict("cursor", "held", f"a read since {_written(since)} gives all at or after it{partly}")

    def _deletes(self) -> Verdict:
        if not self._first.whole:
            return Verdict("deletes", "untried", "the token of a whole read is needed, and there is more than was read")
        token = self._first.pages[-1].token
        if not token:
            return Verdict("deletes", "refuted", "it claims to report deletions, and gives no token to ask for them by")
        got = self._read(Query(self._resource, token=token))
        told = {key for page in got.pages for key in page.deleted}
        if alive := told & self._keys(self._first):
            return Verdict("deletes", "refuted", f"{len(alive)} records are reported as deleted that a full read gives")
        return Verdict("deletes", "held", "the token of a read is taken by the next; a deletion itself cannot be tried")

    def _find(self) -> Verdict:
        rows = [row for row in self._first.rows if all(at(row, name) not in (None, "") for name in self._by)]
        names = ", ".join(self._by)
        if not rows:
            return Verdict("find", "untried", f"no record that was read has a value of {names}")
        there = [{name: at(row, name) for name in self._by} for row in (rows[0], rows[-1])]
        nobody = [there[0] | {self._by[-1]: f"{last[::-1]}x"} for last in [there[0][self._by[-1]]] if _wordy(last)]
        asked = [there[0], *nobody, there[1]]  # who answers in another order than asked is found out by the gap
        target: Any = self._source
        found = target.find(self._resource, asked)
        if found[0] is None or found[-1] is None:
            return Verdict("find", "refuted", f"a record that was just read is not found by its {names}")
        for key, one in zip(asked, found, strict=False):
            told = {name: at(one.values, name) for name in key} if one is not None else {}
            if any(value is not None and text(value) != text(key[name]) for name, value in told.items()):
                return Verdict("find", "refuted", f"asked for one record by its {names}, the system gives another")
        if nobody and found[1] is not None:
            return Verdict("find", "refuted", f"a {names} that nobody has finds a record")
        return Verdict("find", "held", f"records are found by {names}")


def _safely(claim: str, look: Callable[[], Verdict]) -> Verdict:
    try:
        return look()
    except HubError as error:
        return _stopped(claim, error)


def _stopped(claim: str, error: HubError) -> Verdict:
    """What an error says of a claim: an answer that cannot be refutes it. Where the first read fails nothing is
    claimed, and the exchanges would fail as well."""
    if isinstance(error, Fatal | RecordRejected):
        return Verdict(claim, "refuted", f"{error.message} [{error.code}]")
    standing: Standing = "broken" if claim == "paging" else "untried"
    return Verdict(claim, standing, error.message, error.hint, error.code)


def _wordy(value: Any) -> bool:
    """Whether a key is a text that may be garbled without becoming something that the system cannot read."""
    return isinstance(value, str) and any(one.isalpha() for one in value) and not _ID.fullmatch(value)


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)
