"""APIs join by YAML alone: five of them in the manner of public low-code connectors, and their paging."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.rest import SPEC
from hub.contract import Context, Query
from hub.workspace.load import load
from tests.unit.http.fake import Answer, Asked, as_json, fake, lines

HUB = "hub: test\n"
ROWS = [{"id": n, "updated": f"2026-01-{n:02}"} for n in range(1, 24)]

WORKABLE = """
system: workable
connector: rest
url: {url}
auth: {{bearer: {{token: secret://workable/token}}}}
params: {{created_after: 2026-01-01}}
resources:
  jobs:
    path: /spi/v3/jobs
    records: jobs
    key: id
    paging: {{cursor: {{url: paging.next, size_param: limit, size: 10}}}}
  stages: {{path: /spi/v3/stages, records: stages, key: slug, paging: {{cursor: {{url: paging.next}}}}}}
"""
RECRUITEE = """
system: recruitee
connector: rest
url: {url}/c/4711
auth: {{bearer: {{token: secret://recruitee/token}}}}
resources:
  candidates: {{path: /candidates, records: candidates, key: id}}
  offers: {{path: /offers, records: offers, key: id}}
"""
TODOIST = """
system: todoist
connector: rest
url: {url}/rest/v2
auth: {{bearer: {{token: secret://todoist/token}}}}
resources:
  tasks: {{path: /tasks, key: id}}
  projects: {{path: /projects, key: id, paging: none}}
"""
INSIGHTLY = """
system: insightly
connector: rest
url: {url}/v3.1
auth: {{basic: {{key: secret://insightly/key}}}}
limits: {{rate: 10/s, max_wait: 2m}}
params: {{count_total: "True"}}
resources:
  contacts:
    path: /Contacts/Search
    key: id
    cursor: {{field: updated, param: updated_after_utc, format: "%Y-%m-%d %H:%M:%S"}}
    paging: {{offset: {{param: skip, size_param: top, size: 500}}}}
    total: {{header: X-Total-Count}}
  articles: {{path: /KnowledgeArticle/Search, key: id, empty: [403]}}
"""
ZENEFITS = """
system: zenefits
connector: rest
url: {url}
auth: {{bearer: {{token: secret://zenefits/token}}}}
headers: {{Content-Type: application/json}}
resources:
  people:
    path: core/people
    records: data.data
    key: id
    paging: {{cursor: {{url: data.next_url, size_param: limit, size: 10}}}}
"""


def page(asked: Asked, name: str = "offset") -> tuple[list[Any], str | None]:
    """Ten rows, and the address of the next ones."""
    start = int(asked.params.get(name, 0))
    following = start + 10 if start + 10 < len(ROWS) else None
    base = f"http://{asked.headers['host']}{asked.path}"
    return ROWS[start : start + 10], f"{base}?{name}={following}&limit=10" if following else None


def workable(asked: Asked) -> Answer:
    rows, link = page(asked)
    return as_json({asked.path.rpartition("/")[2]: rows, "paging": {"next": link} if link else {}})


def insightly(asked: Asked) -> Answer:
    assert asked.headers["authorization"].startswith("Basic ")
    assert asked.params["count_total"] == "True"
    if "Knowledge" in asked.path:
        return Answer(403)
    rows = [row for row in ROWS if str(row["updated"]) >= asked.params.get("updated_after_utc", "")[:10]]
    start = int(asked.params["skip"])
    return as_json(rows[start : start + 10], X_Total_Count=str(len(rows)))


def zenefits(asked: Asked) -> Answer:
    rows, link = page(asked)
    return as_json({"status": 200, "data": {"data": rows, "next_url": link or "null"}})


def whole(asked: Asked) -> Answer:
    assert asked.headers["authorization"].startswith("Bearer ")
    name = asked.path.rpartition("/")[2]
    return as_json({name: ROWS} if asked.path.startswith("/c/4711/") else ROWS)


def opened(folder: Path, text: str) -> Any:
    """Load a system file as the hub does, and open it."""
    name = yaml.safe_load(text)["system"]
    (folder / "config/systems").mkdir(parents=True)
    (folder / "mappings").mkdir()
    (folder / "config/hub.yaml").write_text(HUB)
    (folder / f"config/systems/{name}.yaml").write_text(text)
    system = load(folder).systems[name]
    return SPEC.open(Context(f"{name} {folder}"), system.settings, system.resources)


@pytest.mark.parametrize(
    ("text", "reply", "resources"),
    [
        (WORKABLE, workable, ["jobs", "stages"]),
        (RECRUITEE, whole, ["candidates", "offers"]),
        (TODOIST, whole, ["tasks", "projects"]),
        (INSIGHTLY, insightly, ["contacts"]),
        (ZENEFITS, zenefits, ["people"]),
    ],
    ids=["workable", "recruitee", "todoist", "insightly", "zenefits"],
)
def test_an_api_joins_by_yaml_alone(
    text: str, reply: Callable[[Asked], Answer], resources: list[str], tmp_path: Path
):
    with fake(reply) as server:
        source = opened(tmp_path, text.format(url=server.url))
        for name in resources:
            pages = list(source.read(Query(source.resource(name))))
            rows = lines(pages)
            assert rows == ROWS
            assert pages[-1].last


def test_what_changed_is_asked_for_and_a_missing_module_is_empty(tmp_path: Path):
    with fake(insightly) as server:
        source = opened(tmp_path, INSIGHTLY.format(url=server.url))
        pages = list(source.read(Query(source.resource("contacts"), since="2026-01-20T00:00:00Z")))
        assert sum(one.count for one in pages) == 4
        assert pages[-1].announced == 4
        assert [one.count for one in source.read(Query(source.resource("articles")))] == [0]
    assert server.asked[0].params["updated_after_utc"] == "2026-01-20 00:00:00"


@pytest.mark.parametrize("spec", ["rest", "odata"])
def test_the_example_of_a_connector_loads(spec: str, tmp_path: Path):
    import importlib

    example = importlib.import_module(f"connectors.{spec}").SPEC.example
    name = yaml.safe_load(example)["system"]
    (tmp_path / "config/systems").mkdir(parents=True)
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config/hub.yaml").write_text(HUB)
    (tmp_path / f"config/systems/{name}.yaml").write_text(example)
    assert load(tmp_path).systems[name].spec.name == spec
