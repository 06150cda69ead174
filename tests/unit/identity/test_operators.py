"""Pages of administrators: each sees only his part, nothing classified, and is told why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from hub.portal.administering import PAGES, pages_of
from hub.security import accounts
from hub.security.decisions import administer
from hub.todos.people import person
from hub.workspace.roles import RolesFile
from tests.stores import SqliteStore
from tests.unit.identity.administrators import serve
from tests.unit.identity.conftest import Registry, registry
from tests.unit.portal.conftest import Browser

ROLES = """
    roles:
      ops: {administers: system}
      sec: {administers: security}
      aud: {administers: audit}
      pay: {sees: L4}
    actors:
      "account:ola": [ops]
      "account:sam": [sec]
      "account:amy": [aud]
      "account:pia": [pay]
"""
CLIENT = """
client: shop
title: {en: Shop, zh: 商城}
system: oa
redirect_uris: [https://shop.example.com/back]
scopes: [openid, profile, phone]
level: L3
claims: {name: name, preferred_username: account, phone_number: phone}
"""
SCIM = """
system: entra
connector: scim_client
resources:
  User: {attributes: [userName, name]}
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("operators"), SqliteStore())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    made.write("config/clients/shop.yaml", CLIENT)
    made.write("config/systems/entra.yaml", SCIM)
    hub_file = made.folder / "config" / "hub.yaml"
    made.write("config/hub.yaml", hub_file.read_text(encoding="utf-8") + "address: https://hub.example\nsso: {}\n")
    serve(made, "ola", "sam", "amy", "pia")
    yield made
    made.close()


@pytest.fixture(scope="module")
def browsers(office: Registry) -> dict[str, Browser]:
    found = {name: Browser(office) for name in ("ola", "sam", "amy", "pia")}  # type: ignore[arg-type]
    for name, one in found.items():
        assert one.login(name).status_code == 303
    return found


