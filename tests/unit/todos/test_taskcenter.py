"""The hub as a task provider of SAP Task Center: pulled by its contract, and by the hub's own connector."""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.simulators import Simulator
from connectors.simulators.taskcenter import CLIENT_SECRET
from hub.workspace.load import lint
from tests.docs.pages import blocks
from tests.stores import SqliteStore
from tests.unit.todos.conftest import Desk, begun, forget
from tests.unit.todos.test_acts import CENTER, Center

BEGIN = "1970-01-01T00:00:00.000Z"
PULL = next(one.text for one in blocks("yaml") if one.place == "mappings/taskcenter-todos.yaml").partition("\n")[2]
FAR = """
    system: far
    connector: sap_task_provider
    url: {url}/v1/taskcenter
    limits: {{rate: 1000/s, retries: 0}}
    auth:
      oauth2:
        token_url: {url}/v1/taskcenter/oauth/token
        client_id: task-center
        client_secret: secret://far/key
    resources: {{tasks: {{paging: {{last: {{params: {{modifiedAfter: modifiedAt, lastId: urn}}, size: 3}}}}}}}}
"""


class Provided(Center):
    """People's numbers are their user ids."""

    def write(self, path: str, content: str) -> None:
        if path == "config/hub.yaml":
            content += "  task_center: {user: number}\n"
        super().write(path, content)

    def ask(self, place: str, headers: dict[str, str] | None = None, status: int = 200, **params: Any) -> Any:
        answer = self.client.get(f"/v1/taskcenter{place}", params=params, headers=headers or self.all)
        assert answer.status_code == status, answer.text
        return answer.json()

    def tasks(self, since: str = BEGIN, last: str | None = None, top: int = 1000) -> list[dict[str, Any]]:
        more: dict[str, Any] = {"$top": top} | ({"lastId": last} if last else {})
        found: list[dict[str, Any]] = self.ask("/tasks", modifiedAfter=since, **more)["value"]
        return found

    def token(self, secret: str, **form: str) -> Any:
        login = base64.b64encode(f"task-center:{secret}".encode()).decode()
        return self.client.post("/v1/taskcenter/oauth/token", data={"grant_type": "client_credentials", **form},
                                headers={"authorization": f"Basic {login}"})  # fmt: skip

    def as_user(self, user: str) -> dict[str, str]:
        answer = self.token(self.all["authorization"].removeprefix("Bearer "), scope=f"user:{user}")
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    def respond(self, urn: str, user: str, code: str, kind: str = "response", **more: Any) -> Any:
        body = {"code": code, **more}
        return self.client.post(f"/v1/taskcenter/tasks/{urn}/{kind}", json=body, headers=self.as_user(user))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provided]:
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator("taskcenter", records=60))
        made = begun(Provided(tmp_path_factory.mktemp("provider") / "w", SqliteStore()))
        stack.callback(made.close)
        made.stack.close()
        made.variables["COPHUB_SECRET_CENTER_CLIENT"] = CLIENT_SECRET
        made.write("config/systems/center.yaml", CENTER.replace("URL", simulator.url))
        made.serve()
        made.simulator = simulator
        made.all = made.key("provider", "todos:read", "todos:write", "todos:act")
        yield made


@pytest.fixture
def center(opened: Provided) -> Provided:
    forget(opened)
    opened.simulator.faults.clear()
    opened.ready = iter(
        [row["urn"] for row in opened.simulator.rows("tasks") if row["status"] == "READY" and not row["response"]]
    )
    opened.ahead = dt.timedelta()
    return opened


def todo(number: int, minute: int, *to: str, **more: Any) -> dict[str, Any]:
    assignees = [{"to": {"code": one}} for one in to]
    return {"system": "oa", "id": f"T{number}", "version": {"at": f"2026-03-01T08:{minute:02}:00Z"},
            "title": {"en": f"Leave {number}", "zh": "请假"}, "assignees": assignees} | more  # fmt: skip


def follow(center: Provided, known: dict[str, Any], place: tuple[str, str | None], top: int) -> tuple[str, str | None]:
    """One page, as Task Center asks for it: behind the last task of the page before."""
    found = center.tasks(*place, top)
    known |= {one["urn"]: one for one in found}
    return (found[-1]["modifiedAt"], found[-1]["urn"]) if found else place


