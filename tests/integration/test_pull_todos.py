"""docs/how-to/pull-todos.md, done as it is written: the files of the page, on a real CalDAV server and on simulated
products that lie. Whatever they do, each person ends up with the list that the system has for them."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.simulators import Simulator
from hub.errors import HubError
from tests.conftest import Login
from tests.docs.pages import blocks
from tests.integration.test_caldav import Place
from tests.stores import SqliteStore
from tests.unit.http.fake import Answer, Asked, as_json, fake
from tests.unit.todos.conftest import Desk

PAGE = {one.place: one.text for one in blocks("yaml") if one.page == "docs/how-to/pull-todos.md" and one.place}
PEOPLE = """
    mapping: people
    from: hr.people
    into: person
    fields: {number: id, username: id}
    unmatched: create
    guard: off
"""
TEAMS = """
    mapping: teams
    from: hr.teams
    into: team
    fields: {code: id, members: "list_filter(string_split(members, ' '), one -> one <> '')"}
    unmatched: create
"""
TASK_CENTER = "https://tasks.example.com/provider/v2"
CLOCK = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
Opened = Callable[..., Desk]


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A workspace of some files of the page, each with words replaced, and of people by their logins."""
    made = Desk(tmp_path_factory.mktemp("pull") / "w", SqliteStore())

    def opened(people: list[str], secrets: dict[str, str], *names: str, **replaced: str) -> Desk:
        for place, text in PAGE.items():
            if place.endswith(("hub.yaml", "person.yaml", "team.yaml")) or any(name in place for name in names):
                for old, new in replaced.items():
                    text = text.replace(old, new)
                made.write(place, text)
        made.files("hr", people="{id: text}", teams="{id: text, members: text}")
        made.mapping(PEOPLE)
        made.mapping(TEAMS)
        made.variables = {f"COPHUB_SECRET_{name}": value for name, value in secrets.items()}
        made.migrate()
        made.put("hr.people", *({"id": one} for one in people))
        made.run("people", initial=True)
        made.serve()
        made.all = made.key("all", "todos:read", "todos:write")
        return made

    yield opened
    made.close()


# ------------------------------------------------------------ a provider of Task Center

center = pytest.mark.against("sap_task_provider", "a provider of SAP Task Center", "simulator")


@pytest.fixture(scope="module")
def provider() -> Iterator[Simulator]:
    with Simulator("taskcenter", records=40) as simulator:
        yield simulator


@pytest.fixture
def pulled(office: Opened, provider: Simulator) -> Desk:
    """All tasks, read once, by pages of nine."""
    provider.faults.clear()
    more = "client_secret: secret://taskcenter/client\nlimits: {rate: 1000/s, retries: 2, max_wait: 1s}\n"
    more += "resources: {tasks: {paging: {last: {params: {modifiedAfter: modifiedAt, lastId: urn}, size: 9}}}}\n"
    made = office(everybody(provider), {"TASKCENTER_CLIENT": "taskcenter-demo"}, "taskcenter", **{
        TASK_CENTER: provider.url, "https://login.example.com": provider.url,
        "client_secret: secret://taskcenter/client\n": more,
    })  # fmt: skip
    made.run("taskcenter-todos", initial=True)
    return made


