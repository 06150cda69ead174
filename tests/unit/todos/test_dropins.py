"""Systems that push to-dos to Seeyon or to Weaver push them to the hub: the calls as their integrations send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.api.dropins import _within
from hub.security import access
from hub.workspace.load import lint
from tests.unit.todos.conftest import Desk

PENDING: dict[str, Any] = {
    "registerCode": "3001",
    "taskId": "PMS#1_77",
    "title": "采购申请 77",
    "senderName": "王伟",
    "noneBindingSender": "2",
    "noneBindingReceiver": "1",
    "creationDate": "2026-11-02 16:00:00",
    "state": "0",
    "url": "/flow/77",
    "h5url": "https://m.example.com/77",
}
OFS: dict[str, Any] = {
    "syscode": "FLOW",
    "flowid": "77",
    "requestname": "出差申请",
    "workflowname": "travel",
    "nodename": "主管",
    "pcurl": "/f/77",
    "appurl": "",
    "creator": "2",
    "createdatetime": "2026-11-02 16:00:00",
    "receiver": "1",
    "receivedatetime": "2026-11-02 16:05:00",
    "isremark": "0",
    "viewtype": "0",
    "receivets": "1793606700000",
}


JSON = {"content-type": "application/json"}


class Seeyon:
    """A client of Seeyon's REST interface, as it logs in and pushes."""

    def __init__(self, office: Desk, key_of: dict[str, str] | None = None) -> None:
        self.client, self.base = office.client, "/seeyon/rest"
        key = (key_of or office.all)["authorization"].removeprefix("Bearer ")
        answer = self.client.post(f"{self.base}/token", json={"userName": "rest", "password": key})
        self.token: str = answer.json()["id"]

    def send(self, call: str, body: Any, **more: Any) -> Any:
        asked = {"headers": {"token": self.token}, **more}
        asked["headers"] = JSON | asked["headers"]
        return self.client.post(f"{self.base}/thirdpartyPending/{call}", content=json.dumps(body), **asked).json()


@pytest.fixture
def seeyon(shared: Desk) -> Seeyon:
    return Seeyon(shared)


def test_a_pending_of_seeyon_comes_and_is_done(shared: Desk, seeyon: Seeyon):
    assert seeyon.send("receive", PENDING) == {"success": True, "errorMsgs": []}
    (one,) = shared.inbox("1")
    assert (one["title"], one["system"], one["since"]) == ("采购申请 77", "pms", "2026-11-02T16:00:00+00:00")
    assert one["links"] == {"pc": "https://pms.example.com/flow/77", "mobile": "https://m.example.com/77"}
    change = {"registerCode": "3001", "taskId": "PMS#1_77", "state": "1", "subState": "0"}
    assert seeyon.send("updatePendingState", change)["success"]
    assert shared.inbox("1") == []
    assert [(one["title"], one["outcome"]) for one in shared.inbox("1", box="done")] == [("采购申请 77", "agree")]
    assert seeyon.send("receive", PENDING)["success"]  # sent again, late
    assert shared.inbox("1") == []


def test_several_pendings_come_at_once_and_a_wrong_one_is_told(shared: Desk, seeyon: Seeyon):
    bad = PENDING | {"taskId": "x", "state": "7"}
    strange = PENDING | {"taskId": "y", "registerCode": "9"}
    said = seeyon.send("receive/pendings", {"pendingList": [PENDING, bad, strange, PENDING | {"taskId": "z"}]})
    assert not said["success"]
    assert [one["taskId"] for one in said["errorMsgs"]] == ["x", "y"]
    assert "todo.malformed" in said["errorMsgs"][0]["errorDetail"]
    assert len(shared.inbox("1")) == 2


def test_half_a_character_is_told_and_harms_no_other(shared: Desk, seeyon: Seeyon):
    """A text that its sender cut in the middle of a character, in JSON as Java writes it."""
    cut = PENDING | {"taskId": "a\ud83d"}
    said = seeyon.send("receive/pendings", {"pendingList": [cut, PENDING]})
    assert [one["taskId"] for one in said["errorMsgs"]] == ["a?"]
    assert len(shared.inbox("1")) == 1
    assert ofs(shared, syscode="\ud83d")["operResult"] == "0"
    token = shared.client.post("/seeyon/rest/token", content=b'{"password": "\\ud83d"}', headers=JSON)
    assert token.json()["id"] == "-1"


def test_the_token_may_stand_in_the_address_and_holds_no_key(shared: Desk, seeyon: Seeyon):
    key = shared.all["authorization"].removeprefix("Bearer ")
    older = shared.client.get(f"/seeyon/rest/token/rest/{key}").json()["id"]
    assert key not in older
    assert key.rpartition("_")[2] not in older
    assert seeyon.send("receive", PENDING, headers={}, params={"token": older})["success"]
    refused = shared.client.post("/seeyon/rest/token", json={"userName": "rest", "password": "guess"})
    assert refused.json()["id"] == "-1"


