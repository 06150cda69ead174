"""docs/how-to/push-todos.md, done as it is written: the files of the page, on a real CalDAV server and on simulated
products. Whatever happens, each target has what the hub says that a person has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from icalendar import Calendar

from connectors.simulators import Simulator
from hub import failpoints
from hub.errors import Fatal
from tests.conftest import Login
from tests.docs.pages import blocks
from tests.integration.test_caldav import Place
from tests.stores import SqliteStore
from tests.unit.todos.conftest import Desk

PAGE = {one.place: one.text for one in blocks("yaml") if one.page == "docs/how-to/push-todos.md" and one.place}
BACK = """
    mapping: back
    from: tasks.lina
    into: hub.todos
    level: L1
    fields: {id: uid, login: "'lina'", title: summary, done: status = 'COMPLETED'}
    absent: delete
    guard: off
"""
PEOPLE = """
    mapping: people
    from: hr.people
    into: person
    fields: {number: id, username: id}
    unmatched: create
    guard: off
"""
Opened = Callable[..., Desk]


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A workspace of some files of the page, each with words replaced, people by their logins, and an OA."""
    made = Desk(tmp_path_factory.mktemp("push") / "w", SqliteStore())

    def opened(secrets: dict[str, str], *names: str, **replaced: str) -> Desk:
        for place, text in PAGE.items():
            if place.endswith(("hub.yaml", "person.yaml")) or any(name in place for name in names):
                for old, new in replaced.items():
                    text = text.replace(old, new)
                made.write(place, text)
        made.files("hr", people="{id: text}")
        made.files("oa", tasks="{id: text}")
        made.mapping(PEOPLE)
        made.variables = {f"COPHUB_SECRET_{name}": value for name, value in secrets.items()}
        made.migrate()
        made.put("hr.people", {"id": "lina"}, {"id": "wang"})
        made.run("people", initial=True)
        made.serve()
        made.all = made.key("all", "todos:read", "todos:write")
        return made

    yield opened
    made.close()


def todo(number: int, minute: int, *to: str, **more: Any) -> dict[str, Any]:
    """A report of the OA."""
    assignees = [{"to": {"login": one}} for one in to]
    return {"system": "oa", "id": f"T{number}", "version": {"at": f"2026-03-01T08:{minute:02}:00Z"},
            "title": f"Leave {number}", "assignees": assignees} | more  # fmt: skip


def states(place: Place) -> dict[str, tuple[str, str]]:
    """uid → summary and status, of what the calendar holds."""
    text = place.ask("GET", "")
    found = Calendar.from_ical(text).walk("VTODO") if text else []
    return {str(one["UID"]): (str(one["SUMMARY"]), str(one.get("STATUS", ""))) for one in found}


@pytest.fixture
def calendar(caldav: Login) -> Place:
    return Place(caldav, caldav.url)


@pytest.fixture
def pushed(office: Opened, calendar: Place, caldav: Login) -> Desk:
    """Two to-dos of lina and one of somebody else, in lina's calendar."""
    made = office({"TASKS_PASSWORD": caldav.password}, "tasks.yaml", "todos-to-lina.yaml", **{
        "https://cal.example.com/dav": caldav.url, "/calendars/lina/tasks/": calendar.path,
        "username: hub": f"username: {caldav.username}",
    })  # fmt: skip
    made.report(todo(1, 0, "lina", "wang", links={"pc": "https://oa.example.com/1"}), todo(2, 0, "lina"))
    made.report(todo(3, 0, "wang"))
    assert made.run("todos-to-lina", initial=True).counts["created"] == 2
    return made


@pytest.mark.against("caldav", "Radicale", "real")
def test_a_calendar_has_what_a_person_has(pushed: Desk, calendar: Place) -> None:
    first, second = sorted(pushed.inbox("lina"), key=lambda one: one["title"])
    assert states(calendar) == {
        first["id"]: ("Leave 1", "NEEDS-ACTION"), second["id"]: ("Leave 2", "NEEDS-ACTION")
    }  # fmt: skip
    assert "URL:https://oa.example.com/1" in calendar.ask("GET", f"{first['id']}.ics")
    done = [{"to": {"login": "lina"}, "done": True}]
    longer = todo(2, 1, "lina", title="Leave, longer")
    pushed.report(todo(1, 1, partial=True, assignees=done), longer, todo(4, 1, "lina"))
    told = pushed.run("todos-to-lina", "incremental").counts
    assert (told["created"], told["updated"], told["disabled"], told["deleted"]) == (1, 1, 1, 0)
    now = states(calendar)
    assert (now[first["id"]], now[second["id"]]) == (("Leave 1", "COMPLETED"), ("Leave, longer", "NEEDS-ACTION"))
    pushed.report(todo(2, 2, status="withdrawn"), todo(4, 2, "wang"))
    assert pushed.run("todos-to-lina", "incremental").counts["deleted"] == 2
    assert states(calendar) == {first["id"]: ("Leave 1", "COMPLETED")}
    assert pushed.run("todos-to-lina").counts["applied"] == 0