def expected(provider: Simulator) -> dict[str, set[str]]:
    """Who has which task open, as the product knows it."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in provider.rows("tasks"):
        claimed = row["status"] == "RESERVED" and row["processor"]
        for who in [row["processor"]] if claimed else row["recipientUsers"]:
            if row["status"] in ("READY", "RESERVED"):
                found[who].add(row["subject"][0]["text"])
    return found


def everybody(provider: Simulator) -> list[str]:
    return sorted({one for row in provider.rows("tasks") for one in row["recipientUsers"]} | {"p1", "p2"})


def lists(made: Desk, provider: Simulator) -> dict[str, set[str]]:
    found = {one: set(made.titles(one, limit=200, language="zh")) for one in everybody(provider)}
    return {one: titles for one, titles in found.items() if titles}


def asked(provider: Simulator) -> int:
    return provider.log.count("read", "tasks")


@center
def test_tasks_of_task_center_come_by_what_changed(pulled: Desk, provider: Simulator) -> None:
    assert lists(pulled, provider) == expected(provider)
    ready = [row for row in provider.rows("tasks") if row["status"] == "READY"]
    first, second, third, fourth = (row["urn"] for row in ready[:4])
    provider.change("tasks", {"urn": first, "status": "COMPLETED"})
    provider.change("tasks", {"urn": second, "recipientUsers": ["p1", "p2"]})
    provider.change("tasks", {"urn": third, "status": "CANCELED"})
    claimed = {"status": "RESERVED", "processor": "p2", "subject": [{"languageCode": "zh", "text": "新"}]}
    provider.change("tasks", {"urn": fourth, "recipientUsers": ["p1", "p2"], **claimed})
    before = asked(provider)
    told = pulled.run("taskcenter-todos", "incremental").counts
    assert (told["updated"], told["created"], told["deleted"], asked(provider) - before) == (2, 4, 2, 2)
    assert lists(pulled, provider) == expected(provider)
    assert [len(pulled.titles(one)) for one in ("p1", "p2")] == [1, 2]  # what p2 has claimed is not offered to p1
    done = pulled.titles(ready[0]["recipientUsers"][0], box="done", limit=200, language="zh")
    assert ready[0]["subject"][0]["text"] in done


@center
@pytest.mark.parametrize("seed", range(2))
def test_a_provider_that_lies_ends_in_the_right_lists(pulled: Desk, provider: Simulator, seed: int) -> None:
    """Late, repeated, lost and out of order: runs may fail, and what they took must not stay wrong."""
    chance = random.Random(seed)
    kinds = ("twice", "reorder", "repeat", "skip", "swallowed", "cut,times=9", "broken", "html", "expire,skip=1")
    for turn in range(3):
        for row in chance.sample(provider.rows("tasks"), 8):
            new = {"status": chance.choice(["READY", "RESERVED", "READY", "COMPLETED"])}
            if row["status"] in ("COMPLETED", "CANCELED"):
                new = {}
            to = chance.sample(["p1", "p2", *row["recipientUsers"]], 2)
            provider.change("tasks", {"urn": row["urn"], "recipientUsers": sorted(set(to)), **new})
        provider.faults.clear()
        provider.faults.set(*(f"{kind},path=/tasks" for kind in chance.sample(kinds, 2)))
        try:
            pulled.run("taskcenter-todos", "full" if turn == 1 else "incremental")
        except HubError:
            continue
    provider.faults.clear()
    pulled.run("taskcenter-todos")
    assert lists(pulled, provider) == expected(provider)
    assert pulled.held("taskcenter-todos") == []


# ------------------------------------------------------------ My Inbox


@pytest.mark.against("sap_my_inbox", "SAP My Inbox", "simulator")
def test_what_is_missing_in_my_inbox_is_done(office: Opened) -> None:
    with Simulator("myinbox", records=60) as inbox:
        made = office(["HUB"], {"MYINBOX_PASSWORD": "myinbox-demo"}, "myinbox", **{
            "https://s4.example.com": inbox.url, "account: Processor": "login: Processor",
        })  # fmt: skip
        made.run("myinbox-todos", initial=True)
        waiting = [row for row in inbox.rows("TaskCollection") if row["Status"] != "COMPLETED"]
        assert sorted(made.titles("HUB", limit=200)) == sorted(row["TaskTitle"] for row in waiting)
        for row in waiting[:3]:
            inbox.change("TaskCollection", {**row, "Status": "COMPLETED"})
        inbox.faults.set("swallowed,path=TaskCollection")
        made.run("myinbox-todos")
        assert made.titles("HUB", box="done") == []  # an empty answer says nothing
        assert made.run("myinbox-todos").counts["disabled"] == 3
        assert len(made.titles("HUB", box="done")) == 3
        inbox.change("TaskCollection", {**waiting[0]})
        made.run("myinbox-todos")
        assert len(made.titles("HUB", box="done")) == 2


# ------------------------------------------------------------ calendars


@pytest.mark.against("caldav", "Radicale", "real")
def test_todos_of_a_calendar_are_done_and_go(office: Opened, caldav: Login) -> None:
    place = Place(caldav, caldav.url)

    def put(name: str, minute: int, **more: Any) -> None:
        at = CLOCK + dt.timedelta(minutes=minute)
        place.put({"uid": name, "summary": f"Task {name}", "last-modified": at, **more})

    made = office(["lina"], {"TASKS_PASSWORD": caldav.password}, "tasks.yaml", "tasks-of", **{
        "https://cal.example.com/dav": caldav.url, "/calendars/lina/tasks/": place.path,
        "username: hub": f"username: {caldav.username}",
    })  # fmt: skip
    for name in ("a", "b", "c", "d"):
        put(name, 0)
    made.run("tasks-of-lina", initial=True)
    assert sorted(made.titles("lina")) == ["Task a", "Task b", "Task c", "Task d"]
    put("a", 1, status="COMPLETED")
    put("b", 1, status="CANCELLED")
    place.ask("DELETE", "c.ics")
    put("d", 1, priority=1)
    told = made.run("tasks-of-lina", "incremental").counts
    assert (told["read"], told["deleted"], told["updated"]) == (3, 2, 2)
    (open_,) = made.inbox("lina")
    assert (open_["title"], open_["priority"], made.titles("lina", box="done")) == ("Task d", "high", ["Task a"])
    put("a", 2, status="NEEDS-ACTION")
    put("b", 2)
    put("c", 0)
    made.run("tasks-of-lina", "incremental")
    assert sorted(made.titles("lina")) == ["Task a", "Task b", "Task c", "Task d"]


# ------------------------------------------------------------ Flowable


class Flowable:
    """A stand-in for Flowable's REST application, by its own OpenAPI description: ``GET /runtime/tasks`` by ``start``
    and ``size``, with ``total``, all, what nobody has claimed, or what a group may claim; ``GET /identity/groups``;
    the identity links of a task."""

    def __init__(self, described: Path) -> None:
        document = yaml.load(described.read_text("utf-8"), yaml.CSafeLoader)
        listed = document["paths"]["/runtime/tasks"]["get"]
        answers = listed["responses"]["200"]["content"]["application/json"]
        assert answers["schema"]["$ref"].endswith("/DataResponseTaskResponse")
        assert {"candidateGroup", "unassigned"} <= {one["name"] for one in listed["parameters"]}
        schemas = document["components"]["schemas"]
        self.fields, self.page = (schemas[f"{name}TaskResponse"]["properties"] for name in ("", "DataResponse"))
        assert "/runtime/tasks/{taskId}/identitylinks/{family}" in document["paths"]
        assert {"user", "group", "type"} <= schemas["RestIdentityLink"]["properties"].keys()
        assert {"id", "name", "type"} <= schemas["GroupResponse"]["properties"].keys()
        self.tasks: dict[str, dict[str, Any]] = {}
        self.candidates: dict[str, set[str]] = {}
        self.teams: dict[str, set[str]] = {}
        self.quick: set[str] = set()
        self.cut, self.url = False, ""

    def put(self, number: int, who: str | None, *candidates: str) -> None:
        """Candidates that are no group are users."""
        key = str(number)
        self.candidates[key] = set(candidates)
        self.tasks[key] = dict.fromkeys(self.fields) | {
            "id": key, "assignee": who, "name": f"Task {key}", "priority": 50, "suspended": False,
            "createTime": "2026-04-17T10:17:43.902+0000", "dueDate": "2026-05-01T10:00:00.000+0000",
        }  # fmt: skip
        assert self.tasks[key].keys() == self.fields.keys()

    def answer(self, asked: Asked) -> Answer:
        if asked.path.endswith("/identitylinks/users"):
            return self._links(asked.path.split("/")[-3])
        start, size = int(asked.params["start"]), int(asked.params["size"])
        rows = sorted(self._rows(asked), key=lambda row: str(row["id"]))
        shown = rows[start : start + size][: 1 if self.cut else size]
        told = {"data": shown, "total": len(rows), "start": start, "sort": "id", "order": "asc", "size": len(shown)}
        assert told.keys() == self.page.keys()
        return as_json(told)

    def _rows(self, asked: Asked) -> list[dict[str, Any]]:
        if asked.path == "/identity/groups":
            return [{"id": name} for name in self.teams]
        group = asked.params.get("candidateGroup")
        if asked.params.get("unassigned") == "true":
            return [row for row in self.tasks.values() if row["assignee"] is None]
        if group is None:
            return [*self.tasks.values()]
        return [row for key, row in self.tasks.items() if row["assignee"] is None and group in self.candidates[key]]

    def _links(self, key: str) -> Answer:
        """Of users only; one that was completed since it was listed has none."""
        if key in self.quick:
            return as_json({"message": "Not found", "exception": f"no task with id {key}"}, 404)
        users = sorted(self.candidates[key] - self.teams.keys())
        links = [{"url": None, "user": one, "group": None, "type": "candidate"} for one in users]
        return as_json([*links, {"url": None, "user": "rowlf", "group": None, "type": "participant"}])


@pytest.fixture
def engine(fixtures: Path) -> Iterator[Flowable]:
    made = Flowable(fixtures / "tasks" / "flowable-oas-process.yaml")
    with fake(made.answer) as server:
        made.url = server.url
        yield made


PEOPLE_OF_FLOWABLE = ("fozzie", "gonzo", "kermit")


def candidates(office: Opened, engine: Flowable) -> Callable[[], dict[str, list[str]]]:
    """Reads tasks and candidates, and answers who has what to do."""
    secret = "auth: {basic: {username: hub, password: secret://flowable/password}}\n"
    made = office([*PEOPLE_OF_FLOWABLE], {"FLOWABLE_PASSWORD": "test"}, "flowable", **{
        "https://flow.example.com/flowable-rest/service": engine.url,
        secret: secret + "limits: {rate: 1000/s, retries: 0}\n",
        "grace: 1m": "grace: 0s",
    })  # fmt: skip
    made.put("hr.teams", *({"id": team, "members": " ".join(sorted(of))} for team, of in engine.teams.items()))
    made.run("teams", initial=True)

    def read() -> dict[str, list[str]]:
        initial = not made.rows("SELECT 1 FROM todo")
        for mapping in ("flowable-todos", "flowable-groups", "flowable-users"):
            made.run(mapping, initial=initial)
            assert made.held(mapping) == []
        return {one: found for one in PEOPLE_OF_FLOWABLE if (found := sorted(made.titles(one)))}

    return read


@pytest.mark.against("flowable", "Flowable, by its OpenAPI description", "simulator")
def test_what_a_group_may_claim_is_of_all_until_one_claims_it(office: Opened, engine: Flowable) -> None:
    engine.teams = {"sales": {"fozzie", "gonzo"}, "support": {"kermit"}}
    engine.put(1, None, "sales")
    read = candidates(office, engine)
    assert read() == {"fozzie": ["Task 1"], "gonzo": ["Task 1"]}
    engine.put(1, "gonzo", "sales")  # nobody is candidate of anything now: the answer has nothing in it
    assert read() == {"gonzo": ["Task 1"]}
    engine.put(1, None, "sales")
    engine.put(2, "kermit", "support")
    assert read() == {"fozzie": ["Task 1"], "gonzo": ["Task 1"], "kermit": ["Task 2"]}
    engine.put(1, "fozzie", "sales")
    engine.put(2, None, "support")
    assert read() == {"fozzie": ["Task 1"], "kermit": ["Task 2"]}
    engine.put(1, None, "sales", "support")
    assert read() == {"fozzie": ["Task 1"], "gonzo": ["Task 1"], "kermit": ["Task 1", "Task 2"]}
    engine.put(3, "kermit")
    del engine.tasks["1"], engine.tasks["2"]  # ended by the process, claimed by nobody
    read()
    assert read() == {"kermit": ["Task 3"]}


@pytest.mark.against("flowable", "Flowable, by its OpenAPI description", "simulator")
def test_what_users_may_claim_is_theirs_until_one_claims_it_and_stays_his(office: Opened, engine: Flowable) -> None:
    engine.teams = {"sales": {"fozzie"}}
    engine.put(1, None, "gonzo", "kermit")
    engine.put(2, None, "gonzo", "sales")
    read = candidates(office, engine)
    assert read() == {"fozzie": ["Task 2"], "gonzo": ["Task 1", "Task 2"], "kermit": ["Task 1"]}
    engine.put(1, "gonzo", "gonzo", "kermit")
    engine.put(2, "fozzie", "gonzo", "sales")
    for _ in range(2):  # his row of a candidate leaves in the same round
        assert read() == {"fozzie": ["Task 2"], "gonzo": ["Task 1"]}
    engine.put(1, None, "gonzo", "kermit")
    assert read() == {"fozzie": ["Task 2"], "gonzo": ["Task 1"], "kermit": ["Task 1"]}
    engine.put(1, None, "kermit")
    engine.put(3, None, "kermit")
    assert read() == {"fozzie": ["Task 2"], "kermit": ["Task 1", "Task 3"]}
    engine.put(1, "kermit", "kermit")
    engine.put(4, None, "gonzo")
    assert read() == {"fozzie": ["Task 2"], "gonzo": ["Task 4"], "kermit": ["Task 1", "Task 3"]}
    engine.quick = {"3"}  # completed between its list and its links
    assert read() == {"fozzie": ["Task 2"], "gonzo": ["Task 4"], "kermit": ["Task 1"]}
    del engine.tasks["1"]
    read()
    assert read() == {"fozzie": ["Task 2"], "gonzo": ["Task 4"]}


@pytest.mark.against("flowable", "Flowable, by its OpenAPI description", "simulator")
def test_tasks_of_flowable_are_whose_they_are_until_they_go(office: Opened, fixtures: Path) -> None:
    engine = Flowable(fixtures / "tasks" / "flowable-oas-process.yaml")
    for number, who in ((1, "kermit"), (2, "kermit"), (3, None)):
        engine.put(number, who)
    with fake(engine.answer) as server:
        small = "auth: {basic: {username: hub, password: secret://flowable/password}}\n"
        small += "limits: {rate: 1000/s, retries: 0}\n"
        small += "resources: {tasks: {paging: {offset: {param: start, size_param: size, size: 2}}}}\n"
        made = office(["kermit", "fozzie", "gonzo"], {"FLOWABLE_PASSWORD": "test"}, "flowable", **{
            "https://flow.example.com/flowable-rest/service": server.url,
            "auth: {basic: {username: hub, password: secret://flowable/password}}\n": small,
            "grace: 1m": "grace: 0s",
        })  # fmt: skip
        made.run("flowable-todos", initial=True)
        assert sorted(made.titles("kermit")) == ["Task 1", "Task 2"]
        del engine.tasks["1"]
        engine.put(2, "gonzo")
        engine.put(3, "fozzie")
        engine.cut = True
        with pytest.raises(HubError, match="2 records were announced and 1 came"):
            made.run("flowable-todos")
        engine.cut = False
        made.run("flowable-todos")
        assert "Task 1" in made.titles("kermit")  # missed once
        made.run("flowable-todos")
        assert (made.titles("kermit"), made.titles("kermit", box="done")) == ([], ["Task 1"])
        assert (made.titles("gonzo"), made.titles("fozzie")) == (["Task 2"], ["Task 3"])
