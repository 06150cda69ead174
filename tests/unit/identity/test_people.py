"""People: found, shown, confined; and their posts, accounts and changes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from hub.api.app import described
from hub.security.access import GRANTS
from hub.store.database import now
from hub.workspace.load import lint
from tests.unit.identity.conftest import FOLK, PEOPLE, TREE, Registry


def everybody() -> list[dict[str, str | None]]:
    return [{"id": one, "name": name, "phone": "+4971155512" + one * 2, "unit": unit} for one, name, unit in FOLK]


def test_people_are_found_by_the_beginning_of_a_name_of_its_pinyin_and_of_their_number(shared: Registry):
    assert shared.names("/people", q="李") == ["李娜", "李梅"]
    assert shared.names("/people", q="LI") == ["linus", "李梅", "李娜"]
    assert shared.names("/people", q="li n") == ["李娜"]
    assert shared.names("/people", q="ada") == ["Ada Ruiz"]
    assert shared.names("/people", q="2") == ["王伟"]
    assert shared.names("/people", q="%") == []
    assert shared.names("/people", code="3") == ["李梅"]


def test_pages_of_a_search_hold_everybody_once(shared: Registry):
    found: list[str] = []
    asked: dict[str, Any] = {"q": "li", "limit": "1"}
    while True:
        page = shared.get("/people", **asked)
        found += [one["name"] for one in page["items"]]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert found == ["linus", "李梅", "李娜"]
    assert shared.get("/people", status=400, q="wang", cursor=asked["cursor"])["code"] == "cursor.other"


def test_nobody_is_found_by_what_is_classified(shared: Registry):
    assert shared.names("/people", q="+49711") == []
    assert shared.get("/people", status=400, phone="+497115551211")["code"] == "query.classified"
    assert shared.get("/people", status=400, mail="a@example.com")["code"] == "query.unknown"
    (one,) = shared.get("/people", code="1")["items"]
    assert one["called"] == {"code": "1", "phone": "+49***1211"}


def test_people_of_an_organization_are_those_of_all_below_it_and_of_side_posts(shared: Registry):
    assert sorted(shared.names("/people", organization="plant")) == ["李娜", "李梅"]
    assert sorted(shared.names("/people", organization="sales")) == ["李娜", "王伟"]
    assert shared.names("/people", organization="line1", q="li") == ["李梅"]
    assert sorted(shared.names("/people", organization="group")) == ["李娜", "李梅", "王伟"]
    assert shared.get("/people", status=404, organization="nowhere")["code"] == "organization.unknown"


def test_many_others_are_passed_over_by_asking_for_the_wanted_ones_first(
    shared: Registry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hub.identity.people.FEW", 0)
    assert shared.names("/people", organization="plant", q="li") == ["李梅", "李娜"]
    assert sorted(shared.names("/people", organization="sales")) == ["李娜", "王伟"]
    monkeypatch.setattr("hub.identity.people.WALKS", 0)
    assert shared.names("/people", organization="sales", q="w") == ["王伟"]
    assert sorted(shared.names("/people", organization="sales")) == ["李娜", "王伟"]
    assert shared.names("/people", organization="line1", q="li") == ["李梅"]


def test_posts_are_shown_on_their_days(shared: Registry):
    told = shared.get("/people/1/posts")["items"]
    assert [(one["position"], one["main"], one["in"]["line"]["key"], one["in"]["legal"]["key"]) for one in told] == [
        ("Head", True, "plant", "cn"),
        ("Adviser", False, "sales", "de"),
    ]
    assert shared.get("/people/2")["posts"] == []
    assert shared.get("/people/2", status=404, as_of="2019-06-30")["code"] == "person.unknown"
    assert shared.get("/people/2", status=422, as_of="2099-01-01")["code"] == "as_of.future"


def test_a_person_is_shown_with_values_masked_and_in_the_clear_for_a_reason(shared: Registry):
    told = shared.get("/people/1")
    assert (told["name"], told["organization"]["name"], told["organization"]["external"]) == ("李娜", "Plant", False)
    assert told["values"]["phone"] == "+49***1211"
    assert shared.get("/people/4")["organization"]["external"] is True
    clerk = shared.key("clerk", "people:read")
    assert shared.get("/people/1", clerk, unmask_reason="HR-1: call her")["values"]["phone"] == "+497115551211"
    assert shared.get("/people/1", status=403, unmask_reason="HR-1: call her")["code"] == "unmask.clearance"


def test_accounts_of_a_person_are_told_by_system_and_why(shared: Registry):
    told = shared.get("/people/1/accounts")["items"]
    assert [(one["system"], one["account"], one["state"]) for one in told] == [
        ("hr", "1", "active"),
        ("oa", "lina", "active"),
    ]
    (why,) = shared.get("/people/1/accounts/oa/lina")["reasons"]
    assert (why["code"], "rule" in why["message"]) == ("account.rule", True)
    (own,) = shared.get("/people/1/accounts/hr/1")["reasons"]
    assert own["code"] == "account.own"
    wrong = shared.get("/people/1/accounts/oa/wang", status=404)
    assert wrong["code"] == "account.unknown"
    assert "cophub why accounts wang" in wrong["hint"]
    few = shared.key("few", "people:read", systems=["hr"])
    assert [one["system"] for one in shared.get("/people/1/accounts", few)["items"]] == ["hr"]
    assert shared.get("/people/1/accounts/oa/lina", few, 404)["code"] == "account.unknown"


def test_a_confined_key_sees_its_people_and_nobody_else(shared: Registry):
    plant = shared.key("plant", "people:read", organizations=["plant"])
    assert sorted(shared.names("/people", plant)) == ["李娜", "李梅"]
    assert shared.names("/people", plant, organization="line1", q="li") == ["李梅"]
    assert shared.get("/people", plant, 404, organization="group")["code"] == "organization.unknown"
    stranger, nobody = shared.get("/people/2", plant, 404), shared.get("/people/99", plant, 404)
    assert (stranger["code"], stranger["detail"]) == (nobody["code"], nobody["detail"])
    mine = shared.get("/people/1", plant)
    assert [one["in"] for one in mine["posts"]] == [{"line": mine["organization"], "legal": None},
                                                    {"line": None, "legal": None}]  # fmt: skip
    outside = shared.get("/people/2")["id"]
    assert shared.get(f"/people/{outside}/accounts", plant, 404)["code"] == "person.unknown"
    others = shared.key("others", "people:read", models=["unit"])
    assert shared.get("/people", others, 404)["code"] == "model.unknown"
    assert shared.get("/people", shared.key("none", "entities:read"), 403)["code"] == "key.grant"


def test_answers_have_tags_and_chosen_fields(shared: Registry):
    first = shared.client.get("/v1/people?q=ada&fields=name", headers=shared.all)
    assert first.json()["items"] == [{"name": "Ada Ruiz"}]
    again = {**shared.all, "if-none-match": first.headers["etag"]}
    assert shared.client.get("/v1/people?q=ada&fields=name", headers=again).status_code == 304


def test_changes_tell_who_came_moved_and_left(office: Registry):
    plant = office.key("plant", "people:read", organizations=["plant"])
    begun, his = office.get("/people/changes"), office.get("/people/changes", plant)
    assert (len(begun["items"]), begun["removed"], begun["more"]) == (len(FOLK), [], False)
    assert office.get("/people/changes", since=begun["next"])["items"] == []
    folk = everybody()
    folk[2]["unit"] = "sales"
    gone, moved = (office.get(f"/people/{number}")["id"] for number in ("5", "3"))
    office.put("hr.people", *folk[:4])
    office.run("people", "full")
    office.put("hr.posts", {"id": "e", "person": "4", "unit": "sales", "job": "Guest", "main": True})
    office.run("posts", "full")
    told = office.get("/people/changes", since=begun["next"])
    assert {one["name"] for one in told["items"]} == {"李梅", "Ada Ruiz"}
    assert told["removed"] == [gone]
    seen = office.get("/people/changes", plant, since=his["next"])
    assert (seen["items"], seen["removed"]) == ([], [moved])
    assert office.get("/people/changes", plant, 410, since=told["next"])["code"] == "cursor.old"
    assert office.get("/people/changes", status=400, since="x")["code"] == "cursor.malformed"


def test_as_of_a_day_people_are_as_the_hub_had_them(either: Registry, monkeypatch: pytest.MonkeyPatch):
    _found_alike(either, monkeypatch)
    database = either.open_hub.hub.database
    yesterday = either.open_hub.hub.today() - dt.timedelta(days=1)
    with database.begin() as connection:  # what was read, was read three days ago
        for name in ("e_person", "e_unit"):
            table = database.tables[name]
            connection.execute(table.update().values(_updated_at=now() - dt.timedelta(days=3)))
    folk = everybody()
    folk[0]["name"] = "李娜娜"
    folk[0]["unit"] = "sales"
    either.put("hr.people", *folk[:4])
    either.run("people", "full")
    assert either.get("/people/1")["name"] == "李娜娜"
    then = either.get("/people/1", as_of=str(yesterday))
    assert (then["name"], then["organization"]["key"]) == ("李娜", "plant")
    assert either.get("/people/5")["state"] == "deleted"
    assert either.get("/people/5", as_of=str(yesterday))["state"] == "active"
    before = yesterday - dt.timedelta(days=5)
    assert either.get("/people/1", status=404, as_of=str(before))["code"] == "person.unknown"
    either.put("hr.units", *({"id": one, "name": one.title(), "parent": None} for one in TREE if one != "line1"))
    either.run("units", "full")
    path = either.get("/organizations/line1/path", as_of=str(yesterday))["items"]
    assert [one["key"] for one in path] == ["group", "plant", "line1"]
    assert either.get("/organizations/line1/path", status=404)["code"] == "organization.unknown"
    assert [one["key"] for one in either.get("/organizations/plant/path")["items"]] == ["plant"]


def _found_alike(either: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    assert either.names("/people", q="LI") == ["linus", "李梅", "李娜"]
    monkeypatch.setattr("hub.identity.people.FEW", 0)
    assert either.names("/people", organization="plant", q="li", limit=1) == ["李梅"]
    monkeypatch.setattr("hub.identity.people.WALKS", 0)
    assert either.names("/people", organization="sales", q="w") == ["王伟"]
    plant = either.key("plant", "people:read", organizations=["plant"])
    assert either.names("/people", plant, q="li") == ["李梅", "李娜"]
    assert either.get("/people/1/accounts/oa/lina")["reasons"][0]["code"] == "account.rule"


def test_what_people_names_must_be_there(shared: Registry):
    wrong = (
        PEOPLE.replace("search: [name,", "search: [unit, nobody,")
        .replace("line: unit,", "line: company, project: unit,")
        .replace("external: partner", "external: code")
        .replace("from: since", "from: job")
    )
    hub = shared.folder / "config" / "hub.yaml"
    right = hub.read_text(encoding="utf-8")
    try:
        hub.write_text("hub: test\n" + wrong, encoding="utf-8")
        found = {(one.code, one.message.split(":")[0]) for one in lint(shared.folder)[1] if one.level == "error"}
    finally:
        hub.write_text(right, encoding="utf-8")
    assert found == {
        ("people.search", "people.search.0"),
        ("reference.field", "people.search.1"),
        ("people.organization", "people.organization.external"),
        ("people.organization", "people.posts.in.line"),
        ("people.organization", "people.posts.in.project"),
        ("people.organization", "people.posts.from"),
    }


def test_every_route_needs_the_grant(shared: Registry):
    paths = [path for path in described().openapi()["paths"] if path.startswith(("/v1/people", "/v1/organizations"))]
    others = shared.key("others-all", *(set(GRANTS) - {"people:read"}))
    assert len(paths) == 12
    for path in paths:
        place = path.replace("{person}", "1").replace("{organization}", "plant")
        place = place.replace("{system}", "oa").replace("{account}", "lina")
        assert shared.client.get(place).json()["code"] == "key.refused", place
        assert shared.client.get(place, headers=others).json()["code"] == "key.grant", place
        assert shared.client.get(place, headers=shared.all).status_code == 200, place


def test_people_of_one_name_and_one_phone_stay_two_and_who_comes_back_is_the_same(office: Registry):
    twins = [{"id": one, "name": "李娜", "phone": "+497115551211", "unit": "sales"} for one in ("6", "7")]
    office.put("hr.people", *everybody(), *twins)
    office.run("people", "full")
    office.put("oa.accounts", {"id": "lina", "number": "1"}, {"id": "lina7", "number": "7"})
    office.run("accounts", "full")
    assert [one["key"] for one in office.get("/people", q="李娜")["items"]] == ["1", "6", "7"]
    six = office.get("/people/6")["id"]
    for number, his in (("1", ["1", "lina"]), ("6", ["6"]), ("7", ["7", "lina7"])):
        assert [one["account"] for one in office.get(f"/people/{number}/accounts")["items"]] == his
    office.put("hr.people")
    office.run("people", "full")
    assert len(office.get("/people")["items"]) == len(FOLK) + 2  # an empty answer is nobody's leaving
    office.put("hr.people", *everybody(), twins[1])
    office.run("people", "full")
    assert office.get("/people/6")["state"] == "deleted"
    office.put("hr.people", *everybody(), *twins)
    office.run("people", "full")
    back = office.get("/people/6")
    assert (back["id"], back["state"]) == (six, "active")