@pytest.mark.against("caldav", "Radicale", "real")
def test_what_was_pushed_is_not_pulled_and_what_was_pulled_is_not_pushed(pushed: Desk, calendar: Place) -> None:
    pushed.mapping(BACK)
    calendar.put({"uid": "own", "summary": "Call"})
    before = states(calendar)
    for _ in range(2):
        pushed.run("back")
        pushed.run("todos-to-lina")
    assert sorted(pushed.titles("lina")) == ["Call", "Leave 1", "Leave 2"]
    assert states(calendar) == before
    pushed.report(todo(1, 1, status="withdrawn"), todo(2, 1, status="withdrawn"))
    pushed.run("todos-to-lina", "incremental")
    pushed.run("back")
    assert (pushed.titles("lina"), [*states(calendar)]) == (["Call"], ["own"])
    assert pushed.one("SELECT count(*) FROM todo WHERE system = 'tasks'") == 1


@pytest.mark.against("caldav", "Radicale", "real")
def test_a_push_that_was_killed_makes_one_todo(pushed: Desk, calendar: Place) -> None:
    pushed.mapping(BACK)
    for number, point in ((5, "after_intent"), (6, "after_target_ack")):
        pushed.report(todo(number, 1, "lina"))
        failpoints.arm(f"{point}=raise")
        with pytest.raises(Fatal):
            pushed.run("todos-to-lina", "incremental")
        failpoints.arm("")
        pushed.run("back")  # it is read before the hub knows that it is there
        pushed.run("todos-to-lina", "incremental")
    names = ["Leave 1", "Leave 2", "Leave 5", "Leave 6"]
    assert sorted(name for name, _ in states(calendar).values()) == names
    assert sorted(pushed.titles("lina")) == names


# ------------------------------------------------------------ DingTalk


@pytest.fixture
def dingtalk() -> Iterator[Simulator]:
    with Simulator("dingtalk", records=8) as simulator:
        yield simulator


@pytest.mark.against("dingtalk_todo", "DingTalk", "simulator")
def test_everybody_with_an_account_has_them_in_dingtalk_once(office: Opened, dingtalk: Simulator) -> None:
    made = office({"DINGTALK_APP": "dingtalk-demo"}, "dingtalk", **{
        "https://oapi.dingtalk.com": dingtalk.url, "https://api.dingtalk.com": dingtalk.url,
        "    values: {appkey": f"    url: {dingtalk.url}/gettoken\n    values: {{appkey",
        "    values: {appKey": f"    url: {dingtalk.url}/v1.0/oauth2/accessToken\n    values: {{appKey",
        "match: [[number]]": "match: [[username]]", "auth:\n": "limits: {rate: 1000/s}\nauth:\n",
    })  # fmt: skip
    first, second = (row["userid"] for row in dingtalk.rows("users")[:2])
    made.put("hr.people", {"id": "lina"}, {"id": first}, {"id": second})
    made.run("people")
    made.run("dingtalk-people", initial=True)
    made.report(todo(1, 0, first, "lina", due="2026-03-05T10:00:00Z"), todo(2, 0, first, second))
    dingtalk.faults.set("lost,path=/tasks,times=1")  # done, and nobody was told
    made.run("todos-to-dingtalk", initial=True)
    made.run("todos-to-dingtalk", "incremental")

    def ours() -> list[dict[str, Any]]:
        return [row for row in dingtalk.rows("todos") if row["subject"].startswith("Leave ")]

    def held() -> list[tuple[str, str, bool]]:
        return sorted((row["creatorId"], row["subject"], row["done"]) for row in ours())

    a, b = f"un-{first}", f"un-{second}"
    assert held() == sorted([(a, "Leave 1", False), (a, "Leave 2", False), (b, "Leave 2", False)])
    assert {row["dueTime"] for row in ours() if row["subject"] == "Leave 1"} == {1_772_704_800_000}
    done = [{"to": {"login": first}, "done": True}]
    made.report(todo(2, 1, partial=True, assignees=done), todo(1, 1, "lina"))
    made.run("todos-to-dingtalk", "incremental")
    assert held() == sorted([(a, "Leave 2", True), (b, "Leave 2", False)])
    assert made.run("todos-to-dingtalk").counts["applied"] == 0


