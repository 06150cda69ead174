"""Acting on to-dos that are purchase requisitions of Tryton: approved there, once, by the right account."""

from __future__ import annotations

import datetime as dt
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update

from hub.store import acts
from hub.store.act_tables import act
from hub.todos.settling import Settling
from tests.conftest import Login
from tests.faults.forker import Forker
from tests.faults.proxy import Fault, Proxy
from tests.stores import SqliteStore
from tests.systems.tryton_seed import PASSWORDS, Session
from tests.unit.api.conftest import Served
from tests.unit.http.between import Between
from tests.unit.http.fake import running

pytestmark = pytest.mark.against("jsonrpc", "Tryton 8.0", "real")

PERSON = """
    model: person
    key: [login]
    fields:
      login: {type: text, required: true}
      name: {type: text}
"""
USERS = """
    mapping: users
    from: erp.users
    into: person
    fields: {login: login, name: name}
    unmatched: create
"""
ERP = """
    system: erp
    connector: jsonrpc
    dialect: tryton
    url: URL
    auth: {basic: {username: USER, password: secret://erp/password}}
    limits: {retries: 0, timeout: 20s}
    resources:
      users: {model: res.user, key: login, fields: {login: text, name: text}}
      requisitions:
        model: purchase.requisition
        fields: {id: integer, state: text, description: text, last_modified_at: datetime, approved_by: integer}
      approvals: {model: purchase.requisition, method: approve, fields: {id: integer}}
      rejections: {model: purchase.requisition, method: reject, fields: {id: integer}}
    acts:
      as: {auth: {basic: {username: "{account}", password: "secret://erp/users/{account}"}}}
      find: requisitions
      key: {id: todo.id}
      open: state = 'waiting'
      unchanged: last_modified_at <= todo.version
      responses:
        approve: {into: approvals, done: "state IN ('approved', 'processing', 'done')", ends: everyone}
        reject: {into: rejections, done: "state = 'rejected'", ends: everyone}
"""


class Purchasing(Served):
    """A hub whose to-dos are requisitions; ``calls`` are methods of them that reached Tryton."""

    between: Between
    proxy: Proxy
    all: dict[str, str]

    def calls(self, method: str = "approve") -> int:
        return sum(f'.requisition.{method}"'.encode() in asked.body for asked in self.between.fake.asked)

    def report(self, number: int, *accounts: str, at: dt.datetime | None = None) -> str:
        moment = at or dt.datetime.now(dt.UTC)
        item = {
            "system": "erp", "id": str(number), "title": f"Requisition {number}", "version": {"at": moment.isoformat()},
            "assignees": [{"to": {"account": account}} for account in accounts],
            "responses": [{"code": "approve", "nature": "positive"}, {"code": "reject", "comment": "unsupported"}],
        }  # fmt: skip
        answer = self.client.post("/v1/todos", json=item, headers=self.all)
        assert answer.json()["items"][0]["result"] == "created", answer.text
        return str(answer.json()["items"][0]["todo"])

    def press(self, todo: str, person: str = "bob", response: str = "approve", key: str = "", **more: Any) -> Any:
        headers = self.all | ({"idempotency-key": key} if key else {})
        body = {"person": person, "response": response, **more}
        answer = self.client.post(f"/v1/todos/{todo}/acts?wait=20", json=body, headers=headers)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    def work(self) -> dict[str, Any]:
        """Let the worker try whatever waits, now."""
        with self.open_hub.hub.database.begin() as connection:
            connection.exec_driver_sql("UPDATE act SET next_try = begun_at")
        Settling(self.open_hub.hub, print).turn()
        return {row[0]: row[1:] for row in self.rows("SELECT state, code, attempts FROM act ORDER BY begun_at")}

    def later(self, **ago: float) -> None:
        """As though what is in doubt had been so for longer."""
        before = self.open_hub.hub.clock() - dt.timedelta(**ago)
        with self.open_hub.hub.database.begin() as connection:
            connection.execute(update(act).where(act.c.undone_since.is_not(None)).values(undone_since=before))

    def box(self, box: str, person: str = "bob") -> list[Any]:
        return list(self.client.get(f"/v1/todos?person={person}&box={box}", headers=self.all).json()["items"])


@pytest.fixture(scope="module")
def anna(tryton: Login) -> Session:
    made = Session(tryton.url, "anna", PASSWORDS["anna"])
    made.context = made.rpc("model.res.user.get_preferences", True, {})
    return made


