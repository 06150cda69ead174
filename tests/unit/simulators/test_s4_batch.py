from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.simulators import Simulator

ROOT = "/sap/opu/odata/sap/API_BUSINESS_PARTNER/"


@pytest.fixture
def s4() -> Iterator[Simulator]:
    with Simulator("s4") as simulator:
        yield simulator


@pytest.fixture
def client(s4: Simulator) -> requests.Session:
    client = requests.Session()
    client.auth = ("HUB", "s4-demo")
    client.headers["Accept"] = "application/json"
    fetched = client.get(s4.url + ROOT, headers={"X-CSRF-Token": "Fetch"}, timeout=5)
    client.headers["X-CSRF-Token"] = fetched.headers["X-CSRF-Token"]
    return client


def read(client: requests.Session, s4: Simulator, path: str) -> Any:
    return client.get(s4.url + ROOT + path, timeout=5).json()["d"]


def part(method: str, path: str, body: str = "", headers: str = "", content_id: str = "") -> str:
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{content_id}\r\n"
    size = f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n" if body else ""
    return f"{head}{method} {path} HTTP/1.1\r\nAccept: application/json\r\n{size}{headers}\r\n{body}"


def batch(client: requests.Session, s4: Simulator, *pieces: str | list[str]) -> requests.Response:
    lines = []
    for number, piece in enumerate(pieces):
        if isinstance(piece, list):
            inner = "".join(f"--cs{number}\r\n{each}\r\n" for each in piece) + f"--cs{number}--"
            piece = f"Content-Type: multipart/mixed; boundary=cs{number}\r\n\r\n{inner}"
        lines.append(f"--b\r\n{piece}\r\n")
    body = "".join(lines) + "--b--\r\n"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    return client.post(s4.url + ROOT + "$batch", data=body.encode(), headers=headers, timeout=5)


def statuses(answer: requests.Response) -> list[int]:
    assert answer.status_code == 202
    return [int(code) for code in re.findall(r"HTTP/1\.1 (\d+)", answer.text)]


NEW = '{"OrganizationBPName1": "上海", "BusinessPartnerCategory": "2"}'


def test_a_batch_reads_and_changes(s4: Simulator, client: requests.Session) -> None:
    answer = batch(
        client,
        s4,
        part("GET", "A_BusinessPartner('1000001')?$select=BusinessPartner"),
        [
            part("POST", "A_BusinessPartner", NEW, content_id="Content-ID: 1\r\n"),
            part("POST", "$1/to_BusinessPartnerAddress", '{"Country": "CN"}'),
        ],
        part("GET", "/sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner('9')"),
        [part("MERGE", "A_BusinessPartner('1000001')", '{"SearchTerm2": "B"}', "If-Match: *\r\n")],
    )
    assert statuses(answer) == [200, 201, 201, 404, 204]
    assert "Content-ID: 1" in answer.text
    assert read(client, s4, "A_BusinessPartner('1000209')")["OrganizationBPName1"] == "上海"
    assert len(read(client, s4, "A_BusinessPartner('1000209')/to_BusinessPartnerAddress")["results"]) == 1
    assert s4.log.count("create", "A_BusinessPartner") == 1


def test_a_change_set_is_done_whole_or_not_at_all(s4: Simulator, client: requests.Session) -> None:
    answer = batch(
        client,
        s4,
        [part("POST", "A_BusinessPartner", NEW), part("POST", "A_BusinessPartner", "{}")],
        [part("POST", "A_BusinessPartner", NEW)],
    )
    assert statuses(answer) == [400, 201]
    assert s4.log.count("create", "A_BusinessPartner") == 1
    assert len(s4.rows("A_BusinessPartner")) == 129


def test_one_row_of_a_batch_can_fail(s4: Simulator, client: requests.Session) -> None:
    s4.faults.set("partial,skip=1")
    answer = batch(client, s4, *([part("POST", "A_BusinessPartner", NEW)] for _ in range(3)))
    assert statuses(answer) == [201, 400, 201]
    assert s4.log.count("create", "A_BusinessPartner") == 2


@pytest.mark.parametrize(
    "piece", [part("POST", "A_BusinessPartner", NEW), "Content-Type: text/plain\r\n\r\nx", []]
)
def test_a_malformed_batch_is_refused_whole(
    s4: Simulator, client: requests.Session, piece: str | list[str]
) -> None:
    assert batch(client, s4, piece).status_code == 400
    assert s4.log.count("create") == 0