# ------------------------------------------------------------ Feishu


@pytest.fixture
def feishu() -> Iterator[Simulator]:
    with Simulator("feishu", records=8) as simulator:
        yield simulator


@pytest.fixture
def chat(office: Opened, feishu: Simulator) -> tuple[Desk, str, str]:
    """People of Feishu who are people of the hub, two of them called."""
    token = f"{feishu.url}/open-apis/auth/v3/tenant_access_token/internal"
    made = office({"FEISHU_APP": "feishu-demo"}, "feishu", **{
        "https://open.feishu.cn/open-apis": f"{feishu.url}/open-apis",
        "    values: {app_id": f"    url: {token}\n    values: {{app_id",
        "match: [[number]]": "match: [[username]]", "number: employee_no": "username: user_id",
        "auth:\n": "limits: {rate: 1000/s, retries: 0}\nauth:\n",
        "2026-12-01": "2026-01-01",
    })  # fmt: skip
    first, second = (row["user_id"] for row in feishu.rows("users")[:2])
    made.put("hr.people", {"id": "lina"}, {"id": first}, {"id": second})
    made.run("people")
    made.run("feishu-people", initial=True)
    made.report(todo(1, 0, first, "lina", links={"pc": "https://oa.example.com/1"}), todo(2, 0, first, second))
    return made, first, second


def centre(feishu: Simulator, login: str) -> tuple[list[str], list[str]]:
    """What somebody has in his approval centre: to do, and done."""
    product: Any = feishu.product
    (who,) = (row["open_id"] for row in feishu.rows("users") if row["user_id"] == login)
    return sorted(product.external.pending(who)), sorted(product.external.done(who))


@pytest.mark.against("feishu", "Feishu", "simulator")
def test_the_approval_centre_of_feishu_has_what_a_person_has_once(
    chat: tuple[Desk, str, str], feishu: Simulator
) -> None:
    made, first, second = chat
    feishu.faults.set("lost,path=/external_instances,times=1")  # done, and nobody was told
    made.run("todos-to-feishu", initial=True)
    made.run("todos-to-feishu", "incremental")
    assert centre(feishu, first) == (["Leave 1", "Leave 2"], [])
    assert centre(feishu, second) == (["Leave 2"], [])
    assert len(feishu.rows("external_instances")) == 3
    links = {row["title"]: row["links"]["pc_link"] for row in feishu.rows("external_instances")}
    assert links["Leave 1"] == "https://oa.example.com/1"
    assert links["Leave 2"].startswith("https://hub.example.com/portal/todos/")
    done = [{"to": {"login": first}, "done": True}]
    made.report(todo(2, 1, partial=True, assignees=done), todo(1, 1, first, title="Leave, longer"))
    made.run("todos-to-feishu", "incremental")
    assert centre(feishu, first) == (["Leave, longer"], ["Leave 2"])
    assert centre(feishu, second) == (["Leave 2"], [])
    made.report(todo(1, 2, "lina"), todo(2, 2, status="withdrawn"))
    made.run("todos-to-feishu", "incremental")
    assert (centre(feishu, first), centre(feishu, second)) == (([], []), ([], []))
    made.report(todo(1, 3, first))
    made.run("todos-to-feishu", "incremental")
    assert centre(feishu, first) == (["Leave 1"], [])
    assert made.run("todos-to-feishu").counts["applied"] == 0
    assert made.held("todos-to-feishu") == []


