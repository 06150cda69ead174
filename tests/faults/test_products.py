"""Simulated products, read and written by the system files that integrators copy: whatever goes wrong, all records
come or an error says why, and the product's own log shows that nothing was created twice or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.simulators import Simulator
from hub.contract import Change, Operation
from hub.errors import AuthError, HubError, Retriable
from tests.faults.matrix import row
from tests.systems.simulated import Simulated, connected, serving, simulated

pytestmark = [
    pytest.mark.against("dingtalk", "DingTalk", "simulator"),
    pytest.mark.against("dingtalk_todo", "DingTalk", "simulator"),
    pytest.mark.against("feishu", "Feishu", "simulator"),
    pytest.mark.against("salesforce", "Salesforce", "simulator"),
    pytest.mark.against("sap_my_inbox", "SAP My Inbox", "simulator"),
    pytest.mark.against("sap_task_provider", "a provider of SAP Task Center", "simulator"),
    pytest.mark.against("successfactors", "SuccessFactors", "simulator"),
    pytest.mark.against("wecom", "WeCom", "simulator"),
]
READ = {
    "salesforce Account": ("salesforce", "salesforce", "Account", "Account", "Id", "/query/"),
    "feishu users": ("feishu", "feishu", "users", "users", "open_id", "find_by_department"),
    "dingtalk users": ("dingtalk", "dingtalk", "users", "users", "userid", "user/list"),
    "wecom users": ("wecom", "wecom", "users", "users", "userid", "user/list"),
    "wecom approvals": ("wecom", "wecom", "approvals", "approvals", "sp_no", "/oa/"),
    "workday report": ("workday", "workday_report", "workers", "workers", "Worker_ID", "Hub_Workers"),
    "successfactors users": ("successfactors", "successfactors", "User", "User", "userId", "/User"),
    "my inbox": ("myinbox", "myinbox", "TaskCollection", "TaskCollection", "InstanceID", "/TaskCollection"),
    "seeyon members": ("seeyon", "seeyon", "members", "members", "loginName", "orgMembers"),
    "weaver users": ("weaver", "weaver", "users", "users", "id", "UserInfo"),
    "kingdee materials": ("kingdee", "kingdee", "materials", "BD_MATERIAL", "FNumber", "BillQuery"),
    "task center": ("taskcenter", "taskcenter", "tasks", "tasks", "urn", "/tasks"),
}
"""Name → product, example, resource, table, key, and a part of the path of its pages."""
WHOLE = {"workday report"}
"""Lists that come in one answer."""
RECORDS = {"salesforce": 450, "workday": 260, "successfactors": 120}
PASSING = ("cut", "throttle=0", "unavailable", "refused", "slow=200000", "expire", "twice", "reorder", "skew=86400")
STAYING = (
    "masked,times=9", "unauthorized,times=9", "nothing", "html", "repeat", "skip", "stale", "cut,times=9",
    "throttle=30,times=9", "swallowed", "count=3",
)  # fmt: skip
AGAIN = {
    ("wecom users", "throttle=0"), ("wecom approvals", "throttle=0"),  # a minute, by its manual
    ("kingdee materials", "twice"), ("kingdee materials", "reorder"),  # positions that moved are not guessed at
}  # fmt: skip
"""The read ends with an error, and the next one gives all."""
UNSEEN = {
    ("feishu users", "skip"), ("dingtalk users", "skip"), ("feishu users", "swallowed"), ("task center", "skip"),
    ("task center", "swallowed"),
}  # fmt: skip
"""They announce no total: a page that they leave out, or a list that they cut short, shows in the next read only. The
hub's grace and guard keep who was on it until then."""


@pytest.fixture(scope="module")
def served() -> Iterator[Callable[[str], Simulator]]:
    """Each product once: reading changes nothing."""
    with serving(lambda product: RECORDS.get(product, 60)) as serve:
        yield serve


