"""The one guarded transport that every connector uses to talk HTTP.

``HttpSettings`` is what a system file says, ``Transport`` sends requests by it. See
``hub.http.transport`` for the contract and ``hub.http.answers`` for the codes.
"""

from hub.http.answers import ANY, Response
from hub.http.auth import Login, Post
from hub.http.pace import Clock
from hub.http.settings import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    HttpSettings,
    Limits,
    OAuth2,
    Proxy,
    Tls,
    one_key,
    secrets_of,
)
from hub.http.transport import NOT_SENT, Transport

__all__ = [
    "ANY",
    "NOT_SENT",
    "ApiKey",
    "Auth",
    "Basic",
    "Bearer",
    "Clock",
    "HttpSettings",
    "Limits",
    "Login",
    "OAuth2",
    "Post",
    "Proxy",
    "Response",
    "Tls",
    "Transport",
    "one_key",
    "secrets_of",
]
