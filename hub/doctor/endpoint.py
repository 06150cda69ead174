"""Whether an address can be reached: its name, its port, its proxy, its certificate. No credentials are sent."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.doctor.certificates import Certificate, der_of
from hub.doctor.steps import Said, Step, failed, skipped, span, warned
from hub.errors import HubError, Retriable
from hub.http.addresses import lookup, within
from hub.http.settings import Tls

SOON = 30 * 86_400
"""Seconds before its end from which on a certificate is worth a word."""
_SHOWN = 3
Tunnel = Callable[[socket.socket], Said]
_VERIFY_CODES = {
    10: "tls.expired", 9: "tls.not_yet", 62: "tls.name", 64: "tls.name", 18: "tls.authority", 19: "tls.authority",
    20: "tls.authority", 21: "tls.authority",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates count, and with which of its own the hub answers. ``named`` is the authority's file as
    the system's file has it, empty where the host's own list counts."""

    authorities: str
    named: str = ""
    cert: str | None = None
    key: str | None = None

    @classmethod
    def of(cls, tls: Tls, folder: str, known: str | None = None) -> Trust:
        """By what a system's file says, whose paths start at ``folder``. ``known`` is the list of authorities that
        counts where the file names none, by default that of OpenSSL on this host."""
        own = {name: str(Path(folder) / name) for name in (tls.ca, tls.cert, tls.key) if name}
        listed = known or ssl.get_default_verify_paths().cafile or ""
        return cls(
            own[tls.ca] if tls.ca else listed, tls.ca or "", own[tls.cert] if tls.cert else None,
            own[tls.key] if tls.key else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hop:
    """Where to connect: the system itself, or the proxy before it. ``tunnel`` asks the proxy, or a server that
    speaks plainly first, for the way on; it answers what came of it."""

    host: str
    port: int
    tunnel: Tunnel | None = None


class Endpoint:
    """One address. ``starts`` begins TLS where a protocol does not begin with it."""

    def __init__(
        self, host: str, port: int, *, timeout: float, now: Callable[[], float], trust: Trust | None = None,
        proxy: Hop | None = None, starts: Callable[[socket.socket], None] | None = None,
    ) -> None:  # fmt: skip
        self._host, self._port, self._proxy = host, port, proxy
        self._first = proxy or Hop(host, port)
        self._timeout, self._now = min(timeout, 15.0), now
        self._trust, self._starts = trust, starts
        self._found: tuple[str, ...] = ()

    def steps(self, of: str = "") -> list[Step]:
        """``dns tcp proxy tls``; later steps need all of them. ``of`` stands behind each name where a system has
        several addresses."""
        dns, tcp, proxy, tls = (f"{name} {of}".strip() for name in ("dns", "tcp", "proxy", "tls"))
        return [
            Step(dns, self._resolve),
            Step(tcp, self._connect, (dns,)),
            Step(proxy, self._pass, (tcp,)),
            Step(tls, self._secure, (proxy,)),
        ]

    # ------------------------------------------------------------------ name and port

    def _resolve(self) -> Said | str:
        host = self._first.host
        try:
            self._found = tuple(within(self._timeout, lambda: lookup(host, self._first.port), host))
        except HubError as error:
            return failed(
                "reach.dns", f"{error.message}: this host cannot tell where {host} is",
                f"look for a slip in the name; ask on this host: getent hosts {host}; behind a proxy declare proxy:",
            )  # fmt: skip
        whose = "the proxy " if self._proxy else ""
        return f"{whose}{host} is {_few(self._found)}"

    def _connect(self) -> Said | str:
        with self._socket() as made:
            address = made.getpeername()[0]
        return f"port {self._first.port} of {address} is open"

    @contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        """A connection to the first hop; raises Retriable ``reach.*``, which says what went wrong."""
        reason: OSError | None = None
        for address in self._found:
            try:
                made = socket.create_connection((address, self._first.port), timeout=self._timeout)
            except OSError as error:
                reason = error
                continue
            with made:
                yield made
            return
        raise _unreached(self._first, reason)

    # ------------------------------------------------------------------ proxy and TLS

    def _pass(self) -> Said | str:
        if self._proxy is None:
            return skipped("none is declared: the hub connects directly")
        if self._proxy.tunnel is None:
            return "asked with every request"
        with self._socket() as made:
            return self._proxy.tunnel(made)

    def _secure(self) -> Said | str:
        trust = self._trust
        if trust is None:
            return skipped("the address is not encrypted: what is sent, credentials too, can be read on the way")
        try:
            context = ssl.create_default_context(cafile=trust.authorities)
            if trust.cert:
                context.load_cert_chain(trust.cert, trust.key)
        except (ssl.SSLError, OSError) as error:
            return failed(
                "tls.file", f"a certificate file cannot be used: {_reason(error)}",
                "tls.ca holds certificates in PEM, tls.cert and tls.key the hub's own pair",
            )  # fmt: skip
        try:
            with self._shaken(context) as tls:
                found = Certificate.of(tls.getpeercert(binary_form=True) or b"")
                return self._sound(found, str(tls.version()))
        except ssl.SSLCertVerificationError as error:
            return self._distrusted(error)
        except ssl.SSLError as error:
            return failed(
                "tls.handshake", f"no encrypted connection comes about: {_reason(error)}",
                "is that port the encrypted one? The server must speak TLS 1.2 or 1.3 with a cipher of today; where "
                "it wants a certificate of the hub, declare tls.cert",
            )  # fmt: skip
        except OSError as error:
            return failed(
                "tls.handshake", f"the server hung up while encryption was agreed: {_reason(error)}",
                "is that port the encrypted one? A firewall that looks into TLS may do this as well",
            )  # fmt: skip

    @contextmanager
    def _shaken(self, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
        with self._socket() as made:
            if self._proxy is not None and self._proxy.tunnel is not None:
                self._proxy.tunnel(made)
            if self._starts is not None:
                self._starts(made)
            with context.wrap_socket(made, server_hostname=self._host) as tls:
                yield tls

    def _sound(self, found: Certificate, version: str) -> Said:
        trust = self._trust
        assert trust is not None
        whom = trust.named or "the authorities known to this host"
        detail = (
            f"{version.replace('v', ' ')}; {found.subject}, issued by {found.issuer}, valid until {found.until}, "
            f"trusted by {whom}"
        )
        left = found.ends.timestamp() - self._now()
        if left < SOON:
            return warned(
                "tls.soon", f"{detail}: it expires in {span(max(left, 0))}",
                "have the system's owner renew the certificate before the exchanges stop",
            )  # fmt: skip
        return Said(detail)

    def _distrusted(self, error: ssl.SSLCertVerificationError) -> Said:
        """The cause, told from the certificate itself: it is fetched once more, and nothing else is sent."""
        code = _VERIFY_CODES.get(error.verify_code, "tls.certificate")
        looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        looking.check_hostname, looking.verify_mode = False, ssl.CERT_NONE
        try:
            with self._shaken(looking) as tls:
                found = Certificate.of(der_of(tls))
        except (HubError, OSError):
            return failed(code, f"the certificate is not accepted: {error.verify_message}", "see the cause")
        who = f"the certificate of {found.subject}"
        match code:
            case "tls.expired":
                return failed(code, f"{who} expired on {found.until}", "have the system's owner renew it")
            case "tls.not_yet":
                return failed(
                    code, f"{who} is valid from {found.since} on only", "is the clock of this host right?"
                )
            case "tls.name":
                return failed(
                    code, f"the certificate is for {found.names}, not for {self._host}",
                    "write the name that the certificate has in the address, or have one issued for this name",
                )  # fmt: skip
            case "tls.authority":
                own = f"that {self._trust.named} does not hold" if self._trust and self._trust.named else (
                    "that this host does not know"
                )  # fmt: skip
                return failed(
                    code, f"{who} was issued by {found.issuer}, {own}",
                    "put the certificates of that authority, and of those between, into a PEM file and name it by "
                    "tls.ca; or have the server send its whole chain. Verification cannot be switched off",
                )  # fmt: skip
        return failed(code, f"{who} is not accepted: {error.verify_message}", "see the cause")


def _few(found: tuple[str, ...]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{', '.join(found[:_SHOWN])}{more}"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror or type(error).__name__).lower()


def _unreached(hop: Hop, error: OSError | None) -> HubError:
    place = f"{hop.host}:{hop.port}"
    number = error.errno if error is not None else None
    if number == errno.ECONNREFUSED:
        return Retriable(
            "reach.refused", f"{place} refuses the connection: nothing listens there",
            hint="is the service up, and is the port right? A firewall may refuse as well",
        )  # fmt: skip
    if isinstance(error, TimeoutError):
        return Retriable(
            "reach.silent", f"{place} does not answer at all",
            hint="a firewall on the way drops it: have this host's address allowed, or declare proxy:",
        )  # fmt: skip
    return Retriable(
        "reach.failed", f"{place} cannot be reached: {_reason(error) if error else 'no address'}",
        hint="is there a route from this host to that network?",
    )  # fmt: skip
