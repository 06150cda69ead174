"""Acting on to-dos of a task provider (the simulator of SAP Task Center): what is checked, sent, confirmed, told."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connectors.simulators import Simulator
from connectors.simulators.taskcenter import CLIENT_ID, CLIENT_SECRET
from hub.mapping.check import check
from hub.store import acts
from hub.store.acts import Act
from hub.store.database import now
from hub.todos import substitutes
from hub.todos.deciding import LOOKS, decide
from hub.todos.people import person
from hub.todos.settling import Settling, settle
from hub.workspace.load import load
from tests.stores import SqliteStore
from tests.unit.todos.conftest import Desk, begun

CENTER = f"""
    system: center
    connector: rest
    url: URL
    auth: {{oauth2: {{token_url: URL/oauth/token, client_id: {CLIENT_ID}, client_secret: secret://center/client}}}}
    limits: {{retries: 0}}
    resources:
      tasks:
        path: /tasks
        records: value
        key: urn
        fields: {{urn: text, status: text, response: text, modifiedAt: datetime, recipientUsers: [text]}}
        write: {{find: {{path: "/tasks/{{urn}}", id: urn, records: ""}}}}
      responses:
        path: /tasks
        key: urn
        fields: {{urn: text, code: text, comment: text}}
        write:
          update: {{method: POST, path: "/tasks/{{urn}}/response", without: [urn]}}
      actions:
        path: /tasks
        key: urn
        fields: {{urn: text, code: text}}
        write:
          update: {{method: POST, path: "/tasks/{{urn}}/action", without: [urn]}}
    acts:
      as: system
      find: tasks
      key: {{urn: "coalesce(nullif(todo.process, ''), todo.id)"}}
      open: status IN ('READY', 'RESERVED')
      theirs: list_contains(recipientUsers, act.account) OR act.account = ''
      responses:
        approve: {{into: responses, fields: {{code: act.response, comment: act.comment}},
          done: "status = 'COMPLETED' AND response = 'approve'"}}
        reject: {{into: responses, fields: {{code: act.response, comment: act.comment}},
          done: "status = 'COMPLETED' AND response = 'reject'", ends: everyone}}
        RESERVE: {{into: actions, fields: {{code: act.response}}, done: status = 'RESERVED', ends: nobody}}
"""


TEAM = """
    model: team
    key: [code]
    fields:
      code: {type: text, required: true}
      numbers: {type: text, many: true}
"""
TEAMS = """
    mapping: teams
    from: hr.teams
    into: team
    fields: {code: id, numbers: "string_split(numbers, ',')"}
    unmatched: create
"""
RULES = """
hub: test
api: {rate: 100000, burst: 100000}
people:
  model: person
  receivers: {code: number, mail: mail}
  groups: {model: team, called: code, members: numbers, by: code}
"""


class Center(Desk):
    """A desk with a task provider beside, and a team of 1 and 2; ``ready`` are tasks nobody has responded to."""

    simulator: Simulator
    ready: Iterator[str]

    def migrate(self, *, contract: bool = False) -> list[str]:
        self.write("config/hub.yaml", RULES)
        self.model(TEAM)
        self.mapping(TEAMS)
        self.files("hr", people="{id: text, name: text, mail: text, phone: text}", teams="{id: text, numbers: text}")
        return super().migrate(contract=contract)

    def task(self, *people: str, **more: Any) -> str:
        """A to-do that is the next open task."""
        item = {
            "system": "center", "id": next(self.ready), "title": "Approve",
            "assignees": [{"to": {"code": one}} for one in people or ("1",)],
            "responses": [{"code": "approve"}, {"code": "reject", "comment": "required"}, {"code": "else"}], **more,
        }  # fmt: skip
        return str(self.report(item)[0]["todo"])

    def press(self, todo: str, person: str = "1", response: str = "approve", key: str = "", **more: Any) -> Any:
        headers = self.all | ({"idempotency-key": key} if key else {})
        asked = {"person": person, "response": response, **more}
        return self.client.post(f"/v1/todos/{todo}/acts?wait=20", json=asked, headers=headers).json()

    def urn(self, todo: str) -> str:
        return str(self.get(f"/{todo}")["source_id"])

    def response(self, todo: str) -> tuple[str | None, int]:
        """What the source has, and how many responses it took."""
        urn = self.urn(todo)
        (row,) = [row for row in self.simulator.rows("tasks") if row["urn"] == urn]
        return row["response"], sum(self.simulator.log.count(code, "tasks", urn) for code in ("approve", "reject"))

    def again(self, act: Any) -> Act:
        """Try it now, whatever it waits for."""
        found = settle(self.open_hub.hub, uuid.UUID(act["id"]))
        assert found is not None
        return found


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator("taskcenter", records=60))
        made = begun(Center(tmp_path_factory.mktemp("center") / "w", SqliteStore()))
        stack.callback(made.close)
        made.stack.close()
        made.put("hr.teams", {"id": "T", "numbers": "1,2"})
        made.run("teams", initial=True)
        made.variables["COPHUB_SECRET_CENTER_CLIENT"] = CLIENT_SECRET
        made.write("config/systems/center.yaml", CENTER.replace("URL", simulator.url))
        made.serve()
        made.all = made.key("acts", "todos:read", "todos:write", "todos:act")
        made.simulator = simulator
        tasks = [row for row in simulator.product.tables["tasks"] if row["status"] == "READY"]
        made.ready = iter([str(row["urn"]) for row in tasks])
        yield made


@pytest.fixture
def center(opened: Center) -> Iterator[Center]:
    yield opened
    opened.simulator.faults.clear()
    opened.ahead = dt.timedelta()


def test_a_response_is_given_confirmed_and_shown(center: Center) -> None:
    todo = center.task("1", "2")
    act = center.press(todo, response="reject", comment="too dear")
    assert (act["state"], act["account"], act["unasked"]) == ("done", None, ["unchanged"])
    assert center.response(todo) == ("reject", 1)
    assert center.simulator.log.of("reject")[-1].note == "too dear"
    told = center.get(f"/{todo}")
    assert (told["status"], told["outcome"], told["acts"][0]["by"]) == ("completed", "reject", "key:acts")
    assert [one["code"] for one in told["content"]["responses"]] == ["approve", "reject", "else"]


def test_a_response_ends_it_for_the_person_where_the_file_says_no_more(center: Center) -> None:
    todo = center.task("1", "2")
    assert center.press(todo)["state"] == "done"
    assert [one["box"] for one in center.get(f"/{todo}")["receivers"]] == ["done", "to_do"]
    assert center.press(todo)["code"] == "act.over"
    assert center.press(todo, "2")["error"]["code"] == "act.decided"
    assert center.response(todo) == ("approve", 1)


def test_a_substitute_acts_for_whom_he_stands_in(center: Center) -> None:
    todo = center.task("2")
    assert center.press(todo)["code"] == "act.receiver"
    hub = center.open_hub.hub
    one, other = person(hub, "1"), person(hub, "2")
    until = hub.clock() + dt.timedelta(days=1)
    made = substitutes.add(hub, other, one, None, until, reason="away")
    act = center.press(todo)
    assert (act["state"], act["person"]) == ("done", str(one))
    assert [(row["person"], row["box"]) for row in center.get(f"/{todo}")["receivers"]] == [(str(other), "done")]
    told = center.rows("SELECT details FROM audit WHERE action = 'todo.acted' ORDER BY seq DESC LIMIT 1")[0][0]
    assert str(other) in str(told)
    substitutes.end(hub, made.id)
    assert center.response(todo) == ("approve", 1)


def test_one_member_does_it_for_the_group(center: Center) -> None:
    todo = center.task(assignees=[{"to": {"group": "T"}}])
    assert center.press(todo, "2")["state"] == "done"
    assert {one["box"] for one in center.get(f"/{todo}")["receivers"]} == {"done"}
    assert center.press(todo, "1")["code"] == "act.over"
    assert center.response(todo) == ("approve", 1)


def test_what_cannot_be_pressed_is_refused_before_anything_is_asked(center: Center) -> None:
    todo = center.task("1")
    refused = {
        "act.receiver": center.press(todo, "2"),
        "act.response": center.press(todo, response="else"),
        "act.comment": center.press(todo, response="reject"),
        "act.reason": center.press(todo, reason="X"),
        "todo.unknown": center.press(str(uuid.UUID(int=1))),
        "person.unknown": center.press(todo, "9"),
    }
    assert {code: one["code"] for code, one in refused.items()} == {code: code for code in refused}
    strange = {"system": "oa", "id": "S", "title": "S", "assignees": [{"to": {"code": "1"}}]}
    assert center.press(str(center.report(strange)[0]["todo"]))["code"] == "acts.undeclared"
    assert center.response(todo) == (None, 0)
    assert center.press(todo, key="K")["state"] == "done"
    other = center.task("1")
    assert center.press(other, key="K")["code"] == "act.key"


def test_one_act_of_a_person_is_on_its_way_at_a_time(center: Center) -> None:
    todo = center.task("1")
    center.simulator.faults.set("unavailable,times=always")
    act = center.press(todo)
    assert (act["state"], act["next_try"] is not None) == ("submitting", True)
    assert center.press(todo)["id"] == act["id"]
    assert center.press(todo, response="reject", comment="no")["code"] == "act.pending"
    center.simulator.faults.clear()
    assert center.again(act).state == "done"
    assert center.response(todo) == ("approve", 1)


@pytest.mark.parametrize("fault", ["lost", "broken"])
def test_an_answer_that_does_not_say_so_is_looked_for(center: Center, fault: str) -> None:
    todo = center.task("1")
    center.simulator.faults.set(f"{fault},method=POST,path=/response")
    act = center.press(todo)
    found = center.again(act)
    assert (found.state, center.response(todo)) == ("done", ("approve", 1))


def test_a_response_the_source_says_it_took_and_never_shows_is_not_sent_twice(center: Center) -> None:
    todo = center.task("1")
    center.simulator.faults.set("lie,method=POST,path=/response")
    act = center.press(todo)
    for _ in range(LOOKS):
        found = center.again(act)
    assert (found.state, found.code) == ("failed", "act.unconfirmed")
    assert center.response(todo) == (None, 0)
    assert center.inbox("1")[0]["act"]["error"]["code"] == "act.unconfirmed"


def test_how_long_the_system_was_away_is_no_look_for_what_it_took(center: Center) -> None:
    todo = center.task("1")
    center.simulator.faults.set("unavailable,times=always")
    act = center.press(todo)
    for _ in range(LOOKS + 1):
        center.again(act)
    center.simulator.faults.clear()
    center.simulator.faults.set("lie,method=POST,path=/response")
    found = center.again(act)
    assert (found.state, found.code) == ("submitting", "act.unconfirmed")
    for _ in range(LOOKS):
        found = center.again(act)
    assert (found.state, center.response(todo)) == ("failed", (None, 0))


def test_several_are_judged_by_themselves(center: Center) -> None:
    good, gone, twice = (center.task("1") for _ in range(3))
    center.simulator.change("tasks", {"urn": center.urn(gone), "status": "CANCELED"})
    items = [
        {"todo": todo, "person": "1", "response": "approve", "key": key}
        for todo, key in ((good, "a"), (gone, "b"), (twice, "c"), (twice, "c"), (str(uuid.UUID(int=2)), ""))
    ]
    answer = center.client.post("/v1/todos/acts?wait=20", json={"items": items}, headers=center.all).json()["items"]
    assert [one["state"] for one in answer] == ["done", "failed", "done", "done", "refused"]
    assert (answer[1]["error"]["code"], answer[4]["error"]["code"]) == ("act.closed", "todo.unknown")
    assert answer[2]["id"] == answer[3]["id"]
    assert [center.response(todo)[1] for todo in (good, gone, twice)] == [1, 0, 1]


def test_the_worker_tries_what_waits_when_it_is_due(center: Center) -> None:
    todo = center.task("1")
    center.simulator.faults.set("refused,times=always")
    act = center.press(todo)
    center.simulator.faults.clear()
    duty = Settling(center.open_hub.hub, print)
    assert not duty.turn()
    assert duty.due is not None
    assert duty.due.isoformat() > act["begun_at"]
    with center.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE act SET next_try = begun_at")
    assert duty.turn()
    assert center.response(todo) == ("approve", 1)
    assert acts.next_due(center.open_hub.hub.database) is None


def test_acting_needs_its_own_grant(center: Center) -> None:
    todo = center.task("1")
    others = center.key("other", "todos:read", "todos:write")
    one = {"person": "1", "response": "approve"}
    many = {"items": [{"todo": todo, **one}]}
    for path, body in ((f"/v1/todos/{todo}/acts", one), ("/v1/todos/acts", many)):
        assert center.client.post(path, json=body, headers=others).json()["code"] == "key.grant"
        assert center.client.post(path, json=body).json()["code"] == "key.refused"
    acting = center.key("acting", "todos:act", systems=["oa"])
    assert center.client.post(f"/v1/todos/{todo}/acts", json=one, headers=acting).json()["code"] == "todo.unknown"
    assert center.client.get(f"/v1/todos/{todo}/acts", headers=acting).json()["code"] == "key.grant"
    assert center.client.get(f"/v1/todos/{todo}/acts", headers=others).json()["items"] == []


def test_a_file_that_cannot_work_is_found_by_check(center: Center) -> None:
    path = center.folder / "config/systems/center.yaml"
    good = path.read_text()
    for before, after, code in (
        ("find: tasks", "find: taks", "reference.resource"),
        ("into: responses", "into: tasks", "acts.refused"),
        ("open: status IN", "open: stats IN", "field.unknown"),
        ("nullif(todo.process, '')", "pinyin(todo.process)", "acts.lookup"),
        ("nullif(todo.process, '')", "status", "field.unknown"),
        ("code: act.response", "code: todo.version + act.response", "expression.type"),
    ):
        assert before in good
        path.write_text(good.replace(before, after, 1))
        codes = {(one.code, one.path) for one in check(load(center.folder))}
        assert (code, "config/systems/center.yaml") in codes, (code, codes)
    path.write_text(good)
    assert [one for one in check(load(center.folder)) if one.path == "config/systems/center.yaml"] == []


@pytest.mark.parametrize(
    ("sent", "answered", "there", "done", "quiet", "unmet", "then"),
    [
        (False, False, True, False, False, None, "send"),
        (False, False, True, False, False, "open", "act.closed"),
        (False, False, True, False, False, "theirs", "act.receiver"),
        (False, False, True, False, False, "unchanged", "act.changed"),
        (False, False, True, True, False, "open", "act.decided"),
        (False, False, False, False, False, None, "act.gone"),
        (True, False, True, True, False, "open", "done"),
        (True, False, True, False, False, None, "wait"),
        (True, False, True, False, False, "open", "wait"),
        (True, False, True, False, True, None, "send"),
        (True, False, True, False, True, "open", "act.closed"),
        (True, False, False, False, False, None, "act.unconfirmed"),
        (True, True, True, False, True, None, "wait"),
    ],
)
def test_what_comes_next_follows_from_what_the_source_shows(
    sent: bool, answered: bool, there: bool, done: bool, quiet: bool, unmet: str | None, then: str
) -> None:
    moment, one = now(), uuid.UUID(int=1)
    act = Act(
        one, one, one, "", "", "", "", "", "", "", "", "submitting", "", "", (), sent, answered, 0, moment, moment,
        moment,
    )
    step = decide(act, there, done, unmet, quiet=quiet)
    assert then == (step.code if step.what == "failed" else step.what)