def told(said: Simulated, name: str) -> tuple[set[str], set[str]]:
    """The keys read and the keys there are."""
    product, _, resource, table, key, _ = READ[name]
    rows = said.read(resource, size={"salesforce": None, "workday": 100, "successfactors": 40}.get(product, 4))
    if name == "my inbox":
        waiting = [one for one in said.simulator.rows(table) if one["Status"] != "COMPLETED"]
        return {one[key] for one in rows}, {one[key] for one in waiting}
    return {one[key] for one in rows}, {one[key] for one in said.simulator.rows(table)}


def faulty(name: str, fault: str) -> str:
    if fault.startswith("skew"):
        return f"{fault},skip=2"
    skip = "" if "," in fault or name in WHOLE else ",skip=1"
    return f"{fault},path={READ[name][5]}{skip}"


@row(8, "products of the cloud, faults that pass")
@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("name", READ)
def test_a_fault_that_passes_loses_nothing(name: str, fault: str, served: Callable[[str], Simulator]):
    with connected(served(READ[name][0]), READ[name][1]) as said:
        said.simulator.faults.set(faulty(name, fault))
        if (name, fault) in AGAIN:
            with pytest.raises(Retriable):
                told(said, name)
        found, there = told(said, name)
        assert found == there
        assert said.simulator.log.count("delete") == 0


@row(40, "products of the cloud, faults that stay")
@pytest.mark.parametrize("fault", STAYING)
@pytest.mark.parametrize("name", READ)
def test_a_fault_that_stays_is_told_or_does_no_harm(name: str, fault: str, served: Callable[[str], Simulator]):
    with connected(served(READ[name][0]), READ[name][1]) as said:
        said.simulator.faults.set(faulty(name, fault))
        error: HubError | None = None
        found, there = set[str](), set[str]()
        try:
            found, there = told(said, name)
        except HubError as raised:
            error = raised
        if (name, fault) in UNSEEN:
            assert found < there
            found, there = told(said, name)
        assert (error.code and (error.where or error.code == "auth.refused")) if error else found == there


@row(37, "tokens of vendors, which say so with status 200")
@pytest.mark.parametrize(
    "name",
    ["dingtalk users", "wecom users", "feishu users", "salesforce Account", "seeyon members", "weaver users",
     "kingdee materials"],
)  # fmt: skip
def test_a_token_is_fetched_again_once_and_not_for_ever(name: str):
    with simulated(*READ[name][:2], records=450) as said:
        said.simulator.faults.set(f"expire,path={READ[name][5]},skip=1")
        told(said, name)
        assert said.simulator.log.count("login", "granted") == 2
        said.simulator.faults.set(f"masked,path={READ[name][5]},times=always")
        with pytest.raises(AuthError):
            told(said, name)
        # a refused token was fetched anew once
        assert said.simulator.log.count("login", "granted") <= 3


PERSON: dict[str, tuple[str, dict[str, Any], str]] = {
    "feishu": ("users", {"name": "新", "mobile": "19911112222", "department_ids": ["od-000002"]}, "mobile"),
    "dingtalk": ("users", {"userid": "new1", "name": "新", "dept_id_list": "2"}, "userid"),
    "dingtalk_todo": ("todos", {"sourceId": "hub-1", "subject": "批准", "executorIds": ["un-u00003"]}, "sourceId"),
    "wecom": ("users", {"userid": "new1", "name": "新", "mobile": "19911112222", "department": [2]}, "userid"),
    "seeyon": ("members", {"loginName": "new1", "name": "新", "orgDepartmentId": 7}, "loginName"),
    "kingdee": ("materials", {"FNumber": "NEW-1", "FName": "新"}, "FNumber"),
    "salesforce": ("Account", {"ExternalId__c": "S-1", "Name": "New"}, "ExternalId__c"),
}  # fmt: skip


def change(product: str, operation: Operation, foreign_id: str | None = None, **more: object) -> Change:
    _, values, key = PERSON[product]
    values = {} if operation == "delete" else {**values, **more}
    return Change(operation, {key: PERSON[product][1][key]}, values, foreign_id, id="c1")


