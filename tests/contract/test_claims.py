"""What a probe of a system in use finds of connectors that are broken on purpose, by reading alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from hub.contract import Change, Found, Outcome, Page, Query, Resource, Secret
from hub.doctor.claims import MEANS, Verdict, examine
from hub.errors import Fatal, Retriable
from hub.testing.memory import Memory, MemorySystem
from tests.contract.test_kit import RESOURCE, SECRET, Flaw, rows, with_rows

NOW = 1_770_000_000.0


class Reading(Memory):
    """Refuses to be written: a probe of a system in use may only read."""

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        raise AssertionError("a probe writes")


def examined(
    flawed: type[Memory] = Reading, number: int = 23, resource: Resource = RESOURCE
) -> dict[str, Verdict]:
    system = MemorySystem(SECRET)
    for n in range(1, number + 1):
        system.put(f"P{n}", {"no": f"P{n}", "name": f"Name {n}", "at": f"2026-01-01T00:{n:02}:00Z"})
    found = examine(flawed(system, Secret(SECRET), resource), resource, lambda: NOW)
    assert all(one.detail for one in found)
    return {one.claim: one for one in found}


def refuted(verdicts: Mapping[str, Verdict]) -> set[str]:
    return {claim for claim, verdict in verdicts.items() if verdict.standing == "refuted"}


@pytest.mark.parametrize("number", [1, 2, 9, 23, 45])
def test_a_sound_system_refutes_nothing(number: int) -> None:
    found = examined(number=number)
    assert refuted(found) == set()
    assert [found[claim].standing for claim in ("key", "paging", "snapshot", "cursor", "find")] == ["held"] * 5
    assert found["deletes"].standing == ("held" if number <= 30 else "untried")
    assert found["writing"].standing == "untried"


class Broken:
    """One connector per claim that it breaks."""

    class paging(Reading):
        """Begins anew with every page."""

        def read(self, query: Query) -> Iterator[Page]:
            pages = list(super().read(query))
            yield from (dataclasses.replace(pages[0], last=page.last, first=page.first) for page in pages)

    class paging_short(Reading):
        """Takes the first page that is asked for in full size for the last."""

        def read(self, query: Query) -> Iterator[Page]:
            pages = list(super().read(query))
            yield from pages if query.page_size else [dataclasses.replace(pages[0], last=True, announced=None)]

    class snapshot(Reading):
        def read(self, query: Query) -> Iterator[Page]:
            return (dataclasses.replace(page, announced=None) for page in super().read(query))

    class deletes(Reading):
        """Reports as deleted what is there."""

        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                yield dataclasses.replace(page, deleted=("P3",) if query.token and page.last else ())

    class deletes_without_token(Reading):
        def read(self, query: Query) -> Iterator[Page]:
            return (dataclasses.replace(page, token=None) for page in super().read(query))

    class find(Reading):
        """Answers any look-up by the first record."""

        def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
            return [super(Broken.find, self).find(resource, [{"no": "P1"}])[0] for _ in keys]

    class key(Reading):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                yield with_rows(page, [row | {"no": ""} if row["no"] == "P5" else row for row in rows(page)])


@pytest.mark.parametrize(
    ("flawed", "claim"),
    [
        (Broken.paging, "paging"),
        (Broken.paging_short, "paging"),
        (Broken.snapshot, "snapshot"),
        (Broken.deletes, "deletes"),
        (Broken.deletes_without_token, "deletes"),
        (Broken.find, "find"),
        (Broken.key, "key"),
        (Flaw.page_counts, "paging"),
        (Flaw.since_inclusive, "cursor"),
        (Flaw.announced_count, "snapshot"),
        (Flaw.pages_stable, "paging"),
        (Flaw.find_by_key, "find"),
    ],
)
def test_a_broken_claim_is_refuted(flawed: type[Memory], claim: str) -> None:
    found = examined(flawed, 20)
    assert claim in refuted(found), found
    probe = found[claim].probe("Person")
    assert (probe.name, probe.status, probe.code) == (f"{claim} Person", "failed", "claim.refuted")
    assert probe.remedy == MEANS[claim] or found[claim].remedy == probe.remedy


def test_records_are_looked_up_by_the_key_that_exchanges_use() -> None:
    class ByName(Reading):
        def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
            assert all(set(key) == {"name"} for key in keys)
            by = {row["name"]: code for code, row in self._system.rows.items()}
            return [Found(by[key["name"]], None, key) if key["name"] in by else None for key in keys]

    system = MemorySystem(SECRET)
    system.put("P1", {"no": "P1", "name": "Ann", "at": "2026-01-01T00:00:01Z"})
    found = examine(ByName(system, Secret(SECRET), RESOURCE), RESOURCE, lambda: NOW, ("name",))
    assert next(one.detail for one in found if one.claim == "find") == "records are found by name"


def test_what_changes_between_two_looks_refutes_nothing() -> None:
    class Busy(Reading):
        """A record is added at the first reads, as systems in use do."""

        looks = 0

        def read(self, query: Query) -> Iterator[Page]:
            Busy.looks += 1
            if Busy.looks <= 2:
                at = f"2026-01-01T00:00:{Busy.looks:02}Z"
                self._system.put(f"N{Busy.looks}", {"no": f"N{Busy.looks}", "name": "new", "at": at})
            return super().read(query)

    assert refuted(examined(Busy, 9)) == set()


def test_a_source_that_fails_now_refutes_nothing() -> None:
    class Down(Reading):
        def read(self, query: Query) -> Iterator[Page]:
            raise Retriable("down", "come back later", hint="wait")

    class Confused(Reading):
        def read(self, query: Query) -> Iterator[Page]:
            if query.page_size:
                raise Fatal("page.repeated", "the same page again")
            return super().read(query)

    assert examined(Down)["paging"].standing == "broken"
    assert examined(Confused)["paging"].standing == "refuted"


def test_an_empty_system_and_one_without_a_key_say_that_nothing_can_be_told() -> None:
    assert examined(number=0)["paging"].standing == "untried"
    assert examined(resource=dataclasses.replace(RESOURCE, key=()))["key"].standing == "untried"


@pytest.mark.parametrize(
    ("change", "said"),
    [({"at": None}, "have no at"), ({"at": "2099-01-01T00:00:00Z"}, "is yet to come")],
)
def test_cursors_that_are_missing_or_ahead_are_a_word_worth(change: dict[str, Any], said: str) -> None:
    class Odd(Reading):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(dataclasses.replace(query, since=None)):
                yield with_rows(page, [row | change if row["no"] == "P5" else row for row in rows(page)])

    class Selecting(Odd):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                kept = [row for row in rows(page) if not query.since or (row["at"] or "") >= query.since]
                yield with_rows(page, kept, announced=None)

    found = examined(Selecting, 9)["cursor"]
    assert (found.standing, said in found.detail) == ("noted", True), found
    assert "everything before it" in examined(Odd, 9)["cursor"].detail