@pytest.mark.against("feishu", "Feishu", "simulator")
def test_a_push_to_feishu_that_was_killed_makes_one_and_the_newest(
    chat: tuple[Desk, str, str], feishu: Simulator
) -> None:
    made, first, _ = chat
    made.run("todos-to-feishu", initial=True)
    for number, point in ((5, "after_intent"), (6, "after_target_ack")):
        made.report(todo(number, 1, first))
        failpoints.arm(f"{point}=raise")
        with pytest.raises(Fatal):
            made.run("todos-to-feishu", "incremental")
        failpoints.arm("")
        made.report(todo(number, 2, first, title=f"Leave {number}, changed"))  # before it is sent again
        made.run("todos-to-feishu", "incremental")
    assert centre(feishu, first)[0] == ["Leave 1", "Leave 2", "Leave 5, changed", "Leave 6, changed"]
    assert len(feishu.rows("external_instances")) == 5


@pytest.mark.against("feishu", "Feishu", "simulator")
def test_a_todo_of_feishu_is_not_pushed_to_it(chat: tuple[Desk, str, str], feishu: Simulator) -> None:
    made, first, _ = chat
    made.report(todo(7, 0, first, "lina", system="feishu"))
    made.run("todos-to-feishu", initial=True)
    assert sorted(made.titles("lina")) == ["Leave 1", "Leave 7"]
    assert centre(feishu, first)[0] == ["Leave 1", "Leave 2"]


# ------------------------------------------------------------ WeCom


@pytest.fixture
def wecom() -> Iterator[Simulator]:
    with Simulator("wecom", records=8) as simulator:
        yield simulator


@pytest.fixture
def cards(office: Opened, wecom: Simulator) -> tuple[Desk, str, str]:
    url = f"url: {wecom.url}/cgi-bin"
    made = office({"WECOM_APP": "wecom-demo", "WECOM_CONTACTS": "wecom-demo"}, "wecom", **{
        "    values: {corpid": f"    url: {wecom.url}/cgi-bin/gettoken\n    values: {{corpid",
        "auth:\n": f"{url}\nlimits: {{rate: 1000/s, retries: 0}}\nauth:\n",
    })  # fmt: skip
    first, second = (row["userid"] for row in wecom.rows("users")[:2])
    made.put("hr.people", {"id": "lina"}, {"id": first}, {"id": second})
    made.run("people")
    made.run("wecom-people", initial=True)
    made.report(todo(1, 0, first, "lina"), todo(2, 0, first, second))
    return made, first, second


@pytest.mark.against("wecom", "WeCom", "simulator")
def test_a_card_of_wecom_is_sent_once_told_anew_and_ends(cards: tuple[Desk, str, str], wecom: Simulator) -> None:
    made, first, second = cards
    product: Any = wecom.product
    made.run("todos-to-wecom", initial=True)
    assert sorted(product.cards.open(first)) == ["Leave 1", "Leave 2"]
    assert product.cards.open(second) == ["Leave 2"]
    made.run("todos-to-wecom", "incremental")
    assert len(wecom.rows("cards")) == 3
    done = [{"to": {"login": first}, "done": True}]
    made.report(todo(2, 1, partial=True, assignees=done))
    made.run("todos-to-wecom", "incremental")
    assert (product.cards.open(first), product.cards.open(second)) == (["Leave 1"], ["Leave 2"])
    made.report(todo(1, 1, first, title="Leave, longer"))
    made.run("todos-to-wecom", "incremental")
    assert sorted(product.cards.open(first)) == ["Leave 1", "Leave, longer"]  # the one before cannot be taken back
    made.report(todo(1, 2, status="withdrawn"), todo(7, 2, first, system="wecom_app"))
    made.run("todos-to-wecom", "incremental")
    assert product.cards.open(first) == ["Leave 1"]
    assert made.run("todos-to-wecom").counts["applied"] == 0
    assert made.held("todos-to-wecom") == []


@pytest.mark.against("wecom", "WeCom", "simulator")
def test_a_card_whose_answer_was_lost_or_whose_hub_was_killed_is_one(
    cards: tuple[Desk, str, str], wecom: Simulator
) -> None:
    made, first, _ = cards
    wecom.faults.set("lost,path=message/send,times=1")
    made.run("todos-to-wecom", initial=True)
    for number, point in ((5, "after_intent"), (6, "after_target_ack")):
        made.report(todo(number, 1, first))
        failpoints.arm(f"{point}=raise")
        with pytest.raises(Fatal):
            made.run("todos-to-wecom", "incremental")
        failpoints.arm("")
        made.run("todos-to-wecom", "incremental")
    product: Any = wecom.product
    assert sorted(product.cards.open(first)) == ["Leave 1", "Leave 2", "Leave 5", "Leave 6"]
    assert len(wecom.rows("cards")) == 5
