"""Declared credentials, and the tokens they are exchanged for."""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from hub.errors import AuthError, ConfigError, Fatal, HubError
from hub.http import signing
from hub.http.answers import Response
from hub.http.pace import Clock
from hub.http.records import text_at
from hub.http.settings import Auth, LoginSign, OAuth2, TokenLogin

MARGIN = 60.0
"""Seconds before its end from which on a token is no longer used."""


@dataclass
class Tokens:
    """The token of one client, shared by all transports of the process; ``refusals`` counts how often its
    credentials were refused. ``refresh`` is the refresh token that came in place of the declared one, as long as the
    process lives."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    text: str = ""
    end: float = 0.0
    refresh: str = ""
    refusals: int = 0


_tokens: dict[tuple[object, ...], Tokens] = {}
_tokens_lock = threading.Lock()

Ask = Callable[[str, str, Mapping[str, str], bytes | None], Response]
"""Method, address, headers, body."""
Post = Callable[[str, Mapping[str, str], bytes], Response]


@dataclass(frozen=True, slots=True)
class Given:
    """The credentials of one request; ``token`` is what may have run out, or ''."""

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Sequence[tuple[str, str]] = ()
    token: str = ""


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
    """Puts credentials on requests. ``ask`` sends the request for a token without any of them.

    Once a transport was refused, those that others opened before do not try the same credentials again:
    many threads with a wrong password would lock the account. One that is opened later does. ``others`` are
    secrets by which messages themselves prove who sends them.
    """

    def __init__(
        self, system: str, auth: Auth | None, ask: Ask, clock: Clock, others: Sequence[str] = (),
        login: Login | None = None,
    ) -> None:  # fmt: skip
        self._auth = auth
        self._login = login
        self._ask = ask
        self._clock = clock
        self._tokens = Tokens()
        if auth or others:
            place = (login.scheme, login.place) if login else ()
            with _tokens_lock:
                self._tokens = _tokens.setdefault((system, auth, *others, *place), self._tokens)
        self._refusals = self._tokens.refusals

    def given(self) -> Given:
        """The credentials of one request; fetches a token where there is none."""
        auth = self._auth
        self.require()
        if self._login is not None:
            if not self._login.scheme:
                return Given()
            token = self.token()
            return Given({"Authorization": f"{self._login.scheme} {token}"}, (), token)
        if auth is None:
            return Given()
        if auth.basic:
            basic = auth.basic
            password = basic.password.reveal() if basic.password else ""
            user = basic.key.reveal() if basic.key else basic.username
            return Given({"Authorization": _basic(user, password)})
        if auth.bearer:
            return Given({"Authorization": f"Bearer {auth.bearer.token.reveal()}"})
        if auth.api_key:
            key = auth.api_key
            return _placed(key.header, key.query, key.prefix, key.value.reveal())
        if auth.signed:
            return Given()
        token = self.token()
        if login := auth.login:
            placed = _placed(login.header, login.query, login.prefix, token, token)
            seal, more = login.seal, dict[str, str]()
            if seal:
                more = {name: sealed(seal.key.reveal(), text) for name, text in seal.requests.items()}
            return replace(placed, headers={**placed.headers, **more})
        return _placed("Authorization", None, "Bearer ", token, token)

    def signature(self, query: str, body: bytes | None) -> Given:
        """What signs a request with this query and body, besides what is given to it anyway."""
        auth = self._auth
        if auth is not None and auth.signed:
            pairs = dict(parse_qsl(query, keep_blank_values=True))
            return Given({}, [(auth.signed.param, signing.md5_app_key(pairs, auth.signed.secret.reveal()))])
        sign = auth.login.sign if auth is not None and auth.login else None
        if auth is None or auth.login is None or sign is None or sign.key is None:
            return Given()
        client = auth.login.values.get("client_id", "")
        return Given({"signature": signing.yonyou_nc_request(client, body or b"", sign.key.reveal())})

    def renew(self, used: Given) -> bool:
        """After a refusal: whether it is worth asking once more, with another token than the used one."""
        if not used.token:
            return False
        with self._tokens.lock:
            if used.token == self._tokens.text:
                self._tokens.text = ""
        return True

    def refused(self) -> None:
        """These credentials were refused, and not for a token that had run out."""
        with self._tokens.lock:
            self._tokens.refusals += 1
            self._refusals = self._tokens.refusals

    def require(self) -> None:
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
        held = [self._tokens.text] if not shown else []
        return [one for one in (*held, self._tokens.refresh) if one]

    def token(self) -> str:
        """The token of the session, of a log-in or of OAuth 2.0, fetched where there is none."""
        # one thread fetches, the others wait for it and find it here
        with self._tokens.lock:
            self.require()
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
            return self._login.begin(partial(self._ask, "POST"))
        if self._auth is not None and self._auth.login is not None:
            return self._log_in(self._auth.login)
        if self._auth is None or self._auth.oauth2 is None:
            raise RuntimeError("a token is asked for where none is declared")
        return self._by_client(self._auth.oauth2)

    def _log_in(self, login: TokenLogin) -> tuple[str, float]:
        values = {**login.values, **{name: one.reveal() for name, one in login.secrets.items()}}
        if login.sign:
            values |= self._signs(login.sign, login.values)
        headers, url, body = {"Accept": "application/json", **login.headers}, login.url, None
        if login.seal:
            headers |= {name: sealed(login.seal.key.reveal(), one.reveal()) for name, one in login.seal.login.items()}
        if login.send == "query":
            url += "?" + urlencode(values)
        elif login.send == "form":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(values).encode()
        else:
            headers["Content-Type"] = "application/json"
            listed = {"parameters": [values.get(name, "") for name in login.parameters]}
            body = msgspec.json.encode(listed if login.parameters else values)
        answer = self._ask(login.method, url, headers, body)
        token = text_at(answer.json_bytes(), login.token) if answer.ok else None
        if not token:
            raise AuthError(
                "auth.token", f"the log-in answered {answer.status} without a token at {login.token}",
                where=answer.where, hint="check values and secrets of auth: login, and what the account may do",
            )  # fmt: skip
        told = text_at(answer.json_bytes(), login.expires_in) if login.expires_in else None
        return token, _seconds(told, login.lifetime)

    def _signs(self, sign: LoginSign, values: Mapping[str, str]) -> dict[str, str]:
        """What a signed log-in sends beside its values."""
        secret = sign.secret.reveal()
        if sign.key is None:
            now = str(int(self._clock.now()))
            parts = [*(values.get(name, "") for name in ("acctID", "username", "appId")), secret, now]
            return {"timestamp": now, "sign": signing.kingdee_sha256(parts)}
        client, key, old = values.get("client_id", ""), sign.key.reveal(), sign.scheme == "yonyou_nc_old"
        salted = signing.yonyou_nc_login(client, secret, key)
        plain = signing.yonyou_nc_request(client, secret.encode(), key)
        return {"client_secret": sealed(key, secret, oaep=not old), "signature": plain if old else salted}

    def _by_client(self, oauth: OAuth2) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "scope": oauth.scope, "audience": oauth.audience}
        if oauth.refresh_token is not None:
            refresh = self._tokens.refresh or oauth.refresh_token.reveal()
            form |= {"grant_type": "refresh_token", "refresh_token": refresh}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        secret = oauth.client_secret.reveal()
        if oauth.client_auth == "basic":
            headers["Authorization"] = _basic(quote(oauth.client_id, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": oauth.client_id, "client_secret": secret}
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        answer = self._ask("POST", oauth.token_url, headers, body)
        if answer.status in (400, 401, 403):
            raise AuthError(
                "auth.token",
                f"the token endpoint refused the client{_oauth_error(answer)}",
                where=answer.where,
                hint="check client_id, client_secret, scope and client_auth; a refresh token may have run out",
            )
        given = answer.json()
        token = given.get("access_token") if isinstance(given, dict) else None
        if not isinstance(token, str) or not token:
            raise Fatal("auth.token", "the token endpoint answered without access_token", where=answer.where)
        if oauth.refresh_token is not None and isinstance(given.get("refresh_token"), str):
            self._tokens.refresh = given["refresh_token"]
        return token, _seconds(given.get("expires_in"), 300.0)


def sealed(public: str, text: str, *, oaep: bool = False) -> str:
    """A text encrypted with the system's public key, in Base64: PKCS #1 v1.5, or OAEP with SHA-256. ConfigError
    ``auth.seal`` where that is no key."""
    # the library takes 50 ms to import: only those who need it pay for it
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    try:
        key = load_der_public_key(base64.b64decode(public))
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError
        modern = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        return base64.b64encode(key.encrypt(text.encode(), modern if oaep else padding.PKCS1v15())).decode()
    except ValueError:
        raise ConfigError(
            "auth.seal", "the key is no public RSA key in Base64, or too short for what is encrypted with it",
            hint="store the key as the system gave it",
        ) from None


def _placed(header: str | None, query: str | None, prefix: str, text: str, token: str = "") -> Given:
    placed = prefix + text
    return Given({header: placed}, (), token) if header else Given({}, [(query or "", placed)], token)


def _seconds(told: object, otherwise: float) -> float:
    """How long a token lives as the system says; ``otherwise`` where that is no finite number above zero."""
    try:
        lifetime = float(str(told))
    except ValueError:
        return otherwise
    return lifetime if 0 < lifetime < math.inf else otherwise


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _oauth_error(answer: Response) -> str:
    """The error code of RFC 6749 §5.2, the only part of such an answer that holds no secret."""
    try:
        code = answer.json(dict).get("error")
    except HubError:
        return ""
    return f": {code[:60]}" if isinstance(code, str) and code.replace("_", "").isalnum() else ""
