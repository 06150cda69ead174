from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.simulators import Simulator
from connectors.simulators.hr import Hr


@pytest.fixture
def hr() -> Iterator[Simulator]:
    with Simulator(Hr(page_size=40)) as simulator:
        yield simulator


@pytest.fixture
def client(hr: Simulator) -> requests.Session:
    client = requests.Session()
    client.headers["Authorization"] = f"Bearer {token(hr).json()['access_token']}"
    return client


def token(hr: Simulator, secret: str = "hr-demo", grant: str = "client_credentials") -> requests.Response:
    body = {"grant_type": grant, "client_id": "cophub", "client_secret": secret}
    return requests.post(f"{hr.url}/oauth/token", data=body, timeout=5)


def get(client: requests.Session, hr: Simulator, path: str, **query: Any) -> requests.Response:
    return client.get(f"{hr.url}/api/v1/{path}", params=query, timeout=5)


def everyone(client: requests.Session, hr: Simulator, **query: Any) -> list[dict[str, Any]]:
    rows, answer = [], get(client, hr, "employees", **query)
    while True:
        rows += answer.json()["data"]
        following = answer.json()["links"]["next"]
        if following is None:
            return rows
        answer = client.get(following, timeout=5)


def test_a_token_is_given_for_the_right_secret_only(hr: Simulator) -> None:
    granted = token(hr).json()
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 3600)
    assert token(hr, "wrong").status_code == 401
    assert token(hr, grant="password").json() == {"error": "unsupported_grant_type"}
    basic = requests.post(
        f"{hr.url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=("cophub", "hr-demo"),
        timeout=5,
    )
    assert basic.status_code == 200


def test_without_a_token_nothing_is_shown(hr: Simulator) -> None:
    answer = requests.get(f"{hr.url}/api/v1/employees", timeout=5)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_an_expired_token_must_be_fetched_again(hr: Simulator, client: requests.Session) -> None:
    hr.faults.set("expire")
    assert get(client, hr, "employees").status_code == 401
    assert get(client, hr, "employees").status_code == 401
    client.headers["Authorization"] = f"Bearer {token(hr).json()['access_token']}"
    assert get(client, hr, "employees").status_code == 200


def test_the_pages_give_everyone_once(hr: Simulator, client: requests.Session) -> None:
    assert sorted(each["id"] for each in everyone(client, hr)) == list(range(1, 251))
    assert get(client, hr, "employees").json()["meta"]["total"] == 250


def test_who_changes_while_pages_are_read_is_not_lost(hr: Simulator, client: requests.Session) -> None:
    first = get(client, hr, "employees").json()
    changed = first["data"][0]["id"]
    hr.change("employees", {"id": changed, "mobile": "1"})
    rest = everyone(client, hr, cursor=first["meta"]["next_cursor"])
    assert {each["id"] for each in first["data"]} | {each["id"] for each in rest} == set(range(1, 251))
    assert rest[-1]["id"] == changed


def test_changes_are_found_by_time(hr: Simulator, client: requests.Session) -> None:
    newest = max(each["updated_at"] for each in hr.rows("employees"))
    hr.change("employees", {"id": 7, "mobile": "1"})
    changed = everyone(client, hr, updated_since=newest)
    assert [each["id"] for each in changed][-1] == 7
    assert all(each["updated_at"] >= newest for each in changed)


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"cursor": "x"}, {"updated_since": "yesterday"}]
)
def test_parameters_that_mean_nothing_are_refused(
    hr: Simulator, client: requests.Session, query: dict[str, str]
) -> None:
    answer = get(client, hr, "employees", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {"invalid_parameter", "invalid_cursor"}


def test_one_employee_is_read_changed_and_hired(hr: Simulator, client: requests.Session) -> None:
    url = f"{hr.url}/api/v1/employees"
    assert client.patch(f"{url}/7", json={"mobile": "+1"}, timeout=5).json()["data"]["mobile"] == "+1"
    assert get(client, hr, "employees/7").json()["data"]["mobile"] == "+1"
    new = {"employee_number": "E00999", "first_name": "Ada", "last_name": "Lee"}
    hired = client.post(url, json=new, timeout=5)
    assert (hired.status_code, hired.json()["data"]["id"]) == (201, 251)
    assert client.post(url, json=new, timeout=5).status_code == 409
    assert hr.log.count("create", "employees") == hr.log.count("update", "employees", "7") == 1


def test_bad_values_are_refused_field_by_field(hr: Simulator, client: requests.Session) -> None:
    body = {"email": "a@@b", "last_name": "", "nothing": 1}
    answer = client.patch(f"{hr.url}/api/v1/employees/7", json=body, timeout=5)
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"].keys() == {"email", "last_name", "nothing"}
    assert get(client, hr, "employees/999").status_code == 404
    assert get(client, hr, "nothing").status_code == 404


def test_the_departments_form_one_tree(hr: Simulator, client: requests.Session) -> None:
    rows = get(client, hr, "departments").json()["data"]
    assert [each["code"] for each in rows if each["parent_code"] is None] == ["D100"]
    assert {each["parent_code"] for each in rows} - {None} <= {each["code"] for each in rows}


def test_pages_can_lie_repeat_skip_and_drift(hr: Simulator, client: requests.Session) -> None:
    first = get(client, hr, "employees").json()
    cursor = first["meta"]["next_cursor"]
    hr.faults.set("empty")
    assert get(client, hr, "employees").json()["data"] == []
    hr.faults.set("repeat")
    again = get(client, hr, "employees", cursor=cursor).json()
    assert (again["data"], again["meta"]["next_cursor"]) == (first["data"], cursor)
    second = get(client, hr, "employees", cursor=cursor).json()
    hr.faults.set("skip")
    assert get(client, hr, "employees", cursor=cursor).json()["data"][0] not in second["data"]
    hr.faults.set("drift=email:mail")
    assert {"mail"} == {"mail", "email"} & get(client, hr, "employees").json()["data"][0].keys()
