"""Tryton's REST API by declaration alone: bearer key, Range paging, domains as literal parameters."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connectors.rest import SPEC
from hub.contract import Change, Context, Query
from hub.errors import AuthError
from tests.conftest import Login
from tests.unit.http.fake import lines

pytestmark = pytest.mark.against("rest", "Tryton 8.0", "real")


def coded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


PARTIES = {
    "path": "/rest/model/party.party",
    "params": {"f": ["code", "name", "write_date", "addresses.city"], "o": coded([["id", "ASC"]])},
    "key": "id",
    "paging": {"range_header": {"size": 7, "end": "exclusive"}},
    "cursor": {
        "field": "write_date", "param": "d", "encode": "base64url",
        "value": '["OR", ["write_date", ">", null], ["create_date", ">=", '
        '{"__class__": "date", "year": 2000, "month": 1, "day": 1}]]',
    },
    "write": {
        "create": {"method": "POST", "path": "/rest/model/party.party", "id": "id"},
        "update": {"method": "PUT", "path": "/rest/model/party.party/{id}"},
        "delete": {"method": "DELETE", "path": "/rest/model/party.party/{id}"},
        "find": {"params": {"f": ["code", "name"]}},
    },
}  # fmt: skip


def rest(login: Login, key: str, **resource: Any) -> Any:
    settings = SPEC.settings.model_validate({"url": login.url, "auth": {"bearer": {"token": key}}})
    return SPEC.open(
        Context("tryton"), settings, {"parties": SPEC.resource.model_validate(PARTIES | resource)}
    )


@pytest.fixture
def api(tryton: Login) -> Iterator[Any]:
    opened = rest(tryton, tryton.key)
    yield opened
    opened.close()


def test_all_parties_are_read_page_by_page(api: Any):
    pages = list(api.read(Query(api.resource("parties"))))
    rows = lines(pages)
    assert len(rows) > 50
    assert len({row["id"] for row in rows}) == len(rows)
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert all(page.count == 7 for page in pages[:-2])
    assert any("员工" in row["name"] for row in rows)


def test_a_literal_domain_narrows_the_read(tryton: Login):
    opened = rest(tryton, tryton.key, params={"f": "code", "d": coded([["code", "=", "E001"]])})
    (page,) = opened.read(Query(opened.resource("parties")))
    assert orjson.loads(page.records)["code"] == "E001"


def test_a_party_is_created_found_changed_and_deleted(api: Any):
    parties, code = api.resource("parties"), f"T{secrets.token_hex(4)}"
    key = {"code": code}
    (made,) = api.deliver(parties, [Change("create", key, {"code": code, "name": "Ann 安"})])
    assert made.status == "done"
    (found,) = api.find(parties, [key])
    assert (found.foreign_id, found.values["name"]) == (made.foreign_id, "Ann 安")
    (again,) = api.deliver(parties, [Change("create", key, {"code": code, "name": "Twin"})])
    assert again.status in ("rejected", "conflict", "unknown")
    (changed,) = api.deliver(parties, [Change("update", key, {"name": "Ann B"}, made.foreign_id)])
    assert (changed.status, api.find(parties, [key])[0].values["name"]) == ("done", "Ann B")
    gone = Change("delete", key, foreign_id=made.foreign_id)
    assert [one.status for one in api.deliver(parties, [gone, gone])] == ["done", "done"]
    assert api.find(parties, [key]) == [None]


def test_a_wrong_key_is_refused_and_not_shown(tryton: Login):
    opened = rest(tryton, "wr0ng-key-of-nobody")
    with pytest.raises(AuthError) as caught:
        list(opened.read(Query(opened.resource("parties"))))
    assert "wr0ng" not in str(caught.value)
