"""Feishu, DingTalk and WeCom by a plain HTTP client, against values of the vendors' documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.simulators import Simulator
from connectors.simulators.feishu import APPROVAL
from connectors.simulators.feishu_external import DEFINITION
from connectors.simulators.wecom_cards import AGENT


def get(url: str, **params: Any) -> Any:
    return requests.get(url, params=params, timeout=5).json()


def post(url: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(url, json=body, headers={n.replace("_", "-"): v for n, v in headers.items()}, timeout=5)


@pytest.fixture(scope="module")
def feishu() -> Iterator[Simulator]:
    with Simulator("feishu", records=120) as simulator:
        yield simulator


def _feishu(simulator: Simulator) -> dict[str, str]:
    body = {"app_id": "cli_a1b2c3", "app_secret": "feishu-demo"}
    told = post(f"{simulator.url}/open-apis/auth/v3/tenant_access_token/internal", body).json()
    assert (told["code"], told["msg"], told["expire"] > 7000) == (0, "ok", True)
    return {"Authorization": f"Bearer {told['tenant_access_token']}"}


def test_feishu_gives_the_same_token_again_while_it_is_young(feishu: Simulator):
    assert _feishu(feishu) == _feishu(feishu)
    bad = post(f"{feishu.url}/open-apis/auth/v3/tenant_access_token/internal", {"app_id": "x", "app_secret": "y"})
    assert bad.json()["code"] == 10014


def test_feishu_says_in_its_envelope_what_is_wrong_with_a_token(feishu: Simulator):
    url = f"{feishu.url}/open-apis/contact/v3/users/find_by_department?department_id=0"
    assert requests.get(url, timeout=5).json()["code"] == 99991661
    wrong = requests.get(url, headers={"Authorization": "Bearer t-no"}, timeout=5)
    assert (wrong.status_code, wrong.json()["code"]) == (400, 99991663)


def test_feishu_pages_a_department_by_tokens(feishu: Simulator):
    named = _feishu(feishu)
    url = f"{feishu.url}/open-apis/contact/v3/departments/0/children"
    found, token = [], None
    for _ in range(20):
        query = {"fetch_child": "true", "page_size": "7", **({"page_token": token} if token else {})}
        data = requests.get(url, params=query, headers=named, timeout=5).json()["data"]
        found += [one["open_department_id"] for one in data["items"]]
        token = data.get("page_token")
        if not data["has_more"]:
            break
    assert len(found) == len(set(found)) == 20
    assert requests.get(url, params={"page_size": "51"}, headers=named, timeout=5).json()["code"] != 0


def test_feishu_limits_by_its_own_header(feishu: Simulator):
    named = _feishu(feishu)
    feishu.faults.set("throttle=9")
    answer = requests.get(f"{feishu.url}/open-apis/contact/v3/users/ou_00000001", headers=named, timeout=5)
    assert (answer.status_code, answer.headers["x-ogw-ratelimit-reset"]) == (429, "9")
    assert answer.json()["code"] == 99991400
    assert "Retry-After" not in answer.headers


def test_feishu_approves_a_task_once(feishu: Simulator):
    named = _feishu(feishu)
    span = {"approval_code": APPROVAL, "start_time": "0", "end_time": "9999999999999"}
    url = f"{feishu.url}/open-apis/approval/v4"
    codes = requests.get(f"{url}/instances", params=span, headers=named, timeout=5).json()["data"]
    rows = [
        requests.get(f"{url}/instances/{code}", headers=named, timeout=5).json()["data"]
        for code in codes["instance_code_list"]
    ]
    waiting = next(one for one in rows if one["status"] == "PENDING")
    task = waiting["task_list"][0]
    act = {
        "approval_code": APPROVAL, "instance_code": waiting["instance_code"], "user_id": task["user_id"],
        "task_id": task["id"], "comment": "同意",
    }  # fmt: skip
    answers = [post(f"{url}/tasks/approve", act, **named).json()["code"] for _ in range(2)]
    assert answers == [0, 1395001]
    assert feishu.log.count("approve", "instances", waiting["instance_code"]) == 1


@pytest.fixture(scope="module")
def dingtalk() -> Iterator[Simulator]:
    with Simulator("dingtalk", records=120) as simulator:
        yield simulator


def _dingtalk(simulator: Simulator) -> str:
    told = get(f"{simulator.url}/gettoken", appkey="dinghub1", appsecret="dingtalk-demo")
    assert (told["errcode"], told["expires_in"]) == (0, 7200) or told["expires_in"] > 7000
    return str(told["access_token"])


def test_dingtalk_refuses_with_status_200(dingtalk: Simulator):
    wrong = requests.post(f"{dingtalk.url}/topapi/v2/user/get?access_token=no", json={"userid": "u1"}, timeout=5)
    assert (wrong.status_code, wrong.json()["errcode"]) == (200, 40014)
    assert get(f"{dingtalk.url}/gettoken", appkey="dinghub1", appsecret="no")["errcode"] == 40089


def test_dingtalk_lists_one_level_of_departments(dingtalk: Simulator):
    url = f"{dingtalk.url}/topapi/v2/department/listsub?access_token={_dingtalk(dingtalk)}"
    below = post(url, {}).json()["result"]
    assert {one["parent_id"] for one in below} == {1}
    assert post(url, {"dept_id": 99999}).json()["errcode"] == 60003


def test_dingtalk_pages_people_by_position(dingtalk: Simulator):
    url = f"{dingtalk.url}/topapi/v2/user/list?access_token={_dingtalk(dingtalk)}"
    unit = dingtalk.rows("users")[50]["dept_id_list"][0]
    found, cursor = [], 0
    while True:
        result = post(url, {"dept_id": unit, "cursor": cursor, "size": 2}).json()["result"]
        found += [one["userid"] for one in result["list"]]
        if not result["has_more"]:
            break
        cursor = result["next_cursor"]
    there = {one["userid"] for one in dingtalk.rows("users") if unit in one["dept_id_list"]}
    assert set(found) == there
    assert post(url, {"dept_id": unit, "size": 2}).json()["errcode"] == 400002


def test_dingtalk_limits_without_a_word_of_how_long(dingtalk: Simulator):
    token = _dingtalk(dingtalk)
    dingtalk.faults.set("throttle")
    told = post(f"{dingtalk.url}/topapi/v2/user/get?access_token={token}", {"userid": "u00001"})
    assert (told.status_code, told.json()["errcode"], told.json()["sub_code"]) == (200, 88, "90018")


def test_dingtalk_keeps_a_to_do_by_its_source_id(dingtalk: Simulator):
    body = {"appKey": "dinghub1", "appSecret": "dingtalk-demo"}
    told = post(f"{dingtalk.url}/v1.0/oauth2/accessToken", body).json()
    named = {"x_acs_dingtalk_access_token": told["accessToken"]}
    url = f"{dingtalk.url}/v1.0/todo/users/un-u00001/tasks"
    first, again = (post(url, {"sourceId": "oa-x", "subject": "接入钉钉待办"}, **named).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert dingtalk.log.count("create", "todos") == 1
    wrong = post(url, {"subject": "x"}, x_acs_dingtalk_access_token="no")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "InvalidAuthentication")
    assert post(url, {"subject": "长" * 1025}, **named).status_code == 400


@pytest.fixture(scope="module")
def wecom() -> Iterator[Simulator]:
    with Simulator("wecom", records=120) as simulator:
        yield simulator


def _wecom(simulator: Simulator) -> str:
    told = get(f"{simulator.url}/cgi-bin/gettoken", corpid="ww1hub", corpsecret="wecom-demo")
    assert (told["errcode"], told["errmsg"]) == (0, "ok")
    return str(told["access_token"])


def test_wecom_answers_have_the_fields_of_the_vendors_example(wecom: Simulator):
    """The example of user/list and department/list in the vendor's documents."""
    token = _wecom(wecom)
    units = get(f"{wecom.url}/cgi-bin/department/list", access_token=token)
    people = get(f"{wecom.url}/cgi-bin/user/list", access_token=token, department_id=1)
    assert units.keys() == {"errcode", "errmsg", "department"}
    assert {"id", "name", "parentid", "order"} <= units["department"][0].keys()
    told = {"userid", "name", "department", "position", "mobile", "gender", "email", "status", "enable", "alias"}
    assert told <= people["userlist"][0].keys()


