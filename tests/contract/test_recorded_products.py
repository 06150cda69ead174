"""Profiles on what their products really answered, as others recorded it: every recorded record comes out as it went
in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.workspace.connectors import shipped
from tests.systems.profiled import Profiled, on_profile
from tests.unit.http.fake import Answer, Asked, Fake, as_json, running


@contextmanager
def recorded(
    profile: str, replies: Callable[[Asked], Answer], said: Callable[[str], dict[str, Any]]
) -> Iterator[Profiled]:
    """A profile on a server that plays recordings."""
    server = Fake(replies)
    with running(server), on_profile(profile, said(server.url), called=server.url) as system:
        yield system


def recording(fixtures: Path, name: str) -> Any:
    path = fixtures / name
    if not path.is_file():
        pytest.skip(f"the public fixture {name} is missing")
    return json.loads(path.read_text(encoding="utf-8"))


PERSONIO = {
    "employees": ("employees.json", "/v1/company/employees"),
    "absences": ("absence_alan.json", "/v1/company/time-offs"),
    "attendances": ("attendance_rms.json", "/v1/company/attendances"),
    "projects": ("project_rms.json", "/v1/company/attendances/projects"),
}


@pytest.mark.against("personio", "answers of Personio", "recording")
@pytest.mark.parametrize("resource", PERSONIO)
def test_recorded_answers_of_personio_come_out_as_they_went_in(fixtures: Path, resource: str) -> None:
    name, path = PERSONIO[resource]
    told = recording(fixtures, f"hr/personio/{name}")

    def reply(asked: Asked) -> Answer:
        if asked.path == "/v1/auth":
            assert json.loads(asked.body) == {"client_id": "papi", "client_secret": "s3cret"}
            return as_json({"success": True, "data": {"token": "t0ken"}})
        assert (asked.path, asked.headers["authorization"]) == (path, "Bearer t0ken")
        first = asked.params.get("offset", "0") == ("1" if resource == "absences" else "0")
        return as_json(told if first else {**told, "data": []})

    def said(url: str) -> dict[str, Any]:
        secrets = {"values": {"client_id": "papi"}, "secrets": {"client_secret": "s3cret"}}
        return {"url": f"{url}/v1", "auth": {"login": {"url": f"{url}/v1/auth", **secrets}}}

    with recorded("personio", reply, said) as personio:
        rows = personio.rows(resource)
        assert rows == told["data"]
        (key,) = personio.connector.resource(resource).key
        assert all(at(row, key) is not None for row in rows)
        unknown = {one for one in personio.fields[resource] if not any(there(row, one) for row in rows)}
        assert unknown <= NOT_RECORDED.get(resource, set())


NOT_RECORDED = {
    "employees": {"attributes.supervisor.value.attributes.id.value"},  # nobody there has one
}
"""Fields of the profile that the vendor documents and no recording shows."""


def at(row: Any, path: str) -> Any:
    """What stands at a dotted path, in the first record of a list on its way; None where nothing does."""
    for name in path.split("."):
        row = row[0] if isinstance(row, list) and row else row
        row = row.get(name) if isinstance(row, dict) else None
    return row


def there(row: Any, path: str) -> bool:
    """Whether a record has a field, be it empty."""
    outer, _, last = path.rpartition(".")
    inner = at(row, outer) if outer else row
    inner = inner[0] if isinstance(inner, list) and inner else inner
    return inner is None or inner == [] or (isinstance(inner, dict) and last in inner)


@pytest.mark.against("yonyou_u8", "field lists of its OpenAPI", "recording")
def test_the_fields_of_the_u8_profile_are_those_of_its_interface(fixtures: Path) -> None:
    models = recording(fixtures, "chinese/yonyou/u8_openapi_models.json")["models"]
    profile = shipped().profile("yonyou_u8")
    assert profile is not None
    for resource in profile.resources.values():
        known = {one["name"] for one in models[resource["records"]]}
        lacking = set(resource["fields"]) - known - {"timestamp"}
        assert lacking == set(), resource["records"]


@pytest.mark.against("beisen", "field lists of its older interface", "recording")
def test_the_fields_of_the_beisen_profile_are_those_of_beisen(fixtures: Path) -> None:
    """The lists are of version 1, which writes the same names with capitals."""
    models = recording(fixtures, "chinese/beisen/tenantbase_v1_models.json")["models"]
    profile = shipped().profile("beisen")
    assert profile is not None
    parts = profile.resources["employees"]["fields"]
    known = {name: {one["name"].replace("_", "").lower() for one in models[name]} for name in models}
    assert {one.lower() for one in parts["recordInfo"]} - known["EmployeeServiceInfo"] <= NEW_IN_V3
    assert {one.lower() for one in parts["employeeInfo"]} - known["EmployeeBasicInfo"] <= NEW_IN_V3
    assert {one.lower() for one in profile.resources["organizations"]["fields"]} - known["Organization"] <= NEW_IN_V3


NEW_IN_V3 = {"oidjobposition", "iscurrentrecord", "activationstate", "personincharge"}
