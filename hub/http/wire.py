"""One request on the wire: pinned connection, one deadline for everything, capped body.

The deadline holds from the name lookup to the last byte. Socket timeouts alone cannot keep it, since
each dripping byte renews them: so a timer closes the connection under whatever is waiting on it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import DecodeError, HTTPError, IncompleteRead
from urllib3.poolmanager import PoolManager

from hub.errors import AuthError, ConfigError, Fatal, HubError, Retriable
from hub.http.addresses import Addresses, Origin
from hub.http.head import WholeHead
from hub.http.pace import Clock
from hub.http.settings import HttpSettings
from hub.literals import digits

PIECE = 64 * 1024
_CUT = "nothing of it was used: run again; if it stays, ask who keeps the proxy or the system"


@dataclass
class Call:
    """What the connection under a request must know about it."""

    addresses: Addresses
    public: bool
    end: float
    clock: Clock
    proxy: str = ""
    limit: float = 0.0
    expired: bool = False
    _socket: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def left(self) -> float:
        return self.end - self.clock.ticks()

    def uses(self, handle: socket.socket | None) -> None:
        with self._lock:
            self._socket = handle

    def expire(self) -> None:
        with self._lock:
            if self._socket is None:
                return
            self.expired = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def connect(self, host: str, port: int) -> socket.socket:
        """Connect to one of the addresses that were just checked."""
        public = self.public and host != self.proxy
        timeout = self.left()
        found = self.addresses.resolve(host, port, public=public, timeout=timeout)
        reason = "no time is left"
        for address in found:
            if (left := self.left()) <= 0:
                break
            try:
                made = socket.create_connection((address, port), timeout=left)
            except OSError as error:
                reason = _reason(error)
            else:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return made
        raise Retriable(
            "http.unreachable",
            f"{host}:{port} does not answer: {reason}",
            hint="check url:, the proxy and the firewall",
        )


def _reason(error: OSError) -> str:
    return (
        error.strerror or "timed out" if isinstance(error, TimeoutError) else error.strerror or "failed"
    ).lower()


class _Current(threading.local):
    call: Call | None = None


_current = _Current()


def _call() -> Call:
    if _current.call is None:
        raise RuntimeError("a guarded connection is used outside of a call")
    return _current.call


class _Watched(HTTPConnection):
    """A connection whose socket the call can shut down from outside, also inside a TLS handshake."""

    response_class = WholeHead
    handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        made = _call().connect(self._dns_host, self.port or 80)
        self.handle = made.dup()
        _call().uses(self.handle)
        return made

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        _call().uses(self.handle)
        super().putrequest(*args, **kwargs)

    def close(self) -> None:
        super().close()
        if self.handle is not None:
            self.handle.close()
            self.handle = None


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


_POOLS = {"http": _Pool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    """The pooled adapter of requests on guarded connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._guard(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        self._guard(manager)
        return manager

    @staticmethod
    def _guard(manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = _POOLS


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came: any status, headers with lower-case names, the inflated body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The connections of one transport."""

    def __init__(self, settings: HttpSettings, addresses: Addresses, folder: Path, clock: Clock) -> None:
        self._limits = settings.limits
        self._addresses = addresses
        self._clock = clock
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        adapter = _Adapter(pool_maxsize=settings.limits.concurrency)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._session.verify = _file(folder, settings.tls.ca, "tls.ca") or True
        cert, key = _file(folder, settings.tls.cert, "tls.cert"), _file(folder, settings.tls.key, "tls.key")
        self._session.cert = (cert, key) if cert and key else cert
        self._proxy = ""
        if settings.proxy:
            self._proxy = Origin.of(settings.proxy.url).host
            self._session.proxies = dict.fromkeys(("http", "https"), _proxy_url(settings))

    @property
    def cookies(self) -> RequestsCookieJar:
        return self._session.cookies

    def close(self) -> None:
        self._session.close()

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *,
        public: bool, timeout: float,
    ) -> Raw:  # fmt: skip
        """Send one request and read its answer to the end within ``timeout`` seconds, without following
        redirects."""
        call = Call(self._addresses, public, self._clock.ticks() + timeout, self._clock, self._proxy, timeout)
        timer = threading.Timer(timeout, call.expire)
        timer.daemon = True
        if public and self._proxy:  # the proxy resolves the name again, but never one that failed here
            origin = Origin.of(url)
            self._addresses.resolve(origin.host, origin.port, public=True, timeout=timeout)
        _current.call = call
        timer.start()
        try:
            answer = self._exchange(method, url, headers, body, timeout)
            if call.expired:  # closed inside of the headers, which http.client takes for their end
                raise TimeoutError
            return answer
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError) as error:
            raise self._mapped(error, call) from None
        finally:
            call.uses(None)
            timer.cancel()
            _current.call = None

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> Raw:
        prepared = self._session.prepare_request(requests.Request(method, url, dict(headers), data=body))
        with self._session.send(
            prepared,
            stream=True,
            allow_redirects=False,
            timeout=timeout,
            proxies=self._session.proxies,
            verify=self._session.verify,
            cert=self._session.cert,
        ) as answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            announced = found.get("content-length", "")
            if (digits(announced) or 0) > self._limits.max_body and method != "HEAD":
                raise self._too_large()
            return Raw(answer.status_code, found, b"".join(self._pieces(answer.raw)))

    def _pieces(self, raw: Any) -> Iterator[bytes]:
        total = 0
        while piece := raw.read(PIECE, decode_content=True):
            total += len(piece)
            if total > self._limits.max_body:
                raise self._too_large()
            yield piece

    def _too_large(self) -> Fatal:
        return Fatal(
            "http.too_large",
            f"the answer is larger than {self._limits.max_body} bytes",
            hint="ask for smaller pages, or raise limits.max_body",
        )

    def _mapped(self, error: Exception, call: Call) -> HubError:
        """The hub's error for one of requests, urllib3 or the socket below them."""
        if call.expired or call.left() <= 0:
            return Retriable(
                "http.timeout",
                f"no complete answer within {call.limit:g} s",
                hint="ask for smaller pages, or raise limits.timeout",
            )
        return mapped(error)


def mapped(error: Exception) -> HubError:
    """Judge an error by its cause, wherever requests has wrapped it."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConfigError(
                "http.tls",
                f"the certificate is not accepted: {cause.verify_message}",
                hint="for a private authority set tls.ca; verification cannot be switched off",
            )
    if isinstance(error, requests.exceptions.SSLError) or any(
        isinstance(one, ssl.SSLError) for one in causes
    ):
        detail = (
            next((one.reason for one in causes if isinstance(one, ssl.SSLError)), "") or "handshake failed"
        )
        return Retriable("http.tls", f"no safe connection: {detail.replace('_', ' ').lower()}")
    if isinstance(error, requests.exceptions.ProxyError):
        if "407" in str(error):
            return AuthError("auth.proxy", "the proxy refused the credentials", hint="check proxy:")
        return Retriable("http.proxy", "the proxy does not let this request through", hint="check proxy:")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Retriable("http.unreachable", "no connection in time")
    if any(isinstance(one, DecodeError) for one in causes):
        return Fatal("http.encoding", "the compressed answer cannot be inflated")
    if any(isinstance(one, IncompleteRead) for one in causes):
        return Retriable("http.cut", "the answer ended before its announced length", hint=_CUT)
    if isinstance(error, requests.exceptions.Timeout | TimeoutError):
        return Retriable("http.timeout", "no answer in time", hint="run again later, or raise limits.timeout")
    if isinstance(error, requests.exceptions.InvalidHeader | requests.exceptions.InvalidURL | ValueError):
        return ConfigError("http.request", f"the request cannot be made: {type(error).__name__}")
    if isinstance(error, requests.exceptions.RequestException | HTTPError | OSError):
        return Retriable("http.cut", "the connection was closed before the answer was complete", hint=_CUT)
    return Fatal("http.answer", f"the answer cannot be understood: {type(error).__name__}")


def _causes(error: BaseException, depth: int = 6) -> Iterator[BaseException]:
    yield error
    if depth:
        inner = [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
        for one in inner:
            if isinstance(one, BaseException):
                yield from _causes(one, depth - 1)


def _file(folder: Path, name: str | None, key: str) -> str | None:
    if name is None:
        return None
    path = folder / name
    if not path.is_file():
        raise ConfigError("http.tls_file", f"{key}: there is no file {name}", hint="paths start at config/")
    return str(path)


def _proxy_url(settings: HttpSettings) -> str:
    proxy = settings.proxy
    if proxy is None:
        return ""
    if not proxy.username:
        return proxy.url
    quote = requests.compat.quote
    password = proxy.password.reveal() if proxy.password else ""
    scheme, _, rest = proxy.url.partition("://")
    return f"{scheme}://{quote(proxy.username, safe='')}:{quote(password, safe='')}@{rest}"
