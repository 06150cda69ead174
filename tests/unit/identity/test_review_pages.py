"""Pages of reviews: a record beside its candidates, decided by who administers the system and nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hub.store import audit
from tests.stores import SqliteStore
from tests.unit.identity.administrators import serve
from tests.unit.identity.conftest import FOLK, Registry, registry
from tests.unit.identity.test_exchange_pages import logged
from tests.unit.identity.test_operators import ROLES, text
from tests.unit.portal.conftest import Browser

CRM = """
    mapping: contacts
    from: crm.contacts
    into: person
    match: [[name]]
    fields: {number: id, name: name, phone: phone}
    unmatched: review
"""
LIST = "/portal/operators/reviews"


def doubtful(office: Registry) -> None:
    """Two people are called Li Na; the CRM's contacts of that name may be either."""
    office.mapping(CRM)
    office.files("crm", contacts="{id: text, name: text, phone: text}")
    office.migrate()
    office.put("hr.people", *({"id": one, "name": name} for one, name, _ in (*FOLK, ("6", "李娜", None))))
    office.run("people", "full")
    office.put(
        "crm.contacts",
        {"id": "c1", "name": "李娜", "phone": "+8613800138000"},
        {"id": "c2", "name": "李娜"},
        {"id": "c3", "name": "谁"},
    )
    office.run("contacts", initial=True)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("reviews"), SqliteStore())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    doubtful(made)
    serve(made, "ola", "sam")
    yield made
    made.close()


@pytest.fixture(scope="module")
def ola(office: Registry) -> Browser:
    return logged(office, "ola")


def review(browser: Browser, key: str) -> str:
    """The page of a record's open review."""
    found = re.search(rf'href="({LIST}/[0-9a-f-]+)">\s*<span class="title">{key}<', browser.text(LIST))
    assert found is not None
    return found[1]


def test_a_record_is_shown_beside_its_candidates_and_decided_once(office: Registry, ola: Browser) -> None:
    listed = text(ola.get(LIST))
    assert "c1 contacts → person match.ambiguous" in listed
    assert "2 candidates" in listed
    at = review(ola, "c1")
    shown = text(ola.get(at))
    assert "Candidate 1" in shown
    assert "≠ differs: 1" in shown, "the numbers of both candidates differ from the record's"
    assert "≠ differs: 6" in shown
    assert "138001380" not in shown, "a phone is masked"
    link = re.findall(r'value="(link:[0-9a-f-]+)"', ola.text(at))
    assert len(link) == 2
    assert ola.post(f"{at}/decision", ola.token(at), None, what=link[0], reason=" ").status_code == 422
    for what in ("link", "link:", "create:x", "wild", "merge:x"):
        assert ola.post(f"{at}/decision", ola.token(at), None, what=what, reason="r").status_code in (400, 404), what
    assert ola.post(f"{at}/decision", ola.token(at), None, what=link[0], reason="asked her").status_code == 303
    done = text(ola.get(at))
    assert "asked her account:ola" in done
    assert "Is it the same?" not in done
    again = ola.post(f"{at}/decision", ola.token("/portal/log-ins"), None, what="create", reason="r")
    assert (again.status_code, "review.closed" in again.text) == (422, True)
    assert "c1" in text(ola.get(f"{LIST}?state=decided"))
    (told,) = audit.newest(office.open_hub.hub.database, 5, action="review", actor="", object="", since="")
    assert (told.action, told.actor) == ("review.decided", "account:ola")


def test_a_record_without_candidates_can_only_be_a_new_one(office: Registry, ola: Browser) -> None:
    at = review(ola, "c3")
    page = ola.text(at)
    assert re.findall(r'name="what" value="([^"]+)"', page) == ["create"]
    chinese = text(logged(office, "ola", "zh-CN").get(at))
    assert "人工复核" in chinese
    assert "是新记录" in chinese
    assert ola.post(f"{at}/decision", ola.token(at), None, what="create", reason="she is new").status_code == 303
    assert "谁" in office.names("/people")


def test_reviews_are_nobody_elses_and_are_pressed_by_their_own_forms(office: Registry, ola: Browser) -> None:
    at, sam = review(ola, "c2"), logged(office, "sam")
    for place in (LIST, at):
        answer = sam.client.get(place)
        assert (answer.status_code, "access.refused" in answer.text) == (403, True)
    refused = sam.post(f"{at}/decision", sam.token("/portal/log-ins"), None, what="create", reason="r")
    assert (refused.status_code, "access.refused" in refused.text) == (403, True)
    assert ola.post(f"{at}/decision", "0" * 64, None, what="create", reason="r").status_code == 403
    assert ola.client.get(f"{LIST}/00000000-0000-7000-8000-000000000000").status_code == 404
    assert ola.client.get(f"{LIST}?after=nonsense").status_code == 400


def test_the_list_goes_on_where_it_ended(ola: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.portal.reviews.SHOWN", 1)
    seen = []
    for state in ("open", "decided"):
        place = f"?state={state}"
        while place:
            page = ola.text(LIST + place)
            seen += re.findall(r'<span class="title">([^<]+)<', page)
            onward = re.search(r'href="(\?[^"]+after=[^"]+)"', page)
            place = onward[1].replace("&amp;", "&") if onward is not None else ""
    assert sorted(seen) == ["c1", "c2", "c3"]


def asked(office: Registry, browser: Browser, place: str) -> int:
    """How often a page asks the store."""
    said: list[str] = []

    def noted(*given: object) -> None:
        said.append(str(given[2]))

    engine = office.open_hub.hub.database.engine
    sa.event.listen(engine, "before_cursor_execute", noted)
    try:
        browser.get(place)
    finally:
        sa.event.remove(engine, "before_cursor_execute", noted)
    return len(said)


def test_lists_ask_the_store_equally_often_for_one_row_and_for_many(office: Registry, ola: Browser) -> None:
    one, all_ = "/portal/operators/exchanges?q=hr.people", "/portal/operators/exchanges"
    assert asked(office, ola, one) == asked(office, ola, all_)
    assert asked(office, ola, f"{LIST}?state=superseded") == asked(office, ola, LIST)
