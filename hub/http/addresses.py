"""Which addresses the hub may talk to, and the resolving that cannot be tricked.

A configured host may be private: an administrator wrote it. An address that came out of data (a next
link, an attachment) may only lead to an allowed host, and unless that host is configured by its exact
name, every address it resolves to must be a public one. The connection goes to an address of the
very list that was checked, so a second answer of the name server changes nothing (rebinding).
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from hub.errors import ConfigError, Fatal, Retriable
from hub.http.settings import HttpSettings

PORTS = {"http": 80, "https": 443}
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what credentials are bound to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        parts = split(url)
        return cls(
            parts.scheme, (parts.hostname or "").lower().rstrip("."), parts.port or PORTS[parts.scheme]
        )


def split(url: str) -> SplitResult:
    """Split an absolute address; refuse other schemes, user information and control characters."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _forbidden("the address cannot be read") from None
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise _forbidden(f"only http and https addresses are used, not {parts.scheme or 'none'}:")
    if "@" in parts.netloc or "\\" in url or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise _forbidden(f"the address at {parts.hostname} holds user information or control characters")
    return parts


def _forbidden(message: str, hint: str = "") -> Fatal:
    return Fatal("address.forbidden", message, hint=hint)


class Addresses:
    """The allow-list of one system."""

    def __init__(self, settings: HttpSettings, resolve: Resolve | None = None) -> None:
        self.home = Origin.of(settings.url)
        self._resolve = resolve or lookup
        self._trusted = {self.home}
        self._exact: set[tuple[str, int | None]] = set()
        self._patterns: list[str] = []
        if settings.auth and settings.auth.oauth2:
            self._trusted.add(Origin.of(settings.auth.oauth2.token_url))
        for entry in settings.hosts:
            self._allow(entry.lower())

    def _allow(self, entry: str) -> None:
        host, _, port = entry.partition(":")
        if "/" in entry or not host or (port and not port.isdigit()):
            raise ConfigError(
                "http.hosts", f"hosts: {entry!r} is not a host name", hint="write files.example.com"
            )
        if host == "*" or host.startswith("*."):
            self._patterns.append(host.removeprefix("*"))
        else:
            self._exact.add((host, int(port) if port else None))

    def judge(self, origin: Origin) -> bool:
        """Whether this origin is configured (True) or merely allowed and so must be public (False);
        Fatal ``address.forbidden`` where it is neither."""
        if origin in self._trusted or (origin.host, origin.port) in self._exact:
            return True
        usual = origin.port in PORTS.values()
        if usual and (origin.host, None) in self._exact:
            return True
        if usual and any(not tail or origin.host.endswith(tail) for tail in self._patterns):
            return False
        raise _forbidden(
            f"{origin.scheme}://{origin.host}:{origin.port} is not an address of this system",
            "if it should be used, name it below hosts:",
        )

    def resolve(self, host: str, port: int, *, public: bool, timeout: float) -> Sequence[str]:
        """The addresses of a host. With ``public`` every single one must be public."""
        found = within(timeout, lambda: self._resolve(host, port), host)
        if not found:
            raise Retriable("http.dns", f"the name {host} has no address")
        if public:
            for address in found:
                require_public(address, host)
        return found


def require_public(address: str, host: str) -> None:
    """Refuse loopback, private, link-local, multicast, reserved and embedded forms of them."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        inner += [found for found in (ip.ipv4_mapped, ip.sixtofour) if found]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    if any(not one.is_global or one.is_multicast or one.is_reserved for one in inner):
        raise _forbidden(
            f"{host} leads to {address}, which is not a public address",
            "addresses found in data may not lead into the own network; name those that should below hosts:",
        )


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def lookup(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver; each address once, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def within(timeout: float, ask: Callable[[], Sequence[str]], host: str) -> Sequence[str]:
    """The resolver knows no deadline, so it is asked in a thread of its own."""
    answers: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(ask())
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(timeout, 0.001))
    except queue.Empty:
        raise Retriable("http.dns", f"no answer to who {host} is") from None
    if isinstance(answer, OSError | UnicodeError):
        raise Retriable(
            "http.dns", f"the name {host} cannot be resolved", hint="check url: and the name servers"
        ) from None
    return answer
