"""Products keep the contract as their examples declare them, on the simulators: what an integrator copies is judged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from connectors.simulators import Simulator
from connectors.simulators.catalogue import made, secrets
from connectors.simulators.tables import Table
from hub.testing import Case, failures, run_contract
from hub.testing.writing import BATCH, SINGLE, WHOLE, exempting
from tests.faults.matrix import row
from tests.systems.simulated import opened, serving

pytestmark = [
    pytest.mark.against("beisen", "Beisen iTalent", "simulator"),
    pytest.mark.against("dingtalk", "DingTalk", "simulator"),
    pytest.mark.against("dingtalk_todo", "DingTalk", "simulator"),
    pytest.mark.against("dynamics365", "Microsoft Dynamics 365", "simulator"),
    pytest.mark.against("feishu", "Feishu", "simulator"),
    pytest.mark.against("kingdee_k3cloud", "Kingdee K3Cloud", "simulator"),
    pytest.mark.against("odoo", "Odoo", "simulator"),
    pytest.mark.against("personio", "Personio", "simulator"),
    pytest.mark.against("salesforce", "Salesforce", "simulator"),
    pytest.mark.against("sap_my_inbox", "SAP My Inbox", "simulator"),
    pytest.mark.against("sap_s4", "SAP S/4HANA", "simulator"),
    pytest.mark.against("sap_task_provider", "a provider of SAP Task Center", "simulator"),
    pytest.mark.against("seeyon", "Seeyon A8", "simulator"),
    pytest.mark.against("successfactors", "SuccessFactors", "simulator"),
    pytest.mark.against("weaver", "Weaver e-cology", "simulator"),
    pytest.mark.against("wecom", "WeCom", "simulator"),
    pytest.mark.against("workday", "Workday", "simulator"),
    pytest.mark.against("yonyou_nccloud", "Yonyou NC Cloud", "simulator"),
    pytest.mark.against("yonyou_u8", "Yonyou U8", "simulator"),
]
Record = dict[str, Any]
WRONG = "wr0ng-s3cret"
WEIRD = 'O\'Neil "安" 😀 \\ a/b&<c>'
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Product:
    """A resource of an example. ``record`` is the n-th as it is read, ``names`` the fields of the product's own table
    where they are others, ``own`` more of a row. ``lost`` strikes the request that creates; without it the resource is
    judged as a source alone, and without ``counted`` as one that tells no total."""

    resource: str
    table: str
    key: tuple[str, ...]
    record: Callable[[int], Record]
    cursor: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    own: Callable[[int], Record] = lambda n: {}
    stored: Callable[[Record], Record] = dict
    exact: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, Any] = field(default_factory=dict)
    lost: str = ""
    counted: bool = True
    exempt: Mapping[str, str] = field(default_factory=dict)


def minute(n: int) -> str:
    return f"2026-01-01T00:{n:02}:00"


BY_KEY = "full reads go by key, so that a change while reading moves no record"
NO_VERSION = "it tells no version: changed_by_hand compares fields"
NO_TIME = {"rate_limit_honoured": "it does not say how long: the hub waits by its own measure"}
READS: dict[str, Product] = {
    "salesforce": Product(
        "Account", "Account", ("Id",), cursor="SystemModstamp", exact={"Name": WEIRD},
        record=lambda n: {
            "Id": f"001D0000000000{n:04}", "Name": f"Name {n}", "SystemModstamp": f"{minute(n)}.000+0000",
        },
        exempt=NO_TIME,
    ),
    "successfactors": Product(
        "User", "User", ("userId",), cursor="lastModifiedDateTime", exact={"defaultFullName": WEIRD},
        record=lambda n: {
            "userId": f"u{n:03}", "defaultFullName": f"Name {n}", "lastModifiedDateTime": f"{minute(n)}Z",
        },
        exempt={"cursor_order": BY_KEY},
    ),
    "workday": Product(
        "workers", "workers", ("Worker_Data.Worker_ID",), exact={"Worker_Descriptor": WEIRD},
        record=lambda n: {"Worker_Data.Worker_ID": f"W{n:05}", "Worker_Descriptor": f"Name {n}"},
        names={"Worker_Data.Worker_ID": "Worker_ID", "Worker_Descriptor": "Local_Name"},
        exempt={"describe": "its key leads into Worker_Data"},
    ),
    "workday_report": Product(
        "workers", "workers", ("Worker_ID",), cursor="Last_Functionally_Updated", exact={"Local_Name": WEIRD},
        record=lambda n: {
            "Worker_ID": f"W{n:05}", "Local_Name": f"Name {n}", "Last_Functionally_Updated": f"{minute(n)}.000Z",
        },
        counted=False,
    ),
    "myinbox": Product(
        "TaskCollection", "TaskCollection", ("SAP__Origin", "InstanceID"), exact={"TaskTitle": WEIRD},
        record=lambda n: {"SAP__Origin": "S4", "InstanceID": f"{n:012}", "TaskTitle": f"Title {n}", "Status": "READY"},
    ),
    "weaver": Product(
        "users", "users", ("id",), cursor="modified", exact={"lastname": WEIRD},
        record=lambda n: {"id": str(n), "lastname": f"Name {n}", "modified": minute(n).replace("T", " ")},
    ),
    "taskcenter": Product(
        "tasks", "tasks", ("urn",), cursor="modifiedAt", exact={"uiLink": "https://a.example/安?b=\"c'&d"},
        record=lambda n: {"urn": f"urn:{n:03}", "uiLink": f"https://a.example/{n}", "modifiedAt": f"{minute(n)}.000Z"},
        counted=False,
    ),
    "hr": Product(
        "employees", "employees", ("id",), cursor="updated_at", exact={"name_local": WEIRD},
        record=lambda n: {"id": n, "name_local": f"Name {n}", "updated_at": f"{minute(n)}.000Z"},
    ),
    "crm": Product(
        "accounts", "accounts", ("id",), cursor="modified_at", exact={"name": WEIRD},
        record=lambda n: {"id": f"ACC-{n:06}", "name": f"Name {n}", "modified_at": f"{minute(n)}.000Z"},
    ),
    "kingdee": Product(
        "materials", "BD_MATERIAL", ("FNumber",), cursor="FModifyDate", exact={"FName": WEIRD},
        record=lambda n: {"FNumber": f"M-{n:03}", "FName": f"Name {n}", "FModifyDate": minute(n)},
        own=lambda n: {"FMATERIALID": 100_000 + n}, counted=False,
        exempt=NO_TIME | {"cursor_order": BY_KEY},
    ),
    "beisen": Product(
        "organizations", "organizations", ("oId",), cursor="businessModifiedTime", exact={"name": WEIRD},
        record=lambda n: {"oId": n, "name": f"Name {n}", "businessModifiedTime": minute(n)}, counted=False,
        own=lambda n: {"createdTime": minute(n)},     # who was made in another span than changed comes twice
        exempt={"cursor_order": "each span is read in the order of its numbers"},
    ),
    "personio": Product(
        "employees", "employees", ("attributes.id.value",), cursor="attributes.last_modified_at.value",
        exact={"attributes.first_name.value": WEIRD},
        record=lambda n: {
            "attributes.id.value": n, "attributes.first_name.value": f"Name {n}",
            "attributes.last_modified_at.value": f"{minute(n)}+00:00",
        },
        names={f"attributes.{name}.value": name for name in ("id", "first_name", "last_modified_at")},
        own=lambda n: {"email": f"p{n}@example.com"},
        exempt={"describe": "its key leads into attributes", "cursor_order": BY_KEY},
    ),
    "u8": Product(
        "customers", "customer", ("code",), cursor="timestamp", exact={"name": WEIRD},
        record=lambda n: {"code": f"C{n:03}", "name": f"Name {n}", "timestamp": f"{n:016}"},
        exempt=NO_TIME | {"cursor_order": BY_KEY},
    ),
    "nccloud": Product(
        "persons", "persons", ("code",), cursor="ts", exact={"name": WEIRD},
        record=lambda n: {"code": f"P{n:03}", "name": f"Name {n}", "ts": minute(n).replace("T", " ")},
        counted=False, exempt=NO_TIME | {"cursor_order": BY_KEY},
    ),
    "odoo": Product(
        "projects", "project.project", ("id",), cursor="write_date", exact={"name": WEIRD},
        record=lambda n: {"id": n, "name": f"Name {n}", "write_date": minute(n).replace("T", " ")},
        exempt={"values_exact": "times get a zone; the contract of jsonrpc judges values"},
    ),
    "dynamics365": Product(
        "accounts", "accounts", ("accountid",), cursor="modifiedon", exact={"name": WEIRD},
        record=lambda n: {
            "accountid": f"00000000-0000-4000-8000-{n:012}", "name": f"Name {n}", "modifiedon": f"{minute(n)}Z",
        },
        counted=False, exempt={"cursor_order": BY_KEY},
    ),
    "kingdee_sign": Product(
        "materials", "BD_MATERIAL", ("FNumber",), cursor="FModifyDate", exact={"FName": WEIRD},
        record=lambda n: {"FNumber": f"M-{n:03}", "FName": f"Name {n}", "FModifyDate": minute(n)},
        own=lambda n: {"FMATERIALID": 100_000 + n}, counted=False,
        exempt=NO_TIME | {"cursor_order": BY_KEY},
    ),
    "s4": Product(
        "A_BusinessPartner", "A_BusinessPartner", ("BusinessPartner",), cursor="LastChangeDate",
        exact={"OrganizationBPName1": WEIRD},
        record=lambda n: {
            "BusinessPartner": f"{n:010}", "OrganizationBPName1": f"Name {n}",
            "LastChangeDate": f"2026-01-{n % 30 + 1:02}",
        },
        exempt={
            "cursor_order": BY_KEY,
            "check_reports": "the profile names resources of several services; systems check leaves out the others",
        },
    ),
}  # fmt: skip
"""Resources whose key or time of change the product gives itself, as sources."""
WRITES: dict[str, Product] = {
    "salesforce": Product(
        "Account", "Account", ("ExternalId__c",), exact={"Name": WEIRD}, refused={"Name": ""}, lost="method=PATCH",
        record=lambda n: {"ExternalId__c": f"S{n:03}", "Name": f"Name {n}", "Phone": f"+49 {n}"},
        own=lambda n: {"Id": f"001D0000000000{n:04}"},
        exempt=NO_TIME | {"describe": "it is read by Id, and written by the external id"},
    ),
    "u8": Product(
        "vendors", "vendor", ("code",), exact={"name": WEIRD}, refused={"name": ""}, lost="path=/add",
        record=lambda n: {"code": f"V{n:03}", "name": f"Name {n}", "phone": f"0512 {n}"},
        exempt=NO_TIME | {
            "describe": "it is judged here without its number of changes, which it gives itself",
            "delete_stands": "basic data is not deleted by it",
        },
    ),
    "dynamics365": Product(
        "accounts", "accounts", ("accountnumber",), exact={"name": WEIRD}, refused={"name": ""},
        lost="path=/accounts,method=POST", counted=False,
        record=lambda n: {"accountnumber": f"S{n:03}", "name": f"Name {n}", "telephone1": f"+49 {n}"},
        own=lambda n: {"accountid": f"00000000-0000-4000-8000-{n:012}"},
        exempt=dict.fromkeys(("describe", "fields_on_demand"), "it is read by its GUID, and written by a number"),
    ),
    "crm": Product(
        "accounts", "accounts", ("external_id",), exact={"name": WEIRD}, refused={"name": ""}, lost="method=PUT",
        record=lambda n: {"external_id": f"S{n:03}", "name": f"Name {n}", "phone": f"+49 {n}"},
        own=lambda n: {"id": f"ACC-{n:06}"},
        exempt={
            "describe": "it is read by id, and written by the external id",
            "delete_stands": "accounts are not deleted by it",
            "update_of_missing": "PUT creates or changes: an account that somebody deleted comes back",
        },
    ),
    "feishu": Product(
        "users", "users", ("mobile",), exact={"name": WEIRD}, refused={"name": ""}, lost="method=POST",
        record=lambda n: {"mobile": f"1990000{n:04}", "name": f"Name {n}", "department_ids": ["od-000002"]},
        own=lambda n: {"open_id": f"ou_{n:08}"}, counted=False,
        exempt={
            "describe": "it is read by open_id, which it gives itself",
            **dict.fromkeys(
                ("update_stands", "delete_stands", "find_by_key", "lost_answer"),
                "it is found by open_id alone, which a create in doubt does not know: a person decides",
            ),
        },
    ),
    "dingtalk": Product(
        "users", "users", ("userid",), exact={"name": WEIRD}, refused={"name": ""}, lost="path=user/create",
        record=lambda n: {"userid": f"p{n:03}", "name": f"Name {n}", "mobile": f"1990000{n:04}", "dept_id_list": "2"},
        stored=lambda row: row | {"dept_id_list": ",".join(map(str, row["dept_id_list"]))}, counted=False,
        exempt=NO_TIME | {"values_exact": "departments are written as a text and read as a list"},
    ),
    "dingtalk_todo": Product(
        "todos", "todos", ("sourceId",), exact={"subject": WEIRD}, refused={"subject": ""}, lost="path=/tasks",
        record=lambda n: {"sourceId": f"s{n:03}", "subject": f"Subject {n}"},
        own=lambda n: {"id": f"t{n:03}", "creatorId": "un-u00003", "executorIds": ["un-u00003"]}, counted=False,
        exempt=NO_TIME,
    ),
    "wecom": Product(
        "users", "users", ("userid",), exact={"name": WEIRD}, refused={"name": ""}, lost="path=user/create",
        record=lambda n: {"userid": f"p{n:03}", "name": f"Name {n}", "mobile": f"1990000{n:04}", "department": [2]},
        counted=False,
    ),
    "seeyon": Product(
        "members", "members", ("loginName",), exact={"name": WEIRD}, refused={"name": ""}, lost="path=/orgMember",
        record=lambda n: {"loginName": f"p{n:03}", "name": f"Name {n}", "orgDepartmentId": -7000000000000000001},
        own=lambda n: {"id": -n}, counted=False,
        exempt={"delete_stands": "nobody is deleted there"},
    ),
    "kingdee": Product(
        "materials", "BD_MATERIAL", ("FNumber",), exact={"FName": WEIRD}, refused={"FName": ""}, lost="path=.Save.",
        record=lambda n: {"FNumber": f"M-{n:03}", "FName": f"Name {n}", "FSpecification": f"x {n}"},
        own=lambda n: {"FMATERIALID": 100_000 + n}, counted=False,
        exempt=NO_TIME | {"describe": "it is judged here without its time of change, which it gives itself"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def served() -> Iterator[Callable[[str], Simulator]]:
    """Each product once; it is emptied for every system of the kit."""
    with serving(lambda _: 3) as serve:
        yield serve


@dataclass
class System:
    """A product that holds what one check wants; the server under it is the same for all."""

    simulator: Simulator
    called: str

    @property
    def url(self) -> str:
        return self.simulator.url


def case(name: str, said: Product, simulator: Simulator, stack: ExitStack, writes: bool) -> Case:
    right = {reference: text for reference, text in secrets(name).items() if not reference.endswith("/spk")}
    product = name.partition("_")[0]

    def table() -> Table:
        return simulator.product.tables[said.table]

    def fresh(records: Sequence[Mapping[str, Any]]) -> System:
        simulator.faults.clear()
        simulator.product = made(product, records=3)
        template = next(iter(table()))
        table().restore(({}, {}))
        for n, record in enumerate(records, start=1):
            values = {said.names.get(field, field): one for field, one in record.items()}
            values = {field: typed(template.get(field), one) for field, one in values.items()}
            table().seed(template | said.own(n) | values)
        return System(simulator, f"{name} {next(NUMBERS)}")

    def open_(system: System, **more: Any) -> Any:
        connector = opened(system.url, name, called=system.called, retries=0, **more)
        stack.callback(connector.close)
        return connector

    def change(system: System, record: Mapping[str, Any]) -> None:
        names = [said.names.get(field, field) for field in said.key]
        (old,) = (one for one in table() if [str(one[field]) for field in names] == [str(record[k]) for k in said.key])
        table().delete(table().key_of(old))
        values = {said.names.get(field, field): one for field, one in record.items()}
        table().seed(old | {field: typed(old.get(field), one) for field, one in values.items()})

    return Case(
        name=name, fresh=fresh, open=open_, resource=said.resource, key=said.key, record=said.record,
        cursor=said.cursor, exact=said.exact, change=change,
        stored=lambda system: [said.stored(one) for one in table() if not one.get("IsDeleted")],
        refused=said.refused,
        locked_out=lambda system: open_(system, wrong=dict.fromkeys(right, WRONG)),
        throttle=lambda system, seconds: simulator.faults.set(f"throttle={seconds:.0f}"),
        lose_answer=lambda system: simulator.faults.set(f"lost,{said.lost}"),
        secrets=(WRONG, *right.values()),
        exempt=exempt(said, writes),
    )  # fmt: skip


def typed(old: Any, new: Any) -> Any:
    """A value as the product keeps it."""
    if isinstance(old, datetime):
        return datetime.fromisoformat(new).replace(tzinfo=old.tzinfo)
    return [int(part) for part in new.split(",")] if isinstance(old, list) and isinstance(new, str) else new


def exempt(said: Product, writes: bool) -> dict[str, str]:
    found = exempting("records are written one by one", WHOLE)
    found |= exempting("the simulator answers a batch in its order; tests/contract/test_odata.py mixes it up", BATCH)
    found["deletes_seen"] = "it tells no deletions"
    if not said.counted:
        found["announced_count"] = "it announces no total"
    if said.cursor is None:
        by_time = ("cursor_order", "cursor_ties", "since_inclusive", "change_seen")
        found |= dict.fromkeys(by_time, "it is read whole, or judged as a source")
    if not writes:
        found |= exempting("it is written to by others, or by another key", SINGLE)
    found["stale_version"] = NO_VERSION
    return {**found, **said.exempt}


@pytest.mark.parametrize("name", READS)
def test_a_product_keeps_the_contract_as_a_source(name: str, served: Callable[[str], Simulator]):
    judged(name, READS[name], served, writes=False)


@row(14, "products of the cloud: the look-up after a lost answer")
@pytest.mark.parametrize("name", WRITES)
def test_a_product_keeps_the_contract_as_a_target(name: str, served: Callable[[str], Simulator]):
    judged(name, WRITES[name], served, writes=True)


def judged(name: str, said: Product, served: Callable[[str], Simulator], *, writes: bool) -> None:
    with ExitStack() as stack:
        assert failures(run_contract(case(name, said, served(name.partition("_")[0]), stack, writes))) == []
