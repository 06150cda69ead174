"""The sse job: how long a pushed to-do takes to reach an open stream.

LISTENERS streams are open at one ``cophub serve``, each of another person; to-dos are pushed to it over HTTP at RATE a
second, each for one of these persons. A time runs from before the push is sent until its title has arrived. With
--slow as many more listeners never read, and are sent large to-dos besides.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from bench import serving, todos
from bench.visitors import Address, answer
from hub.bootstrap import open_hub


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--slow", type=int, default=0, help="listeners that never read")
    parser.add_argument("--rate", type=int, default=20, help="to-dos pushed a second")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--store", required=True, help="postgresql://… (emptied!) or sqlite:///FILE")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it."""
    return serving.measured(measure, arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds: p50, p95, p99, largest; and how many arrived."""
    variables = {"COPHUB_STORE": arguments.store}
    todos.workspace(folder, "listeners: 1000, ")
    serving.emptied(folder, variables)
    with open_hub(folder, variables=variables) as opened:
        todos.people(opened.hub, folder, arguments.listeners + arguments.slow)
        head = serving.head(opened.hub, ["todos:read", "todos:write"])
    with serving.served(folder, variables) as address:
        took = sorted(asyncio.run(_measured(address, head, arguments)))
    wanted = arguments.rate * arguments.seconds
    result = {"listeners": arguments.listeners, "slow": arguments.slow, "pushed": wanted, "arrived": len(took)}
    figures = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "largest": 1.0}
    result |= {name: round(1000 * took[min(len(took) - 1, int(len(took) * at))], 1) for name, at in figures.items()}
    serving.say(" ".join(f"{name} {value}" for name, value in result.items()) + " (milliseconds)")
    return result


async def _measured(address: Address, headers: Mapping[str, str], arguments: argparse.Namespace) -> list[float]:
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    took: list[float] = []
    lines = [await _listening(address, told, n) for n in range(arguments.listeners + arguments.slow)]
    heard = [asyncio.create_task(_hear(reader, took)) for reader, _ in lines[: arguments.listeners]]
    await _push(address, told, arguments)
    for _ in range(100):
        if len(took) == arguments.rate * arguments.seconds:
            break
        await asyncio.sleep(0.1)
    for task in heard:
        task.cancel()
    for _, writer in lines:
        writer.close()
    return took


async def _listening(
    address: Address, headers: str, number: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*address, limit=2**20)
    path = f"/v1/todos/stream?person=P{number:08}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\n{headers}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{path}: {head[:200]!r}")
    await reader.readuntil(b"event: open")
    return reader, writer


async def _hear(reader: asyncio.StreamReader, took: list[float]) -> None:
    while line := await reader.readline():
        if line.startswith(b"data: {") and b'"items"' in line:
            arrived = time.time()
            took += [arrived - float(one["title"]) for one in orjson.loads(line[6:])["items"]]


async def _push(address: Address, headers: str, arguments: argparse.Namespace) -> None:
    reader, writer = await asyncio.open_connection(*address)
    begin = time.perf_counter() + 0.05
    for number in range(arguments.rate * arguments.seconds):
        await asyncio.sleep(max(0.0, begin + number / arguments.rate - time.perf_counter()))
        items = [_item(number, number % arguments.listeners, str(time.time()))]
        if arguments.slow:
            slow = arguments.listeners + number % arguments.slow
            items.append(_item(-1 - number, slow, "large", text="x" * 10_000))
        body = orjson.dumps({"items": items})
        head = f"POST /v1/todos HTTP/1.1\r\nHost: {address[0]}\r\n{headers}Content-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await answer(reader, "/v1/todos")
    writer.close()


def _item(number: int, person: int, title: str, **more: Any) -> dict[str, Any]:
    return {
        "system": "oa",
        "id": f"S{number}",
        "title": title,
        "assignees": [{"to": {"code": f"P{person:08}"}}],
    } | more
