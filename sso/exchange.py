"""Token exchange (RFC 8693): a service that was sent a person's token asks for one of its own to call the next.

Only for clients that its file names, only less than the token that it shows, never a refresh token; the new one says
who acts.
"""

from __future__ import annotations

from typing import Any, Final

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from hub.store import sso_grants
from sso.clients import EXCHANGE
from sso.ground import digest, stamp

ACCESS: Final = "urn:ietf:params:oauth:token-type:access_token"
DEEPEST: Final = 4


class InvalidTargetError(OAuth2Error):
    """RFC 8693, 2.2.2."""

    error = "invalid_target"


class ExchangeGrant(BaseGrant, TokenEndpointMixin):
    """subject_token → a token for another client, in the name of the same person."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = ["client_secret_basic", "client_secret_post"]
    GRANT_TYPE = EXCHANGE

    def validate_token_request(self) -> None:
        """Who asks, for what, and by whose token."""
        self.request.client = client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError()
        form = self.request.form
        for name in ("subject_token", "subject_token_type", "audience"):
            if name not in form:
                raise InvalidRequestError(f"Missing '{name}' in request.")
        kinds = (form["subject_token_type"], form.get("requested_token_type", ACCESS))
        if kinds != (ACCESS, ACCESS) or "actor_token" in form or "resource" in form:
            raise InvalidRequestError("Access tokens are exchanged for access tokens, and nothing else.")
        audiences = self.request.payload.datalist["audience"]
        if not set(audiences) <= set(client.file.exchange):
            raise InvalidTargetError()
        self._subject(client.name, form["subject_token"])
        self.request.audience = list(dict.fromkeys(audiences))

    def _subject(self, client: str, text: str) -> None:
        here = self.server.here
        found = sso_grants.token(here.hub.database, digest(text))
        if found is None:
            raise InvalidGrantError()
        token, family = found
        mine = client == token.client or client in token.audience
        over = token.ends_at <= here.now() or token.revoked_at is not None or family.revoked_at is not None
        if token.kind != "access" or not mine or over or not family.alive or family.person is None:
            raise InvalidGrantError()
        if here.person(family.person) is None:
            raise InvalidGrantError()
        scopes = set(token.scope.split())
        asked = (self.request.payload.scope or token.scope).split()
        if not set(asked) <= scopes:
            raise InvalidScopeError()
        self.request.scope = " ".join(one for one in asked if one != "offline_access")
        self.request.subject = found
        self.request.act = acting(client, token.act)

    def create_token_response(self) -> tuple[int, Any, Any]:
        """A token that ends no later than the one it was made of."""
        token = self.generate_token(scope=self.request.scope, include_refresh_token=False)
        left = stamp(self.request.subject[0].ends_at) - stamp(self.server.here.now())
        token["expires_in"] = max(0, min(token["expires_in"], left))
        self.save_token(token)
        return 200, token | {"issued_token_type": ACCESS}, self.TOKEN_RESPONSE_HEADER


def acting(client: str, before: Any) -> dict[str, Any]:
    """Who acts, and who did before him."""
    depth, inner = 1, before
    while isinstance(inner, dict):
        depth, inner = depth + 1, inner.get("act")
    if depth > DEEPEST:
        raise InvalidGrantError("The token was exchanged too often.")
    return {"sub": client} | ({"act": before} if before else {})
