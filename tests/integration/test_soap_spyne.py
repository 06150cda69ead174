"""A SOAP service of spyne by declaration alone: both versions, digests that count once, sessions, faults."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from connectors.soap import SPEC
from hub.cli.app import app
from hub.contract import Change, Context, Query
from hub.errors import AuthError
from tests.conftest import Login
from tests.systems import soap as rows
from tests.unit.http.fake import lines

pytestmark = pytest.mark.against("soap", "spyne 2.14", "real")

EXAMPLE = yaml.safe_load(SPEC.example)
EMPLOYEES = EXAMPLE["resources"]["employees"]
FAULTS = [*EXAMPLE["faults"], {"code": "Client.Stale", "means": "conflict"}]


def service(system: Login, path: str = "/", **settings: Any) -> Any:
    """The system that the reference shows, at the real service."""
    token = {"username": system.username, "password": system.password, "digest": True}
    said = {"url": system.url + path, "faults": FAULTS, "security": {"username_token": token}} | settings
    resources = {"employees": SPEC.resource.model_validate(EMPLOYEES)}
    return SPEC.open(Context(f"soap {path}"), SPEC.settings.model_validate(said), resources)


@pytest.fixture(params=["/", "/soap12"])
def hr(soap: Login, request: pytest.FixtureRequest) -> Iterator[Any]:
    opened = service(soap, request.param)
    yield opened
    opened.close()


def test_all_employees_are_read_page_by_page(hr: Any) -> None:
    pages = list(hr.read(Query(hr.resource("employees"), page_size=400)))
    found = {row["Id"]: row for row in lines(pages)}
    assert {f"E{n:04d}" for n in range(rows.EMPLOYEES)} <= found.keys()
    assert found["E0007"] == {
        "Id": "E0007", "Name": "员工 7", "Mail": "e7@example.com", "Department": "D7", "Salary": 3007.5,
        "Active": False, "HireDate": "2020-01-08", "ChangedAt": "2024-01-01T07:00:00",
        "Address": {"Street": "Street 7", "City": "上海"}, "Skill": ["S2", "S1"], "Version": 1,
    }  # fmt: skip
    assert pages[0].announced is not None
    assert pages[0].announced >= rows.EMPLOYEES


def test_a_read_since_a_time_gives_what_changed(hr: Any) -> None:
    query = Query(hr.resource("employees"), since="2024-02-10T12:00:00")
    found = [row["ChangedAt"] for row in lines(list(hr.read(query)))]
    assert found
    assert found[0] == "2024-02-10T12:00:00"
    assert found == sorted(found)


def test_the_service_describes_itself(hr: Any) -> None:
    fields = {one.name: (one.type, one.many) for one in hr.resource("employees").fields}
    assert fields["Salary"] == ("decimal", False)
    assert fields["Skill"] == ("text", True)
    assert all(one.ok for one in hr.check())


def test_an_employee_is_created_found_changed_and_deleted(hr: Any) -> None:
    employees, code = hr.resource("employees"), f"T{secrets.token_hex(4)}"
    key = {"Id": code}
    values = {"Id": code, "Name": "Ann 安", "Salary": "1.25", "Address.City": "Rome", "Skill": ["a", "b"]}
    (made,) = hr.deliver(employees, [Change("create", key, values)])
    assert (made.status, made.foreign_id) == ("done", code)
    (found,) = hr.find(employees, [key])
    assert (found.foreign_id, found.values["Address"], found.values["Skill"]) == (
        code,
        {"City": "Rome"},
        ["a", "b"],
    )
    (again,) = hr.deliver(employees, [Change("create", key, values)])
    assert (again.status, "already" in again.message) == ("conflict", True)
    outcomes = hr.deliver(employees, [
        Change("update", key, {"Id": code, "Name": "!no"}, code),
        Change("update", key, {"Id": code, "Name": "Ann B"}, code),
        Change("update", {"Id": "nobody"}, {"Id": "nobody"}, "nobody"),
    ])  # fmt: skip
    assert [one.status for one in outcomes] == ["rejected", "done", "conflict"]
    assert hr.find(employees, [key])[0].values["Name"] == "Ann B"
    gone = Change("delete", key, foreign_id=code)
    assert [one.status for one in hr.deliver(employees, [gone, gone])] == ["done", "done"]
    assert hr.find(employees, [key, {"Id": "E0001"}])[0] is None


WAYS: dict[str, Any] = {
    "text": {"security": {"username_token": {"username": "{u}", "password": "{p}"}}},
    "header": {"security": None, "soap_headers": {"Credentials": {"User": "{u}", "Password": "{p}"}}},
    "login": {"security": None, "login": {
        "operation": "Login", "params": {"user": "{u}", "password": "{p}"}, "token": "LoginResult",
        "into": {"soap_header": "Session.Id"}, "logout": "Logout",
    }},
}  # fmt: skip


def filled(value: Any, login: Login, password: str) -> Any:
    if isinstance(value, dict):
        return {name: filled(one, login, password) for name, one in value.items()}
    return value.replace("{u}", login.username).replace("{p}", password) if isinstance(value, str) else value


@pytest.mark.parametrize("path", ["/", "/soap12"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_log_in_is_let_in_and_a_wrong_password_is_not(way: str, path: str, soap: Login) -> None:
    opened = service(soap, path, **filled(WAYS[way], soap, soap.password))
    assert opened.find(opened.resource("employees"), [{"Id": "E0001"}])[0].values["Name"] == "员工 1"
    opened.close()
    shut = service(soap, path, **filled(WAYS[way], soap, "wr0ng-password"))
    with pytest.raises(AuthError) as caught:
        list(shut.read(Query(shut.resource("employees"))))
    assert "wr0ng" not in str(caught.value)
    shut.close()


def test_a_run_brings_employees_into_a_golden_record(
    soap: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the system file to golden rows, by the command line."""
    said = {**EXAMPLE, "url": f"{soap.url}/", "limits": {"timeout": "30s"}}
    said["security"]["username_token"]["username"] = soap.username
    model = {"model": "employee", "level": "L1", "key": ["code"], "fields": {
        "code": {"type": "text", "required": True}, "name": {"type": "text"}, "city": {"type": "text"},
        "salary": {"type": "decimal", "digits": 12, "scale": 2}, "hired": {"type": "date"}}}  # fmt: skip
    mapping = {"mapping": "hr-employees", "from": "hr.employees", "into": "employee", "unmatched": "create",
               "fields": {"code": "Id", "name": "trim(Name)", "city": "Address.City", "salary": "Salary",
                          "hired": "HireDate"}}  # fmt: skip
    files = {
        "config/hub.yaml": {"hub": "test"}, "config/systems/hr.yaml": said,
        "config/models/employee.yaml": model, "mappings/hr-employees.yaml": mapping,
    }  # fmt: skip
    for place, content in files.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(yaml.safe_dump(content))
    monkeypatch.setenv("COPHUB_SECRET_HR_PASSWORD", soap.password)
    at = ["--workspace", str(tmp_path)]
    runner = CliRunner()
    assert runner.invoke(app, [*at, "migrate", "--json"]).exit_code == 0
    counts = []
    for _ in range(2):
        done = runner.invoke(app, [*at, "run", "hr-employees", "--json"])
        assert done.exit_code == 0, done.output
        counts.append(orjson.loads(done.stdout)["runs"][0]["counts"])
    first, again = counts
    assert first["read"] == first["created"] >= rows.EMPLOYEES
    assert (again["quarantined"], again["applied"]) == (0, 0)
    assert 0 < again["read"] == again["unchanged"] < first["read"]