@pytest.fixture(scope="module")
def requisition(tryton: Login, anna: Session) -> Callable[[], int]:
    """A new requisition that waits for its approval."""
    admin = Session(tryton.url, tryton.username, tryton.password)
    admin.context = admin.rpc("model.res.user.get_preferences", True, {})
    day = {"__class__": "date", "year": 2026, "month": 12, "day": 1}
    line = {"description": "Laptop", "quantity": 20, "unit_price": {"__class__": "Decimal", "decimal": "900"}}
    line |= {"supplier": admin.first("party.party", ["code", "=", "P0000"])}
    values = {
        "description": "20 laptops", "supply_date": day, "lines": [["create", [line]]],
        "employee": anna.context["employee"], "company": anna.context["company"],
        "currency": admin.first("currency.currency", ["code", "=", "EUR"]),
        "warehouse": admin.first("stock.location", ["type", "=", "warehouse"]),
    }  # fmt: skip

    def make() -> int:
        (made,) = anna.call("purchase.requisition", "create", [values])
        anna.call("purchase.requisition", "wait", [made])
        return int(made)

    return make


@pytest.fixture(scope="module")
def state(anna: Session) -> Callable[[int], str]:
    return lambda number: str(anna.call("purchase.requisition", "read", [number], ["state"])[0]["state"])


@pytest.fixture(scope="module")
def purchasing(tryton: Login, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Purchasing]:
    origin = tryton.url.rpartition("/")[0]
    between = Between(origin, lambda asked: b'.requisition.approve"' in asked.body)
    made = Purchasing(tmp_path_factory.mktemp("purchasing") / "w", SqliteStore())
    with running(between.fake), Proxy(between.fake.server.server_address[1]) as proxy:
        made.between, made.proxy = between, proxy
        made.write("config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}\npeople: {model: person}\n")
        made.model(PERSON)
        url = f"{proxy.url}/{tryton.url.rpartition('/')[2]}"
        made.write("config/systems/erp.yaml", ERP.replace("URL", url).replace("USER", tryton.username))
        made.mapping(USERS)
        made.variables["COPHUB_SECRET_ERP_PASSWORD"] = tryton.password
        for login, password in PASSWORDS.items():
            made.variables[f"COPHUB_SECRET_ERP_USERS_{login.upper()}"] = password
        made.migrate()
        made.run("users", initial=True)
        made.serve()
        made.all = made.key("all", "todos:read", "todos:write", "todos:act")
        yield made
        made.close()


@pytest.fixture
def desk(purchasing: Purchasing) -> Iterator[Purchasing]:
    """The same hub, nothing done in it yet."""
    with purchasing.open_hub.hub.database.begin() as connection:
        for name in ("act", "todo_report", "assignment", "todo"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    purchasing.between.fake.asked.clear()
    yield purchasing
    purchasing.proxy.clear()


def test_approving_approves_in_tryton_and_the_list_shows_it(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str]
) -> None:
    number = requisition()
    todo = desk.report(number, "bob", "anna")
    act = desk.press(todo)
    assert (act["state"], act["error"], act["account"], act["unasked"]) == ("done", None, "bob", ["theirs"])
    assert (state(number), desk.calls()) == ("processing", 1)
    assert [one["outcome"] for one in desk.box("done")] == ["approve"]
    assert desk.box("to_do", "anna") == []
    detail = desk.client.get(f"/v1/todos/{todo}", headers=desk.all).json()
    assert (detail["status"], [one["state"] for one in detail["acts"]]) == ("completed", ["done"])
    actions = [row[0] for row in desk.rows("SELECT action FROM audit ORDER BY seq DESC LIMIT 2")]
    assert actions == ["todo.settled", "todo.acted"]


def test_two_presses_at_once_and_one_later_decide_once(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str]
) -> None:
    number = requisition()
    todo = desk.report(number, "bob")
    with ThreadPoolExecutor(4) as pool:
        acts_ = list(pool.map(lambda key: desk.press(todo, key=key), ["k", "k", "", ""]))
    assert {(one["id"], one["state"]) for one in acts_} == {(acts_[0]["id"], "done")}
    assert desk.press(todo, key="k")["id"] == acts_[0]["id"]
    late = desk.client.post(
        f"/v1/todos/{todo}/acts", json={"person": "bob", "response": "approve"}, headers=desk.all
    )
    assert (late.status_code, late.json()["code"]) == (409, "act.closed")
    assert (state(number), desk.calls()) == ("processing", 1)


def test_who_may_not_approve_is_told_so_by_tryton_and_may_reject_nothing_twice(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str]
) -> None:
    number = requisition()
    todo = desk.report(number, "anna", "bob")
    act = desk.press(todo, "anna")
    assert (act["state"], act["error"]["code"]) == ("failed", "act.refused")
    assert "not allowed" in act["error"]["message"]
    assert desk.box("to_do", "anna")[0]["act"]["state"] == "failed"
    assert state(number) == "waiting"
    assert desk.press(todo, "bob", "reject")["state"] == "done"
    assert (state(number), desk.calls("reject")) == ("rejected", 1)


