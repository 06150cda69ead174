"""Pages of deliveries and of drift: what was sent, what failed, what differs, and the way back."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

import pytest

from hub.exchange.ground import Hub
from hub.store import audit as chain
from hub.store import listing, targets
from hub.store.circuits import failed, read
from hub.store.database import now
from hub.todos.drift import Listed, compare
from hub.todos.reports import Key
from tests.stores import SqliteStore
from tests.unit.exchange.target import Crm
from tests.unit.identity.administrators import serve
from tests.unit.identity.conftest import Registry, registry
from tests.unit.identity.test_exchange_pages import key, logged, until
from tests.unit.identity.test_operators import ROLES, text
from tests.unit.identity.test_review_pages import asked
from tests.unit.portal.conftest import Browser

TO_SHOP = """
    mapping: to-shop
    title: {en: People to the shop, zh: 人员同步到商城}
    from: person
    into: shop.accounts
    key: code
    fields: {code: number, name: name}
"""
LIST, DRIFT = "/portal/operators/deliveries", "/portal/operators/drift"


def delivered(office: Registry) -> Crm:
    """Five people on their way to a shop, which refuses the second, and of the fifth nobody knows."""
    crm = Crm(answers={"2": ["rejected"]})
    office.modules["crm"] = crm.spec
    office.write("config/systems/shop.yaml", "system: shop\nconnector: crm\nresources: {accounts: {}}\n")
    office.mapping(TO_SHOP)
    office.run("to-shop", initial=True)
    with office.opened() as opened, opened.hub.database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO intent SELECT source, key, 'c', operation, '5', run_id, at FROM delivery WHERE status = 'done'"
            " ORDER BY id DESC LIMIT 1"
        )
    return crm


def doubted(hub: Hub) -> None:
    """Twice the OA had a to-do open of which the hub has heard nothing, and no report of it the second time."""
    for number, report in enumerate((True, True)):
        told = {"system": "oa", "id": "A-1", "version": {"at": "2026-11-26T08:15:00Z"}, "title": {"en": "Leave"},
                "assignees": [{"to": {"code": "1"}}]}  # fmt: skip
        found = [Listed(Key("oa", "", "A-1"), report=told if report else None)]
        compare(hub, "oa", found, now() - dt.timedelta(seconds=60 - number), whole=False)


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("deliveries"), SqliteStore())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    made.crm = delivered(made)  # type: ignore[attr-defined]
    serve(made, "ola", "sam")
    yield made
    made.close()


@pytest.fixture
def ola(office: Registry) -> Browser:
    return logged(office, "ola")


def test_a_target_tells_what_was_sent_what_failed_and_what_is_in_doubt(office: Registry, ola: Browser) -> None:
    listed = text(ola.get(LIST))
    assert "shop · accounts to-shop 4 sent 1 failed 1 in doubt 1 set aside" in listed
    found = re.search(rf'href="({LIST}/\d+)"', ola.text(LIST))
    assert found is not None
    at = found[1]
    shown = text(ola.get(at))
    assert "In doubt They were begun" in shown
    assert "rejected it is" in text(ola.get(f"{at}?status=rejected"))
    assert shown.count("create") == 5, "four that were sent, and the one in doubt"
    assert "crm.rejected 1 records in quarantine" in shown.replace("  ", " "), shown
    assert asked(office, ola, LIST) == asked(office, ola, f"{LIST}?exchange=nothing")
    chinese = text(logged(office, "ola", "zh-CN").get(at))
    assert "结果不明" in chinese
    for wrong in ("0", "999", "99999999999999999999", "x"):
        assert ola.client.get(f"{LIST}/{wrong}").status_code in (400, 404, 422), wrong


def test_deliveries_go_on_by_keyset_and_none_is_shown_twice(
    office: Registry, ola: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.portal.deliveries.SHOWN", 3)
    database = office.open_hub.hub.database
    (one,) = targets.targets(database, ["to-shop"], None, 5)
    first = ola.text(f"{LIST}/{one.number}")
    onward = re.search(r'href="(\?status=done&amp;after=[^"#]+)', first)
    assert onward is not None
    second = ola.text(f"{LIST}/{one.number}{onward[1].replace('&amp;', '&')}")
    pattern = r'class="tag op create">create</span> ([^<]+)</p>'
    seen = [*re.findall(pattern, first), *re.findall(pattern, second)]
    assert len(seen) == len(set(seen)) == 4


def test_a_system_that_was_left_alone_is_asked_again_by_who_may(office: Registry, ola: Browser) -> None:
    database = office.open_hub.hub.database
    failed(database, "shop", "crm.away", "nobody is at home", limit=1, pause=60)
    (one,) = targets.targets(database, ["to-shop"], None, 5)
    assert "Left alone" in ola.text(LIST)
    assert "nobody is at home" in ola.text(f"{LIST}/{one.number}")
    sam = logged(office, "sam")
    refused = sam.post(f"{LIST}/circuits", sam.token("/portal/log-ins"), None, system="shop", number="1")
    assert (refused.status_code, read(database, "shop").state) == (403, "open")
    answer = ola.post(f"{LIST}/circuits", ola.token(LIST), None, system="shop", number=str(one.number))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{LIST}/{one.number}")
    assert read(database, "shop").state == "closed"


def test_an_exchange_is_compared_and_its_plan_heals(office: Registry, ola: Browser) -> None:
    crm: Crm = office.crm  # type: ignore[attr-defined]
    assert asked(office, ola, f"{DRIFT}?q=to-shop") == asked(office, ola, f"{DRIFT}?q=a")
    assert "People to the shop Never compared." in text(ola.get(f"{DRIFT}?q=to-shop"))
    crm.rows[next(iter(crm.rows))]["name"] = "by hand"
    answer = ola.post(
        f"{DRIFT}/comparisons", ola.token(DRIFT), None, exchange="to-shop", key=key(ola.text(DRIFT))
    )  # fmt: skip
    assert answer.headers["location"].startswith("/portal/operators/exchanges/to-shop?begun=")
    until(lambda: "different 1" in text(ola.get(f"{DRIFT}?q=to-shop")))
    plan = re.search(r'href="(/portal/operators/plans/[^"]+)"', ola.text(f"{DRIFT}?q=to-shop"))
    assert plan is not None
    assert "update 1 Field Now Then code 1 name 李娜" in text(ola.get(plan[1]))
    ola.post(f"{plan[1]}/runs", ola.token(plan[1]), None, key="k")
    until(lambda: "by hand" not in str(crm.rows))


def test_todos_that_differ_twice_are_healed_as_they_were_looked_at(office: Registry, ola: Browser) -> None:
    doubted(office.open_hub.hub)
    assert "oa 1 compared" in text(ola.get(DRIFT))
    at = f"{DRIFT}/todos/oa"
    page = ola.text(at)
    assert "A-1 missing confirmed the source’s report" in text(ola.get(at))
    digest = re.search(r'name="plan" value="([^"]+)"', page)
    assert digest is not None
    assert ola.post(f"{at}/healing", ola.token(at), None, plan="0" * 16).status_code in (400, 422)
    sam = logged(office, "sam")
    assert sam.post(f"{at}/healing", sam.token("/portal/log-ins"), None, plan=digest[1]).status_code == 403
    assert ola.post(f"{at}/healing", ola.token(at), None, plan=digest[1]).status_code == 303
    assert "Nothing differs" in text(ola.get(at))
    (told,) = chain.newest(office.open_hub.hub.database, 5, action="todos", actor="", object="", since="")
    assert (told.action, told.actor) == ("todos.healed", "account:ola")
    assert ola.client.get(f"{DRIFT}/todos/nothing").status_code == 404


def test_what_was_set_aside_asks_the_store_equally_often_for_one_cause_and_for_many(
    office: Registry, ola: Browser
) -> None:
    place = "/portal/operators/setaside"
    office.put("hr.people", {"id": None, "name": "x"}, {"id": "7", "name": "y", "unit": "nowhere"})
    before = asked(office, ola, place)
    office.run("people", "incremental")
    assert len(re.findall(r'name="cause"', ola.text(place))) > 2
    assert asked(office, ola, place) == before
    assert listing.runs(office.open_hub.hub.database, ["people"], None, 1)[0].state == "done"
