"""A network that cuts, stalls and swallows: between the hub and its systems, and under a delivery. The proxy
makes the fault, the simulators' log says what really happened."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import pytest

from connectors.simulators import Simulator
from hub.errors import HubError, Retriable
from hub.http import HttpSettings, Transport
from tests.faults.conftest import Make
from tests.faults.landscape import Landscape
from tests.faults.matrix import row
from tests.faults.proxy import Fault, Proxy
from tests.unit.http.fake import Answer, fake

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'8\r\n{"a": [1\r\n8\r\n, 2, 3]}\r\n0\r\n\r\n'
)
COUNTED = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"a": [1, 2, 3]}'


def behind(made: Landscape, name: str, proxy: Proxy) -> None:
    """Let a system be reached through the proxy."""
    path = made.folder / "config" / "systems" / f"{name}.yaml"
    path.write_text(path.read_text().replace(made.simulators[name].url, proxy.url))


@pytest.fixture
def crm(landscape: Make) -> Iterator[tuple[Landscape, Proxy]]:
    made = landscape("crm", count=20)
    with Proxy(made.simulators["crm"].port) as proxy:
        behind(made, "crm", proxy)
        yield made, proxy


def places(heard: bytes) -> dict[str, int]:
    """Where an answer in the middle of a connection can be cut."""
    starts = [found.start() for found in re.finditer(rb"HTTP/1\.1 \d", heard)]
    start, end = starts[1], [*starts, len(heard)][2]
    body = heard.index(b"\r\n\r\n", start) + 4
    return {
        "before it": start, "status line": start + 5, "headers": start + 40, "end of headers": body,
        "first byte of JSON": body + 1, "middle of JSON": (body + end) // 2, "last byte": end - 1,
    }  # fmt: skip


def state(made: Landscape) -> object:
    return made.select("SELECT code, name, country, _state, _version FROM e_party ORDER BY code"), made.select(
        "SELECT exchange, value, token, snapshot FROM watermark"
    )


@row(8, "cut or reset at each class of byte")
def test_a_page_cut_anywhere_is_never_applied_in_part(crm: tuple[Landscape, Proxy]):
    made, proxy = crm
    assert made.run("crm-parties", "--initial").status == 0
    before = state(made)
    (heard,) = proxy.heard
    for number, (place, after) in enumerate(places(bytes(heard)).items()):
        kind = ("cut", "reset")[number % 2]
        made.simulators["crm"].change("accounts", {"id": "ACC-000020", "name": f"Told {place}"})
        proxy.set(Fault(kind, after=after, times=None))  # type: ignore[arg-type]
        ran = made.run("crm-parties", "--full")
        if ran.status:  # each connection gets as far as the cut, so that the pages may come in spite of it
            assert (ran.status, ran.error["code"]) == (75, "http.cut"), place
            assert state(made) == before, place
        proxy.clear()
        assert made.run("crm-parties", "--full").status == 0, place
        assert made.select("SELECT name FROM e_party WHERE code = 'ACC-000020'") == [(f"Told {place}",)]
        before = state(made)


@row(8, "every page is cut at its first byte, in its head and in its body")
@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_pages_that_are_always_cut_apply_nothing(crm: tuple[Landscape, Proxy], kind: str):
    made, proxy = crm
    for after in (0, 5, 150, 400):
        proxy.set(Fault(kind, after=after, times=None))  # type: ignore[arg-type]
        ran = made.run("crm-parties", "--initial")
        assert (ran.status, ran.error["code"]) == (75, "http.cut"), after
        assert "Traceback" not in ran.err
        assert state(made) == ([], [])
        proxy.clear()


@row(8, "each prefix of an answer, chunked or counted")
@pytest.mark.parametrize("whole", [CHUNKED, COUNTED], ids=["chunked", "counted"])
def test_no_prefix_of_an_answer_is_taken_for_an_answer(whole: bytes):
    told = set()
    with fake(lambda asked: Answer(raw=whole[: int(asked.params["n"])])) as server:
        made = HttpSettings.model_validate({"url": server.url, "limits": {"retries": 0, "rate": None}})
        api = Transport(made, "prefix")
        for length in range(whole.rindex(b"}") if whole is COUNTED else whole.rindex(b"0")):
            with pytest.raises(HubError) as caught:
                api.request("GET", "/", params={"n": str(length)}).json()
            told.add((type(caught.value), caught.value.code))
        assert api.request("GET", "/", params={"n": str(len(whole))}).json() == {"a": [1, 2, 3]}
    assert {kind for kind, _ in told} == {Retriable}, told


@row(14, "the connection is reset after any byte of a request or of its answer")
@pytest.mark.parametrize("way", ["request", "answer"])
def test_a_delivery_cut_anywhere_makes_each_object_once(crm: tuple[Landscape, Proxy], way: str):
    made, proxy = crm
    log = made.simulators["crm"].log
    number = 100
    for after in (1, 90, 420, 1500):
        made.write([{"code": f"C{number + one}", "name": f"Name {number + one}"} for one in range(6)])
        number += 6
        assert made.run("files-parties", "--full", "--initial").status == 0
        proxy.set(Fault("reset", after=after, way=way, times=2))  # type: ignore[arg-type]
        assert made.run("to-crm", "--initial").status in (0, 75)
        proxy.clear()
        assert made.run("to-crm", "--initial").status == 0
        made_there = [one.note for one in log.of("create", "accounts")]
        assert sorted(made_there) == sorted(set(made_there))
        assert set(made_there) == {f"C{one}" for one in range(100, number)}
    assert proxy.struck >= 4
    assert made.select("SELECT count(*) FROM intent") == [(0,)]


# The fault, and what the run says where it does not go away.
STALLED = {
    "accepted and closed": (Fault("close", times=None), "http.cut"),
    "half closed": (Fault("half", after=60, times=None), "http.cut"),
    "half open: nothing comes any more": (Fault("blackhole", after=200, times=None), "http.timeout"),
    "half open: nothing arrives any more": (Fault("blackhole", 10, "request", times=None), "http.timeout"),
    "one byte at a time": (Fault("trickle", value=40, times=None), "http.timeout"),
}


@row(41, "half-open, half-closed and closed connections")
@row(39, "the source sends one byte at a time")
@pytest.mark.parametrize("what", STALLED)
def test_a_stalled_connection_ends_at_its_deadline_and_moves_no_watermark(
    crm: tuple[Landscape, Proxy], what: str
):
    made, proxy = crm
    system = made.folder / "config" / "systems" / "crm.yaml"
    system.write_text(system.read_text().replace("retries: 2", "retries: 1").replace("timeout: 2s", "timeout: 1s"))
    fault, code = STALLED[what]
    proxy.set(Fault(fault.kind, fault.after, fault.way, fault.value, times=None))
    began = time.monotonic()
    ran = made.run("crm-parties", "--initial")
    assert (ran.status, ran.error["code"]) == (75, code)
    assert time.monotonic() - began < 20
    assert ran.error["hint"]
    assert state(made) == ([], [])
    proxy.clear()
    assert made.run("crm-parties", "--initial").counts["created"] == 24


@row(8, "a slow network loses nothing")
def test_latency_costs_time_and_nothing_else(crm: tuple[Landscape, Proxy]):
    made, proxy = crm
    proxy.set(Fault("latency", value=0.05, times=None))
    assert made.run("crm-parties", "--initial").counts["created"] == 24


@row(41, "a proxy that refuses CONNECT, resets it, or says nothing")
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "auth.proxy"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "http.proxy"),
        (b"", "http.cut"),
        (None, "http.timeout"),
    ],
)
def test_a_proxy_that_does_not_connect_is_told(answer: bytes | None, code: str):
    with fake(lambda asked: Answer(raw=answer or b"", drip=answer is None)) as server:
        made = HttpSettings.model_validate(
            {"url": "https://erp.example", "proxy": server.url, "limits": {"retries": 0, "timeout": "1s"}}
        )
        with pytest.raises(HubError) as caught:
            Transport(made, f"proxy-{code}").request("GET", "/x")
    assert caught.value.code == code
    assert caught.value.hint


@row(41, "a name that nobody knows, in a run")
def test_a_run_whose_system_has_no_address_moves_nothing(landscape: Make):
    made = landscape()
    path = made.folder / "config" / "systems" / "crm.yaml"
    path.write_text(path.read_text().replace("http://127.0.0.1:9", "http://nobody.invalid"))
    ran = made.run("crm-parties", "--initial")
    assert (ran.status, ran.error["code"]) == (75, "http.dns")
    assert made.select("SELECT count(*) FROM watermark") == [(0,)]


def test_the_proxy_passes_everything_where_nothing_is_wrong():
    with Simulator("crm") as simulator, Proxy(simulator.port) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as one:
            one.sendall(b"GET /api/v2/accounts HTTP/1.1\r\nHost: x\r\nX-Api-Key: crm-demo\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: one.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert bytes(proxy.heard[0]) == answer
        assert proxy.struck == 0
