"""The first workspace, and the JSON Schemas for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hub.errors import ConfigError
from hub.workspace.connectors import shipped, spec
from hub.workspace.init import init
from hub.workspace.load import lint
from hub.workspace.schema import schemas, write_schemas
from hub.workspace.yaml import read

from .desk import CONNECTORS, FILES, changed, write

KINDS = {
    "config/hub.yaml": "hub", "config/systems": "system", "config/models": "model", "config/codes": "codes",
    "config/environments": "environment", "mappings": "mapping",
}  # fmt: skip


def kind_of(path: str) -> str:
    if path.endswith(".test.yaml"):
        return "test"
    return KINDS.get(path) or KINDS[path.rpartition("/")[0]]


def errors(schema: dict[str, Any], text: str) -> list[str]:
    located, _ = read(text)
    assert located is not None
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(located.value)]


def test_a_new_workspace_is_complete_and_free_of_findings(tmp_path: Path) -> None:
    written = init(tmp_path)
    assert all((tmp_path / path).is_file() for path in written)
    workspace, found = lint(tmp_path)
    assert found == []
    assert workspace is not None
    assert {
        len(part) for part in (workspace.systems, workspace.models, workspace.codes, workspace.mappings)
    } == {1}
    assert [len(cases) for cases in workspace.tests.values()] == [3]
    described = workspace.systems["erp_files"].describe("suppliers")
    assert described is not None
    assert described.key == ("number",)


def test_its_files_name_their_schema_and_fit_it(tmp_path: Path) -> None:
    for path in init(tmp_path):
        if path.suffix != ".yaml":
            continue
        text = (tmp_path / path).read_text(encoding="utf-8")
        modeline = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        schema = json.loads((tmp_path / path).parent.joinpath(modeline).read_text(encoding="utf-8"))
        assert errors(schema, text) == [], path


def test_nothing_is_written_over_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "mine.yaml").write_text("x")
    with pytest.raises(ConfigError, match="mappings is there already") as raised:
        init(tmp_path)
    assert raised.value.code == "init.exists"
    assert not (tmp_path / "config").exists()


def test_a_file_of_ones_own_is_not_overwritten_and_gitignore_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log")
    init(tmp_path / "fresh")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "suppliers.csv").write_text("mine")
    with pytest.raises(ConfigError, match=r"suppliers\.csv is there already"):
        init(tmp_path)
    (tmp_path / "data" / "suppliers.csv").unlink()
    init(tmp_path)
    assert (tmp_path / ".gitignore").read_text().splitlines() == ["*.log", ".cophub/"]


@pytest.mark.parametrize("path", [path for path in FILES])
def test_files_that_lint_clean_fit_their_schema(path: str) -> None:
    made = schemas(CONNECTORS)
    assert errors(made[kind_of(path)], FILES[path]) == []


@pytest.mark.parametrize("canaries", ["[1000, [A, 7]]", "{keys: [1000], missing: hold}"])
def test_canaries_of_a_resource_lint_clean_and_fit_the_schema(tmp_path: Path, canaries: str) -> None:
    change = changed("config/systems/erp.yaml", "{key: [NO]", f"{{canaries: {canaries}, key: [NO]")
    assert lint(write(tmp_path, {**change}), connectors=CONNECTORS)[1] == []
    text = FILES["config/systems/erp.yaml"].replace("{key: [NO]", f"{{canaries: {canaries}, key: [NO]")
    assert errors(schemas(CONNECTORS)["system"], text) == []


@pytest.mark.parametrize(
    "changes",
    [
        changed("config/systems/erp.yaml", "url:", "urll:"),
        changed("config/systems/erp.yaml", "connector: desk", "connector: dsek"),
        changed("config/systems/erp.yaml", "secret://erp/password", "hunter2"),
        changed("config/systems/erp.yaml", "{key: [NO]", "{kee: [NO]"),
        changed("config/systems/erp.yaml", "https://erp.example.com", "https://x\npages: 1000"),
        changed("config/systems/erp.yaml", "{key: [NO]", "{canaries: 7, key: [NO]"),
        changed("config/systems/erp.yaml", "{key: [NO]", "{canaries: {keys: []}, key: [NO]"),
        changed("config/models/supplier.yaml", "required: true", "required: yes"),
        changed("mappings/erp-suppliers.yaml", "strength: weak", "strength: waek"),
        changed("mappings/erp-suppliers.yaml", "into:", "intoo:"),
    ],
)
def test_mistakes_of_shape_do_not_fit_the_schema(changes: dict[str, str]) -> None:
    ((path, text),) = changes.items()
    assert errors(schemas(CONNECTORS)[kind_of(path)], text)


def test_every_schema_is_valid_and_written_the_same_twice(tmp_path: Path) -> None:
    paths = write_schemas(tmp_path / "a", CONNECTORS)
    again = write_schemas(tmp_path / "b", CONNECTORS)
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    for path in paths:
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_shipped_connectors_give_a_schema_with_their_descriptions() -> None:
    system = schemas()["system"]
    Draft202012Validator.check_schema(system)
    assert "files" in system["properties"]["connector"]["enum"]
    assert system["$defs"]["files"]["properties"]["folder"]["description"]


@pytest.mark.parametrize("name", shipped().connectors())
def test_the_example_of_each_connector_lints_clean_and_fits_the_schema(tmp_path: Path, name: str) -> None:
    found = spec(name)
    assert found is not None
    assert found.example, f"the connector {name} shows no example"
    located, _ = read(found.example)
    assert located is not None
    folder = tmp_path / "config" / "systems"
    folder.mkdir(parents=True)
    (tmp_path / "config" / "hub.yaml").write_text("hub: test\naddress: https://hub.example.com\n")
    (folder / f"{located.value['system']}.yaml").write_text(found.example, encoding="utf-8")
    assert lint(tmp_path)[1] == []
    assert errors(schemas()["system"], found.example) == []


def test_every_setting_of_every_connector_is_described() -> None:
    bare = [
        f"{name}: {shape.__name__}.{key}"
        for name in shipped().connectors()
        if (found := spec(name))
        for shape in (found.settings, found.resource)
        for key, field in shape.model_fields.items()
        if not field.description
    ]
    assert bare == []
