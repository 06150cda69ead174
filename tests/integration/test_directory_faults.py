"""A directory that is cut off, that answers nonsense, or that does not answer: an error, never an empty read."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectors.ldap.controls import DirSyncDone, SyncDone, SyncState, id_set
from hub.contract import Query
from hub.errors import Fatal, HubError, Retriable
from tests.conftest import Login
from tests.contract.directories import opened
from tests.faults.proxy import Fault, Proxy

PEOPLE = {"people": {"object_class": "inetOrgPerson"}}


def read(connector: Any) -> int:
    return sum(page.count for page in connector.read(Query(connector.resource("people"), ("uid", "cn"))))


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_connection_cut_between_pages_gives_no_part_of_a_read(openldap: Login, kind: Any) -> None:
    with Proxy(urlsplit(openldap.url).port or 0) as proxy:
        proxy.set(Fault(kind, after=400_000))
        through = replace(openldap, url=f"ldap://127.0.0.1:{proxy.port}")
        with pytest.raises(Retriable) as refused:
            read(opened(through, PEOPLE))
    assert refused.value.code == "ldap.down"


def test_a_directory_that_is_silent_is_waited_for_so_long(openldap: Login) -> None:
    with Proxy(urlsplit(openldap.url).port or 0) as proxy:
        proxy.set(Fault("blackhole", after=100_000))
        through = replace(openldap, url=f"ldap://127.0.0.1:{proxy.port}")
        with pytest.raises(Retriable) as refused:
            read(opened(through, PEOPLE, timeout="1s"))
    assert refused.value.code == "ldap.down"


@pytest.fixture
def nonsense(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that answers whatever it is asked by the same octets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client, suppress(OSError):
                    client.recv(1000)
                    client.sendall(request.param)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"ldap://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize(
    "nonsense",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x02\x01\x01", b""],
    ids=["a web server", "a length without end", "no operation", "nothing"],
    indirect=True,
)
def test_who_speaks_no_ldap_is_an_error(openldap: Login, nonsense: str) -> None:
    with pytest.raises(HubError):
        read(opened(replace(openldap, url=nonsense), PEOPLE, timeout="2s"))


@pytest.mark.parametrize(
    "value", [b"", b"\x30", b"\x30\x05\x0a", b"\x30\x03\x02\x01\x01", b"\x30\x84\xff\xff\xff\xff", b"x"]
)
def test_values_of_controls_that_are_cut_are_refused(value: bytes) -> None:
    for control in (SyncState, DirSyncDone):
        with pytest.raises(Fatal, match="cannot be understood"):
            control().decodeControlValue(value)
    if value != b"\x30\x03\x02\x01\x01":
        with pytest.raises(Fatal, match="cannot be understood"):
            SyncDone().decodeControlValue(value)
        with pytest.raises(Fatal, match="cannot be understood"):
            id_set(value)
