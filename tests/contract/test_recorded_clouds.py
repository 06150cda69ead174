"""Salesforce, WeCom and S/4HANA on what they really answered, and Salesforce on what it was really asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.contract import Change
from tests.contract.test_recorded_products import recorded, recording
from tests.unit.http.fake import Answer, Asked, as_json

CASSETTE = "salesforce/cassettes/TestUpsert.test_upsert__rest.yaml"
UPSERT = "/services/data/vxx.0/composite/sobjects/Contact/Email"


def cassette(fixtures: Path) -> list[tuple[Any, str]]:
    """The composite upserts that were recorded: body and answer."""
    path = fixtures / CASSETTE
    if not path.is_file():
        pytest.skip(f"the public fixture {CASSETTE} is missing")
    played = yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]
    found = [one for one in played if one.get("request", {}).get("uri", "").endswith(UPSERT)]
    return [(json.loads(one["request"]["body"]), one["response"]["body"]["string"]) for one in found]


@pytest.mark.against("salesforce", "composite upserts of Salesforce", "recording")
def test_a_recorded_upsert_of_salesforce_is_sent_and_understood(fixtures: Path) -> None:
    (asked, answered), (_, again) = cassette(fixtures)
    batch = {
        "size": 200, "records": "records", "fixed": {"allOrNone": False}, "ok": "success", "id": "id",
        "each": {"attributes": {"type": "Contact"}}, "code": "errors.0.statusCode", "message": "errors.0.message",
    }  # fmt: skip
    write = {"create": {"method": "PATCH", "path": UPSERT, "batch": batch}}
    contacts = {"Contact": {"path": "/query", "records": "records", "key": "Email", "write": write}}
    answers, sent = iter([answered, again]), []

    def reply(request: Asked) -> Answer:
        sent.append(json.loads(request.body))
        return Answer(200, next(answers).encode(), {"Content-Type": "application/json"})

    def said(url: str) -> dict[str, Any]:
        return {"url": url, "auth": {"bearer": {"token": "t"}}, "resources": contacts}

    rows = [{name: one for name, one in row.items() if name != "attributes"} for row in asked["records"]]
    changes = [Change("create", {"Email": row["Email"]}, row, id=str(n)) for n, row in enumerate(rows)]
    with recorded("salesforce", reply, said) as salesforce:
        outcomes = salesforce.deliver("Contact", *changes)
    assert sent == [asked]
    assert [one.status for one in outcomes] == ["done"] * len(rows)
    assert [one.foreign_id for one in outcomes] == [one["id"] for one in json.loads(answered)]


@pytest.mark.against("wecom", "answers of WeCom", "recording")
def test_recorded_answers_of_wecom_come_out_as_they_went_in(fixtures: Path) -> None:
    told = {
        name: recording(fixtures, f"chinese/wecom/{name.replace('/', '_')}.json")
        for name in ("user/list", "department/list")
    }

    def reply(asked: Asked) -> Answer:
        name = asked.path.removeprefix("/cgi-bin/")
        if name == "gettoken":
            return as_json({"errcode": 0, "errmsg": "ok", "access_token": "t", "expires_in": 7200})
        return as_json(told[name])

    def said(url: str) -> dict[str, Any]:
        login = {"values": {"corpid": "ww1"}, "secrets": {"corpsecret": "s3cret"}}
        return {"url": f"{url}/cgi-bin", "auth": {"login": {"url": f"{url}/cgi-bin/gettoken", **login}}}

    with recorded("wecom", reply, said) as wecom:
        assert wecom.rows("departments") == told["department/list"]["department"]
        people = wecom.rows("users")
    assert people == told["user/list"]["userlist"] * 2  # asked for both departments


@pytest.mark.against("sap_s4", "answers of SAP S/4HANA", "recording")
def test_recorded_partners_of_s4_are_read_by_sap_s_own_metadata(fixtures: Path) -> None:
    rows = recording(fixtures, "odata/sap/business_partner_v2_payload.json")
    edmx = (fixtures / "odata/sap/API_BUSINESS_PARTNER.v2.edmx").read_bytes()

    def reply(asked: Asked) -> Answer:
        if asked.path.endswith("$metadata"):
            return Answer(200, edmx, {"Content-Type": "application/xml"})
        first = not int(asked.params.get("$skip", 0))
        return as_json({"d": {"__count": str(len(rows)), "results": rows if first else rows[-1:]}})

    def said(url: str) -> dict[str, Any]:
        return {"url": f"{url}/API_BUSINESS_PARTNER", "auth": {"basic": {"username": "HUB", "password": "p"}}}

    with recorded("sap_s4", reply, said) as s4:
        found = s4.rows("A_BusinessPartner")
    assert [one["BusinessPartner"] for one in found] == [one["BusinessPartner"] for one in rows]
    for one, told in zip(found, rows, strict=True):
        plain = {name: value for name, value in told.items() if isinstance(value, bool) or value in ("", None)}
        assert one.items() >= plain.items()
    assert found[0]["CreationDate"][:10] == "2018-02-12"  # /Date(1518393600000)/
