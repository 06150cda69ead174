"""What a SCIM client's file may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.workspace.load import load
from tests.stores import SqliteStore
from tests.unit.exchange.world import World

CLIENT = """
    system: entra
    connector: scim_client
    resources: {User: {attributes: [%s]}}
"""


@pytest.mark.parametrize(
    ("allowed", "url", "code"),
    [
        ("userName, roles", "https://hub.example.com", "value"),
        ("userName, password", "https://hub.example.com", "value"),
        ("userName, shoeSize", "https://hub.example.com", "value"),
        ("userName", "", "address.missing"),
        ("userName", "https://hub.example.com/", "value"),
    ],
)
def test_a_wrong_declaration_is_a_finding(tmp_path: Path, allowed: str, url: str, code: str) -> None:
    world = World(tmp_path / "w", SqliteStore())
    world.write("config/hub.yaml", f"hub: test\naddress: {url or 'null'}")
    world.write("config/systems/entra.yaml", CLIENT % allowed)
    with pytest.raises(ConfigError) as caught:
        load(world.folder)
    assert any(one.code.startswith(code) for one in caught.value.findings), caught.value.findings


def test_what_is_allowed_is_what_mappings_read(tmp_path: Path) -> None:
    world = World(tmp_path / "w", SqliteStore())
    world.write("config/hub.yaml", "hub: test\naddress: https://hub.example.com")
    world.write("config/systems/entra.yaml", CLIENT % "enterprise.department, emails")
    described = load(world.folder).system("entra").describe("User")
    assert described
    fields = {field.name: [part.name for part in field.fields] for field in described.fields}
    assert fields.keys() == {"id", "externalId", "userName", "emails", "enterprise", "meta"}
    assert fields["enterprise"] == ["department"]
