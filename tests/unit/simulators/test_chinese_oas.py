"""Seeyon, Weaver and Kingdee by a plain HTTP client."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors.simulators import Simulator
from connectors.simulators.catalogue import secrets
from connectors.simulators.seeyon import ACCOUNT

KINGDEE = "/K3Cloud/Kingdee.BOS.WebApi.ServicesStub"


def post(url: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(url, json=body, headers=headers, timeout=5)


@pytest.fixture(scope="module")
def seeyon() -> Iterator[Simulator]:
    with Simulator("seeyon", records=40) as simulator:
        yield simulator


def test_seeyon_gives_a_token_in_both_ways_and_lists_bare_arrays(seeyon: Simulator):
    base = f"{seeyon.url}/seeyon/rest"
    token = post(f"{base}/token", {"userName": "rest-hub", "password": "seeyon-demo"}).json()["id"]
    older = requests.get(f"{base}/token/rest-hub/seeyon-demo", timeout=5).json()["id"]
    assert post(f"{base}/token", {"userName": "rest-hub", "password": "no"}).json()["id"] == "-1"
    for given in (token, older):
        units = requests.get(f"{base}/orgDepartments/{ACCOUNT}", headers={"token": given}, timeout=5).json()
        assert len(units) == 20
    people = requests.get(f"{base}/orgMembers/department/{units[1]['id']}", params={"token": token}, timeout=5).json()
    assert {one["orgDepartmentId"] for one in people} == {units[1]["id"]}
    assert units[1]["id"] < -(2**53)  # longer than a double holds


def test_seeyons_token_ends_after_a_quarter_of_an_hour_without_use(seeyon: Simulator):
    base = f"{seeyon.url}/seeyon/rest"
    token = post(f"{base}/token", {"userName": "rest-hub", "password": "seeyon-demo"}).json()["id"]
    answers = []
    for ahead in (800, 1600, 2600):
        seeyon.faults.set(f"skew={ahead},times=1")
        answers.append(requests.get(f"{base}/orgAccounts", headers={"token": token}, timeout=5))
    assert [one.status_code for one in answers] == [200, 200, 401]
    assert answers[2].json()["code"] == "1010"


def test_seeyon_takes_to_dos_one_by_one_and_together(seeyon: Simulator):
    base = f"{seeyon.url}/seeyon/rest"
    token = post(f"{base}/token", {"userName": "rest-hub", "password": "seeyon-demo"}).json()["id"]
    one = {
        "taskId": "PMS#1_u1", "registerCode": "3001", "title": "批准", "senderName": "s",
        "creationDate": "2026-01-01 08:00:00", "state": "0",
    }  # fmt: skip
    bad = {**one, "taskId": "PMS#2_u1", "registerCode": "9999"}
    assert post(f"{base}/thirdpartyPending/receive", one, token=token).json() == {"success": True, "errorMsgs": []}
    told = post(f"{base}/thirdpartyPending/receive/pendings", {"pendingList": [one, bad]}, token=token)
    assert (told.status_code, told.json()["success"]) == (200, False)
    assert [each["taskId"] for each in told.json()["errorMsgs"]] == ["PMS#2_u1"]
    done = post(f"{base}/thirdpartyPending/updatePendingState", {"taskId": "PMS#1_u1", "state": 1}, token=token)
    assert done.json()["success"] is True
    assert (seeyon.log.count("create", "pendings"), seeyon.log.count("update", "pendings")) == (1, 2)


@pytest.fixture(scope="module")
def weaver() -> Iterator[Simulator]:
    with Simulator("weaver", records=40) as simulator:
        yield simulator


def sealed(text: str) -> str:
    key = load_der_public_key(base64.b64decode(secrets("weaver")["weaver/spk"]))
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(text.encode(), padding.PKCS1v15())).decode()


def test_weaver_wants_secret_and_user_encrypted(weaver: Simulator):
    apply = f"{weaver.url}/api/ec/dev/auth/applytoken"
    named = {"appid": "EEAA5436-hub"}
    assert post(apply, {}, **named, secret="weaver-demo").json()["status"] is False
    told = post(apply, {}, **named, secret=sealed("weaver-demo"), time="1800").json()
    assert (told["status"], told["code"]) == (True, 0)
    url = f"{weaver.url}/api/hrm/resful/getHrmUserInfoWithPage"
    named |= {"token": told["token"], "userid": sealed("1")}
    pages = [post(url, {"params": {"curpage": n, "pagesize": 15}}, **named).json() for n in (1, 2, 3, 4)]
    assert [len(page["data"]["dataList"]) for page in pages] == [15, 15, 10, 0]
    assert {(page["code"], page["data"]["totalSize"]) for page in pages} == {("1", 40)}
    clear = post(url, {"params": {}}, **{**named, "userid": "1"})
    assert (clear.status_code, clear.json()["status"]) == (200, False)


def test_weaver_drops_what_is_older_than_what_it_has(weaver: Simulator):
    url = f"{weaver.url}/rest/ofs/ReceiveRequestInfoByJson"
    body = {
        "syscode": "HUB", "flowid": "7", "requestname": "r", "receiver": "u1", "isremark": "2", "receivets": "2000",
    }  # fmt: skip
    assert post(url, body).json()["operResult"] == "1"
    late = post(url, {**body, "isremark": "0", "receivets": "1000"}).json()
    assert (late["operResult"], late["message"]) == ("1", "older than what is there")
    assert [each["isremark"] for each in weaver.rows("ofs")] == ["2"]
    assert post(url, {**body, "syscode": "OTHER"}).json()["operResult"] == "0"


@pytest.fixture(scope="module")
def kingdee() -> Iterator[tuple[Simulator, requests.Session]]:
    with Simulator("kingdee", records=40) as simulator, requests.Session() as session:
        body = {"acctID": "5f6e1c0hub", "username": "hub", "password": "kingdee-demo", "lcid": 2052}
        url = f"{simulator.url}{KINGDEE}.AuthService.ValidateUser.common.kdsvc"
        assert session.post(url, json={**body, "password": "no"}, timeout=5).json()["LoginResultType"] == 0
        assert session.post(url, json=body, timeout=5).json()["LoginResultType"] == 1
        yield simulator, session


def service(simulator: Simulator, session: Any, name: str, body: Any) -> Any:
    url = f"{simulator.url}{KINGDEE}.DynamicFormService.{name}.common.kdsvc"
    answer = session.post(url, json=body, timeout=5)
    assert answer.status_code == 200
    return answer.json()


def test_kingdee_answers_values_without_names(kingdee: tuple[Simulator, requests.Session]):
    data = {"FormId": "BD_MATERIAL", "FieldKeys": "FNumber,FName", "OrderString": "FNumber", "StartRow": 10, "Limit": 7}
    rows = service(*kingdee, "ExecuteBillQuery", {"data": data})
    assert ([row[0] for row in rows], len(rows[0])) == ([f"MD-{n:05d}" for n in range(11, 18)], 2)
    assert service(*kingdee, "ExecuteBillQuery", {"data": {**data, "StartRow": 40}}) == []
    data |= {"StartRow": 0, "FilterString": "FNumber = 'MD-00003'"}
    some = service(*kingdee, "ExecuteBillQuery", {"data": data})
    assert [row[0] for row in some] == ["MD-00003"]


def test_kingdee_fails_inside_of_two_lists_and_tells_a_lost_session(kingdee: tuple[Simulator, requests.Session]):
    simulator, session = kingdee
    unknown = service(simulator, session, "ExecuteBillQuery", {"data": {"FormId": "BD_MATERIAL", "FieldKeys": "FNope"}})
    assert unknown[0][0]["Result"]["ResponseStatus"]["IsSuccess"] is False
    lost = service(simulator, requests, "ExecuteBillQuery", {"data": {}})
    assert lost[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1
    assert service(simulator, requests, "Save", {})["Result"]["ResponseStatus"]["MsgCode"] == 1


def test_kingdee_saves_a_number_once(kingdee: tuple[Simulator, requests.Session]):
    simulator, session = kingdee
    body = {"formid": "BD_MATERIAL", "data": {"Model": {"FNumber": "WL001", "FName": "测试物料"}}}
    first, again = (service(simulator, session, "Save", body)["Result"] for _ in range(2))
    assert (first["ResponseStatus"]["IsSuccess"], first["Number"]) == (True, "WL001")
    assert again["ResponseStatus"]["Errors"][0]["Message"].endswith("已存在")
    assert simulator.log.count("create", "BD_MATERIAL") == 1
