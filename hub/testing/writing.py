"""Checks of writing, by looking into the system behind the connector's back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from hub.contract import Change, Outcome, Resource
from hub.doctor.records import text
from hub.errors import ConfigError, HubError, Retriable
from hub.testing.case import Case, Record
from hub.testing.standing import Probes


def _stored(case: Case, handle: Any) -> dict[tuple[str, ...], list[Record]]:
    assert case.stored is not None
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in case.stored(handle):
        found.setdefault(case.key_of(record), []).append(record)
    return found


def _create(case: Case, record: Record, number: int = 1) -> Change:
    return Change("create", case.key_fields(record), dict(record), id=f"kit-{number}")


def _differing(record: Record, other: Record) -> list[str]:
    return [name for name, value in record.items() if text(other.get(name)) != text(value)]


def _target(case: Case, records: list[dict[str, Any]]) -> tuple[Any, Any, Resource]:
    handle = case.fresh(records)
    connector = case.open(handle)
    return handle, connector, connector.resource(case.resource)


def create_stands(case: Case) -> None:
    """A created record stands in the target with exactly its values."""
    handle, connector, resource = _target(case, [])
    new = case.record(1) | dict(case.exact)
    outcome = connector.deliver(resource, [_create(case, new)])[0]
    assert outcome.status == "done", f"a create is {outcome.status}: {outcome.message}"
    found = _stored(case, handle).get(case.key_of(new), [])
    assert found, "the created record is not in the target"
    wrong = _differing(new, found[0])
    assert not wrong, f"created with other values of {', '.join(wrong)}"


def update_stands(case: Case) -> None:
    """An update sets the fields it holds and leaves the others."""
    handle, connector, resource = _target(case, case.records(3))
    old, new = case.record(2), case.record(9)
    name = next(name for name in old if name not in case.key and name != case.cursor)
    found = connector.find(resource, [case.key_fields(old)])[0]
    change = Change(
        "update", case.key_fields(old), case.key_fields(old) | {name: new[name]}, id="kit-1",
        foreign_id=found.foreign_id if found else None, version=found.version if found else None,
    )  # fmt: skip
    outcome = connector.deliver(resource, [change])[0]
    assert outcome.status == "done", f"an update is {outcome.status}: {outcome.message}"
    stands = _stored(case, handle)[case.key_of(old)][0]
    wrong = _differing(old | {name: new[name]}, stands)
    assert not wrong, f"after the update of {name}, {', '.join(wrong)} is wrong"


def delete_stands(case: Case) -> None:
    """A deleted record is gone, and only it."""
    handle, connector, resource = _target(case, case.records(3))
    gone = case.record(2)
    found = connector.find(resource, [case.key_fields(gone)])[0]
    foreign = found.foreign_id if found else None
    outcome = connector.deliver(resource, [Change("delete", case.key_fields(gone), foreign_id=foreign)])[0]
    assert outcome.status == "done", f"a delete is {outcome.status}: {outcome.message}"
    left = set(_stored(case, handle))
    assert left == {case.key_of(case.record(1)), case.key_of(case.record(3))}, f"left are {sorted(left)}"


def one_outcome_each(case: Case) -> None:
    """As many outcomes as changes, also for none."""
    _, connector, resource = _target(case, [])
    changes = [_create(case, record, number) for number, record in enumerate(case.records(4))]
    outcomes = connector.deliver(resource, changes)
    assert len(outcomes) == 4, f"4 changes got {len(outcomes)} outcomes"
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    assert connector.deliver(resource, []) == [], "no changes got outcomes"


def create_idempotent(case: Case) -> None:
    """The same create sent twice makes one object."""
    handle, connector, resource = _target(case, [])
    change = _create(case, case.record(1))
    connector.deliver(resource, [change])
    outcome = case.open(handle).deliver(resource, [change])[0]
    assert outcome.status in {"done", "conflict"}, f"the same create again is {outcome.status}"
    number = len(_stored(case, handle).get(case.key_of(case.record(1)), []))
    assert number == 1, f"the same create twice made {number} objects"


def partial_failure(case: Case) -> None:
    """A refused row is rejected with a reason; its neighbours stand."""
    handle, connector, resource = _target(case, [])
    records = case.records(5)
    records[1] |= dict(case.refused or {})
    outcomes = connector.deliver(resource, [_create(case, record, at) for at, record in enumerate(records)])
    statuses = [outcome.status for outcome in outcomes]
    assert statuses == ["done", "rejected", "done", "done", "done"], f"the outcomes are {', '.join(statuses)}"
    assert outcomes[1].code, "a rejected row has no code"
    assert outcomes[1].message, "a rejected row has no reason"
    stands = set(_stored(case, handle))
    assert stands == {case.key_of(record) for record in case.records(5)} - {case.key_of(records[1])}, (
        "what stands in the target is not what was answered"
    )


def find_by_key(case: Case) -> None:
    """``find`` answers in order, None for what is not there, with the natural key's values."""
    _, connector, resource = _target(case, case.records(3))
    asked = [case.record(3), case.record(99), case.record(1)]
    found = connector.find(resource, [case.key_fields(record) for record in asked])
    assert [each is not None for each in found] == [True, False, True], f"found are {found}"
    assert found[0].foreign_id, "what is found has no foreign id"
    assert found[0].foreign_id != found[2].foreign_id, "two records have one foreign id"
    wrong = [name for name, value in found[0].values.items() if name in asked[0] and name in case.key
             and text(value) != text(asked[0][name])]  # fmt: skip
    assert not wrong, "find answers another record"


