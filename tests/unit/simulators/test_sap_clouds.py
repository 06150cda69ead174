"""SuccessFactors, My Inbox, a Task Center provider and Workday by a plain HTTP client, against their documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
import requests

from connectors.simulators import Simulator

SF = ("hubapi@lanhai", "sf-demo")
INBOX = ("HUB", "myinbox-demo")
TASKS = "/sap/opu/odata/IWPGW/TASKPROCESSING;v=2"
BSVC = "{urn:com.workday/bsvc}"


def get(url: str, auth: tuple[str, str], **params: str) -> requests.Response:
    return requests.get(url, params=params, auth=auth, headers={"Accept": "application/json"}, timeout=5)


# ------------------------------------------------------------ SuccessFactors


@pytest.fixture(scope="module")
def successfactors() -> Iterator[Simulator]:
    with Simulator("successfactors", records=60) as simulator:
        yield simulator


def test_a_snapshot_keeps_its_pages_while_people_leave(successfactors: Simulator):
    url = f"{successfactors.url}/odata/v2/User"
    first = get(url, SF, paging="snapshot", customPageSize="25").json()["d"]
    successfactors.remove("User", "u00060")
    names, page = [one["userId"] for one in first["results"]], first
    while "__next" in page:
        page = get(page["__next"], SF).json()["d"]
        names += [one["userId"] for one in page["results"]]
    assert (len(names), len(set(names)), names[-1]) == (60, 60, "u00060")
    assert first["results"][0]["__metadata"]["uri"].endswith("/odata/v2/User('u00001')")
    assert first["results"][0]["lastModifiedDateTime"].startswith("/Date(")


def test_jobs_count_as_of_a_day(successfactors: Simulator):
    url = f"{successfactors.url}/odata/v2/EmpJob"
    today, before, all_of = (
        get(url, SF, **params).json()["d"]["results"]
        for params in ({}, {"asOfDate": "2025-06-01"}, {"fromDate": "1900-01-01"})
    )
    assert {one["jobTitle"] for one in before} == {"见习"} != {one["jobTitle"] for one in today}
    assert (len(today), len(all_of)) == (60, 120)


def test_an_upsert_answers_for_each_record_with_status_200(successfactors: Simulator):
    rows = [
        {"__metadata": {"uri": "User('u00002')"}, "userId": "u00002", "title": "Chief"},
        {"__metadata": {"uri": "User('x')"}, "userId": "x", "titel": "Chief"},
        {"__metadata": {"uri": "Nobody('x')"}},
    ]
    told = requests.post(f"{successfactors.url}/odata/v2/upsert", json=rows, auth=SF, timeout=5)
    assert told.status_code == 200
    assert [(one["status"], one["index"]) for one in told.json()["d"]] == [("OK", 0), ("ERROR", 1), ("ERROR", 2)]
    assert successfactors.log.count("update", "User") == 1


def test_successfactors_words_its_errors(successfactors: Simulator):
    url = f"{successfactors.url}/odata/v2/User"
    wrong, unknown = get(url, ("hubapi", "sf-demo")), get(url, SF, **{"$select": "nope"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "LGN0007")
    assert unknown.status_code in (400, 404)
    assert get(url, SF, customPageSize="1001").status_code == 400


# ------------------------------------------------------------ My Inbox


@pytest.fixture
def inbox() -> Iterator[Simulator]:
    with Simulator("myinbox", records=30) as simulator:
        yield simulator


def decide(inbox: Simulator, key: str, decision: str, comments: str = "") -> requests.Response:
    with requests.Session() as session:
        session.auth = INBOX
        session.headers["Accept"] = "application/json"
        fetched = session.get(f"{inbox.url}{TASKS}/$metadata", headers={"X-CSRF-Token": "Fetch"}, timeout=5)
        named = {"X-CSRF-Token": fetched.headers["X-CSRF-Token"]}
        params = {
            "SAP__Origin": "'S4_PROVIDER'", "InstanceID": f"'{key}'", "DecisionKey": f"'{decision}'",
            "Comments": f"'{comments}'",
        }  # fmt: skip
        return session.post(f"{inbox.url}{TASKS}/Decision", params=params, headers=named, timeout=5)


def test_a_decided_task_leaves_the_list_and_is_not_decided_again(inbox: Simulator):
    url = f"{inbox.url}{TASKS}/TaskCollection"
    key = get(url, INBOX).json()["d"]["results"][0]["InstanceID"]
    assert decide(inbox, key, "0002").status_code == 400  # a rejection wants a comment
    assert decide(inbox, key, "0001", "好").json()["d"]["Status"] == "COMPLETED"
    assert key not in {one["InstanceID"] for one in get(url, INBOX).json()["d"]["results"]}
    done = get(url, INBOX, **{"$filter": "Status eq 'COMPLETED'"}).json()["d"]["results"]
    assert key in {one["InstanceID"] for one in done}
    assert decide(inbox, key, "0001").status_code == 400
    assert [one.note for one in inbox.log.of("approved", "TaskCollection", key)] == ["好"]


def test_a_decision_wants_a_csrf_token(inbox: Simulator):
    told = requests.post(f"{inbox.url}{TASKS}/Decision", auth=INBOX, timeout=5)
    assert (told.status_code, told.headers["X-CSRF-Token"]) == (403, "Required")


def test_a_task_tells_what_can_be_decided(inbox: Simulator):
    params = {"SAP__Origin": "'S4_PROVIDER'", "InstanceID": "'000000000002'"}
    options = get(f"{inbox.url}{TASKS}/DecisionOptions", INBOX, **params).json()["d"]["results"]
    assert [(one["DecisionKey"], one["Nature"]) for one in options] == [("0001", "POSITIVE"), ("0002", "NEGATIVE")]


# ------------------------------------------------------------ a provider of Task Center


@pytest.fixture
def provider() -> Iterator[Simulator]:
    with Simulator("taskcenter", records=30) as simulator:
        yield simulator


def _token(provider: Simulator) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": "task-hub", "client_secret": "taskcenter-demo"}
    told = requests.post(f"{provider.url}/oauth/token", data=form, timeout=5).json()
    return {"Authorization": f"Bearer {told['access_token']}"}


def test_tasks_follow_each_other_by_time_and_urn(provider: Simulator):
    named, found = _token(provider), []
    params: dict[str, str] = {"modifiedAfter": "1970-01-01T00:00:00Z", "$top": "7"}
    while True:
        page = requests.get(f"{provider.url}/tasks", params=params, headers=named, timeout=5).json()["value"]
        if not page:
            break
        found += [one["urn"] for one in page]
        params |= {"modifiedAfter": page[-1]["modifiedAt"], "lastId": page[-1]["urn"]}
    assert len(found) == len(set(found)) == 30
    assert requests.get(f"{provider.url}/tasks", params={"$top": "1001"}, headers=named, timeout=5).status_code == 400


def test_a_response_is_final_and_an_action_is_not(provider: Simulator):
    named = _token(provider)
    urn = next(one["urn"] for one in provider.rows("tasks") if one["status"] == "READY")

    def act(kind: str, **body: Any) -> requests.Response:
        return requests.post(f"{provider.url}/tasks/{urn}/{kind}", json=body, headers=named, timeout=5)

    told = [act("action", code="RESERVE"), act("response", code="reject"), act("response", code="approve")]
    assert [one.status_code for one in told] == [200, 400, 200]
    assert (told[0].json()["status"], told[2].json()["status"]) == ("RESERVED", "COMPLETED")
    again = act("response", code="approve")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "TASK_FINAL")
    assert provider.log.count("approve", "tasks", urn) == 1


# ------------------------------------------------------------ Workday


@pytest.fixture(scope="module")
def workday() -> Iterator[Simulator]:
    with Simulator("workday", records=230) as simulator:
        yield simulator


def soap(workday: Simulator, inner: str, password: str = "workday-demo") -> requests.Response:
    secext = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
        f'<w:Security xmlns:w="{secext}"><w:UsernameToken><w:Username>ISU_HUB@lanhai</w:Username>'
        f"<w:Password>{password}</w:Password></w:UsernameToken></w:Security></e:Header>"
        f'<e:Body><wd:Get_Workers_Request xmlns:wd="urn:com.workday/bsvc" wd:version="v42.0">{inner}'
        "</wd:Get_Workers_Request></e:Body></e:Envelope>"
    )
    url = f"{workday.url}/ccx/service/lanhai/Human_Resources/v42.0"
    return requests.post(url, data=body.encode(), headers={"Content-Type": "text/xml"}, timeout=5)


def _filter(page: int, count: int, more: str = "") -> str:
    everybody = "<wd:Exclude_Inactive_Workers>false</wd:Exclude_Inactive_Workers>"
    return (
        f"<wd:Request_Criteria>{more}{everybody}</wd:Request_Criteria><wd:Response_Filter><wd:Page>{page}</wd:Page>"
        f"<wd:Count>{count}</wd:Count></wd:Response_Filter>"
    )


def test_workers_come_in_pages_with_their_totals(workday: Simulator):
    found: list[str | None] = []
    for page in (1, 2, 3):
        root = fromstring(soap(workday, _filter(page, 100)).content)
        told = [root.findtext(f".//{BSVC}{name}") for name in ("Total_Results", "Total_Pages", "Page")]
        assert told == ["230", "3", str(page)]
        found += [each.text for each in root.iter(f"{BSVC}Worker_ID")]
    assert len(found) == len(set(found)) == 230


def test_workers_who_left_come_when_they_are_asked_for(workday: Simulator):
    active = fromstring(soap(workday, "").content)
    everybody = fromstring(soap(workday, _filter(1, 999)).content)
    counts = [len([*root.iter(f"{BSVC}Worker")]) for root in (active, everybody)]
    assert counts[0] == 100
    assert counts[1] == 230
    assert "false" in {each.text for each in everybody.iter(f"{BSVC}Active")}


def test_the_transaction_log_leaves_who_was_changed(workday: Simulator):
    span = (
        "<wd:Transaction_Log_Criteria_Data><wd:Transaction_Date_Range_Data><wd:Updated_From>2026-01-25T00:00:00Z"
        "</wd:Updated_From></wd:Transaction_Date_Range_Data></wd:Transaction_Log_Criteria_Data>"
    )
    root = fromstring(soap(workday, _filter(1, 999, span)).content)
    assert 0 < len([*root.iter(f"{BSVC}Worker")]) < 60


@pytest.mark.parametrize(
    ("inner", "password", "code"),
    [
        ("", "wrong", "SOAP-ENV:Client.authenticationError"),
        (_filter(0, 100), "workday-demo", "SOAP-ENV:Client.validationError"),
        (_filter(4, 100), "workday-demo", "SOAP-ENV:Client.validationError"),
        (_filter(1, 1000), "workday-demo", "SOAP-ENV:Client.validationError"),
    ],
)
def test_faults_have_the_vendors_codes(workday: Simulator, inner: str, password: str, code: str):
    told = soap(workday, inner, password)
    assert (told.status_code, fromstring(told.content).findtext(".//faultcode")) == (500, code)


def test_a_report_is_one_answer_and_takes_a_prompt(workday: Simulator):
    url = f"{workday.url}/ccx/service/customreport2/lanhai/ISU_HUB/Hub_Workers"
    user = ("ISU_HUB@lanhai", "workday-demo")
    rows = get(url, user, format="json").json()["Report_Entry"]
    some = get(url, user, format="json", Updated_From="2026-01-25T00:00:00Z").json()["Report_Entry"]
    assert (len(rows), 0 < len(some) < 60) == (230, True)
    assert get(url, ("ISU_HUB@lanhai", "no")).status_code == 401
