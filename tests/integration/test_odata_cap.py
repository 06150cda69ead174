"""SAP's own OData servers, V4 and V2 over one model: what the connector claims, against them."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.odata import SPEC
from hub.contract import Change, Context, Page, Query
from hub.errors import AuthError, ConfigError
from tests.conftest import Login
from tests.unit.http.fake import lines

pytestmark = pytest.mark.against("odata", "SAP CAP 10", "real")

ROOTS = {"V4": "/sap/opu/odata4/sap/", "V2": "/sap/opu/odata/sap/"}


def service(login: Login, version: str, name: str, password: str | None = None, **settings: Any) -> Any:
    auth = {"basic": {"username": login.username, "password": password or login.password}}
    made = SPEC.settings.model_validate({"url": login.url + ROOTS[version] + name, "auth": auth, **settings})
    resources = {"A_BusinessPartner": {"cursor": "LastChangeDate", "created": "CreationDate"}}
    declared = {name: SPEC.resource.model_validate(one) for name, one in resources.items()}
    return SPEC.open(Context("s4"), made, declared)


@pytest.fixture(params=["V4", "V2"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def partners(sap: Login, version: str) -> Iterator[Any]:
    opened = service(sap, version, "API_BUSINESS_PARTNER")
    yield opened
    opened.close()


def rows(pages: list[Page]) -> list[Any]:
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return lines(pages)


def test_all_partners_are_read_with_their_addresses(partners: Any):
    needed = ("BusinessPartnerFullName", "CreationDate", "to_BusinessPartnerAddress.Country")
    pages = list(partners.read(Query(partners.resource("A_BusinessPartner"), fields=needed)))
    found = [row for row in rows(pages) if row["BusinessPartner"].startswith("1000")]
    assert len(pages) > 20
    assert pages[0].announced == sum(page.count for page in pages)
    assert [row["BusinessPartner"] for row in found] == [str(10000000 + n) for n in range(500)]
    assert found[0]["BusinessPartnerFullName"] == "Company 0 有限公司"
    assert found[0]["CreationDate"] == "2024-01-01"
    assert [one["Country"] for one in found[1]["to_BusinessPartnerAddress"]] == ["CN"]
    assert "Supplier" not in found[0]


def test_both_versions_give_the_same_records(sap: Login):
    def read(version: str) -> list[Any]:
        opened = service(sap, version, "API_COSTCENTER_SRV")
        found = rows(list(opened.read(Query(opened.resource("A_CostCenter")))))
        return [
            {name: value for name, value in row.items() if name[0] != "@" and name != "LastChange"}
            for row in found
        ]

    assert read("V4") == read("V2")


def test_only_what_changed_since_is_read(partners: Any):
    resource = partners.resource("A_BusinessPartner")
    found = rows(list(partners.read(Query(resource, since="2024-12-30T00:00:00Z"))))
    everything = rows(list(partners.read(Query(resource))))
    expected = {
        row["BusinessPartner"] for row in everything
        if (row["LastChangeDate"] or "") >= "2024-12-30" or row["CreationDate"] >= "2024-12-30"
    }  # fmt: skip
    assert 0 < len(expected) < len(everything)
    assert {row["BusinessPartner"] for row in found} == expected


def test_conditions_are_pushed_down(partners: Any):
    where = (("BusinessPartner", "=", "10000007"),)
    (row,) = rows(list(partners.read(Query(partners.resource("A_BusinessPartner"), where=where))))
    assert row["BusinessPartner"] == "10000007"


def test_a_batch_creates_each_row_by_itself(partners: Any):
    resource, head = partners.resource("A_BusinessPartner"), f"T{secrets.token_hex(3)}"
    changes = [
        Change(
            "create",
            {"BusinessPartner": f"{head}{n}"},
            {"BusinessPartner": f"{head}{n}", "SearchTerm1": "O'Neil 中"},
        )
        for n in range(3)
    ]
    changes[1] = dataclasses.replace(changes[1], values={**changes[1].values, "SearchTerm1": "x" * 50})
    outcomes = partners.deliver(resource, changes)
    assert [one.status for one in outcomes] == ["done", "rejected", "done"]
    assert "SearchTerm1" in outcomes[1].message
    found = partners.find(resource, [change.key for change in changes])
    assert [one and one.values["SearchTerm1"] for one in found] == ["O'Neil 中", None, "O'Neil 中"]
    gone = [
        Change("delete", one.values, foreign_id=one.foreign_id, version=one.version) for one in found if one
    ]
    assert [one.status for one in partners.deliver(resource, gone)] == ["done", "done"]


def test_an_update_needs_the_current_etag(partners: Any):
    resource, key = partners.resource("A_BusinessPartner"), {"BusinessPartner": f"U{secrets.token_hex(3)}"}
    (made,) = partners.deliver(resource, [Change("create", key, key)])
    change = Change("update", key, {**key, "SearchTerm1": "a"}, made.foreign_id)
    assert partners.deliver(resource, [change])[0].code == "http.428"
    current = dataclasses.replace(change, version=made.version)
    (changed,) = partners.deliver(resource, [current])
    assert changed.status == "done"
    assert [partners.deliver(resource, [current])[0].status] == ["conflict"]
    (found,) = partners.find(resource, [key])
    assert (found.values["SearchTerm1"], found.version) == ("a", changed.version)
    partners.deliver(resource, [Change("delete", key, foreign_id=made.foreign_id, version=found.version)])


def test_composite_keys_with_dates_address_a_record(sap: Login, version: str):
    opened = service(sap, version, "API_COSTCENTER_SRV")
    resource = opened.resource("A_CostCenter")
    (row, *_) = rows(list(opened.read(Query(resource))))
    key = {name: row[name] for name in ("ControllingArea", "CostCenter", "ValidityEndDate")}
    (found,) = opened.find(resource, [key])
    change = Change("update", key, {**key, "CostCenterName": "Renamed"}, found.foreign_id, found.version)
    assert opened.deliver(resource, [change])[0].status == "done"
    (found,) = opened.find(resource, [key])
    assert found.values["CostCenterName"] == "Renamed"
    opened.deliver(resource, [dataclasses.replace(
        change, values={**key, "CostCenterName": row["CostCenterName"]}, version=found.version
    )])  # fmt: skip


def test_json_batches_work_as_well(sap: Login):
    opened = service(sap, "V4", "API_BUSINESS_PARTNER", batch="json")
    resource, head = opened.resource("A_BusinessPartner"), f"J{secrets.token_hex(3)}"
    changes = [
        Change("create", {"BusinessPartner": f"{head}{n}"}, {"BusinessPartner": f"{head}{n}"})
        for n in range(3)
    ]
    made = opened.deliver(resource, changes)
    assert [(one.status, one.foreign_id) for one in made] == [("done", f"{head}{n}") for n in range(3)]
    gone = [Change("delete", {}, foreign_id=one.foreign_id, version=one.version) for one in made]
    assert {one.status for one in opened.deliver(resource, gone)} == {"done"}


def test_wrong_credentials_and_unknown_names_are_told(sap: Login, version: str):
    opened = service(sap, version, "API_BUSINESS_PARTNER", "wr0ng-password")
    with pytest.raises(AuthError) as caught:
        opened.resource("A_BusinessPartner")
    assert "wr0ng" not in str(caught.value)
    failed = {probe.name: probe.code for probe in opened.check() if not probe.ok}
    assert failed == {"authentication": "auth.refused"}
    good = service(sap, version, "API_BUSINESS_PARTNER")
    assert all(probe.ok for probe in good.check())
    with pytest.raises(ConfigError) as unknown:
        good.resource("A_BusinessPartnr")
    assert (unknown.value.code, "A_BusinessPartner" in unknown.value.hint) == ("resource.unknown", True)
