"""Declared credentials, and the tokens they are exchanged for."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from hub.errors import AuthError, Fatal, HubError
from hub.http.answers import Response
from hub.http.pace import Clock
from hub.http.settings import Auth, OAuth2

MARGIN = 60.0
"""Seconds before its end from which on a token is no longer used."""


@dataclass
class Tokens:
    """The token of one client, shared by all transports of the process; ``refusals`` counts how often its
    credentials were refused."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    text: str = ""
    end: float = 0.0
    refusals: int = 0


_tokens: dict[tuple[object, ...], Tokens] = {}
_tokens_lock = threading.Lock()

Post = Callable[[str, Mapping[str, str], bytes], Response]


@dataclass(frozen=True, slots=True)
class Login:
    """How user and password become the token of a session.

    ``begin`` sends the log-in by what it is given and answers the token and for how many seconds it holds
    (``inf`` where only a 401 tells); it raises AuthError where the credentials are refused. The token goes into
    the Authorization header under ``scheme``; without one it stands in messages, see ``Transport.token``.
    ``place`` tells sessions of one system apart (a database).
    """

    begin: Callable[[Post], tuple[str, float]]
    scheme: str = ""
    place: str = ""


class Credentials:
    """Puts credentials on requests. ``post`` sends the token request without any of them.

    Once a transport was refused, those that others opened before do not try the same credentials again:
    many threads with a wrong password would lock the account. One that is opened later does. ``others`` are
    secrets by which messages themselves prove who sends them.
    """

    def __init__(
        self, system: str, auth: Auth | None, post: Post, clock: Clock, others: Sequence[str] = (),
        login: Login | None = None,
    ) -> None:  # fmt: skip
        self._auth = auth
        self._login = login
        self._post = post
        self._clock = clock
        self._tokens = Tokens()
        if auth or others:
            place = (login.scheme, login.place) if login else ()
            with _tokens_lock:
                self._tokens = _tokens.setdefault((system, auth, *others, *place), self._tokens)
        self._refusals = self._tokens.refusals

    def headers(self) -> dict[str, str]:
        """The headers of one request; fetches a token where there is none."""
        auth = self._auth
        self._require_good()
        if self._login is not None:
            return {"Authorization": f"{self._login.scheme} {self.token()}"} if self._login.scheme else {}
        if auth is None:
            return {}
        if auth.basic:
            basic = auth.basic
            password = basic.password.reveal() if basic.password else ""
            return {"Authorization": _basic(basic.key.reveal() if basic.key else basic.username, password)}
        if auth.bearer:
            return {"Authorization": f"Bearer {auth.bearer.token.reveal()}"}
        if auth.api_key and auth.api_key.header:
            return {auth.api_key.header: auth.api_key.prefix + auth.api_key.value.reveal()}
        if auth.oauth2:
            return {"Authorization": f"Bearer {self.token()}"}
        return {}

    def params(self) -> list[tuple[str, str]]:
        """The query parameters of one request."""
        key = self._auth.api_key if self._auth else None
        return [(key.query, key.prefix + key.value.reveal())] if key and key.query else []

    def renew(self, used: Mapping[str, str]) -> bool:
        """After a 401: whether it is worth asking once more, with another token than the used one."""
        if self._login is None and (self._auth is None or self._auth.oauth2 is None):
            return False
        scheme = self._login.scheme if self._login else "Bearer"
        with self._tokens.lock:
            if used.get("Authorization") == f"{scheme} {self._tokens.text}":
                self._tokens.text = ""
        return True

    def refused(self) -> None:
        """These credentials were refused, and not for a token that had run out."""
        with self._tokens.lock:
            self._tokens.refusals += 1
            self._refusals = self._tokens.refusals

    def _require_good(self) -> None:
        if self._refusals != self._tokens.refusals:
            raise AuthError(
                "auth.refused",
                "the credentials were refused a moment ago and are not tried again",
                hint="check auth:",
            )

    def secrets(self) -> list[str]:
        """What must not appear in a message, besides the settings' own secrets."""
        shown = (
            self._login is not None and not self._login.scheme
        )  # such a token is no secret: a user's number
        return [self._tokens.text] if self._tokens.text and not shown else []

    def token(self) -> str:
        """The token of the session or of OAuth 2.0, fetched where there is none."""
        # one thread fetches, the others wait for it and find it here
        with self._tokens.lock:
            self._require_good()
            if not self._tokens.text or self._clock.now() >= self._tokens.end:
                try:
                    self._tokens.text, lifetime = self._fetch()
                except AuthError:
                    self._tokens.refusals += 1
                    self._refusals = self._tokens.refusals
                    raise
                self._tokens.end = self._clock.now() + max(lifetime - MARGIN, lifetime / 2)
            return self._tokens.text

    def _fetch(self) -> tuple[str, float]:
        if self._login is not None:
            return self._login.begin(self._post)
        if self._auth is None or self._auth.oauth2 is None:
            raise RuntimeError("a token is asked for where none is declared")
        return self._by_client(self._auth.oauth2)

    def _by_client(self, oauth: OAuth2) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "scope": oauth.scope, "audience": oauth.audience}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = oauth.client_secret.reveal()
        if oauth.client_auth == "basic":
            headers["Authorization"] = _basic(quote(oauth.client_id, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": oauth.client_id, "client_secret": secret}
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        answer = self._post(oauth.token_url, headers, body)
        if answer.status in (400, 401, 403):
            raise AuthError(
                "auth.token",
                f"the token endpoint refused the client{_oauth_error(answer)}",
                where=answer.where,
                hint="check client_id, client_secret, scope and client_auth",
            )
        given = answer.json()
        token = given.get("access_token") if isinstance(given, dict) else None
        if not isinstance(token, str) or not token:
            raise Fatal("auth.token", "the token endpoint answered without access_token", where=answer.where)
        try:
            lifetime = float(given.get("expires_in") or 300)
        except (TypeError, ValueError):
            lifetime = 300.0
        return token, lifetime


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _oauth_error(answer: Response) -> str:
    """The error code of RFC 6749 §5.2, the only part of such an answer that holds no secret."""
    try:
        code = answer.json(dict).get("error")
    except HubError:
        return ""
    return f": {code[:60]}" if isinstance(code, str) and code.replace("_", "").isalnum() else ""
