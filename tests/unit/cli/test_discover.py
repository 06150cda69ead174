"""Drafts from what systems offer: never over a file, with reasons, and such that the workspace stays without errors."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.idoc import SPEC as IDOC
from connectors.odata import SPEC as ODATA
from connectors.soap import SPEC as SOAP
from hub.contract import Context
from hub.doctor.discovery import Discovered, inferred, key_among
from hub.errors import ConfigError
from hub.mapping.check import check as check_meaning
from hub.workspace.draft import draft
from hub.workspace.load import lint
from hub.workspace.yaml import read
from tests.unit.cli.desk import Desk, desk
from tests.unit.http.fake import Answer, Asked, Fake, as_json, running

PEOPLE = "工号;name;mobile;salary;joined;updated_at\n0012;张伟;13800000000;100.50;2020-01-31;2026-01-01 08:00:00\n" \
    "0013;李娜;13900000000;99.00;2021-02-28;2026-01-02 08:00:00\n"  # fmt: skip
OPENAPI = {
    "openapi": "3.0.3",
    "paths": {
        "/v1/contacts": {"get": {
            "parameters": [{"name": "offset", "in": "query"}, {"name": "limit", "in": "query"},
                           {"name": "updated_since", "in": "query"}],
            "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}}},
        }},
        "/v1/contacts/{id}": {"get": {"responses": {"200": {}}}},
        "/v1/health": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {}}}}}}},
    },
    "components": {"schemas": {
        "Page": {"type": "object", "properties": {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Contact"}},
            "total": {"type": "integer"}}},
        "Contact": {"type": "object", "properties": {
            "id": {"type": "integer"}, "email": {"type": "string"},
            "updated_at": {"type": "string", "format": "date-time"},
            "order": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
            "loop": {"$ref": "#/components/schemas/Contact"}}},
    }},
}  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A workspace with systems that are there: a folder of files, a database, an API."""
    made = desk(tmp_path_factory.mktemp("discover") / "work")
    data = made.folder / "drop"
    data.mkdir()
    (data / "People 2026.csv").write_bytes(PEOPLE.encode("gb18030"))
    orders = [{"id": "A-1", "total": 1.5, "lines": [{"no": 1}]}, {"id": "A-2", "total": 2}]
    (data / "orders.ndjson").write_text("\n".join(json.dumps(one) for one in orders) + "\n")
    (data / "broken.json").write_text("{")
    (data / "note.md").write_text("nothing")
    with closing(sqlite3.connect(data / "erp.sqlite")) as connection:
        connection.execute("CREATE TABLE vendor (no INTEGER PRIMARY KEY, name TEXT, changed_at TIMESTAMP)")
        connection.execute("CREATE TABLE log (line TEXT)")
    systems = made.folder / "config" / "systems"
    (systems / "drop.yaml").write_text("# the drop folder\nsystem: drop\nconnector: files\nfolder: ../drop\n")
    (systems / "erp.yaml").write_text(
        "system: erp\nconnector: sql\nsqlite: ../drop/erp.sqlite\n# what is there\nresources:\n"
        "    old: {table: log, key: line}    # by hand\n"
    )
    return made


def drafted(work: Desk, system: str, *words: str) -> tuple[Any, dict[str, str]]:
    """What the command answers with --json, and the files that it wrote."""
    place = work.folder / "out" / "-".join([system, *(Path(word).name for word in words)])
    said = work.cophub("systems", "discover", system, *words, "--out", str(place), "--json")
    assert said.code == 0, said.out + said.err
    files = {str(path.relative_to(place)): path.read_text("utf-8") for path in place.rglob("*.yaml")}
    assert sorted(files) == said.json["files"]
    assert [one for one in said.json["findings"] if one["level"] == "error"] == []
    return said.json, files


def value(text: str) -> Any:
    located, findings = read(text)
    assert located is not None
    assert findings == []
    return located.value


def test_files_are_sampled_with_encoding_delimiter_types_and_levels(work: Desk) -> None:
    said, files = drafted(work, "drop", "people_2026")
    system = files["config/systems/drop.yaml"]
    assert system.startswith("# the drop folder\nsystem: drop\n")
    people = value(system)["resources"]["people_2026"]
    assert (people["path"], people["encoding"], people["delimiter"]) == ("People 2026.csv", "gb18030", ";")
    assert (people["key"], people["cursor"]) == ("工号", "updated_at")
    assert people["fields"] == {
        "工号": "text", "name": "text", "mobile": "integer", "salary": "decimal", "joined": "date",
        "updated_at": "datetime",
    }  # fmt: skip
    assert "# proposed by its name, and no two of 2 records share it" in system
    model = value(files["config/models/people_2026.yaml"])
    assert model["key"] == ["field_5de5_53f7"]
    assert model["fields"]["mobile"]["level"] == "L3"
    assert "level" not in model["fields"]["name"]
    assert files["config/models/people_2026.yaml"].count("# level proposed by its name") == 2
    mapping = value(files["mappings/drop-people-2026.yaml"])
    assert (mapping["unmatched"], mapping["fields"]["field_5de5_53f7"]) == ("review", '"工号"')
    assert {one["code"] for one in said["findings"]} == {"level.missing"}


