"""The small server of ``fake`` behind TLS, with certificates of an authority of the tests' own."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import trustme

from tests.unit.http.fake import Fake, Reply, fake


def context_of(
    authority: trustme.CA, name: str = "127.0.0.1", days: float = 365, since: float = -1
) -> ssl.SSLContext:
    """A server's side: a certificate for ``name``, valid from ``since`` until ``days``, in days from now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    today = dt.datetime.now(dt.UTC)
    authority.issue_cert(
        name, not_before=today + dt.timedelta(days=since), not_after=today + dt.timedelta(days=days)
    ).configure_cert(context)
    return context


@contextmanager
def encrypted(reply: Reply, context: ssl.SSLContext) -> Iterator[Fake]:
    """A server whose address is https."""
    with fake(reply) as server:
        listener = server.server.socket
        server.server.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
        server.url = server.url.replace("http:", "https:")
        yield server
