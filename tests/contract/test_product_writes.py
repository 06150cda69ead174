"""Products that are written to in another shape than they are read: made, found after a lost answer, changed,
refused."""

from __future__ import annotations

import pytest

from connectors.simulators import Simulator
from hub.contract import Change, Query
from hub.workspace.connectors import shipped
from tests.systems.profiled import on_profile, paths
from tests.systems.simulated import simulated


@pytest.mark.against("yonyou_nccloud", "Yonyou NC Cloud", "simulator")
def test_a_person_of_nc_cloud_is_sent_again_after_a_lost_answer_and_is_there_once() -> None:
    change = Change("create", {"code": "N1"}, {"code": "N1", "name": "安 \"x\"", "mobile": "1990"}, id="c1")
    with simulated("nccloud", records=3) as said:
        said.simulator.faults.set("lost,path=psndoc/add")
        (lost,), (again,) = said.deliver("persons", change), said.deliver("persons", change)
        changed, bad = said.deliver(
            "persons", Change("update", {"code": "N1"}, {"code": "N1", "name": "安", "mobile": "1991"}, "N1"),
            Change("create", {"code": "N2"}, {"code": "N2", "name": ""}),
        )  # fmt: skip
        assert [one.status for one in (lost, again, changed, bad)] == ["unknown", "done", "done", "rejected"]
        assert said.logged("create", "persons") == 1
        (row,) = (one for one in said.simulator.rows("persons") if one["code"] == "N1")
        assert (row["name"], row["mobile"]) == ("安", "1991")
        assert len(said.read("supplier_classes")) == 4


@pytest.mark.against("salesforce", "Salesforce", "simulator")
def test_the_salesforce_profile_brings_accounts_and_contacts_by_their_standard_fields() -> None:
    with Simulator("salesforce", records=20) as served:
        token = {"token_url": f"{served.url}/services/oauth2/token", "client_auth": "post"}
        client = {"client_id": "3MVG9hub", "client_secret": "salesforce-demo"}
        said = {"url": served.url, "auth": {"oauth2": token | client}}
        with on_profile("salesforce", said, called=served.url) as salesforce:
            for name in ("Account", "Contact"):
                rows = salesforce.rows(name)
                assert {one["Id"] for one in rows} == {one["Id"] for one in served.rows(name) if not one["IsDeleted"]}
                newest = max(one["SystemModstamp"] for one in rows)
                assert 0 < len(salesforce.rows(name, since=newest)) < len(rows)


@pytest.mark.against("sap_s4", "SAP S/4HANA", "simulator")
def test_projects_of_s4_and_their_elements_are_read_from_a_service_of_their_own() -> None:
    with Simulator("s4", records=3) as served:
        url = f"{served.url}/sap/opu/odata/sap/API_ENTERPRISE_PROJECT_SRV;v=0002"
        said = {"url": url, "auth": {"basic": {"username": "HUB", "password": "s4-demo"}}}
        with on_profile("sap_s4", said, called=url) as s4:
            projects = s4.rows("A_EnterpriseProject")
            assert min(str(one["Project"]) for one in projects) == "LH.001"
            newest = max(one["LastChangeDateTime"] for one in projects)
            assert [one["Project"] for one in s4.rows("A_EnterpriseProject", since=newest)] == ["LH.001"]
            assert len(s4.rows("A_EnterpriseProjectElement")) == 2 * len(projects)


@pytest.mark.against("odoo", "Odoo", "simulator")
def test_the_odoo_profile_reads_its_apps_and_presses_their_buttons() -> None:
    with simulated("odoo", records=40) as said:
        profile = shipped().profile("odoo")
        assert profile is not None
        for name, resource in profile.resources.items():
            fields = tuple(paths(resource["fields"]))
            described = said.connector.resource(name)
            (page, *_) = said.connector.read(Query(described, fields))
            assert page.count > 0, name
        employee = said.read("employees")[0]
        leaves = {one["id"]: one["state"] for one in said.read("leaves")}
        waiting = next(number for number, state in leaves.items() if state == "confirm")
        decided = next(number for number, state in leaves.items() if state != "confirm")
        presses = [Change("update", {"id": number}, {}, str(number)) for number in (waiting, decided)]
        done, refused = said.deliver("leaves_approved", *presses)
        assert (done.status, refused.status, "must be confirmed" in refused.message) == ("done", "rejected", True)
        activity = said.read("activities")[0]["id"]
        (ticked,) = said.deliver("activities_done", Change("update", {"id": activity}, {}, str(activity)))
        assert (ticked.status, activity in {one["id"] for one in said.read("activities")}) == ("done", False)
        assert employee["active"] in (True, False)


@pytest.mark.against("personio", "Personio", "simulator")
def test_an_employee_of_personio_is_found_by_the_e_mail_after_a_lost_answer() -> None:
    key = {"email": "new@example.com"}
    with simulated("personio", records=3) as said:
        resource = said.connector.resource("employees")
        said.simulator.faults.set("lost,path=/company/employees,method=POST")
        (lost,) = said.deliver("employees", Change("create", key, {**key, "first_name": "Eva", "last_name": "安"}))
        (found,) = said.connector.find(resource, [key])
        assert (lost.status, said.logged("create", "employees")) == ("unknown", 1)
        changed, twice, bad = said.deliver(
            "employees", Change("update", key, {"position": "Head"}, found.foreign_id),
            Change("create", key, {**key, "first_name": "Eva", "last_name": "安"}),
            Change("update", key, {"shoe_size": 42}, found.foreign_id),
        )  # fmt: skip
        assert [one.status for one in (changed, twice, bad)] == ["done", "rejected", "rejected"]
        assert "already been taken" in twice.message
        (row,) = (one for one in said.simulator.rows("employees") if str(one["id"]) == found.foreign_id)
        assert (row["last_name"], row["position"]) == ("安", "Head")
        assert said.connector.find(resource, [{"email": "nobody@example.com"}]) == [None]