def test_without_names_all_are_listed_and_what_cannot_be_read_says_why(work: Desk) -> None:
    said, files = drafted(work, "drop")
    assert [one["resource"] for one in said["resources"]] == ["people_2026", "broken", "orders"]
    broken = next(one for one in said["resources"] if one["resource"] == "broken")
    assert "it cannot be read" in broken["open"][0]
    assert "mappings/drop-people-2026.yaml" in files
    assert "lines" not in value(files["config/systems/drop.yaml"])["resources"]["orders"]["fields"]


def test_tables_go_into_the_file_beside_those_that_are_there(work: Desk) -> None:
    _, files = drafted(work, "erp", "vendor")
    system = files["config/systems/erp.yaml"]
    assert "    old: {table: log, key: line}    # by hand" in system
    vendor = value(system)["resources"]["vendor"]
    assert (vendor["key"], vendor["cursor"]) == (["no"], "changed_at")
    assert "# the primary key" in system
    assert value(files["mappings/erp-vendor.yaml"])["match"] == [["no"]]


def test_a_table_without_a_key_gets_no_mapping(work: Desk) -> None:
    said, files = drafted(work, "erp", "log")
    assert said["notes"] == ["erp.log: no mapping is written, because nothing is known to be its key"]
    assert list(files) == ["config/systems/erp.yaml"]
    assert "# there is no primary key: write key:" in files["config/systems/erp.yaml"]


@pytest.fixture
def api(work: Desk) -> Iterator[Fake]:
    def reply(asked: Asked) -> Answer:
        return as_json(OPENAPI) if asked.path == "/openapi.json" else Answer(404)

    with running(Fake(reply)) as server:
        (work.folder / "config" / "systems" / "crm.yaml").write_text(
            f"system: crm\nconnector: rest\nurl: {server.url}\nresources: {{}}\n"
        )
        yield server
    (work.folder / "config" / "systems" / "crm.yaml").unlink()


def test_an_api_is_read_by_its_openapi_document(work: Desk, api: Fake) -> None:
    _, files = drafted(work, "crm")
    contacts = value(files["config/systems/crm.yaml"])["resources"]["contacts"]
    assert contacts["records"] == "data"
    assert contacts["paging"] == {"offset": {"param": "offset", "size_param": "limit"}}
    assert contacts["cursor"] == {"field": "updated_at", "param": "updated_since"}
    assert contacts["fields"]["tags"] == ["text"]
    mapping = files["mappings/crm-contacts.yaml"]
    assert value(mapping)["fields"]["order"] == '"order"'
    assert "# tags: a list of values" in mapping


@pytest.mark.parametrize("suffix", ["json", "ndjson", "yaml"])
def test_an_api_is_read_by_a_sample(work: Desk, api: Fake, suffix: str) -> None:
    rows = [{"code": "K1", "name": "x"}, {"code": "K2", "name": "y"}]
    file = work.folder / f"sample.{suffix}"
    file.write_text({
        "json": json.dumps({"meta": {}, "result": {"items": rows}}),
        "ndjson": "\n".join(json.dumps(row) for row in rows),
        "yaml": "result:\n  items:\n    - {code: K1, name: x}\n    - {code: K2, name: y}\n",
    }[suffix])  # fmt: skip
    said, files = drafted(work, "crm", "suppliers", "--from", str(file))
    found = value(files["config/systems/crm.yaml"])["resources"]["suppliers"]
    assert found.get("records", "result.items") == "result.items"
    assert found["key"] == "code"
    assert "not told by the sample" in said["resources"][0]["reasons"]["path"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["drop", "nosuch"], "discover.nothing"),
        (["erp", "nosuch"], "sql.table"),
        (["drop", "--out", "drop"], "discover.exists"),
        (["crm", "--from", "gone.json"], "discover.sample"),
    ],
)
def test_what_cannot_be_found_is_named(work: Desk, api: Fake, words: list[str], code: str) -> None:
    words = [str(work.folder / word) if word == "drop" and at else word for at, word in enumerate(words)]
    said = work.cophub("systems", "discover", *words, "--json")
    assert (said.code, said.json["error"]["code"]) == (65, code)
    assert said.json["error"]["hint"]


