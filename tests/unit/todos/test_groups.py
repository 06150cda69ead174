"""Groups are their members, who come and go; what somebody claimed is his alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.store.database import now
from hub.todos.people import Healing, person, resolve
from hub.workspace.load import lint
from tests.stores import Postgres, PostgresStore, SqliteStore, Store
from tests.unit.todos.conftest import FOLK, HR, OA, PERSON, Desk, forget
from tests.unit.todos.test_lists import at, to, todo

pytestmark = pytest.mark.by_turns

TEAM = """
    model: team
    key: [code]
    fields:
      code: {type: text, required: true}
      parent: {type: ref, model: team}
      logins: {type: text, many: true}
"""
MEMBERSHIP = """
    model: membership
    key: [code]
    fields:
      code: {type: text, required: true}
      team: {type: ref, model: team}
      member: {type: ref, model: person}
"""
TEAMS = """
    mapping: teams
    from: hr.teams
    into: team
    fields: {code: code, parent: "ref('team', parent)", logins: "string_split(nullif(logins, ''), ',')"}
    unmatched: create
"""
MEMBERSHIPS = """
    mapping: memberships
    from: hr.memberships
    into: membership
    fields: {code: id, team: "ref('team', team)", member: "ref('person', member)"}
    unmatched: create
    absent: delete
    guard: {delete: off}
"""
RULES = """
people:
  model: person
  receivers: {code: number, mail: mail}
  groups: {model: team, called: code, parent: parent, %s}
