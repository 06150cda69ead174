"""The provider's metadata (OpenID Connect Discovery 1.0, RFC 8414), made of what is registered."""

from __future__ import annotations

from typing import Any

from hub.workspace.sso import scope_of
from sso.clients import GRANTS
from sso.ground import CONTEXTS, Provider
from sso.idtokens import ALG


def metadata(here: Provider) -> dict[str, Any]:
    """Everything that a client must know."""
    issuer, clients = here.issuer, here.hub.workspace.clients.values()
    claims = {name.partition(".")[0] for one in clients for name in one.claims}
    scopes = {scope for one in clients for scope in one.scopes}
    scopes |= {scope_of(name, rule) for one in clients for name, rule in one.claims.items()}
    methods = ["client_secret_basic", "client_secret_post", "none"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "device_authorization_endpoint": f"{issuer}/device",
        "end_session_endpoint": f"{issuer}/logout",
        "scopes_supported": sorted({"openid", *scopes}),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            *GRANTS.values(),
        ],
        "acr_values_supported": list(CONTEXTS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALG],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods[:2],
        "code_challenge_methods_supported": ["S256"],
        "claim_types_supported": ["normal"],
        "claims_supported": sorted({"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", *claims}),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "ui_locales_supported": ["en", "zh"],
    }