def test_wecom_tells_errors_by_errcode(wecom: Simulator):
    token = _wecom(wecom)
    base = f"{wecom.url}/cgi-bin"
    codes = [
        get(f"{base}/user/get", access_token="no", userid="u1")["errcode"],
        get(f"{base}/user/get", userid="u1")["errcode"],
        get(f"{base}/user/get", access_token=token, userid="nobody")["errcode"],
        get(f"{base}/user/list", access_token=token, department_id=9999)["errcode"],
        post(f"{base}/user/create?access_token={token}", {"userid": "u00001"}).json()["errcode"],
        get(f"{base}/gettoken", corpid="ww1hub", corpsecret="no")["errcode"],
    ]
    assert codes == [42001, 41001, 60111, 60003, 60102, 40001]


def test_wecom_lists_approvals_in_spans_of_at_most_31_days(wecom: Simulator):
    token = _wecom(wecom)
    url = f"{wecom.url}/cgi-bin/oa/getapprovalinfo?access_token={token}"
    span = {"starttime": "1767200000", "endtime": "1769800000", "size": 10}
    found, cursor = [], ""
    while True:
        told = post(url, {**span, "new_cursor": cursor}).json()
        found += told["sp_no_list"]
        cursor = told.get("new_next_cursor", "")
        if not cursor:
            break
    assert len(found) == len(set(found)) == 60
    assert post(url, {**span, "starttime": "1760000000", "new_cursor": ""}).json()["errcode"] == 301025
    shown = post(f"{wecom.url}/cgi-bin/oa/getapprovaldetail?access_token={token}", {"sp_no": found[0]}).json()
    assert json.loads(json.dumps(shown))["info"]["sp_record"][0]["details"][0]["approver"]["userid"]


