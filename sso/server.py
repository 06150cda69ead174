"""The token endpoint, on Authlib's core: who may have tokens for what.

Authlib checks clients and the form of requests. What it leaves open is closed here: S256 for every client, codes and
refresh tokens that work once in one statement of SQL, families that end when one is used twice.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    AuthorizationServer,
    ClientMixin,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import (
    AuthorizationPendingError,
    DeviceCodeGrant,
    ExpiredTokenError,
    SlowDownError,
)

from hub.store import sso_devices, sso_grants
from hub.store.database import new_id
from hub.store.sso_devices import Device
from hub.store.sso_grants import Code, Family, Token
from hub.workspace.strict import seconds
from sso.clients import Client
from sso.exchange import ExchangeGrant
from sso.ground import Provider, Whom, digest, fresh
from sso.idtokens import id_token

AUTH: Final = ["client_secret_basic", "client_secret_post", "none"]
logging.getLogger("authlib").setLevel(logging.INFO)  # below that it logs tokens


class Payload(OAuth2Payload):
    """Parameters of one request, each with all its values."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if value:  # without a value it counts as omitted (RFC 6749, 3.1)
                self._lists[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._lists.items() if values}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


class Request(OAuth2Request):
    """A request as Authlib takes it. Its address is never asked for: what the issuer is, is configured."""

    def __init__(self, method: str, pairs: list[tuple[str, str]], headers: Mapping[str, str]) -> None:
        super().__init__(method, "https://issuer.invalid/", headers=headers)
        self.payload = Payload(pairs)
        self.subject: tuple[Token, Family] | None = None
        self.credential: Granted | None = None
        self.audience: list[str] = []

    @property
    def form(self) -> dict[str, str]:
        found: dict[str, str] = self.payload.data
        return found


Answer = tuple[int, Any, list[tuple[str, str]]]


class Server(AuthorizationServer):
    """Authlib's server over the hub's tables. Its answers are (status, body, headers)."""

    def __init__(self, here: Provider) -> None:
        super().__init__()
        self.here = here
        self.register_token_generator("default", self._generated)

    def query_client(self, client_id: str) -> Client | None:
        return self.here.client(client_id)

    def authenticate_client(self, request: Request, methods: Sequence[str], endpoint: str = "token") -> Client:
        """Who asks. InvalidClientError, which does not tell whether the id, the secret or the way was wrong: whoever
        guesses would learn from it."""
        try:
            found: Client = super().authenticate_client(request, methods, endpoint)
        except (InvalidClientError, UnicodeDecodeError) as error:  # a header of proof may be no text
            refused = error if isinstance(error, InvalidClientError) else InvalidClientError(status_code=401)
            refused.description = (
                "no client has this id, or its secret is another, or it proves itself in another way "
                "(auth of config/clients; cophub clients secret makes a new one)"
            )
            raise refused from None
        return found

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:
        return status, body, headers

    def send_signal(self, name: str, *args: Any, **more: Any) -> None:
        """Nobody listens."""

    def validate_requested_scope(self, scope: str | None) -> None:
        """By the client's own list; see ``Client.get_allowed_scope``."""

    def _generated(
        self, *, scope: str | None, include_refresh_token: bool, **others: Any
    ) -> dict[str, Any]:
        token = {
            "token_type": "Bearer",
            "access_token": fresh("cpa"),
            "expires_in": int(seconds(self.here.rules.access)),
            "scope": scope or "",
        }
        return token | ({"refresh_token": fresh("cpr")} if include_refresh_token else {})

    def save_token(self, token: dict[str, Any], request: Request) -> None:
        """Write what was generated, in the transaction that uses up what it was generated for."""
        here, moment = self.here, self.here.now()
        code, former, database = request.authorization_code, request.refresh_token, here.hub.database
        if code is not None:
            tokens = self._rows(token, request, code.family, moment, code.family.scope)
            if not sso_grants.redeem(database, code.code.digest, code.family.id, tokens, moment):
                sso_grants.revoke(database, code.family.id, "code used twice", moment)
                raise InvalidGrantError("Invalid 'code' in request.")
        elif former is not None:
            tokens = self._rows(token, request, former.family, moment, former.token.scope)
            if not sso_grants.rotate(database, former.token.digest, former.family.id, tokens, moment):
                raise InvalidGrantError()  # used this very moment: a parallel request of the same client
        elif request.credential is not None:
            device, family = request.credential.device, request.credential.family
            assert family is not None  # nobody else comes so far
            tokens = self._rows(token, request, family, moment, family.scope)
            if not sso_devices.redeem(database, device.digest, family.id, tokens, moment):
                raise InvalidGrantError()
        elif request.subject is not None:
            family = request.subject[1]
            tokens = self._rows(token, request, family, moment, "")
            if not sso_grants.join(database, family.id, tokens, moment):
                raise InvalidGrantError()
        else:
            ends = moment + dt.timedelta(seconds=token["expires_in"])
            alone = Family(new_id(), request.client.name, token["scope"], True, moment, ends)
            sso_grants.add(database, alone, self._rows(token, request, alone, moment, ""))

    def _rows(
        self, token: Mapping[str, Any], request: Request, family: Family, moment: dt.datetime, whole: str
    ) -> list[Token]:
        ends = min(moment + dt.timedelta(seconds=token["expires_in"]), family.ends_at)
        audience, act = tuple(request.audience), getattr(request, "act", None)
        client = request.client.name
        rows = [
            Token(
                digest(token["access_token"]), family.id, "access", client, token["scope"], moment, ends, audience, act
            )
        ]
        if "refresh_token" in token:
            told = digest(token["refresh_token"])
            rows.append(Token(told, family.id, "refresh", client, whole, moment, family.ends_at))
        return rows