@pytest.mark.parametrize("token", ["", "nonsense", "W10", "eyJhIjoxfQ"])
def test_without_a_token_nothing_is_taken(shared: Desk, token: str):
    headers = {"token": token} if token else {}
    answer = shared.client.post("/seeyon/rest/thirdpartyPending/receive", json=PENDING, headers=headers)
    assert (answer.status_code, answer.json()["success"]) == (401, False)
    assert shared.inbox("1") == []


def test_a_revoked_key_ends_its_tokens(shared: Desk):
    hub = shared.open_hub.hub
    seeyon = Seeyon(shared, shared.key("brief", "todos:write"))
    assert seeyon.send("receive", PENDING)["success"]
    access.revoke(hub.database, hub.actor, "brief")
    assert not seeyon.send("receive", PENDING)["success"]


def ofs(shared: Desk, call: str = "ReceiveRequestInfoByJson", **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = shared.client.post(
        f"/rest/ofs/{call}", content=json.dumps(OFS | given), headers=JSON | shared.all
    ).json()
    return found


def test_a_to_do_of_weaver_comes_is_read_and_done(shared: Desk):
    assert ofs(shared) == {
        "syscode": "FLOW",
        "dataType": "IsUse",
        "operType": "AutoEditWf",
        "operResult": "1",
        "message": "created",
    }
    (one,) = shared.inbox("1")
    assert (one["title"], one["definition"], one["node"], one["read"]) == ("出差申请", "travel", "主管", False)
    ofs(shared, viewtype="1", receivets="1793606700001")
    assert shared.inbox("1")[0]["read"]
    ofs(shared, isremark="2", receivets="1793606700002")
    assert shared.inbox("1") == []
    ofs(shared, isremark="0", receivets="1793606700001")  # older: nothing comes back
    assert shared.inbox("1") == []
    ofs(shared, isremark="0", receivets="1793606700009")  # sent back to him
    assert len(shared.inbox("1")) == 1


@pytest.mark.parametrize("time", ["²", "179360670000²", "-1", "1e12", "9" * 5000, "9" * 18])
def test_a_time_of_weaver_that_is_none_is_told(shared: Desk, time: str):
    said = ofs(shared, receivets=time)
    assert (said["operResult"], said["message"].partition(":")[0]) == ("0", "todo.malformed")


def test_the_calls_of_weaver_for_each_state(shared: Desk):
    ofs(shared, "ReceiveTodoRequestByJson", isremark="")
    ofs(shared, "ReceiveCCRequestByJson", receiver="2", isremark="")
    assert (len(shared.inbox("1")), len(shared.inbox("2", box="to_read"))) == (1, 1)
    ofs(shared, "ProcessDoneRequestByJson", isremark="", receivets="1793606700001")
    assert len(shared.inbox("1", box="done")) == 1
    ofs(shared, "deleteUserRequestInfoByJson", receiver="2", receivets="1793606700001")
    assert shared.inbox("2", box="to_read") == []
    ofs(shared, "deleteRequestInfoByJson", receivets="1793606700002")
    assert shared.inbox("1", box="done") == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"syscode": "OTHER"}, "system.unknown"),
        ({"receiver": ""}, "todo.malformed"),
        ({"isremark": "5"}, "todo.malformed"),
        ({"receivets": "soon"}, "todo.malformed"),
        ({"createdatetime": "yesterday"}, "todo.malformed"),
        ({"flowid": ["a"]}, "todo.malformed"),
        ({"pcurl": "javascript://x"}, "todo.malformed"),
    ],
)
def test_what_is_wrong_is_told_in_the_protocols_own_way(shared: Desk, given: dict[str, Any], message: str):
    said = ofs(shared, **given)
    assert (said["operResult"], said["message"].partition(":")[0]) == ("0", message)


@pytest.mark.parametrize(
    ("address", "known"), [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("::ffff:11.1.2.3", False)]
)
def test_an_address_of_ipv4_is_known_behind_a_socket_of_both_versions_too(address: str, known: bool):
    assert _within(address, "10.0.0.0/8") is known


def test_a_sender_without_key_must_come_from_a_declared_address(shared: Desk):
    answer = shared.client.post("/rest/ofs/ReceiveRequestInfoByJson", json=OFS)
    assert (answer.status_code, answer.json()["operResult"]) == (401, "0")
    assert shared.inbox("1") == []
    path = shared.folder / "config" / "systems" / "flow.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("10.0.0.0/8", "testclient"), encoding="utf-8")

    workspace, findings = lint(shared.folder)
    assert workspace is None
    assert ["testclient" in one.message for one in findings] == [True]