def test_what_was_decided_or_changed_in_tryton_itself_is_not_decided_again(
    desk: Purchasing, requisition: Callable[[], int], tryton: Login, state: Callable[[int], str]
) -> None:
    number, other = requisition(), requisition()
    todo, changed = desk.report(number, "bob"), desk.report(other, "bob", at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    bob = Session(tryton.url, "bob", PASSWORDS["bob"])
    bob.context = bob.rpc("model.res.user.get_preferences", True, {})
    bob.call("purchase.requisition", "approve", [number])
    assert desk.press(todo)["error"]["code"] == "act.decided"
    assert desk.press(changed)["error"]["code"] == "act.changed"
    assert (desk.calls(), state(other)) == (0, "waiting")


def test_while_tryton_is_away_the_act_waits_and_is_done_once_when_it_is_back(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str]
) -> None:
    number = requisition()
    todo = desk.report(number, "bob")
    desk.proxy.set(Fault("close", times=None))
    act = desk.press(todo)
    assert (act["state"], desk.press(todo)["id"]) == ("submitting", act["id"])
    assert desk.box("to_do")[0]["act"]["state"] == "submitting"
    assert [*desk.work()] == ["submitting"]
    desk.proxy.clear()
    assert [*desk.work()] == ["done"]
    assert (state(number), desk.calls()) == ("processing", 1)


def test_a_lost_answer_is_looked_for_before_anything_is_sent_again(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str]
) -> None:
    number = requisition()
    todo = desk.report(number, "bob")
    desk.between.lose = True
    assert desk.press(todo)["state"] == "submitting"
    assert state(number) == "processing"
    assert [*desk.work()] == ["done"]
    assert desk.calls() == 1


def test_a_call_that_is_still_on_its_way_is_not_sent_again_beside_it(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str]
) -> None:
    number = requisition()
    todo = desk.report(number, "bob")
    desk.between.keep = True
    act = desk.press(todo)
    for attempts in (2, 3):
        assert desk.work() == {"submitting": ("act.in_doubt", attempts)}
    assert (desk.press(todo)["id"], desk.calls(), state(number)) == (act["id"], 1, "waiting")
    desk.between.release()
    assert state(number) == "processing"
    assert [*desk.work()] == ["done"]
    assert desk.calls() == 1


def test_what_never_came_to_tryton_is_sent_again_once_it_had_its_time(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str]
) -> None:
    number = requisition()
    todo = desk.report(number, "bob")
    desk.between.keep = True
    desk.press(todo)
    desk.work()
    desk.later(minutes=3)
    desk.proxy.set(Fault("close", times=None))
    assert desk.work()["submitting"][0] != "act.in_doubt"
    desk.proxy.clear()  # it stood still, and may go on with what it had taken: its time begins anew
    assert desk.work()["submitting"][0] == "act.in_doubt"
    desk.later(seconds=100)
    assert desk.work()["submitting"][0] == "act.in_doubt"
    assert (desk.calls(), state(number)) == (1, "waiting")
    desk.later(seconds=120)
    assert [*desk.work()] == ["done"]
    assert (desk.calls(), state(number)) == (2, "processing")
    desk.between.release()  # by the state that was seen, which is another now
    assert (state(number), [*desk.work()]) == ("processing", ["done"])


@pytest.mark.parametrize(("point", "calls"), [("after_intent", 0), ("after_target_ack", 1)])
def test_a_worker_killed_around_the_call_leaves_the_act_to_one_who_looks_first(
    desk: Purchasing, requisition: Callable[[], int], state: Callable[[int], str], forker: Forker, point: str,
    calls: int,
) -> None:
    number = requisition()
    todo = desk.report(number, "bob")
    desk.proxy.set(Fault("close", times=None))
    assert desk.press(todo)["state"] == "submitting"
    desk.proxy.clear()
    with desk.open_hub.hub.database.begin() as connection:
        connection.exec_driver_sql("UPDATE act SET next_try = begun_at")
    killed = work(forker, desk, COPHUB_FAILPOINT=f"{point}=kill")
    assert (killed, desk.calls()) == (-signal.SIGKILL, calls)
    assert acts.open_ones(desk.open_hub.hub.database)[0].sent
    assert work(forker, desk) == 0
    if not calls:
        assert [row[0] for row in desk.rows("SELECT code FROM act")] == ["act.in_doubt"]
        desk.later(minutes=3)
        desk.work()
    assert [row[0] for row in desk.rows("SELECT state FROM act")] == ["done"]
    assert (state(number), desk.calls()) == ("processing", 1)


def work(forker: Forker, desk: Purchasing, **more: str) -> int:
    words = ["worker", "--once", "--only", "acts", "--workspace", str(desk.folder), "--json", "--quiet"]
    return forker.run(words, {**desk.variables, **more}).status


@pytest.fixture(scope="module")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    made = Forker(tmp_path_factory.mktemp("said"))
    yield made
    made.close()
