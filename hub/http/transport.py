"""The one way a connector talks HTTP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

import msgspec

from hub import tracing
from hub.contract import Pauses
from hub.errors import AuthError, Fatal, HubError, Retriable
from hub.http.addresses import Addresses, Origin, Resolve, split
from hub.http.answers import Response, judge
from hub.http.auth import Credentials, Given, Login
from hub.http.pace import Clock, backoff, shared_pace
from hub.http.settings import HttpSettings, secrets_of
from hub.http.waits import date_of, wait_of
from hub.redact import redact

if TYPE_CHECKING:
    from hub.http.wire import Raw, Wire

REDIRECTS = 5
READS = frozenset({"GET", "HEAD", "OPTIONS"})
NOT_SENT = frozenset({
    "http.unreachable", "http.dns", "http.tls", "http.tls_file", "http.request", "http.proxy", "http.rate",
    "address.forbidden", "auth.refused", "auth.forbidden", "auth.proxy", "auth.token", "auth.login_page",
    "http.paused",
})  # fmt: skip
"""Codes of failures after which the request surely had no effect."""

Params = Mapping[str, str] | Iterable[tuple[str, str]]
Check = Callable[[Response], None]
Verdict = Callable[[Response], HubError | None]
Body = bytes | Callable[[], bytes] | None


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and how its answer is judged."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Body
    learned: bool = False
    expect: Collection[int] = ()
    timeout: float = 30.0
    check: Check | None = None
    until: float | None = None
    signed: bool = False


class Transport:
    """Requests to one system, guarded as its settings say.

    A relative path is appended to ``url``. An absolute address must be allowed; with ``learned`` it
    came out of data and is distrusted (see ``hub.http.addresses``): it gets no credentials unless it
    is of the very origin of ``url``. Reads are repeated after failures that may pass, a bounded number
    of times; writes never, but for one repetition after a 401 with a fresh token. Errors are those of
    ``hub.errors``; their messages hold method, host, path and a masked piece of the body. ``secrets`` are those
    that prove who sends a message without being ``auth``; ``login`` exchanges ``auth`` for a session, one for all
    transports of the process. ``verdict`` reads what a body says is wrong whatever its status: an AuthError means
    that the token is no longer taken, and is tried once with a fresh one.
    """

    def __init__(
        self,
        settings: HttpSettings,
        system: str,
        *,
        folder: str | Path = ".",
        clock: Clock | None = None,
        resolve: Resolve | None = None,
        secrets: Iterable[str] = (),
        pauses: Pauses | None = None,
        login: Login | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        # requests takes 80 ms to import: only those who talk pay for it
        from hub.http.wire import Wire  # noqa: PLC0415

        self.settings, self._system = settings, system
        self._clock = clock or Clock()
        self._addresses = Addresses(settings, resolve)
        self._wire: Wire = Wire(settings, self._addresses, Path(folder), self._clock)
        self._pace = shared_pace(system, settings.limits, self._clock, pauses)
        others = tuple(secrets)
        self._secrets = [*secrets_of(settings), *others]
        self.served: tuple[float, float] | None = None
        """When the last dated answer came, by our clock and by its Date header (UTC seconds)."""
        self._verdict = verdict or (lambda answer: None)
        self._credentials = Credentials(system, settings.auth, self._for_token, self._clock, others, login)

    def close(self) -> None:
        self._wire.close()

    def redact(self, text: str) -> str:
        """Mask the system's secrets and tokens in a text."""
        return redact(text, [*self._secrets, *self._credentials.secrets()])

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        params: Params = (),
        json: Any = None,
        data: Body = None,
        headers: Mapping[str, str] | None = None,
        learned: bool = False,
        expect: Collection[int] = (),
        idempotent: bool | None = None,
        timeout: float | None = None,
        within: float | None = None,
        check: Check | None = None,
    ) -> Response:
        """Send a request and answer what came back, with a 2xx status or one of ``expect``.

        ``json`` (any value msgspec encodes; ``msgspec.Raw`` passes as it is) or ``data`` is the body; a
        callable makes it anew for every attempt, where a message may not be sent twice (nonces).
        ``idempotent`` allows repetitions for other methods than GET, HEAD and OPTIONS. ``timeout`` (seconds)
        stands in for that of the settings; ``within`` (seconds) bounds all together: repetitions, the waits between
        them and redirects. ``check`` raises what is wrong with an answer of such a status;
        what it calls Retriable is repeated as everything else is.
        """
        url = self._url(path_or_url, params)
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "cophub"}
        own = self._own(Origin.of(url), learned)
        sent |= self.settings.headers if own else {}
        if json is not None:
            data = msgspec.json.encode(json)
            sent.setdefault("Content-Type", "application/json")
        sent |= headers or {}
        repeat = method in READS if idempotent is None else idempotent
        limit = timeout or self.settings.limits.timeout
        until = None if within is None else self._clock.ticks() + within
        request = Request(method, url, sent, data, learned, expect, limit, check, until)
        return self._repeated(request, repeat=repeat)

    def now(self) -> float:
        return self._clock.now()

    def refuse(self, answer: Response) -> None:
        """Raise what an answer that was expected stands for after all."""
        self._judged(answer, ())

    def token(self) -> str:
        """The token of the session, where it stands in messages."""
        return self._credentials.token()

    def renew(self, token: str) -> bool:
        """A token that stands in a message was refused: whether another one is worth a try."""
        return self._credentials.renew(Given(token=token))

    def refused(self) -> None:
        """Credentials that stand in a message, not in its head, were refused."""
        self._credentials.refused()

    def link(self, path_or_url: str, link: str) -> str:
        """A link found in the answer of a request to ``path_or_url``, as an absolute address."""
        return urljoin(self._url(path_or_url, ()), link)

    def _url(self, path_or_url: str, params: Params) -> str:
        if path_or_url.startswith(("http://", "https://")):
            url = path_or_url
        else:
            path = path_or_url.lstrip("/")
            url = f"{self.settings.url.rstrip('/')}/{path}" if path else self.settings.url
        pairs = params.items() if isinstance(params, Mapping) else params
        query = "&".join(f"{quote(name, safe=_PLAIN)}={quote(value, safe=_PLAIN)}" for name, value in pairs)
        if query:
            url += ("&" if "?" in url else "?") + query
        # some systems forget to encode the blanks of filters in their links
        return url.partition("#")[0].replace(" ", "%20")

    def _repeated(self, request: Request, *, repeat: bool) -> Response:
        attempt = 0
        while True:
            try:
                return self._once(request)
            except Retriable as error:
                attempt += 1
                limits = self.settings.limits
                wait = error.wait if error.wait is not None else backoff(attempt)
                over = request.until is not None and self._clock.ticks() + wait >= request.until
                if not repeat or attempt > limits.retries or wait > limits.max_wait or over:
                    raise
                self._clock.sleep(wait)

    def _once(self, request: Request) -> Response:
        """One request with its own-origin redirects and one renewal of the token."""
        renewed, url = False, request.url
        for _ in range(REDIRECTS + 2):
            own = self._own(Origin.of(url), request.learned)
            used = self._credentials.given() if own else Given()
            headers = {**request.headers, **used.headers}
            answer = self._answer(replace(request, url=url, headers=headers, signed=own), used.params)
            said = self._verdict(answer)
            refused = answer.status == 401 or isinstance(said, AuthError)
            if refused and not renewed and self._credentials.renew(used):
                renewed = True
                continue
            onward = self._onward(request.method, url, answer, request.expect)
            if onward is None:
                self._judged(answer, request.expect, said)
                if request.check is not None:
                    request.check(answer)
                return answer
            url = onward
        raise Fatal("http.redirect", "redirected in a circle", where=self._where(request.method, url))

    def _own(self, origin: Origin, learned: bool) -> bool:
        """Whether credentials and fixed headers go there."""
        return origin == self._addresses.home or (not learned and self._addresses.judge(origin))

    def _onward(self, method: str, url: str, answer: Response, expect: Collection[int]) -> str | None:
        """Where a redirect within the same origin leads; every other one is judged as an error."""
        if answer.status not in (301, 302, 303, 307, 308) or answer.status in expect or method not in READS:
            return None
        target = urljoin(url, answer.headers.get("location", ""))
        if isinstance(judge(answer, (), self.redact, None), AuthError):
            return None
        try:
            same = Origin.of(target) == Origin.of(url)
        except Fatal:
            return None
        return target if same else None

    def _judged(
        self, answer: Response, expect: Collection[int], said: HubError | None = None
    ) -> Response:
        wait = wait_of(answer.status, answer.headers, self._clock.now())
        error = judge(answer, expect, self.redact, wait)
        if isinstance(said, AuthError):
            error = said
        elif answer.status not in expect and (answer.ok or isinstance(said, Retriable)):
            error = said or error
            if isinstance(said, Retriable) and wait is not None:  # what the answer says, before the manual
                said.wait = wait
        if answer.status in (403, 429, 503) and wait is not None:
            self._pace.pause(wait)
        if error is not None:
            if error.code == "auth.refused":
                self._credentials.refused()
            raise error
        return answer

    def _answer(self, request: Request, params: Params = ()) -> Response:
        where = self._where(request.method, request.url)
        configured = self._addresses.judge(Origin.of(request.url))
        url = self._url(request.url, params)
        try:
            with self._pace.turn():
                body = request.body() if callable(request.body) else request.body
                if request.signed:
                    proof = self._credentials.signature(url.partition("?")[2], body)
                    url = self._url(url, proof.params)
                    request = replace(request, headers={**request.headers, **proof.headers})
                raw = self._traced(request, url, body, public=not configured)
        except HubError as error:
            error.where = error.where or where
            raise
        if (dated := date_of(raw.headers)) is not None:
            self.served = (self._clock.now(), dated)
        return Response(raw.status, raw.headers, raw.body, request.url, where)

    def _traced(self, request: Request, url: str, body: bytes | None, *, public: bool) -> Raw:
        """One exchange on the wire. The system hears which trace it belongs to (W3C), where there is one."""
        host = split(url).hostname or ""
        with tracing.span(request.method, "client", method=request.method, host=host, system=self._system) as told:
            trace = tracing.current()
            headers = {**request.headers, "traceparent": trace} if trace else request.headers
            limit = self._limit(request)
            raw = self._wire.exchange(request.method, url, headers, body, public=public, timeout=limit)
            told.tell(status=raw.status)
            return raw

    def _limit(self, request: Request) -> float:
        """Seconds that this answer may take. Retriable ``http.timeout`` where none are left."""
        left = request.timeout if request.until is None else request.until - self._clock.ticks()
        if left <= 0:
            raise Retriable("http.timeout", "no answer in time", hint="run again later, or raise limits.timeout")
        return min(left, request.timeout)

    def _for_token(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        """The request for a token: no credentials, no repetition."""
        request = Request(method, url, headers, body, timeout=self.settings.limits.timeout)
        answer = self._answer(request)
        said = self._verdict(answer)
        return self._judged(answer, (400, 401, 403), said if isinstance(said, Retriable) else None)

    def _where(self, method: str, url: str) -> str:
        parts = split(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{method} {parts.hostname}{port}{self.redact(parts.path)}"


# what may stand unencoded in a query (RFC 3986 §3.4); + would be read as a blank, & and = separate
_PLAIN = "!$'()*,;:@/?-._~"