"""
SHAPES = {
    "reference": "members: team",
    "list": "members: logins, by: code",
    "through": "members: {model: membership, group: team, person: member}",
}
BEGIN = {"1": "10", "2": "10", "3": "20"}


class Office(Desk):
    """With teams: T (1, 2), and below it S (3); ``moved`` puts people into other teams, in every shape."""

    def begin_teams(self) -> None:
        self.write(
            "config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}\n" + RULES % SHAPES["reference"]
        )
        for model in (PERSON + "      team: {type: ref, model: team}\n", TEAM, MEMBERSHIP):
            self.model(model)
        self.mapping(HR, fields="{number: id, name: name, mail: mail, phone: phone, team: \"ref('team', team)\"}")
        for mapping in (OA, TEAMS, MEMBERSHIPS):
            self.mapping(mapping)
        self.files(
            "hr",
            people="{id: text, name: text, mail: text, phone: text, team: text}",
            teams="{id: text, code: text, parent: text, logins: text}",
            memberships="{id: text, team: text, member: text}",
        )
        self.files("oa", accounts="{id: text, mail: text}")
        self.migrate()
        self.moved(BEGIN, initial=True)
        self.put("oa.accounts", {"id": "lina", "mail": "li@example.com"})
        self.run("accounts", initial=True)
        self.serve()
        self.all = self.key("all", "todos:read", "todos:write")

    def moved(self, teams: dict[str, str], *, initial: bool = False) -> None:
        """Who is in which team (10 is T, 20 is S) from now on."""
        ids = {team: [one for one, of in teams.items() if of == team] for team in ("10", "20")}
        self.put(
            "hr.teams",
            {"id": "10", "code": "T", "parent": "", "logins": ",".join(ids["10"])},
            {"id": "20", "code": "S", "parent": "10", "logins": ",".join(ids["20"])},
        )
        self.put("hr.people", *(one | {"team": teams.get(one["id"], "")} for one in FOLK))
        self.put(
            "hr.memberships", *({"id": f"{team}-{one}", "team": team, "member": one} for one, team in teams.items())
        )
        for name in ("teams", "people", "memberships"):
            self.run(name, initial=initial)
            assert self.held(name) == []


def office(folder: Path, kept: Store) -> Office:
    made = Office(folder / "w", kept)
    made.clock = lambda: now() + made.ahead
    made.begin_teams()
    return made


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = office(tmp_path_factory.mktemp("groups"), SqliteStore())
    yield made
    made.close()


@pytest.fixture
def teams(standing: Office) -> Office:
    forget(standing)
    return standing


def has(office: Desk, *people: str, **asked: Any) -> dict[str, list[str]]:
    return {one: sorted(office.titles(one, **asked)) for one in people}


def test_a_to_do_of_a_group_is_in_the_list_of_each_member_as_they_come_and_go(teams: Office):
    teams.report(todo("A-1", to(group="S")), todo("A-2", to(group="T")), todo("A-3", to(group="none")))
    assert has(teams, "1", "2", "3") == {"1": ["Leave A-2"], "2": ["Leave A-2"], "3": ["Leave A-1", "Leave A-2"]}
    healing = Healing(teams.open_hub.hub)
    healing.turn()
    teams.moved({"1": "20", "3": "10"})
    assert healing.turn()
    assert has(teams, "1", "2", "3") == {"1": ["Leave A-1", "Leave A-2"], "2": [], "3": ["Leave A-2"]}
    assert teams.get("/counts", person="1")["to_do"]["count"] == 2
    assert teams.get("/counts", person="2")["to_do"]["count"] == 0
    teams.moved({"1": "10"})
    assert healing.turn()
    told = teams.get("/unresolved")["items"]
    assert [(one["receiver"], one["code"]) for one in told] == [
        ("group:S", "receiver.empty"),
        ("group:none", "receiver.unknown"),
    ]
    teams.moved(BEGIN)
    assert healing.turn()
    assert has(teams, "3") == {"3": ["Leave A-1", "Leave A-2"]}


@pytest.mark.parametrize("shape", SHAPES)
def test_members_are_told_in_three_ways(teams: Office, shape: str):
    before = (teams.folder / "config/hub.yaml").read_text("utf-8")
    teams.write("config/hub.yaml", "hub: test\n" + RULES % SHAPES[shape])
    try:
        # not migrated: only the indexes are others
        with teams.opened(schema=False) as opened, opened.hub.database.begin(reading=True) as connection:
            found = resolve(connection, opened.hub, [("oa", "group:T"), ("oa", "group:S")])
            people = {called: person(opened.hub, called) for called in "123"}
    finally:
        teams.write("config/hub.yaml", before)
    assert set(found["oa", "group:S"].members) == {people["3"]}
    assert set(found["oa", "group:T"].members) == set(people.values())


def test_a_group_is_called_by_the_key_of_its_record_too(teams: Office):
    teams.report(todo("A-1", to(group="20")) | {"system": "hr"})
    assert has(teams, "1", "3") == {"1": [], "3": ["Leave A-1"]}


def test_a_claimed_to_do_is_shown_to_who_claimed_it_only(teams: Office):
    made = todo("A-1", to(group="T"), to(code="3"), version=at(1))
    claim = {"system": "oa", "id": "A-1", "status": "reserved", "processor": {"account": "lina"}, "version": at(2)}
    teams.report(made)
    assert has(teams, "1", "2", "3") == {one: ["Leave A-1"] for one in "123"}
    teams.report(claim)
    assert has(teams, "1", "2", "3") == {"1": ["Leave A-1"], "2": [], "3": []}
    teams.report({"system": "oa", "id": "A-1", "status": "ready", "version": at(3)})
    assert has(teams, "1", "2", "3") == {one: ["Leave A-1"] for one in "123"}
    assert [one["box"] for one in teams.inbox("1")] == ["to_do"]
    teams.report(claim | {"version": at(4)}, {"system": "oa", "id": "A-1", "status": "completed", "version": at(5)})
    assert has(teams, "1", "2", "3") == {"1": [], "2": [], "3": []}
    assert has(teams, "1", "2", "3", box="done") == {"1": ["Leave A-1"], "2": [], "3": []}


def test_who_is_named_has_what_is_reserved_before_his_group(teams: Office):
    teams.report(todo("A-1", to(group="T"), to(code="3"), status="reserved"))
    assert has(teams, "1", "3") == {"1": [], "3": ["Leave A-1"]}


def test_a_claim_needs_its_status(teams: Office):
    (told,) = teams.report(todo("A-1", to(group="T"), processor={"code": "1"}))
    assert told["error"]["code"] == "todo.malformed"


def test_who_did_his_part_of_a_groups_to_do_has_it_done(teams: Office):
    teams.report(todo("A-1", to(group="T"), version=at(1)))
    done = {"to": {"code": "1"}, "done": True, "outcome": "agree"}
    teams.report({"system": "oa", "id": "A-1", "partial": True, "assignees": [done], "version": at(2)})
    assert has(teams, "1", "2") == {"1": [], "2": ["Leave A-1"]}
    assert has(teams, "1", "2", box="done") == {"1": ["Leave A-1"], "2": []}
    teams.report({"system": "oa", "id": "A-1", "status": "completed", "version": at(3)})
    assert has(teams, "1", "2") == {"1": [], "2": []}  # which of the others did it is not known
    receivers = teams.get(f"/{teams.report(todo('A-1'))[0]['todo']}")["receivers"]
    assert {one["receiver"] for one in receivers} == {"code:…", "group:T"}


def test_what_is_done_stays_with_those_who_were_in_the_group_then(teams: Office):
    teams.report(todo("A-1", to(group="S"), version=at(1)))
    done = {"to": {"group": "S"}, "done": True}
    teams.report({"system": "oa", "id": "A-1", "partial": True, "assignees": [done], "version": at(2)})
    healing = Healing(teams.open_hub.hub)
    healing.turn()
    assert has(teams, "1", "3", box="done") == {"1": [], "3": ["Leave A-1"]}
    teams.moved({"1": "20", "3": "10"})
    healing.turn()
    assert has(teams, "1", "3", box="done") == {"1": [], "3": ["Leave A-1"]}
    teams.report({"system": "oa", "id": "A-1", "title": "Leave A-1, paid", "version": at(3)})
    assert has(teams, "1", "3", box="done") == {"1": [], "3": ["Leave A-1, paid"]}, "whatever is reported later"
    teams.moved(BEGIN)
    healing.turn()


def test_a_group_named_beside_its_member_is_one_line(teams: Office):
    teams.report(todo("A-1", to(group="T"), to(group="S"), to(code="3")))
    assert teams.titles("3") == ["Leave A-1"]
    assert teams.get("/counts", person="3")["to_do"]["count"] == 1


def test_groups_on_postgresql(tmp_path: Path, postgres: Postgres):
    made = office(tmp_path, PostgresStore(postgres))
    made.report(todo("A-1", to(group="T")))
    assert has(made, "1", "3") == {"1": ["Leave A-1"], "3": ["Leave A-1"]}
    made.moved({"3": "10"})
    healed = made.heal()
    assert (healed.found, healed.lost) == (0, 2)
    assert has(made, "1", "3") == {"1": [], "3": ["Leave A-1"]}
    made.close()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("model: nowhere, members: team", "reference.model"),
        ("model: team, members: phone", "people.members"),
        ("model: team, members: team, parent: code", "people.members"),
        ("model: team, members: team, called: no", "reference.field"),
        ("model: team, members: logins, by: login", "people.members"),
        ("model: team, members: {model: membership, group: team, person: team}", "people.members"),
        ("model: team, members: {model: nowhere, group: team, person: member}", "reference.model"),
        ("model: team, members: {model: membership, group: no, person: member}", "reference.field"),
    ],
)
def test_what_does_not_fit_the_models_is_found(teams: Office, wrong: str, code: str):
    before = (teams.folder / "config/hub.yaml").read_text("utf-8")
    groups = f"people: {{model: person, receivers: {{code: number}}, groups: {{{wrong}}}}}\n"
    teams.write("config/hub.yaml", "hub: test\n" + groups)
    try:
        assert {one.code for one in lint(teams.folder)[1] if one.level == "error"} == {code}
    finally:
        teams.write("config/hub.yaml", before)