@pytest.mark.parametrize("name", PERSON)
def test_a_record_is_created_changed_found_and_deleted(name: str):
    resource, values, key = PERSON[name]
    title = {"salesforce": "Name", "dingtalk_todo": "subject", "kingdee": "FName"}.get(name, "name")
    with simulated(name.partition("_")[0], name, records=30) as said:
        (made,) = said.deliver(resource, change(name, "create"))
        assert made.status == "done"
        if name != "feishu":  # its only look-up is by its own id
            (found,) = said.connector.find(said.connector.resource(resource), [{key: values[key]}])
            assert found.foreign_id == made.foreign_id
        (changed,) = said.deliver(resource, change(name, "update", made.foreign_id, **{title: "另"}))
        assert (changed.status, changed.message) == ("done", "")
        if name == "seeyon":  # nobody is deleted there
            return
        (again,) = said.deliver(resource, change(name, "delete", made.foreign_id))
        (gone,) = said.deliver(resource, change(name, "delete", made.foreign_id))
        assert (again.status, gone.status) == ("done", "done")
        counts = [said.simulator.log.count(one) for one in ("create", "update", "delete")]
        assert counts == [1, 1, 1]


@row(16, "a batch of Salesforce's in part")
def test_each_row_of_a_batch_has_its_own_verdict():
    changes = [
        Change("create", {"ExternalId__c": f"S{n}"}, {"ExternalId__c": f"S{n}", "Name": name})
        for n, name in enumerate(["A", "", "C", "x" * 300, "E"])
    ]
    with simulated("salesforce", records=20) as said:
        said.simulator.faults.set("partial,skip=2")
        outcomes = said.deliver("Account", *changes)
        assert [one.status for one in outcomes] == ["done", "rejected", "retry", "rejected", "done"]
        assert "REQUIRED_FIELD_MISSING" in outcomes[1].message
        assert said.simulator.log.count("create", "Account") == 2
        assert len([one for one in said.simulator.log.of("request") if "composite" in one.resource]) == 1


def test_feishu_lists_approvals_by_spans_of_time_and_shows_each():
    with simulated("feishu", records=30) as said:
        found = said.read("approvals")
        assert {one["instance_code"] for one in found} == {
            one["instance_code"] for one in said.simulator.rows("instances")
        }
    assert all(one["task_list"] for one in found)


def test_people_of_two_departments_come_twice_and_departments_of_all_levels():
    with simulated("dingtalk", records=100) as said:
        assert len(said.read("departments")) == len(said.simulator.rows("departments")) - 1
        people = [one["userid"] for one in said.read("users")]
    assert len(people) == 104
    assert len(set(people)) == 100


def test_to_dos_are_pushed_to_oas_and_an_older_one_does_not_win():
    values = {
        "flowid": "f1", "receiver": "u00003", "requestname": "批准", "workflowname": "w", "nodename": "n",
        "isremark": "0", "receivets": "200",
    }  # fmt: skip
    key = {"flowid": "f1", "receiver": "u00003"}
    with simulated("weaver", "weaver_ofs", records=3) as said:
        newer = Change("create", key, values)
        older = Change("update", key, {**values, "isremark": "2", "receivets": "100"})
        assert [one.status for one in said.deliver("todos", newer)] == ["done"]
        assert [one.status for one in said.deliver("todos", older)] == ["done"]
        assert [one["isremark"] for one in said.simulator.rows("ofs")] == ["0"]
        assert [one.status for one in said.deliver("todos", Change("delete", key))] == ["done"]
        assert said.simulator.rows("ofs") == []
    pending = {"taskId": "t1", "title": "批准", "senderName": "s", "creationDate": "2026-01-01 00:00:00", "state": "0"}
    with simulated("seeyon", records=3) as said:
        good = Change("create", {"taskId": "t1"}, pending)
        bad = Change("create", {"taskId": "t2"}, {**pending, "taskId": "t2", "title": None})
        assert [one.status for one in said.deliver("pendings", good, bad)] == ["done", "rejected"]
        assert [one["taskId"] for one in said.simulator.rows("pendings")] == ["t1"]
