"""Those who ask a server, in a process of their own and as cheap as can be: HTTP/1.1 over kept connections.

``open_loop`` asks at a rate, whatever the answers take, so that waiting in line counts; ``closed_loop`` asks again as
soon as it is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Address = tuple[str, int]
LINES = 64


def served(command: list[str], variables: Mapping[str, str], path: str) -> tuple[subprocess.Popen[bytes], Address]:
    """A server's process, once ``path`` answers; the port is the command's last word."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([*command, str(port)], env={**os.environ, **variables}, stderr=subprocess.DEVNULL)
    address = ("127.0.0.1", port)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            fetch(address, [path], {})
        except OSError:
            time.sleep(0.1)
        else:
            return process, address
    process.kill()
    raise SystemExit("the server does not answer")


@contextmanager
def bare_server(body: bytes) -> Iterator[Address]:
    """A FastAPI route that answers these bytes and does nothing else, on one uvicorn worker like the hub's."""
    code = (
        "import sys, uvicorn\nfrom fastapi import FastAPI, Response\nbody = open(sys.argv[1], 'rb').read()\n"
        "app = FastAPI(openapi_url=None)\n"
        "@app.get('/page')\ndef page() -> Response:\n    return Response(body, media_type='application/json')\n"
        "uvicorn.run(app, port=int(sys.argv[2]), log_config=None, access_log=False)\n"
    )
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(body)
        process, address = served([sys.executable, "-c", code, file.name], {}, "/page")
        try:
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


def fetch(address: Address, paths: Sequence[str], headers: Mapping[str, str]) -> list[bytes]:
    """The bodies of some answers, one after the other."""

    async def every() -> list[bytes]:
        line = await _Line.open(address, headers)
        try:
            return [await line.get(path) for path in paths]
        finally:
            line.close()

    return asyncio.run(every())


def open_loop(
    address: Address, paths: Sequence[str], headers: Mapping[str, str], rate: float, seconds: float
) -> dict[str, float]:
    """Milliseconds from the moment a request was due to the end of its answer: p50, p99, largest, mean bytes."""
    return dict(_apart("open", address, paths, headers, rate, seconds))


def closed_loop(
    address: Address, paths: Sequence[str], headers: Mapping[str, str], lines: int, seconds: float
) -> float:
    """Answers a second."""
    return float(_apart("closed", address, paths, headers, lines, seconds))


def _apart(kind: str, *asked: Any) -> Any:
    command = [sys.executable, "-m", "bench.visitors", kind]
    told = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout)


class _Line:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader, self._writer, self._head = reader, writer, head

    @staticmethod
    async def open(address: Address, headers: Mapping[str, str]) -> _Line:
        reader, writer = await asyncio.open_connection(*address)
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return _Line(reader, writer, f"HTTP/1.1\r\nHost: {address[0]}\r\n{told}\r\n")

    async def get(self, path: str) -> bytes:
        self._writer.write(f"GET {path} {self._head}".encode())
        return await answer(self._reader, path)

    def close(self) -> None:
        self._writer.close()


async def answer(reader: asyncio.StreamReader, asked: str) -> bytes:
    """The body of the next answer on a connection; SystemExit where its status is not 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{asked}: {lines[0]!r}: {body[:200]!r}")
    return body


async def _open(
    address: Address, paths: Sequence[str], headers: Mapping[str, str], rate: float, seconds: float
) -> dict[str, float]:
    free: asyncio.Queue[_Line] = asyncio.Queue()
    for _ in range(LINES):
        free.put_nowait(await _Line.open(address, headers))
    took: list[float] = []
    size = [0]

    async def one(path: str, due: float) -> None:
        line = await free.get()
        body = await line.get(path)
        size[0] += len(body)
        free.put_nowait(line)
        took.append(time.perf_counter() - due)

    begin, asked = time.perf_counter() + 0.05, []
    for number in range(int(rate * seconds)):
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked.append(asyncio.create_task(one(paths[number % len(paths)], due)))
    await asyncio.gather(*asked)
    took.sort()
    return {
        "p50": 1000 * took[len(took) // 2],
        "p99": 1000 * took[int(len(took) * 0.99)],
        "largest": 1000 * took[-1],
        "bytes": size[0] // len(took),
    }


async def _closed(
    address: Address, paths: Sequence[str], headers: Mapping[str, str], lines: int, seconds: float
) -> float:
    count, end = [0], time.perf_counter() + seconds

    async def one(start: int) -> None:
        line = await _Line.open(address, headers)
        number = start
        while time.perf_counter() < end:
            await line.get(paths[number % len(paths)])
            number += lines
            count[0] += 1

    begin = time.perf_counter()
    await asyncio.gather(*(one(start) for start in range(lines)))
    return count[0] / (time.perf_counter() - begin)


if __name__ == "__main__":
    asked = json.loads(sys.stdin.read())
    told = asyncio.run((_open if sys.argv[1] == "open" else _closed)(tuple(asked[0]), *asked[1:]))
    print(json.dumps(told))
