"""Systems on the web that misbehave in the middle of a read: everything comes, or an error. Never a part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.odata import SPEC as ODATA
from connectors.rest import SPEC as REST
from connectors.simulators import Simulator
from hub.contract import Context, Query
from hub.errors import HubError
from tests.faults.matrix import row
from tests.unit.http.fake import lines

pytestmark = pytest.mark.against("sap_s4", "SAP S/4HANA", "simulator")

CONFIG = Path(__file__).parents[2] / "config" / "systems"
LIMITS = {"retries": 1, "max_wait": "3s", "timeout": "1s"}


def s4(url: str) -> tuple[Any, str, str]:
    settings = {
        "url": f"{url}/sap/opu/odata/sap/API_BUSINESS_PARTNER", "limits": LIMITS,
        "auth": {"basic": {"username": "HUB", "password": "s4-demo"}},
    }  # fmt: skip
    return (
        ODATA.open(Context(url), ODATA.settings.model_validate(settings), {}),
        "A_BusinessPartner",
        "BusinessPartner",
    )


def rest(product: str, resource: str, auth: Callable[[str], Any]) -> Callable[[str], tuple[Any, str, str]]:
    """The sample landscape's own system file, on a simulator."""

    def opened(url: str) -> tuple[Any, str, str]:
        said = yaml.safe_load((CONFIG / f"{product}.yaml").read_text())
        resources = {name: REST.resource.model_validate(one) for name, one in said["resources"].items()}
        path = said["url"].partition(".example")[2]
        settings = REST.settings.model_validate({"url": url + path, "auth": auth(url), "limits": LIMITS})
        return REST.open(Context(url), settings, resources), resource, "id"

    return opened


def _hr(url: str) -> Any:
    return {"oauth2": {"token_url": f"{url}/oauth/token", "client_id": "cophub", "client_secret": "hr-demo"}}


def _crm(url: str) -> Any:
    return {"api_key": {"header": "X-Api-Key", "value": "crm-demo"}}


SYSTEMS = {"s4": s4, "hr": rest("hr", "employees", _hr), "crm": rest("crm", "accounts", _crm)}
COMPLETE = ("cut", "throttle", "throttle=date", "unavailable=1", "unavailable", "refused", "slow=100000")
"""Faults that pass when the page is asked for again."""
TOLD = (
    "html",
    "nothing",
    "unauthorized",
    "repeat",
    "skip",
    "expire",
    "cut,times=9",
    "slow=20,times=9",
    "throttle=60",
)


def read(name: str, fault: str) -> tuple[list[Any], list[Any]]:
    """The keys read and the keys there are, with a fault that strikes the second page."""
    with Simulator(name) as simulator:
        source, resource, key = SYSTEMS[name](simulator.url)
        described = source.resource(resource)
        simulator.faults.set(f"{fault},method=GET,path={resource},skip=1")
        found = [row[key] for row in lines(source.read(Query(described, page_size=9)))]
        return found, [row[key] for row in simulator.rows(resource)]


@row(8, "three products, faults that pass")
@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("fault", COMPLETE)
def test_a_fault_that_passes_loses_nothing(name: str, fault: str):
    found, there = read(name, fault)
    assert sorted(found) == sorted(there)


@row(40, "three products, faults that stay")
@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("fault", TOLD)
def test_a_fault_that_stays_is_an_error_or_does_no_harm(name: str, fault: str):
    told: HubError | None = None
    found: list[Any] = []
    there: list[Any] = []
    try:
        found, there = read(name, fault)
    except HubError as error:
        told = error
    assert (told.code and told.where) if told else sorted(found) == sorted(there)


@row(14, "the look-up of a connector")
@pytest.mark.parametrize("name", ["s4", "crm"])
def test_a_lost_answer_is_looked_up_and_not_sent_again(name: str):
    from hub.contract import Change

    values = {"s4": {"BusinessPartnerCategory": "2", "OrganizationBPName1": "N", "SearchTerm1": "K1"},
              "crm": {"external_id": "K1", "name": "N"}}[name]  # fmt: skip
    key = {name: value for name, value in values.items() if value == "K1"}
    with Simulator(name) as simulator:
        target, resource, _ = SYSTEMS[name](simulator.url)
        described = target.resource(resource)
        simulator.faults.set(f"lost,path={resource},method={'POST' if name == 's4' else 'PUT'}")
        assert [one.status for one in target.deliver(described, [Change("create", key, values)])] == [
            "unknown"
        ]
        (found,) = target.find(described, [key])
        assert found is not None
        assert simulator.log.count("create", resource) == 1
