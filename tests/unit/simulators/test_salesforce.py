"""Salesforce by a plain HTTP client, against values of the vendor's guides and of recorded answers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.simulators import Simulator
from connectors.simulators.soql import Soql
from connectors.simulators.wire import Refused

DATA = "/services/data/v62.0"


@pytest.fixture(scope="module")
def salesforce() -> Iterator[Simulator]:
    with Simulator("salesforce") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def named(salesforce: Simulator) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": "3MVG9hub", "client_secret": "salesforce-demo"}
    told = requests.post(f"{salesforce.url}/services/oauth2/token", data=form, timeout=5).json()
    assert {"access_token", "instance_url", "token_type", "issued_at"} == told.keys()
    return {"Authorization": f"Bearer {told['access_token']}"}


def call(method: str, url: str, named: dict[str, str], body: Any = None, **headers: str) -> requests.Response:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, url, json=body, headers=named | more, timeout=5)


def query(salesforce: Simulator, named: dict[str, str], text: str, **headers: str) -> requests.Response:
    return call("GET", f"{salesforce.url}{DATA}/query?q={requests.utils.quote(text)}", named, **headers)  # type: ignore[attr-defined]


def test_a_wrong_client_is_refused_as_oauth_has_it(salesforce: Simulator):
    form = {"grant_type": "client_credentials", "client_id": "3MVG9hub", "client_secret": "no"}
    told = requests.post(f"{salesforce.url}/services/oauth2/token", data=form, timeout=5)
    assert (told.status_code, told.json()["error"]) == (400, "invalid_client")


def test_errors_are_a_list(salesforce: Simulator, named: dict[str, str]):
    session = query(salesforce, {"Authorization": "Bearer no"}, "SELECT Id FROM Account")
    assert (session.status_code, session.json()) == (
        401,
        [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )
    told = [
        query(salesforce, named, text).json()[0]["errorCode"]
        for text in ("SELECT Id", "SELECT Nope FROM Account", "SELECT Id FROM Nope__c")
    ]
    assert told == ["MALFORMED_QUERY", "INVALID_FIELD", "INVALID_TYPE"]


def test_a_query_is_paged_by_its_locator(salesforce: Simulator, named: dict[str, str]):
    page = query(salesforce, named, "SELECT Id, Name FROM Account", Sforce_Query_Options="batchSize=200").json()
    assert (page["totalSize"], page["done"], len(page["records"])) == (450, False, 200)
    assert page["records"][0].keys() == {"attributes", "Id", "Name"}
    ids = {one["Id"] for one in page["records"]}
    salesforce.remove("Account", "001D00000000000450")  # what the query found stays
    while not page["done"]:
        page = call("GET", salesforce.url + page["nextRecordsUrl"], named).json()
        ids |= {one["Id"] for one in page["records"]}
    assert len(ids) in (400, 450)
    gone = call("GET", f"{salesforce.url}{DATA}/query/01gDnone-200", named)
    assert (gone.status_code, gone.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_a_collection_answers_for_each_record_in_order(salesforce: Simulator, named: dict[str, str]):
    kind = {"attributes": {"type": "Account"}}
    body = {
        "allOrNone": False,
        "records": [
            {**kind, "ExternalId__c": "C1", "Name": "Sitwell-Bluth"},
            {**kind, "ExternalId__c": "C2"},
            {**kind, "ExternalId__c": "C1", "Name": "Sitwell"},
        ],
    }
    url = f"{salesforce.url}{DATA}/composite/sobjects/Account/ExternalId__c"
    told = call("PATCH", url, named, body)
    assert told.status_code == 200
    assert [(one["success"], one.get("created")) for one in told.json()] == [(True, True), (False, None), (True, False)]
    assert told.json()[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    records = [{**kind, "ExternalId__c": "C9", "Name": "x"}, {**kind, "ExternalId__c": "C8"}]
    whole = call("PATCH", url, named, {"allOrNone": True, "records": records})
    assert [one["success"] for one in whole.json()] == [True, False]
    assert call("GET", f"{salesforce.url}{DATA}/sobjects/Account/ExternalId__c/C9", named).status_code == 404
    many = {"records": [kind] * 201}
    assert call("PATCH", url, named, many).status_code == 400


def test_deleted_records_stay_in_the_recycle_bin(salesforce: Simulator, named: dict[str, str]):
    gone = "001D00000000000005"
    assert call("DELETE", f"{salesforce.url}{DATA}/sobjects/Account/{gone}", named).status_code == 204
    where = requests.utils.quote(f"SELECT Id, IsDeleted FROM Account WHERE Id = '{gone}'")  # type: ignore[attr-defined]
    assert call("GET", f"{salesforce.url}{DATA}/query?q={where}", named).json()["totalSize"] == 0
    assert call("GET", f"{salesforce.url}{DATA}/queryAll?q={where}", named).json()["records"][0]["IsDeleted"] is True


def test_a_used_up_day_is_403_without_a_time(salesforce: Simulator, named: dict[str, str]):
    salesforce.faults.set("throttle")
    told = query(salesforce, named, "SELECT Id FROM Account")
    assert (told.status_code, told.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert "Retry-After" not in told.headers


def test_a_bulk_query_gives_csv_by_locators(salesforce: Simulator, named: dict[str, str]):
    url = f"{salesforce.url}{DATA}/jobs/query"
    job = call("POST", url, named, {"operation": "query", "query": "SELECT Id, LastName FROM Contact"}).json()
    assert job["state"] == "UploadComplete"
    told = call("GET", f"{url}/{job['id']}", named).json()
    rows, locator = [], ""
    while locator != "null":
        part = call("GET", f"{url}/{job['id']}/results?maxRecords=40&locator={locator}", named)
        rows += [*csv.DictReader(part.text.splitlines())]
        locator = part.headers["Sforce-Locator"]
    assert (told["state"], told["numberRecordsProcessed"], len(rows)) == ("JobComplete", 90, 90)
    assert rows[0].keys() == {"Id", "LastName"}


@pytest.mark.parametrize(
    "text", ["SELECT FROM A", "SELECT Id FROM A WHERE x LIKE 'a%'", "SELECT Id FROM A WHERE", "DELETE FROM A"]
)
def test_other_soql_is_refused(text: str):
    with pytest.raises(Refused, match="unexpected token"):
        Soql.parse(text)