def update_of_missing(case: Case) -> None:
    """An update of a record that is gone is not done, and does not bring it back."""
    handle, connector, resource = _target(case, case.records(2))
    gone = case.record(7)
    change = Change("update", case.key_fields(gone), dict(gone), id="kit-1")
    outcome = connector.deliver(resource, [change])[0]
    assert outcome.status in {"conflict", "rejected"}, f"the update of a missing record is {outcome.status}"
    assert case.key_of(gone) not in _stored(case, handle), "the update made a record"


def stale_version(case: Case) -> None:
    """An update against a version that is no longer current is a conflict, and changes nothing."""
    assert case.change is not None
    handle, connector, resource = _target(case, case.records(2))
    old, between, mine = case.record(1), case.record(8), case.record(9)
    found = connector.find(resource, [case.key_fields(old)])[0]
    version = found.version if found is not None else None
    assert version, "find gives no version: exempt stale_version"
    between |= case.key_fields(old)
    case.change(handle, between)
    values = mine | case.key_fields(old)
    change = Change("update", case.key_fields(old), values, found.foreign_id, version, "kit-1")
    outcome = connector.deliver(resource, [change])[0]
    assert outcome.status == "conflict", f"a stale update is {outcome.status}"
    assert not _differing(between, _stored(case, handle)[case.key_of(old)][0]), "a stale update overwrites"


def lost_answer(case: Case) -> None:
    """A create whose answer is lost is ``unknown``, is not sent again by itself, and can be found."""
    assert case.lose_answer is not None
    handle, connector, resource = _target(case, [])
    case.lose_answer(handle)
    new = case.record(1)
    try:
        outcome = connector.deliver(resource, [_create(case, new)])[0]
    except HubError as error:
        raise AssertionError(f"a lost answer raises {error.code}, as if nothing had happened") from error
    assert outcome.status == "unknown", f"a lost answer is {outcome.status}"
    assert len(_stored(case, handle).get(case.key_of(new), [])) == 1, "the create was sent again"
    assert case.open(handle).find(resource, [case.key_fields(new)])[0] is not None, "find does not see it"


def answers_reordered(case: Case) -> None:
    """Answers to a batch that come in another order go to the changes they are of."""
    _misanswered(case, "reordered")


def answers_short(case: Case) -> None:
    """Where an answer of a batch is missing, no change is told what is true of another, nor that it is done."""
    _misanswered(case, "short")


def answers_long(case: Case) -> None:
    """Where a batch gets more answers than it has changes, no change is told what is true of another."""
    _misanswered(case, "long")


def answers_alike(case: Case) -> None:
    """One verdict for a whole batch is none for each of its changes."""
    _misanswered(case, "alike")


