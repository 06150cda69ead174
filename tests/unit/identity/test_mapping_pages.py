"""Pages of mappings: what is written, how its tests end, and the way of a field from sources to targets."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from hub.mapping.paths import paths
from tests.stores import SqliteStore
from tests.unit.identity.administrators import serve
from tests.unit.identity.conftest import Registry, registry
from tests.unit.identity.test_delivery_pages import TO_SHOP
from tests.unit.identity.test_exchange_pages import logged
from tests.unit.identity.test_operators import ROLES, text
from tests.unit.portal.conftest import Browser

PLACE = "/portal/operators/mappings"
CASES = """
    - title: A person of HR
      given: {id: "9", name: "李娜"}
      expect: {number: "9", latin: Li Na}
    - title: Is not so
      given: {id: "9", name: x}
      expect: {number: "8"}
"""


def written(office: Registry) -> None:
    """Tests of a mapping, one of which fails, and a target of what it fills."""
    office.write("mappings/people.test.yaml", CASES)
    office.files("shop", accounts="{id: text, name: text}")
    office.mapping(TO_SHOP.replace("code", "id"))
    with (office.folder / "mappings" / "people.yaml").open("a", encoding="utf-8") as file:
        file.write('# <script>alert("x")</script>\n')


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = registry(tmp_path_factory.mktemp("mappings"), SqliteStore())
    made.stack.close()
    made.write("config/roles.yaml", ROLES)
    written(made)
    serve(made, "ola", "sam")
    yield made
    made.close()


@pytest.fixture(scope="module")
def ola(office: Registry) -> Browser:
    return logged(office, "ola")


def test_a_mapping_is_shown_as_it_is_written_with_its_tests(ola: Browser) -> None:
    assert "people hr.people → person 2 tests" in text(ola.get(f"{PLACE}?q=hr.people"))
    page = ola.text(f"{PLACE}/people")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert re.search(r'<span class="nt">mapping</span>', page), "YAML is marked by classes"
    assert "style=" not in page
    shown = re.sub(r"\s+", " ", text(ola.get(f"{PLACE}/people")))
    assert "Is not so" in shown
    assert "failed" in shown
    assert "number: expected" in shown
    assert re.search(r"person.latin (L\d )?hr.people.name pinyin\(name\)", shown)
    assert "映射测试" in logged_chinese(ola)
    assert ola.client.get(f"{PLACE}/nothing").status_code == 404


def logged_chinese(browser: Browser) -> str:
    found: str = browser.client.get(f"{PLACE}/people", headers={"accept-language": "zh-CN"}).text
    return found


def test_the_way_of_a_field_is_followed_from_its_source_to_its_targets(office: Registry, ola: Browser) -> None:
    found = paths(office.open_hub.hub.workspace, "person.name")
    assert found.levels == {"person.name": 0, "hr.people.name": -1, "shop.accounts.name": 1}
    whole = paths(office.open_hub.hub.workspace, "hr.people.name")
    assert whole.levels["shop.accounts.name"] == 2
    assert {(one.mapping, one.into) for one in whole.steps} >= {
        ("people", "person.name"), ("people", "person.latin"), ("to-shop", "shop.accounts.name"),
    }  # fmt: skip
    page = ola.text(f"{PLACE}/lineage/person.name")
    assert page.count("<rect ") == 3
    assert page.count("<path d=") - page.count('<path d="M16 3v8') == 2
    assert "hr.people.name people person.name name" in text(ola.get(f"{PLACE}/lineage/person.name"))
    for wrong in ("nothing", "person", "person.nothing", "x.y.z", "a.b.c.d%2F.."):
        assert ola.client.get(f"{PLACE}/lineage/{wrong}").status_code == 404, wrong


def test_mappings_are_for_who_administers_the_system(office: Registry) -> None:
    sam = logged(office, "sam")
    for place in (PLACE, f"{PLACE}/people", f"{PLACE}/lineage/person.name"):
        answer = sam.client.get(place)
        assert (answer.status_code, "access.refused" in answer.text) == (403, True)
