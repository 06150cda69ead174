"""docs/how-to/todo-people.md, drift of what is pulled: of a thousand to-dos of a provider of Task Center one per cent
goes wrong behind the cursor, while it goes on changing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.simulators import Simulator
from hub.todos import drift, pulled
from hub.todos.pulled import Look
from tests.integration.test_pull_todos import TASK_CENTER, Opened, expected
from tests.integration.test_pull_todos import office as office
from tests.unit.todos.conftest import Desk

pytestmark = pytest.mark.against("sap_task_provider", "a provider of SAP Task Center", "simulator")
COUNT = 1000
PEOPLE = [f"p{number}" for number in range(6)]
NAME = "taskcenter-todos"


@dataclass
class Center:
    """The provider, and the hub that pulls it."""

    provider: Simulator
    desk: Desk
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    @property
    def table(self) -> Any:
        return self.provider.product.tables["tasks"]

    def behind(self, urn: str, **values: Any) -> None:
        """A change that moves no time: the delta never tells it."""
        row = self.table.get(urn)
        self.table.delete((urn,))
        self.table.seed({**row, **values})

    def look(self, **asked: Any) -> Look:
        with self.desk.opened() as opened:
            return pulled.look(opened.hub, NAME, **asked)

    def heal(self, **asked: Any) -> int:
        with self.desk.opened() as opened:
            return drift.heal(opened.hub, "taskcenter", drift.plan(opened.hub, "taskcenter").digest, **asked)

    def pull(self) -> None:
        self.desk.run(NAME, "incremental")

    def goes_on(self, spared: set[str]) -> None:
        """People work: what changes now is told by the delta, at the next run."""
        waiting = [row for row in self.provider.rows("tasks") if row["status"] == "READY" and row["urn"] not in spared]
        for row in self.chance.sample(waiting, 30):
            new: dict[str, Any] = self.chance.choice([
                {"status": "COMPLETED"}, {"recipientUsers": self.chance.sample(PEOPLE, 2)}, {"priority": "HIGH"},
                {"status": "RESERVED", "processor": row["recipientUsers"][0]}, {"status": "CANCELED"},
            ])  # fmt: skip
            self.provider.change("tasks", {"urn": row["urn"], **new})
        for _ in range(5):
            urn = f"urn:new:{len(self.provider.rows('tasks'))}"
            self.provider.change("tasks", task(urn, self.chance.choice(PEOPLE)))

    def lists(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for person in PEOPLE:
            titles, cursor = set[str](), None
            while True:
                asked = {"person": person, "limit": "500", "language": "zh"} | ({"cursor": cursor} if cursor else {})
                page = self.desk.get("", **asked)
                titles |= {one["title"] for one in page["items"]}
                if (cursor := page["next"]) is None:
                    break
            found[person] = titles
        return {one: titles for one, titles in found.items() if titles}


def task(urn: str, who: str) -> dict[str, Any]:
    return {
        "urn": urn, "tenantId": "lanhai", "definitionId": "approval", "status": "READY", "createdBy": who,
        "processor": None, "priority": "MEDIUM", "subject": [{"languageCode": "zh", "text": f"审批 {urn}"}],
        "uiLink": "https://oa.example.com/1", "recipientUsers": [who], "recipientGroups": [],
        "createdAt": "2026-11-01T08:00:00Z", "modifiedAt": "2026-11-01T08:00:00Z",
    }  # fmt: skip


@pytest.fixture
def center(office: Opened) -> Iterator[Center]:
    with Simulator("taskcenter", records=1) as provider:
        table = provider.product.tables["tasks"]
        for row in provider.rows("tasks"):
            table.delete((row["urn"],))
        for number in range(COUNT):
            at = f"2026-11-01T{8 + number // 60 % 12:02}:{number % 60:02}:00Z"
            table.seed(task(f"urn:t:{number:04}", PEOPLE[number % len(PEOPLE)]) | {"modifiedAt": at})
        secret = "client_secret: secret://taskcenter/client\n"
        more = f"{secret}limits: {{rate: 1000/s, retries: 2, max_wait: 1s}}\n"
        more += "resources: {tasks: {paging: {last: {params: {modifiedAfter: modifiedAt, lastId: urn}, size: 200}}}}\n"
        made = office(PEOPLE, {"TASKCENTER_CLIENT": "taskcenter-demo"}, "taskcenter", **{
            TASK_CENTER: provider.url, "https://login.example.com": provider.url, secret: more,
        })  # fmt: skip
        made.run(NAME, initial=True)
        yield Center(provider, made)


def kinds(look: Look, *, confirmed: bool) -> dict[str, str]:
    return {one.id: one.kind for one in look.differences if one.confirmed is confirmed}


def injected(center: Center) -> dict[str, str]:
    """One per cent, of every kind, in the source and in the hub."""
    lost = [f"urn:t:{number:04}" for number in center.chance.sample(range(COUNT), 10)]
    found = dict(zip(lost, ["ghost"] * 3 + ["wrong_owner"] * 3 + ["stale"] * 2 + ["missing"] * 2, strict=True))
    center.table.delete((lost[0],))
    center.behind(lost[1], status="COMPLETED")
    center.behind(lost[2], status="CANCELED")
    (had,) = center.table.get(lost[3])["recipientUsers"]
    center.behind(lost[3], recipientUsers=["p1" if had == "p0" else "p0"])
    center.behind(lost[4], recipientUsers=["p0", "p1", "p2"])
    for urn, title in ((lost[6], "改了"), (lost[7], "也改了")):
        center.behind(urn, subject=[{"languageCode": "zh", "text": title}])
    with center.desk.open_hub.hub.database.begin() as connection:
        where = f"todo IN (SELECT id FROM todo WHERE source_id = '{lost[5]}')"
        connection.exec_driver_sql(f"DELETE FROM assignment WHERE {where}")
        for urn in lost[8:]:
            connection.exec_driver_sql(f"DELETE FROM todo WHERE source_id = '{urn}'")
    return found


def test_one_per_cent_behind_the_cursor_is_found_and_healed_in_two_cycles(center: Center) -> None:
    wrong = injected(center)
    spared = set(wrong)
    looks: list[Look] = []

    def cycle() -> Look:
        """A pass, with work going on between its slices and before each run of the exchange."""
        while True:
            center.goes_on(spared)
            looks.append(center.look(most=400))
            center.goes_on(spared)
            center.pull()
            if not looks[-1].goes_on:
                return looks[-1]

    first = cycle()
    assert kinds(first, confirmed=False).items() >= wrong.items()
    second = cycle()
    assert kinds(second, confirmed=True) == wrong
    assert center.heal() == len(wrong)
    assert all(set(kinds(one, confirmed=True)) <= spared for one in looks)  # nothing that only changes
    center.pull()
    assert center.lists() == expected(center.provider)
    assert [one.goes_on for one in looks] == [True, True, False, False]  # where a ghost is suspected all is read
    assert kinds(center.look(), confirmed=True) == kinds(center.look(), confirmed=False) == {}
