"""Systems that sync their approvals to Feishu sync them to the hub: the calls as its SDKs send them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.unit.todos.conftest import Desk

INSTANCE: dict[str, Any] = {
    "approval_code": "PUR-1",
    "instance_id": "3162634",
    "status": "PENDING",
    "title": "@i18n@1",
    "links": {"pc_link": "https://sign.example.com/3162634"},
    "form": [{"name": "@i18n@2", "value": "12 000"}],
    "user_id": "2",
    "start_time": "1793606400000",
    "end_time": "0",
    "update_time": "1793606700000",
    "task_list": [
        {
            "task_id": "112253",
            "user_id": "1",
            "links": {"pc_link": "https://sign.example.com/t/1", "mobile_link": "https://m.example.com/t/1"},
            "status": "PENDING",
            "create_time": "1793606500000",
            "end_time": "0",
            "update_time": "1793606700000",
            "node_id": "boss",
            "node_name": "@i18n@3",
            "action_configs": [
                {"action_type": "APPROVE"},
                {"action_type": "REJECT", "action_name": "@i18n@4", "is_reason_required": True},
            ],
        }
    ],
    "cc_list": [{"cc_id": "9", "user_id": "3", "links": {"pc_link": "https://x.example.com"}, "read_status": "UNREAD",
                 "create_time": "1793606500000", "update_time": "1793606700000"}],
    "i18n_resources": [
        {"locale": "en-US", "is_default": False, "texts": [{"key": "@i18n@1", "value": "Purchase"}]},
        {"locale": "zh-CN", "is_default": True, "texts": [
            {"key": "@i18n@1", "value": "采购"}, {"key": "@i18n@2", "value": "金额"},
            {"key": "@i18n@3", "value": "主管"}, {"key": "@i18n@4", "value": "驳回"}]},
    ],
}  # fmt: skip


class Feishu:
    """A client as the SDK is: it logs in as an app, and sends."""

    def __init__(self, office: Desk, app: str = "cli_sign", key: str = "") -> None:
        self.client = office.client
        secret = key or office.all["authorization"].removeprefix("Bearer ")
        asked = {"app_id": app, "app_secret": secret}
        self.told = self.client.post("/open-apis/auth/v3/tenant_access_token/internal", json=asked).json()
        self.token: str = self.told.get("tenant_access_token", "")

    def send(self, body: Any, call: str = "") -> Any:
        headers = {"content-type": "application/json"}
        headers |= {"authorization": f"Bearer {self.token}"} if self.token else {}
        place = f"/open-apis/approval/v4/external_instances{call}"
        answer = self.client.post(place, content=json.dumps(body), headers=headers)
        assert (answer.status_code == 200) == (answer.json()["code"] == 0)
        return answer.json()


@pytest.fixture
def feishu(shared: Desk) -> Feishu:
    return Feishu(shared)


def later(minutes: int, task: str = "PENDING", **more: Any) -> dict[str, Any]:
    """The instance, so many minutes later."""
    found = copy.deepcopy(INSTANCE)
    at = str(1793606700000 + minutes * 60_000)
    found["update_time"] = found["task_list"][0]["update_time"] = at
    found["task_list"][0]["status"] = task
    return found | more


def test_an_instance_lies_with_whom_it_concerns(shared: Desk, feishu: Feishu):
    assert feishu.told["expire"] > 0
    assert feishu.send(INSTANCE)["data"]["data"]["instance_id"] == "3162634"
    (one,) = shared.inbox("1", language="en")
    assert (one["title"], one["system"], one["node"], one["definition"]) == ("Purchase", "sign", "主管", "PUR-1")
    assert one["links"] == {"pc": "https://sign.example.com/t/1", "mobile": "https://m.example.com/t/1"}
    assert [(each["code"], each["nature"], each.get("comment")) for each in one["responses"]] == [
        ("APPROVE", "positive", None),
        ("REJECT", "negative", "required"),
    ]
    assert one["attributes"] == {"金额": {"value": "12 000"}}
    assert len(shared.inbox("2", box="initiated")) == 1
    assert [each["read"] for each in shared.inbox("3", box="to_read")] == [False]


def test_it_goes_on_and_ends_and_older_pushes_change_nothing(shared: Desk, feishu: Feishu):
    feishu.send(later(2, "APPROVED"))
    feishu.send(INSTANCE)
    assert (shared.inbox("1"), len(shared.inbox("1", box="done"))) == ([], 1)
    feishu.send(later(3))  # sent back to him
    assert len(shared.inbox("1")) == 1
    feishu.send(later(4, "REJECTED", status="REJECTED"))
    feishu.send(later(5))
    assert [one["outcome"] for one in shared.inbox("1", box="done")] == ["reject"]


def test_replacing_takes_off_who_is_missing_and_updating_does_not(shared: Desk, feishu: Feishu):
    feishu.send(INSTANCE)
    feishu.send(later(1, update_mode="UPDATE", task_list=[]))
    assert len(shared.inbox("1")) == 1
    feishu.send(later(2, task_list=[]))
    assert shared.inbox("1") == []
    feishu.send(later(3))
    feishu.send(later(4, "DONE", update_mode="UPDATE"))  # decided without him
    assert shared.inbox("1") == []


def test_what_is_hidden_comes_back_and_what_is_deleted_does_not(shared: Desk, feishu: Feishu):
    feishu.send(later(1, status="HIDDEN"))
    assert shared.inbox("1") == shared.inbox("2", box="initiated") == []
    feishu.send(later(2))
    assert len(shared.inbox("1")) == 1
    feishu.send(later(3, status="DELETED"))
    feishu.send(later(4))
    assert shared.inbox("1") == []


def test_the_check_names_what_is_missing_or_older(feishu: Feishu):
    feishu.send(later(1))
    new, same, old = "1793606820000", "1793606760000", "1793606700000"
    asked = [
        {"instance_id": "3162634", "update_time": at, "tasks": [{"task_id": "112253", "update_time": task}]}
        for at, task in ((same, same), (old, old), (new, new), (same, new))
    ]
    asked.append({"instance_id": "77", "update_time": old, "tasks": []})
    found = feishu.send({"instances": asked}, "/check")["data"]["diff_instances"]
    assert [(one["instance_id"], one["update_time"]) for one in found] == [
        ("3162634", same), ("3162634", same), ("77", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "OPEN"},
        {"instance_id": ""},
        {"update_time": "soon"},
        {"update_mode": "MERGE"},
        {"task_list": "all"},
        {"task_list": [{"status": "PENDING"}]},
        {"task_list": [{"status": "LATER", "user_id": "1"}]},
        {"links": {"pc_link": "javascript:alert(1)"}, "task_list": []},
    ],
)
def test_what_is_wrong_is_told_with_feishus_code(shared: Desk, feishu: Feishu, wrong: dict[str, Any]):
    said = feishu.send(INSTANCE | wrong)
    assert (said["code"], "todo.malformed" in said["msg"]) == (1390001, True)
    assert shared.inbox("1") == []
    assert feishu.send({"instances": [3]}, "/check")["code"] == 1390001


@pytest.mark.parametrize("odd", ["a\ud83d", 10**30])
def test_what_the_hub_does_not_read_is_answered_as_it_came(shared: Desk, feishu: Feishu, odd: Any):
    task = INSTANCE["task_list"][0] | {"task_id": odd}
    said = feishu.send(INSTANCE | {"task_list": [task], "extra": odd})
    assert (said["code"], said["data"]["data"]["extra"], len(shared.inbox("1"))) == (0, odd, 1)
    asked = {"instance_id": "3162634", "update_time": "1793606760000", "tasks": [{"task_id": odd}]}
    assert feishu.send({"instances": [asked]}, "/check")["data"]["diff_instances"][0]["tasks"][0]["task_id"] == odd


@pytest.mark.parametrize("odd", ["a\ud83d", "a\0"])
def test_an_id_that_no_database_keeps_is_told(feishu: Feishu, odd: str):
    asked = {"instance_id": odd, "update_time": "1793606760000"}
    assert feishu.send({"instances": [asked]}, "/check")["code"] == 1390001


def test_only_a_declared_app_with_a_key_gets_in(shared: Desk):
    assert Feishu(shared, app="cli_other").told["code"] == 10014
    stranger = Feishu(shared, key="guess")
    assert stranger.told["code"] == 10014
    assert stranger.send(INSTANCE)["code"] == 99991661
    stranger.token = "t-nonsense"
    assert stranger.send(INSTANCE)["code"] == 99991663
    seeyon = shared.client.post("/seeyon/rest/token", json={"password": shared.all["authorization"][7:]}).json()["id"]
    stranger.token = f"t-{seeyon}"
    assert stranger.send(INSTANCE)["code"] == 99991663
