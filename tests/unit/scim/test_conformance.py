"""Others' programs against the served hub: scim2-tester, and the hub's own connector as one that writes into it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.stores import SqliteStore, Store
from tests.unit.scim.conftest import HUB, Identities

pytestmark = pytest.mark.against("scim_client", "scim2-tester", "real")

OUT = """
    system: directory
    connector: scim
    url: "{url}/scim/v2/whole"
    auth: {{bearer: {{token: secret://directory/token}}}}
    page_size: 2
    resources:
      User:
        key: userName
        paths: {{work_email: 'emails[type eq "work"].value'}}
"""
PEOPLE_OUT = """
    mapping: people-out
    from: person
    into: directory.User
    key: userName
    where: active
    fields:
      userName: login
      displayName: name
      work_email: mail
      active: "true"
    disable: {active: false}
    out_of_scope: {reaction: disable}
    absent: {reaction: disable}
"""
HR = """
    mapping: hr-people
    from: hr.people
    into: person
    fields: {login: id, name: name, mail: mail, active: active}
    unmatched: create
    absent: {reaction: disable}
"""


@contextmanager
def listening(folder: Path, store: Store) -> Iterator[Identities]:
    """A hub that is served by HTTP at the address that it knows as its own; ``url`` is that."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    made = Identities(folder / "w", store)
    made.url = f"http://127.0.0.1:{port}"
    made.build(HUB.replace("https://hub.example.com", made.url))
    server = uvicorn.Server(uvicorn.Config(made.client.app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield made
    server.should_exit = True
    thread.join()
    made.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identities]:
    with listening(tmp_path_factory.mktemp("scim"), SqliteStore()) as made:
        yield made


def test_all_checks_of_scim2_tester_pass(served: Identities) -> None:
    with Client(base_url=f"{served.url}/scim/v2/whole", headers=served.keys["whole"]) as asking:
        client = SyncSCIMClient(asking)
        client.discover()
        results = check_server(client)
    wrong = [f"{one.title}: {one.status.name} {one.reason}" for one in results if one.status is not Status.SUCCESS]
    assert wrong == []
    assert len(results) > 100


def test_golden_people_are_read_by_scim_where_a_mapping_writes_them(served: Identities) -> None:
    served.variables["COPHUB_SECRET_DIRECTORY_TOKEN"] = served.keys["whole"]["authorization"].removeprefix("Bearer ")
    served.write("config/systems/directory.yaml", OUT.format(url=served.url))
    served.files("hr", people="{id: text, name: text, mail: text, active: boolean}")
    served.mapping(HR)
    served.mapping(PEOPLE_OUT)
    ada = {"id": "ada", "name": "艾达", "mail": "ada@x.example", "active": True}
    bob = {"id": "bob", "name": "Bob", "mail": "bob@x.example", "active": True}
    served.put("hr.people", ada, bob)
    served.run("hr-people", initial=True)
    served.run("people-out", initial=True)
    assert served.found('displayName eq "艾达"', "whole") == ["ada"]
    assert served.found('emails[type eq "work" and value sw "bob@"]', "whole") == ["bob"]
    served.put("hr.people", ada | {"name": "Ada L."}, bob | {"active": False})
    served.run("hr-people", mode="full")
    served.run("people-out")
    assert served.found("active eq false", "whole") == ["bob"]
    assert served.found('displayName eq "ADA L."', "whole") == ["ada"]