def _misanswered(case: Case, how: str) -> None:
    """Three creates and an update of a record that is not there, whose answers are mixed up. ``unknown`` and
    ``conflict`` are always true: the hub asks. What is ``done`` stands, what is ``rejected`` or to be sent again
    (``retry``) does not."""
    assert case.misanswer is not None
    handle, connector, resource = _target(case, case.records(1))
    missing = case.record(99)
    changes = [_create(case, case.record(number), number) for number in (2, 3, 4)]
    changes.insert(1, Change("update", case.key_fields(missing), dict(missing), id="kit-99"))
    case.misanswer(handle, how)
    outcomes = connector.deliver(resource, changes)
    assert len(outcomes) == len(changes), f"{len(changes)} changes got {len(outcomes)} outcomes"
    stored = _stored(case, handle)
    opened = case.open(handle)
    found = [opened.find(opened.resource(case.resource), [change.key])[0] for change in changes]
    for change, outcome, there in zip(changes, outcomes, found, strict=True):
        stands = case.key_of(change.values) in stored
        told = f"a {change.operation} is {outcome.status}, and {'stands' if stands else 'does not stand'}"
        assert stands or outcome.status != "done", told
        assert not stands or outcome.status not in ("rejected", "retry"), told
        if outcome.status == "done" and outcome.foreign_id is not None:
            assert there is not None, told
            assert outcome.foreign_id == there.foreign_id, f"a {change.operation} got the id of another record"


def replace_stands(case: Case) -> None:
    """Replacing leaves exactly the new records."""
    handle, connector, resource = _target(case, case.records(3))
    assert resource.replaces, "the resource does not claim to replace: exempt replace_stands"
    new = [case.record(at) for at in (2, 5, 6, 7)]
    rows = pa.RecordBatch.from_pylist(new)
    count = connector.replace(resource, iter([rows.slice(0, 2), rows.slice(2)]), rows.schema)
    assert count == 4, f"4 records were written, said are {count}"
    stands = _stored(case, handle)
    numbers = {key: len(records) for key, records in stands.items()}
    assert numbers == {case.key_of(record): 1 for record in new}, "other records stand there"
    wrong = [name for record in new for name in _differing(record, stands[case.key_of(record)][0])]
    assert not wrong, f"replaced with other values of {', '.join(wrong)}"


def replace_whole_or_not(case: Case) -> None:
    """A replacing that fails half-way leaves the old records."""
    handle, connector, resource = _target(case, case.records(3))
    rows = pa.RecordBatch.from_pylist([case.record(8)])

    def cut() -> Iterator[pa.RecordBatch]:
        yield rows
        raise Retriable("kit.cut", "the rows end here")

    try:
        connector.replace(resource, cut(), rows.schema)
    except Retriable:
        left = set(_stored(case, handle))
        assert left == {case.key_of(record) for record in case.records(3)}, "half of a replacing stands there"
        return
    raise AssertionError("rows that are cut off are taken for all")


def replace_only(case: Case) -> None:
    """Where a resource is replaced as a whole, single changes are a ConfigError."""
    _, connector, resource = _target(case, case.records(1))
    try:
        connector.deliver(resource, [_create(case, case.record(2))])
    except ConfigError:
        return
    raise AssertionError("a single change is taken")


BATCH = (answers_reordered, answers_short, answers_long, answers_alike)
SINGLE = (
    create_stands, update_stands, delete_stands, one_outcome_each, create_idempotent, partial_failure,
    find_by_key, update_of_missing, stale_version, lost_answer, *BATCH,
)  # fmt: skip
WHOLE = (replace_stands, replace_whole_or_not, replace_only)
_NEEDS = {
    partial_failure: ("stored", "refused"), stale_version: ("stored", "change"),
    lost_answer: ("stored", "lose_answer"), **dict.fromkeys(BATCH, ("stored", "misanswer")),
    one_outcome_each: (), find_by_key: (), replace_only: (),
}  # fmt: skip
WRITING: Probes = tuple((_NEEDS.get(probe, ("stored",)), probe) for probe in (*SINGLE, *WHOLE))


def exempting(reason: str, probes: tuple[Any, ...]) -> dict[str, str]:
    """Exemptions of a whole group: ``SINGLE``, of which ``BATCH`` is a part, or ``WHOLE``."""
    return {probe.__name__: reason for probe in probes}
