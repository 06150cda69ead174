"""What the kit must be told about a connector: how to make a system, and how to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.contract import Page, Query, Resource
from hub.doctor.records import at, text

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found; ``detail`` says what is wrong, or why the check does not apply."""

    check: str
    status: Literal["passed", "failed", "exempt"]
    detail: str = ""


@dataclass(frozen=True)
class Case:
    """One resource of one connector.

    ``fresh`` makes a system that holds exactly the given records and answers a handle of it; ``open``
    gives a new connector on that handle. ``record`` makes the n-th record (n from 1, all values
    different, cursors growing with n); ``exact`` are values that must come through unchanged, as texts.
    ``change``, ``remove`` and ``stored`` touch the system behind the connector's back. ``refused`` are
    values of a record that the target never takes. ``locked_out`` opens with wrong credentials,
    ``throttle`` makes the system refuse the next request for so many seconds. ``misanswer`` makes it do the
    next batch of changes and answer it wrongly: ``reordered``, ``short`` (one answer is missing), ``long`` (one
    is too many) or ``alike`` (one for all). ``exempt`` names the checks that do not apply, with the reason.
    """

    name: str
    fresh: Callable[[Sequence[Record]], Any]
    open: Callable[[Any], Any]
    resource: str
    key: tuple[str, ...]
    record: Callable[[int], dict[str, Any]]
    cursor: str | None = None
    exact: Mapping[str, Any] = field(default_factory=dict)
    stored: Callable[[Any], Iterable[Record]] | None = None
    change: Callable[[Any, Record], None] | None = None
    remove: Callable[[Any, Record], None] | None = None
    refused: Mapping[str, Any] | None = None
    locked_out: Callable[[Any], Any] | None = None
    throttle: Callable[[Any, float], None] | None = None
    lose_answer: Callable[[Any], None] | None = None
    misanswer: Callable[[Any, str], None] | None = None
    secrets: tuple[str, ...] = ()
    exempt: Mapping[str, str] = field(default_factory=dict)

    def records(self, number: int) -> list[dict[str, Any]]:
        return [self.record(at) for at in range(1, number + 1)]

    def key_of(self, record: Record) -> tuple[str, ...]:
        """The key's values as texts; a dotted name leads into a record that was read."""
        return tuple(text(value(record, name)) for name in self.key)

    def key_fields(self, record: Record) -> dict[str, Any]:
        return {name: record[name] for name in self.key}


def value(record: Record, name: str) -> Any:
    """The value of a field: by its name, or where that is dotted from within."""
    return record[name] if name in record else at(record, name)


def read(
    connector: Any, resource: Resource, *, size: int | None = None, since: str | None = None,
    token: str | None = None, fields: tuple[str, ...] = (),
) -> list[Page]:  # fmt: skip
    """All pages of one read."""
    query = Query(resource, fields=fields, since=since, token=token, page_size=size)
    return list(connector.read(query))
