"""The tokens job: tokens of an OpenID provider, as ``cophub serve`` gives them on one worker.

Clients as themselves, and log-ins that are refreshed, each by its newest refresh token. The processor time of the
server's process is what counts on a machine that has other work.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from bench import serving, visitors
from bench.todos import FILES, people
from hub.bootstrap import Opened, open_hub
from hub.store import sso_grants
from hub.store.database import new_id
from hub.store.sso_grants import Family, Token
from sso.ground import digest, fresh, provider

FIELDS = "claims: {name: name, number: number}\n"
CLIENTS = {
    "config/clients/oa.yaml": "client: oa\nredirect_uris: [https://oa.example.com/callback]\n"
    f"grants: [authorization_code, refresh_token]\nscopes: [openid, profile, offline_access]\n{FIELDS}",
    "config/clients/batch.yaml": "client: batch\ngrants: [client_credentials]\nscopes: [read]\n",
}
Form = Callable[[dict[str, Any]], dict[str, str]]


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--lines", type=int, default=8, help="connections that ask at once")
    parser.add_argument("--seconds", type=int, default=15, help="of each kind")
    parser.add_argument("--store", required=True, help="postgresql://… or sqlite:////… (emptied)")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it."""
    return serving.measured(measure, arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Tokens a second, and milliseconds of the server's processor for each."""
    variables = {"COPHUB_STORE": arguments.store}
    provides = {"config/hub.yaml": FILES["config/hub.yaml"] + "address: https://hub.example\nsso: {}\n"}
    serving.written(folder, FILES | CLIENTS | provides)
    serving.emptied(folder, variables)
    with open_hub(folder, variables=variables) as opened:
        people(opened.hub, folder, 1000)
        secrets, begun = _begun(opened, arguments.lines)
    result: dict[str, Any] = {}
    kinds: list[tuple[str, str, list[dict[str, Any]], Form]] = [
        ("client", "batch", [{}] * arguments.lines, _alone),
        ("refresh", "oa", [{"refresh_token": text} for text in begun], _again),
    ]
    with serving.served(folder, variables) as address:
        for name, client, lines, form in kinds:
            proof = base64.b64encode(f"{client}:{secrets[client]}".encode()).decode()
            head = f"POST /sso/token HTTP/1.1\r\nHost: hub\r\nAuthorization: Basic {proof}\r\n"
            lines = asyncio.run(_asked(address, head, lines, form, 2))[1]
            before = _spent()
            count, _ = asyncio.run(_asked(address, head, lines, form, arguments.seconds))
            cost = 1000 * (_spent() - before) / count
            result[name] = {"rate": count / arguments.seconds, "processor_ms": cost}
            serving.say(f"{name:8s} {count / arguments.seconds:,.0f}/s, {cost:.2f} ms of processor each")
    return result


def _begun(opened: Opened, number: int) -> tuple[dict[str, str], list[str]]:
    """The clients' secrets, and refresh tokens of as many log-ins."""
    here = provider(opened.hub, opened.cipher)
    assert here is not None
    database, moment = opened.hub.database, here.now()
    golden = database.tables["e_person"]
    with database.begin(reading=True) as connection:
        persons = list(connection.scalars(select(golden.c["_id"]).limit(number)))
    texts = []
    for person in persons:
        ends, scope = here.after(here.rules.refresh), "openid profile offline_access"
        family = Family(new_id(), "oa", scope, True, moment, ends, person, sid="s", sub=str(person), auth_time=moment)
        texts.append(fresh("cpr"))
        row = Token(digest(texts[-1]), family.id, "refresh", "oa", scope, moment, ends)
        sso_grants.add(database, family, [row])
    return {name: here.secrets.make(opened.hub.actor, name) for name in ("oa", "batch")}, texts


def _alone(told: dict[str, Any]) -> dict[str, str]:
    return {"grant_type": "client_credentials", "scope": "read"}


def _again(told: dict[str, Any]) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]}


async def _asked(
    address: tuple[str, int], head: str, lines: list[dict[str, Any]], form: Form, seconds: float
) -> tuple[int, list[dict[str, Any]]]:
    """How often all were answered, and what each was answered last."""
    count, end = 0, time.perf_counter() + seconds

    async def one(told: dict[str, Any]) -> dict[str, Any]:
        nonlocal count
        reader, writer = await asyncio.open_connection(*address)
        try:
            while time.perf_counter() < end:
                body = urlencode(form(told))
                kind = "Content-Type: application/x-www-form-urlencoded"
                writer.write(f"{head}{kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                told = json.loads(await visitors.answer(reader, "/sso/token"))
                count += 1
        finally:
            writer.close()
        return told

    return (await asyncio.gather(*(one(told) for told in lines)), count)[::-1]


def _spent() -> float:
    """Seconds of processor that the server, the only child of this process, took."""
    (child,) = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    words = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