def test_a_todo_is_a_task_of_all_who_have_it(center: Provided) -> None:
    more: dict[str, Any] = {
        "priority": "high", "due": "2026-03-05T10:00:00Z", "definition": "leave", "text": "Five days",
        "initiator": {"code": "3"}, "links": {"pc": "https://oa.example.com/1", "mobile": "https://m.example.com/1"},
        "attributes": {"days": {"value": "5"}},
    }  # fmt: skip
    center.report(todo(1, 0, "1", "2", "9", **more))
    (found,) = center.tasks()
    (mine,) = center.inbox("1")
    assert found["urn"] == f"urn:sap.odm.bpm.task:cophub:test:default:{mine['id']}"
    assert found["subject"] == [
        {"languageCode": "en", "text": "Leave 1", "isDefault": True},
        {"languageCode": "zh", "text": "请假", "isDefault": False},
    ]
    shown = ("status", "priority", "dueAt", "createdBy", "recipientUsers", "processor", "validResponseCodes", "uiLink")
    assert [found[name] for name in shown] == [
        "READY", "HIGH", "2026-03-05T10:00:00.000Z", "3", ["1", "2"], None, [], "https://oa.example.com/1"
    ]  # fmt: skip
    assert found["customAttributes"] == [{"code": "days", "value": "5"}]
    assert center.ask(f"/tasks/{found['urn']}", languages="zh-CN")["subject"][0]["languageCode"] == "zh-CN"
    text = center.client.get(f"/v1/taskcenter/tasks/{found['urn']}/description", headers=center.all)
    assert (text.text, text.headers["content-type"]) == ("Five days", "text/plain; charset=utf-8")
    (definition,) = center.ask("/taskDefinitions")["value"]
    assert center.ask(f"/taskDefinitions/{found['definitionId']}") == definition
    assert (definition["urn"], definition["possibleResponses"]) == (found["definitionId"], [])


@pytest.mark.parametrize(
    ("said", "status", "recipients", "processor"),
    [
        ({}, "READY", ["1", "2"], None),
        ({"title": None}, "INACTIVE", [], None),
        ({"status": "suspended"}, "FOR_RESUBMISSION", ["1", "2"], None),
        ({"status": "reserved", "processor": {"code": "2"}}, "RESERVED", ["2"], "2"),
        ({"status": "cancelled"}, "CANCELED", [], None),
        ({"status": "withdrawn"}, "CANCELED", [], None),
        ({"assignees": [{"to": {"code": "1"}, "done": True}, {"to": {"code": "2"}}]}, "READY", ["2"], None),
        ({"assignees": [{"to": {"code": "1"}, "done": True}]}, "COMPLETED", ["1"], "1"),
    ],
)
def test_states_are_told_as_they_are(
    center: Provided, said: dict[str, Any], status: str, recipients: list[str], processor: str | None
) -> None:
    report = todo(1, 0, "1", "2", **said)
    center.report({name: value for name, value in report.items() if value is not None})
    (found,) = center.tasks()
    assert (found["status"], found["recipientUsers"], found["processor"]) == (status, recipients, processor)


WRITES = st.tuples(
    st.just("report"), st.integers(0, 5), st.sets(st.sampled_from("123")),
    st.sampled_from([{}, {"status": "withdrawn"}, {"status": "reserved"}]), st.sampled_from([-60, 0, 0, 60]),
)  # fmt: skip
READS = st.tuples(st.just("page"), st.integers(1, 4))


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.one_of(WRITES, READS), max_size=14))
def test_no_change_is_missed_whatever_clocks_say(opened: Provided, steps: list[Any]) -> None:
    """Writers are hosts whose clocks differ; a reader asks between them."""
    forget(opened)
    known: dict[str, Any] = {}
    place: tuple[str, str | None] = (BEGIN, None)
    minutes = itertools.count()
    for step in steps:
        if step[0] == "page":
            place = follow(opened, known, place, step[1])
        else:
            _, number, to, more, ahead = step
            opened.ahead = dt.timedelta(seconds=ahead)
            opened.report(todo(number, next(minutes), *sorted(to), **more))
    while (after := follow(opened, known, place, 2)) != place:
        place = after
    assert known == {one["urn"]: one for one in opened.tasks()}


def test_writers_at_the_same_time_are_all_followed(center: Provided) -> None:
    known: dict[str, Any] = {}
    place: tuple[str, str | None] = (BEGIN, None)

    def write(number: int) -> None:
        for turn in range(8):
            center.report(todo(number, turn, "1"), todo(10 + turn, number, "2"))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for one in writers:
        one.start()
    while any(one.is_alive() for one in writers):
        place = follow(center, known, place, 2)
    for one in writers:
        one.join()
    while (after := follow(center, known, place, 5)) != place:
        place = after
    assert known == {one["urn"]: one for one in center.tasks()}


def test_who_gets_it_by_healing_is_told(center: Provided) -> None:
    center.report(todo(1, 0, "7"))
    (before,) = center.tasks()
    assert before["recipientUsers"] == []
    center.put("hr.people", {"id": "7", "name": "New", "mail": "new@example.com", "phone": "700"})
    center.run("people", "incremental")
    center.heal()
    (after,) = center.tasks(before["modifiedAt"], before["urn"])
    assert after["recipientUsers"] == ["7"]


