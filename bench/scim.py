"""The scim job: filters of a SCIM client over PEOPLE users, as ``cophub serve`` answers them.

One user is written by SCIM; the others are multiplied in the database from the row that it left.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scim2_models import Context
from sqlalchemy import text

from bench import serving, visitors
from hub.bootstrap import open_hub
from hub.identity.scim_clients import ENTERPRISE, Client
from hub.identity.scim_storage import Stored
from hub.store.database import Database

FILES = {
    "config/hub.yaml": """
hub: bench
address: https://hub.example.com
api: {rate: 100000, burst: 100000}
""",
    "config/systems/entra.yaml": "system: entra\nconnector: scim_client\nresources: {User: {}}\n",
}
FIRST = "U00000000"
FILTERS = {
    "userName eq": 'userName eq "u{:08}"',
    "externalId eq": 'externalId eq "EU{:08}"',
    "userName sw": 'userName sw "u{:07}"',
    "emails.value eq": 'emails.value eq "u{:08}@x.example"',
}


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=20, help="requests a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--store", required=True, help="postgresql://… or sqlite:////… (emptied)")
    parser.add_argument("--slow", action="store_true", help="filters that no index answers, too: three of each")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it."""
    return serving.measured(measure, arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds by filter."""
    variables, people = {"COPHUB_STORE": arguments.store}, arguments.people
    serving.written(folder, FILES)
    serving.emptied(folder, variables)
    with open_hub(folder, variables=variables) as opened:
        hub = opened.hub
        begun = time.monotonic()
        _fill(hub.database, Client(hub.workspace.system("entra"), "bench", 1 << 20), people)
        serving.say(f"{people:,} users in {time.monotonic() - begun:.0f} s")
        head = serving.head(hub, ["scim:read"], systems=["entra"])
    drawn, result = random.Random(1), dict[str, Any](people=people)
    with serving.served(folder, variables) as address:
        for name, written in FILTERS.items():
            indexed = name.endswith(" eq") and "." not in name
            if not indexed and not arguments.slow:
                continue
            numbers = [drawn.randrange(people // (1 if indexed or "eq" in name else 10)) for _ in range(2000)]
            paths = [f"/scim/v2/entra/Users?filter={quote(written.format(one))}" for one in numbers]
            visitors.fetch(address, paths[:3 if not indexed else 50], head)
            rate, seconds = (arguments.rate, arguments.seconds) if indexed else (0.3, 10)
            result[name] = told = visitors.open_loop(address, paths, head, rate, seconds)
            serving.told(name, told, rate, seconds)
    return result


def _fill(database: Database, client: Client, people: int) -> None:
    """The first user by the storage, the rest in SQL from its row."""
    stored = Stored(database, client.name, client.provider)
    kind = client.service.get_resource_type("User")
    user = client.service.get_model(kind).model_validate({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": FIRST, "externalId": f"E{FIRST}", "displayName": f"Person {FIRST}", "active": True,
        "name": {"familyName": f"F{FIRST}", "givenName": "Given"},
        "emails": [{"value": f"{FIRST}@x.example", "type": "work", "primary": True}],
        ENTERPRISE: {"department": "D17", "employeeNumber": FIRST},
    }, scim_ctx=Context.DEFAULT)  # fmt: skip
    stored.create(kind, user)
    numbers = (
        "SELECT i, lpad(i::text, 8, '0') AS n FROM generate_series(1, :last) AS i"
        if database.dialect == "postgresql"
        else "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < :last) "
        "SELECT i, printf('%08d', i) AS n FROM s"
    )
    identity, json_, compared = (
        ("('01930000' || lpad(to_hex(i), 24, '0'))::uuid", "::text", "::jsonb")
        if database.dialect == "postgresql"
        else ("'01930000' || printf('%024x', i)", "", "")
    )
    content = compared.replace("jsonb", "json")
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO scim_resource (id, client, kind, name, external_id, created, modified, version, content,"
                f" compared) SELECT {identity}, client, kind, 'u' || n, 'EU' || n, created, modified, 1,"
                f" replace(content{json_}, '00000000', n){content}, replace(compared{json_}, '00000000', n){compared}"
                f" FROM scim_resource, ({numbers}) AS numbers"
            ),
            {"last": people - 1},
        )
    with database.begin(reading=True) as connection:
        connection.execute(text("ANALYZE"))