# ------------------------------------------------------------ code


class S256(CodeChallenge):
    """PKCE as RFC 9700 has it: every client, S256 and nothing else."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD: Final = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Neither the challenge nor its method may be left out: without a method it would be plain."""
        data = grant.request.payload.data
        if not data.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        if data.get("code_challenge_method") != "S256" or len(data["code_challenge"]) != 43:
            raise InvalidRequestError("'code_challenge_method' must be S256")
        super().validate_code_challenge(grant, redirect_uri)


class Redeemed:
    """A code that is being redeemed."""

    def __init__(self, code: Code, family: Family) -> None:
        self.code, self.family = code, family
        self.code_challenge, self.code_challenge_method = code.challenge, "S256"

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri

    def get_scope(self) -> str:
        return self.family.scope


class CodeGrant(AuthorizationCodeGrant):
    """The authorization code."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = AUTH
    server: Server

    def query_authorization_code(self, code: str, client: ClientMixin) -> Redeemed | None:
        """None where it is unknown, over, or another's; one that was used ends all that came of it."""
        here = self.server.here
        found = sso_grants.code(here.hub.database, digest(code))
        if found is None or found[1].client != client.get_client_id():
            return None
        row, family = found
        if row.used_at is not None:
            sso_grants.revoke(here.hub.database, family.id, "code used twice", here.now())
            return None
        over = family.revoked_at is not None or not family.alive or row.ends_at <= here.now()
        return None if over else Redeemed(row, family)

    def authenticate_user(self, authorization_code: Redeemed) -> Whom | None:
        return person_of(self.server.here, self.request.client, authorization_code.family)

    def delete_authorization_code(self, authorization_code: Redeemed) -> None:
        """It was used up with the tokens; it stays, so that a second use is seen."""

    def create_token_response(self) -> Answer:
        answer: Answer = super().create_token_response()
        _with_id_token(self, answer[1], self.request.authorization_code.family)
        return answer


# ------------------------------------------------------------ refresh


class Refreshed:
    """A refresh token that is being used."""

    def __init__(self, token: Token, family: Family) -> None:
        self.token, self.family = token, family

    def check_client(self, client: ClientMixin) -> bool:
        return bool(self.token.client == client.get_client_id())

    def get_scope(self) -> str:
        return self.token.scope


