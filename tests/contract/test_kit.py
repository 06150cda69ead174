"""The kit itself: a sound connector passes every check, and each flaw fails exactly its own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from hub.contract import Change, Field, Found, Outcome, Page, Probe, Query, Resource, Secret, key_text
from hub.errors import AuthError, ConfigError, Retriable
from hub.testing import CHECKS, Case, failures, run_contract
from hub.testing.memory import Answered, Memory, MemorySystem, replacing
from hub.testing.writing import SINGLE, WHOLE, exempting

RESOURCE = Resource(
    "Person", key=("no",), cursor="at", fields=(Field("no"), Field("name"), Field("at")), deletes=True,
    counts=True, writable=True,
)  # fmt: skip
SECRET = "pa55-word"
WRONG = "wr0ng-word"


def case(flawed: type[Memory] = Memory, resource: Resource = RESOURCE, **more: Any) -> Case:
    def fresh(records: Sequence[Mapping[str, Any]]) -> MemorySystem:
        system = MemorySystem(SECRET)
        for record in records:
            system.put(key_text([record["no"]]), record)
        return system

    def record(number: int) -> dict[str, Any]:
        return {"no": f"P{number}", "name": f"名 {number}", "at": f"2026-01-01T00:{number:02}:00Z"}

    given: dict[str, Any] = {
        "name": flawed.__name__,
        "fresh": fresh,
        "open": lambda system: flawed(system, Secret(SECRET), resource),
        "resource": "Person",
        "key": ("no",),
        "cursor": "at",
        "record": record,
        "exact": {"name": '张伟 😀 "q"\n12345678901234567890.12'},
        "stored": lambda system: list(system.rows.values()),
        "change": lambda system, new: system.put(new["no"], new),
        "remove": lambda system, old: system.drop(old["no"]),
        "refused": {"name": ""},
        "locked_out": lambda system: flawed(system, Secret(WRONG), resource),
        "throttle": lambda system, wait: setattr(system, "wait", wait),
        "lose_answer": lambda system: setattr(system, "loses_answer", True),
        "misanswer": lambda system, how: setattr(system, "misanswers", how),
        "secrets": (SECRET, WRONG),
        "exempt": exempting("single records are written", WHOLE),
    }
    return Case(**(given | more))


def whole(flawed: type[Memory] = Memory) -> Case:
    return case(flawed, replacing(RESOURCE), exempt=exempting("it is replaced as a whole", SINGLE))


def pages(connector: Memory, query: Query) -> list[Page]:
    return list(Memory.read(connector, query))


def rows(page: Page) -> list[dict[str, Any]]:
    assert isinstance(page.records, bytes)
    return [json.loads(line) for line in page.records.splitlines()]


def with_rows(page: Page, kept: list[dict[str, Any]], **more: Any) -> Page:
    text = b"".join(json.dumps(row).encode() + b"\n" for row in kept)
    return dataclasses.replace(page, records=text, count=len(kept), **more)


class Flaw:
    """One connector per check, broken in just that way; the name is the check's."""

    class check_reports(Memory):
        def check(self) -> list[Probe]:
            return [probe for probe in super().check() if not probe.ok]

    class check_reports_trouble(Memory):
        def check(self) -> list[Probe]:
            return [Probe("log-in", "ok"), Probe("read Person", "ok")]

    class describe(Memory):
        def resource(self, name: str) -> Resource:
            return dataclasses.replace(super().resource(name), cursor=None)

    class unknown_resource(Memory):
        def resource(self, name: str) -> Resource:
            return dataclasses.replace(self._resource, name=name)

    class wrong_credentials(Memory):
        def _log_in(self) -> None:
            try:
                super()._log_in()
            except AuthError as error:
                raise Retriable("memory.login", error.message) from None

        def check(self) -> list[Probe]:
            try:
                self._log_in()
            except Retriable as error:
                return [Probe("log-in", "failed", error.message)]
            return super().check()

    class no_secret_shown(Memory):
        def _log_in(self) -> None:
            if self._password.reveal() != self._system.password:
                raise AuthError("memory.login", f"the password {self._password.reveal()} is wrong")

    class rate_limit_honoured(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            if self._system.wait:
                raise Retriable("memory.busy", "too many requests")
            yield from super().read(query)

    class close_twice(Memory):
        def close(self) -> None:
            del self._system

    class every_record_once(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                again = rows(page)[-1:] if page.last else []
                yield with_rows(page, rows(page) + again)

    class pages_stable(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                yield with_rows(page, rows(page)[1:]) if query.page_size == 7 else page

    class page_counts(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                yield dataclasses.replace(page, first=1)

    class last_page_marked(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                yield dataclasses.replace(page, last=page.last or page.count > 0)

    class empty_source(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            return (page for page in super().read(query) if page.count)

    class announced_count(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            return (dataclasses.replace(page, announced=page.count) for page in super().read(query))

    class cursor_order(Memory):
        def _chosen(self, query: Query) -> list[dict[str, Any]]:
            return super()._chosen(query)[::-1]

    class cursor_ties(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            """The next page starts behind the last cursor value: its ties are lost."""
            seen: str | None = None
            for page in super().read(query):
                kept = [row for row in rows(page) if seen is None or row["at"] > seen]
                seen = kept[-1]["at"] if kept else seen
                yield with_rows(page, kept)

    class since_inclusive(Memory):
        def _chosen(self, query: Query) -> list[dict[str, Any]]:
            return [row for row in super()._chosen(query) if query.since is None or row["at"] > query.since]

    class change_seen(Memory):
        def _chosen(self, query: Query) -> list[dict[str, Any]]:
            rows = super()._chosen(query)
            new = {"P3"} if self._system.versions.get("P3") == 2 and query.since else set()
            return [row for row in rows if row["no"] not in new]

    class deletes_seen(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            return (dataclasses.replace(page, deleted=()) for page in super().read(query))

    class values_exact(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                flat = [{**row, "name": row["name"].replace("\n", " ")} for row in rows(page)]
                yield with_rows(page, flat)

    class fields_on_demand(Memory):
        def read(self, query: Query) -> Iterator[Page]:
            for page in super().read(query):
                asked = query.fields or ("no", "name", "at")
                yield with_rows(page, [{name: row[name] for name in asked} for row in rows(page)])

    class create_stands(Memory):
        def _one(self, change: Change) -> Outcome:
            name = str(change.values.get("name", "")).replace("\n", " ")
            values = {**change.values, **({"name": name} if "name" in change.values else {})}
            return super()._one(dataclasses.replace(change, values=values))

    class update_stands(Memory):
        def _one(self, change: Change) -> Outcome:
            outcome = super()._one(change)
            if change.operation == "update" and outcome.status == "done":
                self._system.rows[change.key["no"]]["at"] = None
            return outcome

    class delete_stands(Memory):
        def _one(self, change: Change) -> Outcome:
            return Outcome("done") if change.operation == "delete" else super()._one(change)

    class one_outcome_each(Memory):
        def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
            return super().deliver(resource, changes) or [Outcome("done")]

    class create_idempotent(Memory):
        def _one(self, change: Change) -> Outcome:
            key = change.key["no"]
            if change.operation == "create" and key in self._system.rows:
                self._system.put(key + " again", change.values)
                return Outcome("done", key)
            return super()._one(change)

    class partial_failure(Memory):
        def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
            outcomes = super().deliver(resource, changes)
            bad = next((outcome for outcome in outcomes if outcome.status == "rejected"), None)
            return [bad] * len(outcomes) if bad else outcomes

    class find_by_key(Memory):
        def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
            found = super().find(resource, keys)
            return [each for each in found if each] + [None] * found.count(None)

    class update_of_missing(Memory):
        def _one(self, change: Change) -> Outcome:
            gone = change.operation == "update" and change.key["no"] not in self._system.rows
            return super()._one(dataclasses.replace(change, operation="create") if gone else change)

    class stale_version(Memory):
        def _one(self, change: Change) -> Outcome:
            return super()._one(dataclasses.replace(change, version=None))

    class lost_answer(Memory):
        def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
            outcomes = super().deliver(resource, changes)
            lost = self._system.loses_answer
            return [dataclasses.replace(one, status="retry") if lost else one for one in outcomes]

    class answers_reordered(Memory):
        def _attributed(self, changes: Sequence[Change], answers: Sequence[Answered]) -> list[Outcome]:
            """By their order, where there are as many."""
            if len(answers) == len(changes):
                return [outcome for _, outcome in answers]
            return super()._attributed(changes, answers)

    class answers_short(Memory):
        def _attributed(self, changes: Sequence[Change], answers: Sequence[Answered]) -> list[Outcome]:
            """What is not spoken of went well."""
            outcomes = super()._attributed(changes, answers)
            few = 1 < len(answers) < len(changes)
            return [Outcome("done") if few and one.status == "unknown" else one for one in outcomes]

    class answers_long(Memory):
        def _attributed(self, changes: Sequence[Change], answers: Sequence[Answered]) -> list[Outcome]:
            """The first answers are meant."""
            if len(answers) > len(changes):
                return [outcome for _, outcome in answers[: len(changes)]]
            return super()._attributed(changes, answers)

    class answers_alike(Memory):
        def _attributed(self, changes: Sequence[Change], answers: Sequence[Answered]) -> list[Outcome]:
            """One answer is meant for all."""
            if len(answers) == 1:
                return [dataclasses.replace(answers[0][1], foreign_id=None)] * len(changes)
            return super()._attributed(changes, answers)

    class replace_stands(Memory):
        def replace(self, resource: Resource, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
            old = dict(self._system.rows)
            count = super().replace(resource, rows, schema)
            self._system.rows = old | self._system.rows
            return count

    class replace_whole_or_not(Memory):
        def replace(self, resource: Resource, rows: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
            self._system.rows = {}
            return super().replace(resource, rows, schema)

    class replace_only(Memory):
        def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
            try:
                return super().deliver(resource, changes)
            except ConfigError:
                return [Outcome("done")] * len(changes)


def test_a_sound_connector_keeps_the_contract() -> None:
    for sound in (case(), whole()):
        verdicts = run_contract(sound)
        assert failures(verdicts) == []
        assert len(verdicts) == len(CHECKS)


@pytest.mark.parametrize("check", [check.name for check in CHECKS])
def test_each_flaw_fails_exactly_its_own_check(check: str) -> None:
    flawed = getattr(Flaw, check)
    given = whole(flawed) if check in exempting("", WHOLE) else case(flawed)
    found = failures(run_contract(given))
    assert [line.split(":")[0] for line in found] == [check], found


def test_a_check_that_cannot_be_made_must_be_exempted() -> None:
    found = failures(run_contract(case(throttle=None)))
    check = "rate_limit_honoured"
    assert found == [f"{check}: the case gives no throttle: give it, or exempt {check}"]
    reason = {"rate_limit_honoured": "it has no limits", **exempting("single", WHOLE)}
    assert failures(run_contract(case(throttle=None, exempt=reason))) == []


def test_an_exemption_of_no_check_is_a_failure() -> None:
    reason = {"no_such_check": "x", **exempting("single", WHOLE)}
    assert failures(run_contract(case(exempt=reason))) == ["no_such_check: there is no such check"]