def test_keys_are_those_that_tell_records_apart() -> None:
    rows = [{"id": "1", "no": "7", "at": "2026-01-01"}, {"id": "1", "no": "8", "at": "2026-01-02"}]
    assert key_among(inferred(rows), rows) == ("no", "proposed by its name, and no two of 2 records share it")
    assert [(one.name, one.type) for one in inferred([{"a": "007", "b": "7", "c": True}])] == [
        ("a", "text"), ("b", "integer"), ("c", "boolean"),
    ]  # fmt: skip


# ---------------------------------------------------------------- what others wrote


def of_file(spec: Any, folder: Path, **settings: Any) -> list[Discovered] | ConfigError:
    """What a description by others offers, or why it is refused."""
    said = spec.settings.model_validate({"url": "http://127.0.0.1:1/x", **settings})
    with closing(spec.open(Context("other", str(folder)), said, {})) as connector:
        try:
            found: list[Discovered] = connector.discover([], None)
        except ConfigError as error:
            return error
    return found


def sound(folder: Path, text: str, found: list[Discovered]) -> None:
    """The workspace of one system's file with the drafts of some resources has no errors."""
    keyed = [one.name for one in found if one.resource.key][:3]
    made = draft("other", text, found, keyed, [], [])
    for path, content in {"config/hub.yaml": "hub: other\n", **made.files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, "utf-8")
    workspace, findings = lint(folder)
    assert workspace is not None, findings
    told = [*findings, *check_meaning(workspace)]
    assert [str(one) for one in told if one.level == "error"] == []


def test_idocs_of_others_are_drafted_by_their_messages(fixtures: Path, tmp_path: Path) -> None:
    (tmp_path / "config" / "in").mkdir(parents=True)
    for file in fixtures.glob("idoc/*.xml"):
        (tmp_path / "config" / "in" / file.name).write_bytes(file.read_bytes())
    said, place = IDOC.settings.model_validate({"folder": "in"}), Context("other", str(tmp_path / "config"))
    with closing(IDOC.open(place, said, {})) as connector:
        found = {one.name: one for one in connector.discover([], None)}
    assert found["matmas"].options == {"path": "MATMAS05_MATMAS.xml", "type": "MATMAS05"}
    sound(tmp_path, "system: other\nconnector: idoc\nfolder: in\n", list(found.values()))


def test_every_edmx_of_others_is_drafted_or_refused_with_its_cause(fixtures: Path, tmp_path: Path) -> None:
    files = sorted([*fixtures.rglob("*.edmx"), *fixtures.glob("odata/successfactors/*.xml"),
                    *fixtures.rglob("pyodata_metadata*.xml")])  # fmt: skip
    assert len(files) > 9
    drafts = 0
    for number, file in enumerate(files):
        folder = tmp_path / str(number)
        (folder / "config").mkdir(parents=True)
        (folder / "config" / "m.edmx").write_bytes(file.read_bytes())
        found = of_file(ODATA, folder / "config", metadata="m.edmx")
        if isinstance(found, ConfigError):
            assert found.code.startswith("metadata."), file
            assert found.message, file
            continue
        sound(folder, "system: other\nconnector: odata\nurl: http://127.0.0.1:1/x\nmetadata: m.edmx\n", found)
        drafts += 1
    assert drafts >= 9


def test_every_wsdl_of_others_is_drafted_or_refused_with_its_cause(fixtures: Path, tmp_path: Path) -> None:
    files = sorted(fixtures.rglob("*.wsdl"))
    assert len(files) > 20
    drafts, refusals = 0, set()
    for number, file in enumerate(files):
        folder = tmp_path / str(number)
        (folder / "config").mkdir(parents=True)
        for part in file.parent.iterdir():
            if part.suffix in (".wsdl", ".xsd") and part.is_file():
                (folder / "config" / part.name).write_bytes(part.read_bytes())
        found = of_file(SOAP, folder / "config", wsdl=file.name)
        if isinstance(found, ConfigError):
            assert found.message, file
            refusals.add(found.code)
            continue
        if drafts < 12:  # each is parsed once more
            sound(folder, f"system: other\nconnector: soap\nurl: http://127.0.0.1:1/x\nwsdl: {file.name}\n", found)
        drafts += 1
    assert drafts >= 2
    assert len(files) - drafts > 40
    assert {code.partition(".")[0] for code in refusals} <= {"wsdl", "discover", "soap", "xml"}
