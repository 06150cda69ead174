"""Pages of exchanges, plans and what was set aside: read and pressed by who administers the system, nobody else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from hub.errors import Held
from hub.store import audit, listing
from hub.store.plans import PlanRow
from hub.store.quarantined import chosen
from tests.stores import SqliteStore
from tests.unit.identity.administrators import serve
from tests.unit.identity.conftest import FOLK, Registry, registry
from tests.unit.identity.test_operators import ROLES, text
from tests.unit.portal.conftest import Browser

CODES = """
    mapping: people
    title: {en: People of HR, zh: 人事人员}
    from: hr.people
    into: person
    schedule: {every: 15m, full: "0 2 * * *"}
    fields: {number: id, name: name, latin: "pinyin(name)", phone: phone, unit: "ref('unit', unit)"}
    unmatched: create
    absent: delete
    guard: {delete: 1}
"""


@pytest.fixture
def office(tmp_path: Iterator[object]) -> Iterator[Registry]:
    made = registry(tmp_path, SqliteStore())  # type: ignore[arg-type]
    made.stack.close()
    made.write("config/roles.yaml", ROLES.replace('"account:pia": [pay]', '"account:ole": [ops]'))
    made.mapping(CODES)
    serve(made, "ola", "sam", "ole")
    yield made
    made.close()


@pytest.fixture
def ola(office: Registry) -> Browser:
    return logged(office, "ola")


def logged(office: Registry, name: str, language: str = "en") -> Browser:
    browser = Browser(office, language)  # type: ignore[arg-type]
    assert browser.login(name).status_code == 303
    return browser


def people(office: Registry, *numbers: str, **renamed: object) -> None:
    office.put("hr.people", *(
        {
            "id": renamed.get(f"i{one}", one),
            "name": renamed.get(f"n{one}", name),
            "phone": renamed.get(f"p{one}", "+4971155512" + one * 2),
            "unit": unit,
        }
        for one, name, unit in FOLK if one in numbers
    ))  # fmt: skip


def until(holds: Callable[[], object]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(holds)


def plans(office: Registry) -> list[PlanRow]:
    return listing.stored_plans(office.open_hub.hub.database, ["people"], None, 50)


def states(office: Registry) -> list[str]:
    return [one.state for one in listing.runs(office.open_hub.hub.database, ["people"], None, 50)]


def key(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_exchanges_are_listed_with_their_last_run_and_found_by_what_they_are_called(
    office: Registry, ola: Browser
) -> None:
    page = text(ola.get("/portal/operators/exchanges"))
    assert "People of HR hr.people → person every 15m; everything at 0 2 * * * done" in page
    assert "oa.accounts → person" in page
    found = text(ola.get("/portal/operators/exchanges?q=HR.PEOPLE"))
    assert "People of HR" in found
    assert "oa.accounts" not in found
    chinese = text(logged(office, "ola", "zh-CN").get("/portal/operators/exchanges?q=人事"))
    assert "人事人员 hr.people → person 每 15m；全量 0 2 * * * 完成" in chinese
    assert ola.client.get("/portal/operators/exchanges/nothing").status_code == 404


def test_a_run_is_begun_once_by_a_form_that_is_sent_twice(office: Registry, ola: Browser) -> None:
    people(office, "1", "2", "3", "4", "5", n1="李娜娜")
    place = "/portal/operators/exchanges/people"
    before, page = len(states(office)), ola.text(place)
    fields = {"mode": "full", "key": key(page)}
    for _ in range(2):
        answer = ola.post(f"{place}/runs", ola.token(place), None, **fields)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, place)
    until(lambda: states(office)[0] == "done")
    assert len(states(office)) == before + 1
    assert "李娜娜" in office.names("/people")
    shown = ola.text(place)
    assert shown.count("<rect ") == before + 1
    assert ola.post(f"{place}/runs", ola.token(place), None, mode="wild", key="x").status_code == 400


def test_a_held_plan_is_seen_approved_by_somebody_else_and_applied(office: Registry, ola: Browser) -> None:
    people(office, "1", "2", "3", n2="王伟伟", p2="+8613800138000")
    place = "/portal/operators/exchanges/people"
    page = ola.text(place)
    ola.post(f"{place}/runs", ola.token(place), None, mode="full", key=key(page))
    until(lambda: states(office)[0] == "held")
    (held,) = [one for one in plans(office) if one.state == "open"]
    at = f"/portal/operators/plans/{held.id}"
    assert "held by a guard" in text(ola.get("/portal/operators/plans"))
    shown = text(ola.get(at))
    assert "update 2" in shown
    assert "delete 4" in shown
    assert "name 王伟 王伟伟" in shown
    assert "138001380" not in shown, "a phone is masked"
    mine = ola.post(f"{at}/approval", ola.token(at), None, reason="they left")
    assert (mine.status_code, "approval.author" in mine.text) == (403, True)
    ole = logged(office, "ole", "zh-CN")
    assert ole.post(f"{at}/approval", ole.token(at), None, reason=" ").status_code == 422
    assert ole.post(f"{at}/approval", ole.token(at), None, reason="they left").status_code == 303
    approved = ola.text(at)
    assert "Approved by account:ole" in text(ola.get(at))
    for _ in range(2):
        answer = ola.post(f"{at}/runs", ola.token(at), None, key=key(approved))
        assert answer.status_code in (303, 409)  # the second time it may be closed already
    until(lambda: plans(office)[0].state == "applied")
    assert "王伟伟" in office.names("/people")
    assert len(office.names("/people")) == 3
    assert states(office).count("done") == 2, "the first load, and the plan"


def test_a_plan_that_is_rejected_is_closed_for_good(office: Registry, ola: Browser) -> None:
    people(office, "1", "2", "3")
    with pytest.raises(Held):
        office.run("people", "full")
    at = f"/portal/operators/plans/{plans(office)[0].id}"
    assert ola.post(f"{at}/rejection", ola.token(at), None, reason="HR is cut").status_code == 303
    assert plans(office)[0].state == "rejected"
    assert ola.post(f"{at}/approval", ola.token("/portal/log-ins"), None, reason="yes").status_code == 409
    assert ola.post(f"{at}/runs", ola.token("/portal/log-ins"), None, key="k").status_code == 409
    assert "No plan waits" in ola.text("/portal/operators/plans")
    assert "rejected" in text(ola.get("/portal/operators/plans?state=all"))


def test_what_was_set_aside_is_shown_by_cause_looked_at_again_or_taken_off(office: Registry, ola: Browser) -> None:
    people(office, "1", "2", "3", "4", "5", i5=None, i4=None)
    office.run("people", "full")
    page = ola.text("/portal/operators/setaside?exchange=people")
    assert "2 records" in page
    cause = re.search(r'name="cause" value="([^"]+)"', page)
    assert cause is not None
    people(office, "1", "2", "3", "4", "5", i5=None)
    asked = {"cause": cause[1], "preview": "1", "key": key(page)}
    answer = ola.post("/portal/operators/setaside/replays", ola.token("/portal/operators/setaside"), None, **asked)
    assert answer.headers["location"].startswith("/portal/operators/exchanges/people?begun=portal")
    until(lambda: states(office)[0] != "running")
    token, gone = ola.token("/portal/operators/setaside"), "/portal/operators/setaside/dismissals"
    assert ola.post(gone, token, None, cause=cause[1], reason=" ").status_code == 422
    assert ola.post(gone, token, None, cause=cause[1], reason="test data").status_code == 303
    assert chosen(office.open_hub.hub.database, causes=[cause[1]]) == []
    told = audit.newest(office.open_hub.hub.database, 5, action="quarantine", actor="", object="", since="")
    assert (told[0].action, told[0].actor) == ("quarantine.dismissed", "account:ola")
    assert "Nothing is set aside" in ola.text("/portal/operators/setaside")


def test_who_does_not_administer_the_system_presses_nothing(office: Registry) -> None:
    sam = logged(office, "sam")
    token, before = sam.token("/portal/log-ins"), states(office)
    for place in ("exchanges/people/runs", "setaside/replays", "setaside/dismissals"):
        answer = sam.post(f"/portal/operators/{place}", token, None, mode="full", key="k", cause="c", reason="r")
        assert (answer.status_code, "access.refused" in answer.text) == (403, True)
    forged = logged(office, "ola").post("/portal/operators/exchanges/people/runs", "0" * 64, None, mode="full", key="k")
    assert forged.status_code == 403
    assert states(office) == before
