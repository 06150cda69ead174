"""A served hub with people of an HR system: units, legal companies, partners, posts, and accounts of an OA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stores import SqliteStore, Store
from tests.unit.api.conftest import Served
from tests.unit.exchange.conftest import store as store

MODELS = (
    """
    model: unit
    level: L1
    key: [code]
    fields:
      code: {type: text, required: true}
      name: {type: text}
      parent: {type: ref, model: unit}
      partner: {type: boolean}
""",
    """
    model: company
    level: L1
    key: [code]
    fields:
      code: {type: text, required: true}
      parent: {type: ref, model: company}
""",
    """
    model: person
    level: L1
    key: [number]
    fields:
      number: {type: text, required: true}
      name: {type: text, level: L2}
      latin: {type: text}
      phone: {type: text, level: L3, class: pi.contact}
      unit: {type: ref, model: unit}
""",
    """
    model: post
    level: L1
    key: [code]
    fields:
      code: {type: text, required: true}
      person: {type: ref, model: person}
      unit: {type: ref, model: unit}
      company: {type: ref, model: company}
      job: {type: text}
      main: {type: boolean}
      since: {type: date}
      until: {type: date}
""",
)
MAPPINGS = (
    """
    mapping: units
    from: hr.units
    into: unit
    fields: {code: id, name: name, parent: "ref('unit', parent)", partner: partner}
    unmatched: create
    absent: delete
""",
    """
    mapping: companies
    from: hr.companies
    into: company
    fields: {code: id, parent: "ref('company', parent)"}
    unmatched: create
""",
    """
    mapping: people
    from: hr.people
    into: person
    fields: {number: id, name: name, latin: "pinyin(name)", phone: phone, unit: "ref('unit', unit)"}
    unmatched: create
    absent: delete
""",
    """
    mapping: posts
    from: hr.posts
    into: post
    fields: {code: id, person: "ref('person', person)", unit: "ref('unit', unit)", company: "ref('company', company)",
             job: job, main: main, since: since, until: until}
    unmatched: create
""",
    """
    mapping: accounts
    from: oa.accounts
    into: person
    match: [[number]]
    fields: {number: number}
    unmatched: review
""",
)
PEOPLE = """
people:
  model: person
  receivers: {code: number, phone: phone}
  name: name
  search: [name, latin, number, phone]
  organization: {model: unit, parent: parent, of: unit, name: name, external: partner}
  dimensions: {legal: {model: company, parent: parent}}
  posts: {model: post, person: person, in: {line: unit, legal: company}, position: job, main: main,
          from: since, to: until}
"""
TREE = {"group": None, "plant": "group", "line1": "plant", "sales": "group", "acme": None}
FOLK = (("1", "李娜", "plant"), ("2", "王伟", "sales"), ("3", "李梅", "line1"), ("4", "Ada Ruiz", "acme"),
        ("5", "linus", None))  # fmt: skip
POSTS = (
    {"id": "a", "person": "1", "unit": "plant", "company": "cn", "job": "Head", "main": True, "since": "2020-01-01"},
    {"id": "b", "person": "1", "unit": "sales", "company": "de", "job": "Adviser", "main": False},
    {"id": "c", "person": "2", "unit": "line1", "job": "Deputy", "main": False, "since": "2030-01-01"},
    {"id": "d", "person": "2", "unit": "plant", "job": "Was", "main": False, "since": "2019-01-01",
     "until": "2019-12-31"},
)  # fmt: skip
ROLES = """
    roles:
      clerk: {sees: L3}
    actors:
      "key:clerk": [clerk]
"""


class Registry(Served):
    """People and organizations, by a key that may read all of them."""

    all: dict[str, str]

    def get(self, place: str, headers: dict[str, str] | None = None, status: int = 200, **asked: Any) -> Any:
        answer = self.client.get(f"/v1{place}", params=asked, headers=headers or self.all)
        assert answer.status_code == status, answer.text
        return answer.json()

    def names(self, place: str, headers: dict[str, str] | None = None, **asked: Any) -> list[str]:
        return [one["name"] for one in self.get(place, headers, **asked)["items"]]


def registry(folder: Path, kept: Store) -> Registry:
    """Read in and served."""
    made = Registry(folder / "w", kept)
    made.write("config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}\n" + PEOPLE)
    made.write("config/roles.yaml", ROLES)
    for model in MODELS:
        made.model(model)
    for mapping in MAPPINGS:
        made.mapping(mapping)
    made.files(
        "hr",
        units="{id: text, name: text, parent: text, partner: boolean}",
        companies="{id: text, parent: text}",
        people="{id: text, name: text, phone: text, unit: text}",
        posts="{id: text, person: text, unit: text, company: text, job: text, main: boolean, since: date, until: date}",
    )
    made.files("oa", accounts="{id: text, number: text}")
    made.migrate()
    made.put("hr.units", *(
        {"id": unit, "name": unit.title(), "parent": above, "partner": unit == "acme"} for unit, above in TREE.items()
    ))  # fmt: skip
    made.put("hr.companies", {"id": "cn"}, {"id": "de", "parent": "cn"})
    made.put("hr.people", *(
        {"id": one, "name": name, "phone": "+4971155512" + one * 2, "unit": unit} for one, name, unit in FOLK
    ))  # fmt: skip
    made.put("hr.posts", *POSTS)
    for name in ("units", "companies", "people", "posts"):
        made.run(name, initial=True)
    made.put("oa.accounts", {"id": "lina", "number": "1"}, {"id": "wang", "number": "2"})
    made.run("accounts", initial=True)
    made.serve()
    made.all = made.key("all", "people:read")
    return made


@pytest.fixture
def either(tmp_path: Path, store: Store) -> Iterator[Registry]:
    """One of its own on each database."""
    made = registry(tmp_path, store)
    yield made
    made.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Registry]:
    """One of its own, for tests that change something."""
    made = registry(tmp_path, SqliteStore())
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One for all tests of a module that change nothing."""
    made = registry(tmp_path_factory.mktemp("registry"), SqliteStore())
    yield made
    made.close()
