"""The real systems are there, hold what their modules say, and refuse whom they should."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import requests

from tests.conftest import Login
from tests.systems import postgres, tryton_seed
from tests.systems import sap as sap_rows
from tests.systems.place import ROOT

V4 = "/sap/opu/odata4/sap/API_BUSINESS_PARTNER"


def services(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HUB_TEST_")}
    environment = kept | variables | {"SVC_DIR": str(folder)}
    command = [str(ROOT / "tests" / "services"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_system_that_the_caller_brings_is_used_as_it_is(tmp_path: Path) -> None:
    done = services("up", "sap", folder=tmp_path, HUB_TEST_SAP_URL="http://u:p@sap.example:1")
    assert done.stdout == "export HUB_TEST_SAP_URL=http://u:p@sap.example:1\n"
    assert services("running", folder=tmp_path).returncode == 1


def test_a_system_that_cannot_be_had_is_named_with_the_reason(tmp_path: Path) -> None:
    broken = {"UV": "/bin/false"}
    done = services("up", "tryton", folder=tmp_path, **broken)
    assert (done.returncode, done.stdout) == (0, "")
    assert "tryton is not available: uv failed" in done.stderr
    assert services("up", "--require", "tryton", folder=tmp_path, **broken).returncode == 1


@pytest.mark.skipif(not postgres.installed(), reason="PostgreSQL is not installed")
def test_postgres_starts_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    first = services("up", "postgres", folder=tmp_path)
    assert first.stdout == services("up", "postgres", folder=tmp_path).stdout != ""
    scratch = Path(json.loads((tmp_path / "state.json").read_text())["postgres"]["scratch"])
    assert scratch.exists()
    services("down", folder=tmp_path)
    assert not scratch.exists()
    assert services("running", folder=tmp_path).returncode == 1


def test_tryton_holds_its_parties(tryton: Login) -> None:
    headers = {"Authorization": f"Bearer {tryton.key}", "Range": "records=0-500"}
    address = f"{tryton.url}/rest/model/party.party"
    rows = requests.get(address, params={"f": "code"}, headers=headers, timeout=30).json()
    codes = {row["code"] for row in rows}
    assert {f"P{number:04d}" for number in range(tryton_seed.PARTIES)} < codes
    assert {f"E{number:03d}" for number in range(tryton_seed.EMPLOYEES)} < codes


def test_tryton_refuses_a_wrong_key(tryton: Login) -> None:
    headers = {"Authorization": "Bearer wrong"}
    answer = requests.get(f"{tryton.url}/rest/model/party.party", headers=headers, timeout=30)
    assert answer.status_code in (401, 403)


def test_sap_pages_its_partners(sap: Login) -> None:
    asked = {"$count": "true", "$orderby": "BusinessPartner"}
    login = (sap.username, sap.password)
    page = requests.get(f"{sap.url}{V4}/A_BusinessPartner", params=asked, auth=login, timeout=30).json()
    assert page["@odata.count"] >= sap_rows.PARTNERS
    assert len(page["value"]) == 20
    assert "skiptoken" in page["@odata.nextLink"]


def test_sap_refuses_wrong_people_and_writes_without_a_token(sap: Login) -> None:
    address = f"{sap.url}{V4}/A_BusinessPartner"
    right, wrong, reader = (sap.username, sap.password), (sap.username, "no"), ("READER", "ReadOnly1")
    assert requests.get(address, auth=wrong, timeout=30).status_code == 401
    assert requests.get(address, auth=reader, timeout=30).status_code == 403
    refused = requests.post(address, json={"BusinessPartner": "1"}, auth=right, timeout=30)
    assert refused.status_code == 403
    assert refused.headers["x-csrf-token"] == "Required"