def test_a_response_is_given_once_by_the_user_of_the_token(center: Provided) -> None:
    center.task("1", "2")
    (task,) = center.tasks()
    (definition,) = center.ask("/taskDefinitions")["value"]
    assert task["validResponseCodes"] == ["approve", "reject"]
    assert [one["commentRequired"] for one in definition["possibleResponses"]] == ["OPTIONAL", "REQUIRED"]
    assert center.respond(task["urn"], "3", "approve").status_code == 403
    refused = center.respond(task["urn"], "1", "reject")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "cophub.act.comment")
    assert center.respond(task["urn"], "1", "else").status_code == 400
    assert center.respond(task["urn"], "1", "approve", "action").status_code == 400
    answer = center.respond(task["urn"], "1", "approve", comment="fine")
    for _ in range(100):
        if answer.status_code != 202:
            break
        time.sleep(0.05)
        answer = center.respond(task["urn"], "1", "approve", comment="fine")
    again = center.respond(task["urn"], "1", "approve")
    assert (answer.status_code in (200, 409), again.status_code) == (True, 409)
    (mine,) = center.inbox("1", box="done")
    assert center.response(mine["id"]) == ("approve", 1)


def test_who_may_not_is_told_in_the_words_of_the_contract(center: Provided) -> None:
    key = center.all["authorization"].removeprefix("Bearer ")
    center.report(todo(1, 0, "1"))
    (task,) = center.tasks()
    assert center.token("wrong").json()["error"] == "invalid_client"
    assert center.client.post("/v1/taskcenter/oauth/token", data={"grant_type": "password"}).status_code == 400
    reader = center.key("reader", "todos:read")["authorization"].removeprefix("Bearer ")
    assert center.token(reader, scope="user:1").status_code == 401
    assert center.token(key).json()["token_type"] == "bearer"
    body = {"code": "approve"}
    nobody = center.client.post(f"/v1/taskcenter/tasks/{task['urn']}/response", json=body, headers=center.all)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (403, "cophub.person.unknown")
    assert center.ask("/tasks", {"authorization": "Basic x"}, 401)["error"]["code"] == "cophub.key.refused"
    writer = center.key("writer", "todos:write")
    few = center.key("few", "todos:read", systems=["center"])
    assert center.ask("/tasks", writer, 403, modifiedAfter=BEGIN)["error"]["code"] == "cophub.key.grant"
    assert center.ask("/tasks", few, modifiedAfter=BEGIN)["value"] == []
    assert center.ask(f"/tasks/{task['urn']}", few, 404)["error"]["code"] == "cophub.todo.unknown"
    wrong: list[dict[str, Any]] = [
        {}, {"modifiedAfter": "now"}, {"modifiedAfter": BEGIN, "lastId": "x"}, {"modifiedAfter": BEGIN, "$top": "1001"}
    ]  # fmt: skip
    for params in wrong:
        assert center.ask("/tasks", status=400, **params)["error"]["code"] == "cophub.request.malformed"
    assert center.ask("/taskDefinitions/urn:x", status=404)["error"]["code"] == "cophub.definition.unknown"
    assert center.respond(task["urn"], "1", "approve").json()["error"]["code"] == "cophub.act.response"


def test_a_hub_that_declares_no_user_ids_says_so(shared: Desk) -> None:
    answer = shared.client.get("/v1/taskcenter/tasks", params={"modifiedAfter": BEGIN}, headers=shared.all)
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "cophub.taskcenter.undeclared")


@pytest.fixture
def address(center: Provided) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(center.client.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_the_hubs_own_connector_reads_it(center: Provided, address: str) -> None:
    """By the profile and the mapping of docs/how-to/pull-todos.md."""
    near = center.key("near", "todos:read", systems=["oa"])["authorization"].removeprefix("Bearer ")
    center.variables["COPHUB_SECRET_FAR_KEY"] = near
    center.write("config/systems/far.yaml", FAR.format(url=address))
    center.mapping(PULL.replace("taskcenter.tasks", "far.tasks").replace("login:", "code:").replace(".login", ".code"),
                   guard="off")  # fmt: skip
    everybody = [todo(number, 0, "1", "2") for number in range(7)]
    center.report(*everybody, todo(7, 0, "3", status="reserved", processor={"code": "3"}))
    for _ in range(2):
        assert center.run("taskcenter-todos").state == "done"
        for who, box in itertools.product("123", ("to_do", "done")):
            have = {system: center.titles(who, box=box, language="en", system=system) for system in ("oa", "far")}
            assert sorted(have["oa"]) == sorted(have["far"])
        done = [{"to": {"code": "1"}, "done": True}]
        center.report(todo(0, 1, status="withdrawn"), todo(1, 1, "2"), todo(2, 1, assignees=done))


def test_what_it_names_must_exist(center: Provided) -> None:
    text = (center.folder / "config/hub.yaml").read_text("utf-8")
    path = center.folder / "config/hub.yaml"
    try:
        for rule, code in (("user: nowhere", "reference.field"), ("account: nowhere", "reference.system")):
            path.write_text(text.replace("task_center: {user: number}", f"task_center: {{{rule}}}"), "utf-8")
            assert code in {one.code for one in lint(center.folder)[1]}
    finally:
        path.write_text(text, "utf-8")
