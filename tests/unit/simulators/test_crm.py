from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.simulators import Simulator

ACME = {"name": "ACME", "billing_address": {"country_code": "DE"}}


@pytest.fixture
def crm() -> Iterator[Simulator]:
    with Simulator("crm") as simulator:
        yield simulator


def call(crm: Simulator, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
    named = {"X-Api-Key": "crm-demo"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, f"{crm.url}/api/v2/{path}", json=body, headers=named, timeout=5)


def test_the_key_is_checked_in_either_header(crm: Simulator) -> None:
    assert call(crm, "GET", "accounts", X_Api_Key="wrong").status_code == 401
    assert call(crm, "GET", "accounts", X_Api_Key="", Authorization="Bearer crm-demo").status_code == 200


def test_the_pages_give_every_account_once(crm: Simulator) -> None:
    first = call(crm, "GET", "accounts").json()
    second = call(crm, "GET", f"accounts?page_token={first['next_page_token']}").json()
    ids = [each["id"] for each in first["records"] + second["records"]]
    assert (len(ids), len(set(ids)), second["next_page_token"]) == (24, 24, None)


def test_an_upsert_creates_once_then_updates(crm: Simulator) -> None:
    made = call(crm, "PUT", "accounts/external/S%2F1", ACME)
    same = call(crm, "PUT", "accounts/external/S%2F1", ACME)
    changed = call(crm, "PUT", "accounts/external/S%2F1", {**ACME, "name": "ACME 2"})
    assert [made.status_code, same.status_code, changed.status_code] == [201, 200, 200]
    assert made.headers["ETag"] == same.headers["ETag"] != changed.headers["ETag"]
    assert made.json()["external_id"] == "S/1"
    assert (crm.log.count("create"), crm.log.count("update")) == (1, 1)


def test_a_second_create_with_the_external_id_is_a_conflict(crm: Simulator) -> None:
    first = call(crm, "POST", "accounts", {**ACME, "external_id": "S1"}).json()
    again = call(crm, "POST", "accounts", {**ACME, "external_id": "S1"})
    assert again.status_code == 409
    assert again.json()["error"]["existing_id"] == first["id"]
    assert call(crm, "GET", "accounts?external_id=S1").json()["total"] == 1


def test_an_idempotency_key_repeats_the_answer(crm: Simulator) -> None:
    first = call(crm, "POST", "accounts", ACME, Idempotency_Key="k1")
    again = call(crm, "POST", "accounts", ACME, Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert crm.log.count("create") == 1


def test_a_stale_version_is_refused(crm: Simulator) -> None:
    tag = call(crm, "GET", "accounts/ACC-000001").headers["ETag"]
    assert call(crm, "PATCH", "accounts/ACC-000001", {"phone": "1"}, If_Match=tag).status_code == 200
    assert call(crm, "PATCH", "accounts/ACC-000001", {"phone": "2"}, If_Match=tag).status_code == 412
    assert call(crm, "DELETE", "accounts/ACC-000001", If_Match=tag).status_code == 412
    assert call(crm, "DELETE", "accounts/ACC-000001").status_code == 204
    assert call(crm, "GET", "accounts/ACC-000001").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "x", "email": "a@@b"}, "email"),
        ({"name": "x", "billing_address": {"country_code": "Germany"}}, "billing_address.country_code"),
        ({"name": "x", "nothing": 1}, "nothing"),
    ],
)
def test_bad_values_are_named(crm: Simulator, body: dict[str, Any], field: str) -> None:
    answer = call(crm, "POST", "accounts", body)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]
    assert crm.log.count("create") == 0


def test_every_row_of_a_batch_stands_for_itself(crm: Simulator) -> None:
    rows = [
        {"op": "upsert", "external_id": "S1", "fields": ACME},
        {"op": "upsert", "external_id": "S2", "fields": {}},
        {"op": "upsert", "external_id": "S1", "fields": {"phone": "1"}},
        {"op": "create", "external_id": "S1", "fields": ACME},
        {"op": "update", "external_id": "S9", "fields": {}},
        {"op": "delete", "external_id": "S1"},
        {"op": "dance"},
    ]
    answer = call(crm, "POST", "accounts/batch", {"rows": rows})
    assert answer.status_code == 200
    assert [each["status"] for each in answer.json()["results"]] == [201, 422, 200, 409, 404, 200, 400]
    assert crm.log.count("create") == crm.log.count("update") == crm.log.count("delete") == 1


def test_one_row_of_a_batch_can_fail(crm: Simulator) -> None:
    crm.faults.set("partial,skip=1,times=1")
    rows = [{"op": "upsert", "external_id": f"S{number}", "fields": ACME} for number in range(3)]
    results = call(crm, "POST", "accounts/batch", {"rows": rows}).json()["results"]
    assert [each["status"] for each in results] == [201, 422, 201]
    assert crm.log.count("create") == 2


def test_batches_have_a_limit_and_a_form(crm: Simulator) -> None:
    assert call(crm, "POST", "accounts/batch", {"rows": [{}] * 201}).status_code == 413
    assert call(crm, "POST", "accounts/batch", {"rows": [1]}).status_code == 400
    assert call(crm, "POST", "accounts/batch", [1]).status_code == 400


def test_changes_are_found_by_time(crm: Simulator) -> None:
    call(crm, "PATCH", "accounts/ACC-000005", {"phone": "1"})
    found = call(crm, "GET", "accounts?modified_since=2025-12-31T00:00:00Z").json()
    assert [each["id"] for each in found["records"]] == ["ACC-000005"]
