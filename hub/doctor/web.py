"""The steps that all systems on the web share, by their own transport."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from hub.doctor.endpoint import Endpoint, Hop, Trust
from hub.doctor.steps import Said, Step, clocks, failed, skipped, warned
from hub.errors import AuthError, ConfigError
from hub.http.addresses import PORTS
from hub.http.answers import ANY
from hub.http.settings import HttpSettings
from hub.http.transport import Transport

REACHED = ("dns", "tcp", "proxy", "tls")
LOGGED_IN = ("authentication",)
_HEAD = 16 * 1024
_KINDS = {
    "basic": "user and password", "bearer": "token", "api_key": "key", "oauth2": "OAuth 2.0", "login": "log-in",
}  # fmt: skip


def reaching(transport: Transport, folder: str) -> list[Step]:
    """``dns tcp proxy tls`` of the system's address."""
    settings = transport.settings
    parts = urlsplit(settings.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    encrypted = parts.scheme == "https"
    endpoint = Endpoint(
        host, port, timeout=settings.limits.timeout, now=transport.now,
        trust=Trust.of(settings.tls, folder, str(DEFAULT_CA_BUNDLE_PATH)) if encrypted else None,
        proxy=_proxy(settings, host, port, encrypted=encrypted),
    )  # fmt: skip
    return endpoint.steps()


def authentication(transport: Transport, ask: Callable[[], Any]) -> Step:
    """``ask`` sends the cheapest request that needs credentials."""

    def attempt() -> Said | str:
        kind = _kind(transport.settings)
        try:
            ask()
        except AuthError as error:
            if error.code != "auth.forbidden":
                raise
            return f"known to the system, though it may not do everything: {kind}"
        except ConfigError:  # an address that is not there: whoever asks is not at fault
            return f"not refused: {kind}" if transport.settings.auth else kind
        return f"accepted: {kind}" if transport.settings.auth else kind

    return Step("authentication", attempt, REACHED)


def clock(transport: Transport) -> Step:
    """By the Date header of the last answer (RFC 9110 §6.6.1)."""

    def attempt() -> Said:
        if transport.served is None:
            return skipped("the system sends no Date header")
        ours, theirs = transport.served
        return clocks(ours, theirs, "the server's Date header")

    return Step("clock", attempt, REACHED)


def allowed(transport: Transport, path: str, method: str) -> Said | str:
    """Whether the answer to OPTIONS (RFC 9110 §9.3.7) names a method. A name is no right, but its absence is none."""
    answer = transport.request("OPTIONS", path, expect=ANY)
    told = answer.headers.get("allow", "") if answer.ok else ""
    named = {one.strip().upper() for one in told.split(",")} - {""}
    if not named:
        return skipped("cannot be asked without writing: the system does not answer OPTIONS by its methods")
    if method.upper() in named:
        return f"the system takes {method.upper()} there; whether this account may is seen when it writes"
    return warned(
        "rights.write", f"the system takes {', '.join(sorted(named))} there, and no {method.upper()}",
        "mend the path or method below write:, or give the account the right",
    )  # fmt: skip


def _kind(settings: HttpSettings) -> str:
    auth = settings.auth
    if auth is None:
        return "no credentials are declared, and none were asked for"
    return next((words for name, words in _KINDS.items() if getattr(auth, name) is not None), "credentials")


def _proxy(settings: HttpSettings, host: str, port: int, *, encrypted: bool) -> Hop | None:
    if settings.proxy is None:
        return None
    parts = urlsplit(settings.proxy.url)
    at, on = parts.hostname or "", parts.port or PORTS[parts.scheme]

    def tunnel(made: socket.socket) -> Said:
        return _tunnel(made, settings, f"{at}:{on}", f"{host}:{port}")

    # a proxy that is itself spoken to by TLS, or asked for plain addresses, is tried by the requests themselves
    return Hop(at, on, tunnel if encrypted and parts.scheme == "http" else None)


def _tunnel(made: socket.socket, settings: HttpSettings, proxy: str, target: str) -> Said:
    """CONNECT (RFC 9110 §9.3.6)."""
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if settings.proxy and settings.proxy.username:
        password = settings.proxy.password.reveal() if settings.proxy.password else ""
        both = base64.b64encode(f"{settings.proxy.username}:{password}".encode()).decode()
        head += f"Proxy-Authorization: Basic {both}\r\n"
    try:
        made.sendall(f"{head}\r\n".encode())
        said = _status(made)
    except OSError:
        said = ""
    if said == "407":
        return failed(
            "auth.proxy", f"the proxy {proxy} wants other credentials (407)", "mend username and password of proxy:"
        )
    if not said.startswith("2"):
        return failed(
            "reach.proxy", f"the proxy {proxy} does not let {target} through ({said or 'no answer'})",
            "have the proxy's owner allow this address, or leave proxy: out where none is needed",
        )  # fmt: skip
    return Said(f"{proxy} lets {target} through")


def _status(made: socket.socket) -> str:
    """The status of the answer, read byte by byte up to the end of its head: what follows is TLS."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD and (piece := made.recv(1)):
        head += piece
    words = head.split(b"\r\n", 1)[0].split()
    return words[1].decode("ascii", "replace") if len(words) > 1 else ""
