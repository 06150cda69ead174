"""Finding connectors lazily, and what profiles add to them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.errors import ConfigError
from hub.workspace.connectors import Connectors, names, shipped, spec
from hub.workspace.load import lint
from hub.workspace.overlay import merge

from .desk import CONNECTORS, FILES, SPEC, write

PROFILE = """\
profile: big_desk
connector: desk
title: {en: Big desk, zh: 大桌子}
docs: https://desk.example.com/docs
settings: {pages: 50, style: steel, headers: {X-App: hub}}
resources:
  Supplier: {path: /suppliers, key: [NO]}
  Country: {path: /countries, key: [CODE]}
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Connectors:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "big_desk.yaml").write_text(PROFILE, encoding="utf-8")
    return Connectors(CONNECTORS.modules, (folder,))


NAMES_ONLY = """\
import sys
from hub.workspace.connectors import names
names()
print([one for one in sys.modules if one.startswith("connectors")])
"""


def test_shipped_connectors_are_named_without_importing_them() -> None:
    done = subprocess.run([sys.executable, "-c", NAMES_ONLY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "files" in names()
    assert not {"profiles", "simulators"} & set(names())


def test_only_the_connector_asked_for_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Connectors({"desk": "tests.unit.workspace.desk", "loud": "loud"})
    found = registry.spec("desk")
    assert found is not None
    assert found.name == "desk"
    assert {"desk", "loud"} <= set(registry.names())


def test_a_name_nobody_has_gives_nothing() -> None:
    assert spec("no_such_thing") is None
    assert spec("../profiles/x") is None
    assert spec("profiles") is None


def test_a_profile_stands_under_the_keys_of_the_system(profiles: Connectors) -> None:
    assert profiles.spec("big_desk") is SPEC
    assert "big_desk" in profiles.names()
    system = {"style": "oak", "headers": {"X-App": "me"}, "resources": {"Supplier": {"key": ["ID"]}}}
    assert profiles.expand({"connector": "big_desk", **system}) == {
        "connector": "big_desk", "pages": 50, "style": "oak", "headers": {"X-App": "me"},
        "resources": {
            "Supplier": {"path": "/suppliers", "key": ["ID"]},
            "Country": {"path": "/countries", "key": ["CODE"]},
        },
    }  # fmt: skip


def test_a_system_on_a_profile_has_its_resources_and_its_own_url(
    tmp_path: Path, profiles: Connectors
) -> None:
    system = "system: erp\nconnector: big_desk\nurl: https://erp.example.com\n"
    workspace, found = lint(write(tmp_path, {"config/systems/erp.yaml": system}), connectors=profiles)
    assert found == []
    assert workspace is not None
    erp = workspace.systems["erp"]
    assert (erp.connector, erp.spec.name) == ("big_desk", "desk")
    assert erp.settings.model_dump(include={"url", "pages", "style"}) == {
        "url": "https://erp.example.com", "pages": 50, "style": "steel",
    }  # fmt: skip
    supplier = erp.describe("Supplier")
    assert supplier is not None
    assert supplier.key == ("NO",)


def test_a_broken_profile_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("profile: bad\nconnector: desk\nsetings: {}\n")
    registry = Connectors(CONNECTORS.modules, (tmp_path,))
    with pytest.raises(ConfigError) as raised:
        registry.spec("bad")
    assert (raised.value.code, raised.value.where) == ("profile.broken", "bad.yaml:3")
    system = FILES["config/systems/crm.yaml"].replace("connector: desk", "connector: bad")
    _, found = lint(write(tmp_path / "w", {"config/systems/crm.yaml": system}), connectors=registry)
    assert [(one.code, one.line) for one in found] == [("profile.broken", 2)]


def test_every_shipped_profile_loads_and_stands_on_a_connector() -> None:
    registry = shipped()
    for name in registry.profiles():
        profile = registry.profile(name)
        assert profile is not None
        assert profile.connector in registry.connectors(), name
        titles = [] if isinstance(profile.title, str) else [*profile.title]
        assert titles == ["en", "zh"], name
        assert profile.docs.startswith("https://"), name
        assert all((profile.notes, profile.rights)), name


def test_merging_follows_json_merge_patch() -> None:
    # RFC 7386, appendix A, as far as its cases have objects on both sides
    cases: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ]
    for under, over, expected in cases:
        assert merge(under, over) == expected


NEEDS = {
    "jsonrpc": "url: https://it.example.com/service\ndatabase: it\n"
    "auth: {basic: {username: hub, password: secret://it/password}}\n",
    "ldap": "url: ldaps://it.example.com\nbase: dc=example,dc=com\n",
    "idoc": "folder: idocs\n",
}
"""What no profile can know, where it is more than an address."""


@pytest.mark.parametrize("name", shipped().profiles())
def test_a_system_on_a_shipped_profile_needs_only_its_address_and_lints_clean(
    tmp_path: Path, name: str
) -> None:
    spec = shipped().spec(name)
    assert spec is not None
    system = f"system: it\nconnector: {name}\n" + NEEDS.get(spec.name, "url: https://it.example.com/service\n")
    folder = tmp_path / "config" / "systems"
    folder.mkdir(parents=True)
    (tmp_path / "config" / "hub.yaml").write_text("hub: test\n")
    (folder / "it.yaml").write_text(system)
    workspace, found = lint(tmp_path)
    assert found == []
    assert workspace is not None
    profile = shipped().profile(name)
    assert profile is not None
    assert set(workspace.systems["it"].resources) == set(profile.resources)


def test_the_fields_the_s4_profile_names_are_in_the_metadata_of_sap(tmp_path: Path, fixtures: Path) -> None:
    metadata = fixtures / "odata" / "sap" / "API_BUSINESS_PARTNER.v2.edmx"
    if not metadata.is_file():
        pytest.skip(f"the public fixture {metadata} is missing")
    text = metadata.read_text(encoding="utf-8")
    profile = shipped().profile("sap_s4")
    assert profile is not None
    found = set()
    for name, resource in profile.resources.items():
        entity = re.search(rf'<EntityType Name="{name}Type".*?</EntityType>', text, re.DOTALL)
        if entity:  # the others are of services whose metadata are not public
            found.add(name)
            for value in resource.values():
                for field in [value] if isinstance(value, str) else value:
                    assert f'<Property Name="{field}"' in entity[0]
    assert {"A_BusinessPartner", "A_BusinessPartnerAddress", "A_BusinessPartnerBank", "A_Supplier"} <= found
