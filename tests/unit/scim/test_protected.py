"""Names that no SCIM client may write, however they and the paths to them are spelled."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.scim.conftest import GROUP, USER, Identities
from tests.unit.scim.test_server import refused

SPELLED = ["admin", "ADMIN", "Break-Glass-7", "ａｄｍｉｎ", "admin ", "\tadmin", "ádmin", "a\u0301dmin", "ad\u200bmin",
           "adm\u0131n", "ADM\u0130N", "admin\u00ad", "\u202eadmin", "admin\n", "break\u2010glass-7"]  # fmt: skip


@pytest.mark.parametrize("name", SPELLED, ids=ascii)
def test_protected_names_cannot_be_taken(hub: Identities, name: str) -> None:
    for body in ({"userName": name}, {"userName": f"x-{name}", "externalId": name},
                 {"userName": f"y-{name}", "emails": [{"value": name}]}):  # fmt: skip
        refused(hub.ask("POST", "/Users", {"schemas": [USER], **body}), 403, detail="scim.protected")


def test_nobody_is_renamed_into_a_protected_name(hub: Identities) -> None:
    place = f"/Users/{hub.user('climber')['id']}"
    refused(hub.patch(place, {"op": "replace", "value": {"userName": "admin"}}), 403, detail="scim.protected")
    refused(hub.ask("PUT", place, {"schemas": [USER], "userName": "admin"}), 403, detail="scim.protected")
    group = {"schemas": [GROUP], "displayName": "admin"}
    refused(hub.ask("POST", "/Groups", group), 403, detail="scim.protected")
    assert hub.ask("GET", place).json()["userName"] == "climber"


@pytest.mark.parametrize(
    "operation",
    [
        {"path": "USERNAME", "value": "admin"},
        {"path": f"{USER.upper()}:userName", "value": "admin"},
        {"path": 'EMAILS[TYPE eq "work"].VALUE', "value": "admin"},
        {"path": f'{USER}:emails[type eq "work"]', "value": {"Value": "admin"}},
        {"path": 'emails[value eq "admin"].type', "value": "work"},
        {"value": {USER: {"USERNAME": "admin"}}},
        {"value": {f"{USER}:userName": "admin"}},
        {"value": {"EXTERNALID": "admin"}},
    ],
    ids=str,
)
def test_however_a_path_is_written_a_protected_name_is_refused(hub: Identities, operation: dict[str, Any]) -> None:
    made = hub.user(f"path-{abs(hash(str(operation)))}")
    place = f"/Users/{made['id']}"
    for op in ("add", "Replace"):
        refused(hub.patch(place, {"op": op, **operation}), 403, detail="scim.protected")
    assert hub.ask("GET", place).json() == made


def test_who_has_a_protected_name_already_is_left_alone_however_it_is_spelled(hub: Identities) -> None:
    place = f"/Users/{hub.user('harmless')['id']}"
    with hub.database().begin() as connection:
        connection.exec_driver_sql("UPDATE scim_resource SET content = replace(content, 'harmless', 'ＡＤＭＩＮ')")
    refused(hub.patch(place, {"op": "replace", "path": "active", "value": False}), 403, detail="scim.protected")
    refused(hub.ask("DELETE", place), 403, detail="scim.protected")