def test_a_token_ends_after_its_time(wecom: Simulator):
    token = _wecom(wecom)
    wecom.faults.set("skew=7300,times=1")
    assert get(f"{wecom.url}/cgi-bin/user/get", access_token=token, userid="u00001")["errcode"] == 42001


def _instance(number: int, minute: int, **more: Any) -> dict[str, Any]:
    links, time = {"pc_link": "https://hub.example.com/1"}, str(1_700_000_000_000 + minute)
    times = {"end_time": "0", "update_time": time}
    task = {"task_id": f"t{number}", "open_id": "ou_00000001", "status": "PENDING", "links": links, "create_time": time}
    return {
        "approval_code": DEFINITION, "instance_id": f"i{number}", "status": "PENDING", "title": f"Title {minute}",
        "links": links, "start_time": time, "task_list": [task | times], **times, **more,
    }  # fmt: skip


def test_feishu_syncs_what_is_newer_or_all(feishu: Simulator):
    named, url = _feishu(feishu), f"{feishu.url}/open-apis/approval/v4/external_instances"

    def sync(**more: Any) -> Any:
        return post(url, _instance(1, **more), **named).json()["code"]

    def title() -> str:
        return str(feishu.product.tables["external_instances"].get("i1")["title"])  # type: ignore[index]

    assert (sync(minute=5), title()) == (0, "Title 5")
    assert (sync(minute=4, update_mode="UPDATE"), title()) == (0, "Title 5")
    assert (sync(minute=6, update_mode="UPDATE"), title()) == (0, "Title 6")
    assert (sync(minute=1), title()) == (0, "Title 1")
    assert (sync(minute=7, approval_code="X"), sync(minute=7, links={})) == (1390001, 1390001)
    assert post(url, _instance(2, 7, approval_code="X"), **named).json()["code"] == 1390002
    asked = [{"instance_id": "i1", "update_time": "1700000000001"}, {"instance_id": "i2", "update_time": "1"}]
    told = post(f"{url}/check", {"instances": asked}, **named).json()["data"]["diff_instances"]
    assert [one["instance_id"] for one in told] == ["i2"]
    states = requests.get(
        url.replace("instances", "tasks"), json={"instance_ids": ["i1"]}, headers=named, timeout=5
    ).json()["data"]["data"]
    assert [(one["instance_id"], one["tasks"][0]["status"]) for one in states] == [("i1", "PENDING")]


def test_wecom_changes_a_card_once_and_takes_a_task_id_once(wecom: Simulator):
    token = _wecom(wecom)
    card = {"card_type": "button_interaction", "task_id": "a_1", "main_title": {"title": "Leave"},
            "button_list": [{"text": "Open", "type": 1, "url": "https://hub.example.com"}]}  # fmt: skip
    who = wecom.rows("users")[0]["userid"]

    def told(path: str, **body: Any) -> Any:
        return post(f"{wecom.url}/cgi-bin/message/{path}?access_token={token}", {"agentid": AGENT, **body}).json()

    sent = {"msgtype": "template_card", "touser": f"{who}|nobody", "template_card": card}
    first = told("send", **sent)
    assert (first["errcode"], first["invaliduser"]) == (0, "nobody")
    assert told("send", **sent)["errcode"] == 42014
    assert told("send", **sent | {"touser": "nobody"})["errcode"] == 81013
    over = {"response_code": first["response_code"], "atall": 1, "button": {"replace_name": "Over"}}
    assert [told("update_template_card", **over)["errcode"] for _ in range(2)] == [0, 40058]
