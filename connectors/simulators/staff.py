"""The landscape's people and departments as products with a directory hold them: with numbers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from connectors.simulators import landscape


@dataclass(frozen=True, slots=True)
class Unit:
    """A department; ``id`` counts from 1, which is the root, ``parent`` is 0 for the root."""

    id: int
    parent: int
    name: str
    name_latin: str
    code: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. ``units`` are one or two departments; every 25th works in two."""

    id: int
    number: str
    login: str
    name: str
    name_latin: str
    email: str
    mobile: str
    units: tuple[int, ...]
    title: str
    active: bool
    hired: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class Staff:
    """The directory, the same for the same seed."""

    units: Sequence[Unit]
    people: Sequence[Person]


def staff(seed: int, records: int | None) -> Staff:
    """So many people, 250 where nothing is said."""
    departments = landscape.departments()
    ids = {each.code: number for number, each in enumerate(departments, start=1)}
    units = [
        Unit(ids[each.code], ids[each.parent] if each.parent else 0, each.name_local, each.name, each.code)
        for each in departments
    ]
    people = landscape.employees(seed, records or landscape.EMPLOYEES)
    return Staff(units, [_person(each, ids, len(units)) for each in people])


def _person(it: landscape.Employee, ids: dict[str, int], units: int) -> Person:
    unit = ids[it.department]
    second = (unit % units + 1,) if it.id % 25 == 0 else ()
    ago = timedelta(hours=it.id * 7 % 4000, seconds=it.id)
    return Person(
        it.id,
        it.number,
        f"u{it.id:05d}",
        it.name_local or f"{it.first_name} {it.last_name or ''}".strip(),
        f"{it.first_name} {it.last_name or ''}".strip(),
        it.email,
        it.mobile,
        (unit, *second),
        it.position_local,
        it.active,
        datetime(2012, 1, 2, tzinfo=UTC) + timedelta(days=it.id * 13 % 4900),
        datetime.combine(landscape.AS_OF, time(6), UTC) - ago,
    )


@dataclass(frozen=True, slots=True)
class Application:
    """Something that waits for somebody's approval, or no longer does: ``state`` is waiting, approved or rejected."""

    id: int
    title: str
    applicant: Person
    approver: Person
    state: str
    created: datetime
    changed: datetime


def applications(people: Sequence[Person], count: int = 60) -> list[Application]:
    """Applications for leave, expenses and purchases; two of three are decided."""
    made = []
    for number in range(1, count + 1):
        kind = ("请假申请", "费用报销", "采购申请", "用印申请")[number % 4]
        created = datetime(2026, 1, 5, 1, tzinfo=UTC) + timedelta(hours=number * 9, minutes=number)
        applicant, approver = people[number * 7 % len(people)], people[number * 3 % len(people)]
        state = ("waiting", "approved", "approved", "rejected")[number % 4 if number % 2 else 0]
        title = f"{applicant.name}的{kind} {number:03d}"
        made.append(Application(number, title, applicant, approver, state, created, created + timedelta(hours=5)))
    return made