class RefreshGrant(RefreshTokenGrant):
    """Every use gives a new refresh token; one that comes again ends the family (RFC 9700, 4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = AUTH
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Server

    def authenticate_refresh_token(self, refresh_token: str) -> Refreshed | None:
        here, moment = self.server.here, self.server.here.now()
        found = sso_grants.token(here.hub.database, digest(refresh_token))
        if found is None or found[0].kind != "refresh" or found[0].client != self.request.client.name:
            return None
        token, family = found
        if token.used_at is not None:
            if moment - token.used_at > dt.timedelta(seconds=seconds(here.rules.grace)):
                sso_grants.revoke(here.hub.database, family.id, "refresh token used twice", moment)
            return None
        over = family.revoked_at is not None or not family.alive or token.revoked_at is not None
        return None if over or token.ends_at <= moment else Refreshed(token, family)

    def authenticate_user(self, refresh_token: Refreshed) -> Whom:
        whom = person_of(self.server.here, self.request.client, refresh_token.family)
        if whom is None:
            raise InvalidGrantError()
        return whom

    def revoke_old_credential(self, refresh_token: Refreshed) -> None:
        """It was used up with the tokens that came of it."""

    def create_token_response(self) -> Answer:
        answer: Answer = super().create_token_response()
        _with_id_token(self, answer[1], self.request.refresh_token.family)
        return answer


# ------------------------------------------------------------ device


class Granted:
    """A device that asks, and the family that somebody granted it."""

    def __init__(self, device: Device, family: Family | None, moment: dt.datetime) -> None:
        self.device, self.family, self.moment = device, family, moment

    def get_client_id(self) -> str:
        return self.device.client

    def get_scope(self) -> str:
        return self.device.scope

    def get_user_code(self) -> str:
        return self.device.user_code

    def is_expired(self) -> bool:
        return self.device.ends_at <= self.moment


class DeviceGrant(DeviceCodeGrant):
    """A device for which somebody logs in elsewhere."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = AUTH
    server: Server

    def query_device_credential(self, device_code: str) -> Granted:
        """A code that was used ends all that came of it."""
        here = self.server.here
        found = sso_devices.device(here.hub.database, digest(device_code))
        if found is None:
            raise InvalidGrantError()
        if found.used_at is not None and found.family is not None:
            sso_grants.revoke(here.hub.database, found.family, "device code used twice", here.now())
            raise InvalidGrantError()
        family = sso_grants.family(here.hub.database, found.family) if found.family is not None else None
        return Granted(found, family, here.now())

    def validate_device_credential(self, credential: Granted) -> Whom | None:
        """Who logged in; else the errors of RFC 8628, 3.5."""
        here, device, family = self.server.here, credential.device, credential.family
        if credential.is_expired():
            raise ExpiredTokenError()
        if device.refused_at is not None:
            raise AccessDeniedError()
        if device.family is None:
            due = sso_devices.polled(here.hub.database, device, credential.moment)
            raise AuthorizationPendingError() if due else SlowDownError()
        client = here.client(device.client)
        alive = family is not None and family.alive and family.revoked_at is None
        whom = person_of(here, client, family) if client is not None and family is not None and alive else None
        if whom is None:
            raise AccessDeniedError()
        return whom

    def create_token_response(self) -> Answer:
        answer: Answer = super().create_token_response()
        _with_id_token(self, answer[1], self.request.credential.family)
        return answer


class AloneGrant(ClientCredentialsGrant):
    """A client as itself: no person, no refresh."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = AUTH[:2]

    def validate_requested_scope(self) -> None:
        """What of its scopes is not about a person."""
        scope = self.request.client.get_allowed_scope(self.request.payload.scope)
        if scope is None or {"openid", "offline_access"} & set(scope.split()):
            raise InvalidScopeError()


# ------------------------------------------------------------ shared


def person_of(here: Provider, client: Client, family: Family) -> Whom | None:
    """The person of a family as the client knows him; his sub stays the one it was told."""
    return here.whom(client.file, family.person, family.name, family.sub) if family.person is not None else None


def _with_id_token(grant: Any, token: dict[str, Any], family: Family) -> None:
    if "openid" in str(token["scope"]).split():
        request = grant.request
        first = request.authorization_code is not None
        token["id_token"] = id_token(
            grant.server.here, request.client.file, family, request.user, token, nonce=family.nonce if first else None
        )


def served(here: Provider) -> Server:
    """With the grants that there are."""
    made = Server(here)
    made.register_grant(CodeGrant, [S256(required=True)])
    made.register_grant(RefreshGrant)
    made.register_grant(DeviceGrant)
    made.register_grant(AloneGrant)
    made.register_grant(ExchangeGrant)
    return made