def text(answer: Any) -> str:
    """What a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def identity(office: Registry, key: str) -> str:
    return str(person(office.open_hub.hub, key))


@pytest.mark.parametrize(
    ("name", "mine"),
    [
        ("ola", {name for name in PAGES if name not in ("people", "clients", "audit")}),
        ("sam", {"people", "clients"}),
        ("amy", {"audit"}),
        ("pia", set()),
    ],
)
def test_each_administrator_sees_only_his_pages(
    office: Registry, browsers: dict[str, Browser], name: str, mine: set[str]
) -> None:
    browser, one = browsers[name], identity(office, "1")
    places = {page: [f"/portal/operators/{page}"] for page in PAGES}
    places["people"].append(f"/portal/operators/people/{one}?system=oa&account=lina")
    places["people"].append("/portal/operators/people?system=oa&account=lina")
    places["clients"].append("/portal/operators/clients/shop?person=1")
    for page, found in places.items():
        for place in found:
            answer = browser.client.get(place)
            assert (answer.status_code in (200, 303)) is (page in mine), (place, answer.status_code)
            if page not in mine:
                assert (answer.status_code, "access.refused" in answer.text) == (403, True)
                assert "李娜" not in answer.text
    assert set(pages_of(office.open_hub.hub.workspace.roles, name)) == mine
    home = browser.client.get("/portal/operators")
    assert home.status_code == (303 if mine else 403)
    assert ('href="/portal/operators"' in browser.text("/portal/log-ins")) is bool(mine)


def test_nobody_is_shown_them_by_name_alone_and_strangers_log_in(office: Registry) -> None:
    assert pages_of(RolesFile(), "anybody") == []
    decision = administer(RolesFile(), accounts.actor_of("anybody"), "people.read", named=True)
    assert (decision.allowed, decision.reasons[0].code) == (False, "access.unnamed")
    answer = Browser(office).get("/portal/operators/people", 303)  # type: ignore[arg-type]
    assert answer.headers["location"].startswith("/portal/login?next=")


def test_people_are_found_and_shown_with_units_posts_and_accounts(
    office: Registry, browsers: dict[str, Browser]
) -> None:
    sam = browsers["sam"]
    assert "Type what a name" in text(sam.get("/portal/operators/people"))
    for asked in ("李", "li", "1"):
        assert "李娜" in text(sam.get(f"/portal/operators/people?q={asked}")), asked
    part = sam.get("/portal/operators/people?q=linus", headers={"hx-request": "true"})
    assert part.text.startswith('<section id="found"')
    page = text(sam.get(f"/portal/operators/people/{identity(office, '1')}"))
    for told in ("李娜", "Plant", "Head", "Adviser", "main", "lina", "oa", "ola"):
        assert told in page, told
    assert "+4971155512" not in page
    assert "+49" in page  # masked
    assert "Nobody is found" in text(sam.get("/portal/operators/people?q=zzz"))
    sam.get("/portal/operators/people/01a21d80-2a27-7000-8001-8b4500000000", 404)


def test_it_is_told_why_an_account_is_somebodys(office: Registry, browsers: dict[str, Browser]) -> None:
    sam, one = browsers["sam"], identity(office, "1")
    page = text(sam.get(f"/portal/operators/people/{one}?system=oa&account=lina"))
    assert "A matching rule found it." in page
    assert "account.rule" in page
    assert "account.unknown" in text(sam.get(f"/portal/operators/people/{one}?system=oa&account=wang"))
    found = sam.get("/portal/operators/people?system=oa&account=lina", 303).headers["location"]
    assert found == f"/portal/operators/people/{one}?system=oa&account=lina#why"
    assert "No exchange links" in text(sam.get("/portal/operators/people?system=oa&account=nobody"))


def test_clients_are_shown_and_what_they_would_be_told(office: Registry, browsers: dict[str, Browser]) -> None:
    sam = browsers["sam"]
    page = text(sam.get("/portal/operators/clients"))
    for told in ("Shop", "OIDC", "no secret yet", "/scim/v2/entra", "userName, name"):
        assert told in page, told
    page = text(sam.get("/portal/operators/clients/shop?person=1"))
    for told in ("李娜", "lina", "https://shop.example.com/back", "issued at the first log-in"):
        assert told in page, told
    assert "+4971155512" not in page
    part = sam.get("/portal/operators/clients/shop?person=3", headers={"hx-request": "true"})
    assert "cannot log in" in text(part)
    assert "no active person" in text(sam.get("/portal/operators/clients/shop?person=99"))
    sam.get("/portal/operators/clients/none", 404)


def test_accounts_are_counted_per_system_and_the_chain_is_read(
    office: Registry, browsers: dict[str, Browser]
) -> None:
    page = text(browsers["ola"].get("/portal/operators/systems"))
    assert re.search(r"oa accounts accounts 2 0 0", page), page
    assert "lina" not in page
    page = text(browsers["amy"].get("/portal/operators/audit?action=account"))
    assert "A local account was made." in page
    assert "Somebody logged in" not in page
    assert "Somebody logged in" in text(browsers["amy"].get("/portal/operators/audit?actor=account:sam"))


def test_the_audit_chain_goes_on_where_the_page_ended(
    browsers: dict[str, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.portal.operators.SHOWN", 2)
    amy, place, ends = browsers["amy"], "/portal/operators/audit?actor=ann", list[int]()
    for _ in range(2):
        page = amy.text(place)
        found = re.search(r'href="(\?[^"]*actor=ann[^"]*after=(\d+))"', page)
        assert found is not None
        assert page.count('<p class="title">') == 2
        ends.append(int(found[2]))
        place = "/portal/operators/audit" + found[1].replace("&amp;", "&")
    assert ends[1] <= ends[0] - 2, "nothing is shown twice"
    assert amy.client.get("/portal/operators/audit?after=x").status_code == 400


def test_what_records_hold_is_text(office: Registry, browsers: dict[str, Browser]) -> None:
    office.put("hr.people", {"id": "66", "name": "<script>alert(1)</script>", "phone": "+49711555126", "unit": None})
    office.run("people")
    page = browsers["sam"].text("/portal/operators/people?q=66")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
