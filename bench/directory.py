"""The directory job: a whole read of N entries of OpenLDAP by pages, and a delta of 100, through the extract stage.

The entries are made below ``ou=bench`` and stay until the next time; ``--url`` is that of an OpenLDAP whose syncprov
keeps a session log, as ``tests/services up ldap`` starts one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import ldap

from connectors.ldap import SPEC
from hub.contract import Context, Query
from hub.exchange.extract import Extracted, extract
from hub.exchange.runfile import open_run

FIELDS = ("uid", "cn", "sn", "mail", "telephoneNumber", "employeeNumber")
CHANGED = 100


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument(
        "--url", required=True, help="ldap://DN:PASSWORD@HOST:PORT/BASE of who may do everything"
    )
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    parts = urlsplit(arguments.url)
    raw = ldap.initialize(f"ldap://{parts.hostname}:{parts.port}")
    raw.simple_bind_s(unquote(parts.username or ""), unquote(parts.password or ""))
    unit = f"ou=bench,{parts.path.strip('/')}"
    fill(raw, unit, arguments.rows)
    result: dict[str, Any] = {"rows": arguments.rows}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        result["paged"], _ = read(parts, unit, {"cursor": "modifyTimestamp"}, None, Path(folder))
        result["syncrepl"], whole = read(parts, unit, {"sync": "syncrepl"}, None, Path(folder))
        for number in range(CHANGED):
            raw.modify_s(
                f"uid=b{number:06d},{unit}", [(ldap.MOD_REPLACE, "sn", [str(time.time_ns()).encode()])]
            )
        result["delta"], delta = read(parts, unit, {"sync": "syncrepl"}, whole.token, Path(folder))
    if (whole.read, delta.read) != (arguments.rows, CHANGED):
        raise SystemExit(f"{whole.read} entries and {delta.read} changes were read")
    for name in ("paged", "syncrepl", "delta"):
        print(f"{name:10s} {result[name]:8.2f} s")
    if arguments.json:
        print(json.dumps(result))
    return 0


def fill(raw: Any, unit: str, rows: int) -> None:
    """Make what is missing; the answers to some adds are awaited later."""
    try:
        known = len(raw.search_s(unit, ldap.SCOPE_ONELEVEL, "(objectClass=*)", ["1.1"]))
    except ldap.NO_SUCH_OBJECT:
        raw.add_s(unit, [("objectClass", [b"organizationalUnit"])])
        known = 0
    sent: list[int] = []
    for number in range(known, rows):
        name = f"b{number:06d}"
        entry = {
            "objectClass": b"inetOrgPerson", "cn": f"Name {number}".encode(), "sn": b"x",
            "employeeNumber": name.encode(), "mail": f"{name}@example.com".encode(),
            "telephoneNumber": f"+49 30 {number:07d}".encode(),
        }  # fmt: skip
        values = [(key, [value]) for key, value in {**entry, "uid": name.encode()}.items()]
        sent.append(raw.add(f"uid={name},{unit}", values))
        if len(sent) > 200:
            raw.result3(sent.pop(0))
    for one in sent:
        raw.result3(one)


def read(
    parts: Any, unit: str, more: Mapping[str, Any], token: str | None, folder: Path
) -> tuple[float, Extracted]:
    """Seconds of one read through the extract stage, and what it gave."""
    settings = {
        "url": f"ldap://{parts.hostname}:{parts.port}", "starttls": False, "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""), "base": unit,
    }  # fmt: skip
    declared = SPEC.resource.model_validate({"object_class": "inetOrgPerson", **more})
    source = SPEC.open(Context("bench"), SPEC.settings.model_validate(settings), {"person": declared})
    with open_run(folder) as file:
        begin = time.perf_counter()
        found = extract(source, Query(source.resource("person"), FIELDS, token=token), file)
        taken = time.perf_counter() - begin
    source.close()
    return taken, found
