"""A log-in at a provider: to it with a state of one use, and back with a code (RFC 6749, RFC 7636, RFC 9207).

Authlib makes the requests and knows the claims; what it leaves open is closed here: an answer without an ID token, one
of another issuer, a discovery document of another issuer, and algorithms that the provider chooses.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from hub.contract import Secret
from hub.errors import AuthError
from hub.exchange.ground import Hub
from hub.security import audit
from hub.security.accounts import digest
from hub.security.actors import Actor
from hub.security.rates import STRANGERS, Buckets
from hub.store import attempts
from hub.store.attempts import Attempt
from hub.untrusted import parse_json
from sso.links import Claimed
from sso.turns import Turns
from sso.upstream.provider import LARGEST, Upstream
from sso.upstream.tokens import authenticated, identifies, identity, logout, logs_out, refused

WITHIN: Final = dt.timedelta(minutes=10)
"""So long somebody may take at the provider."""
PLAIN: Final = re.compile(r"[a-z0-9._-]{1,64}")
"""Subjects that are part of an account's name as they are."""
FORM: Final = "application/x-www-form-urlencoded"
PORTAL: Final = Actor("portal")


@dataclass(frozen=True, slots=True)
class Back:
    """Who came back: what the provider claims of him, its session, how it proved him, and when where it says so, and
    where he wanted to go. ``account`` is to be linked, where its owner asked for it."""

    claimed: Claimed
    sid: str | None
    methods: tuple[str, ...]
    onward: str
    account: uuid.UUID | None
    proven_at: dt.datetime | None


@dataclass(slots=True)
class Providers:
    """The providers of a workspace; made once per process. ``secret`` resolves references, ``turns`` are
    those of directories as well, ``strangers`` the log-ins that were begun, by address."""

    hub: Hub
    secret: Callable[[str], Secret]
    turns: Turns = field(default_factory=Turns)
    strangers: Buckets = field(default_factory=lambda: Buckets(*STRANGERS))
    _known: dict[str, Upstream] = field(default_factory=dict)

    def close(self) -> None:
        """Close all connections."""
        for one in self._known.values():
            one.close()

    def named(self, name: str) -> Upstream:
        """One of them. AuthError ``login.provider`` where there is none."""
        if name not in self._known:
            shape = self.hub.workspace.hub.login.providers.get(name)
            if shape is None:
                raise refused("there is no such provider")
            folder = self.hub.workspace.folder / "config"
            self._known.setdefault(name, Upstream(name, shape, folder, self.hub.clock))
        return self._known[name]

    def _session(self, one: Upstream) -> OAuth2Session:
        made = OAuth2Session(
            one.shape.client_id, self.secret(one.shape.client_secret).reveal(),
            token_endpoint_auth_method=f"client_secret_{one.shape.client_auth}",
            scope=" ".join(one.shape.scopes), redirect_uri=self.redirect(one.name), code_challenge_method="S256",
        )  # fmt: skip
        made.trust_env = False
        for scheme in ("https://", "http://"):
            made.mount(scheme, _Guarded(one))
        return made

    def redirect(self, name: str) -> str:
        """Where a provider sends people back to: one address each, so that none answers for another."""
        return f"{self.hub.workspace.hub.address}/portal/login/back/{name}"

    def start(
        self, name: str, browser: str, onward: str, account: uuid.UUID | None = None, *, hint: str = "",
        oldest: int | None = None,
    ) -> str:  # fmt: skip
        """Begin a log-in; answers the provider's address. ``browser`` is what a cookie of the browser holds. So many
        seconds ago at the ``oldest`` he may have proved who he is there; else he does it again, at 0 in any case."""
        one, moment = self.named(name), self.hub.clock()
        with self._noted(name), nullcontext() if one.is_known else self.turns.of(name, one.longest):
            endpoint = one.metadata["authorization_endpoint"]
        state, nonce, verifier = (secrets.token_urlsafe(size) for size in (32, 24, 48))
        more = ({"login_hint": hint} if hint else {}) | ({"prompt": "login"} if oldest == 0 else {})
        more |= {} if oldest is None else {"max_age": str(oldest)}
        with self._session(one) as session:
            url, _ = session.create_authorization_url(
                endpoint, state=state, nonce=nonce, code_verifier=verifier, **more
            )
        made = Attempt(digest(state), name, nonce, verifier, onward, digest(browser), account, moment, oldest)
        attempts.begin(self.hub.database, made, moment - WITHIN)
        return str(url)

    def finish(self, name: str, browsers: tuple[str, ...], given: Mapping[str, str]) -> Back:
        """Who came back. AuthError ``login.state`` where no such log-in is under way in this browser,
        ``login.provider`` where what the provider says is not taken; those of ``hub.http`` where it cannot be asked."""
        one, moment = self.named(name), self.hub.clock()
        begun = attempts.take(self.hub.database, digest(given.get("state", "")), moment - WITHIN)
        mine = [digest(browser) for browser in browsers if browser]
        if begun is None or begun.provider != name or begun.browser not in mine:
            raise AuthError(
                "login.state", "no log-in is under way here, or it took too long", hint="begin again at the log-in"
            )
        with self._noted(name), self.turns.of(name, one.longest):
            return self._proven(one, begun, given, int(moment.timestamp()))

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        """What is not taken, and why, for who keeps the hub."""
        try:
            yield
        except AuthError as error:
            if error.code == "login.provider":
                details = {"why": error.message[:300]}
                audit.note(self.hub.database, PORTAL, "session.refused", f"login:{name}", details=details)
            raise

    def _proven(self, one: Upstream, begun: Attempt, given: Mapping[str, str], now: int) -> Back:
        metadata, issuer = one.metadata, one.shape.issuer
        says = metadata.get("authorization_response_iss_parameter_supported") is True
        if given.get("iss", issuer if not says else "") != issuer:
            raise refused("it comes from another issuer (iss)")
        if "error" in given:
            raise refused(f"it says {given['error'][:60]!r}")
        if not given.get("code"):
            raise refused("it holds no code")
        with self._session(one) as session:
            try:
                token = session.fetch_token(
                    metadata["token_endpoint"], code=given["code"], code_verifier=begun.verifier,
                    grant_type="authorization_code",
                )  # fmt: skip
            except (AuthlibBaseError, ValueError) as error:
                raise refused(f"no token for the code: {str(getattr(error, 'error', 'unreadable'))[:60]}") from None
        if not isinstance(token, dict) or "id_token" not in token:
            raise refused("it holds no ID token")
        found, access = one.decoded(token["id_token"], identifies(one.shape)), token.get("access_token")
        identity(found, client=one.shape.client_id, nonce=begun.nonce, access_token=access, now=now)
        claims = found.claims
        proven_at = authenticated(claims, begun.made_at, begun.oldest, now)
        whole = self._asked(one, claims, access)
        sid, methods = claims.get("sid"), claims.get("amr")
        words = tuple(str(word)[:20] for word in methods[:5]) if isinstance(methods, list) else ()
        return Back(
            self._claimed(one, whole), sid if isinstance(sid, str) else None, words or ("fed",), begun.onward,
            begun.account, proven_at,
        )  # fmt: skip

    def _asked(self, one: Upstream, claims: dict[str, Any], access: object) -> Mapping[str, Any]:
        """The claims, with those of userinfo where one that is needed is missing; they must be of the same subject."""
        rule, endpoint = one.shape.account, one.metadata.get("userinfo_endpoint")
        if not endpoint or not isinstance(access, str) or rule is None or rule.claim in claims:
            return claims
        answer = one.ask("GET", endpoint, headers={"Authorization": f"Bearer {access}"})
        found: dict[str, Any] = parse_json(answer.body, dict, limit=LARGEST, where=answer.where)
        if found.get("sub") != claims["sub"]:
            raise refused("its userinfo is of somebody else (sub)")
        return found | claims

    def _claimed(self, one: Upstream, claims: Mapping[str, Any]) -> Claimed:
        """The account is called by the subject and by nothing that somebody chooses there: roles go by its name."""
        subject = claims["sub"]
        name = subject if PLAIN.fullmatch(subject) else f"~{hashlib.sha256(subject.encode()).hexdigest()[:32]}"
        rule = one.shape.account
        key = claims.get(rule.claim) if rule else None
        text = str(key) if isinstance(key, str | int) and not isinstance(key, bool) else ""
        return Claimed(
            one.shape.issuer, subject, f"{one.name}:{name}", rule.system if rule else "", (text,)
        )

    def logged_out(self, name: str, token: str) -> int:
        """End the sessions that a logout token is about; answers how many. AuthError ``login.provider``."""
        one, moment = self.named(name), self.hub.clock()
        issuer = one.shape.issuer
        with self.turns.of(name, one.longest):
            subject, sid, jti = logout(one.decoded(token, logs_out(one.shape)), int(moment.timestamp()))
        mark = hashlib.sha256(f"{issuer}\0{jti}".encode()).hexdigest()
        if not attempts.once(self.hub.database, mark, moment + dt.timedelta(hours=1), moment):
            raise refused("the token was taken before (jti)")

        def audited(connection: Any, count: int) -> None:
            details = {"sub": subject, "sid": sid, "sessions": count}
            audit.record(connection, PORTAL, "session.recalled", f"login:{name}", details=details)

        return attempts.end(self.hub.database, issuer, subject, sid, audited)


class _Guarded(BaseAdapter):
    """Requests of Authlib through the one guarded transport."""

    def __init__(self, one: Upstream) -> None:
        super().__init__()
        self._one = one

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        answer = self._one.ask(
            request.method or "GET", request.url or "", data=body, headers=dict(request.headers), expect=(400, 401)
        )
        made = Response()
        made.status_code, made.url, made.request = answer.status, answer.url, request
        made.headers = CaseInsensitiveDict(answer.headers)
        made._content, made.encoding = answer.body, "utf-8"
        return made

    def close(self) -> None:
        """The transport belongs to its provider."""
