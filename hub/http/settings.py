"""What a system file may say about HTTP: address, credentials, limits, TLS, proxy.

Connectors subclass ``HttpSettings`` as data. Nothing here imports an HTTP library, so that linting
and describing stay fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from hub.contract import Secret, Settings

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def seconds(text: object) -> object:
    """``30s`` → 30.0; numbers pass, anything else is refused."""
    if isinstance(text, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
        if not found:
            raise ValueError("write a duration such as 500ms, 30s or 5m")
        return float(found[1]) * _SECONDS[found[2]]
    return text


def size(text: object) -> object:
    """``64MB`` → 67108864; numbers pass, anything else is refused."""
    if isinstance(text, str):
        found = re.fullmatch(r"(\d+)\s*(B|KB|MB|GB)", text)
        if not found:
            raise ValueError("write a size such as 512KB or 64MB")
        return int(found[1]) * _BYTES[found[2]]
    return text


def rate(text: object) -> object:
    """``20/s`` → 20.0 per second."""
    if isinstance(text, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)/(s|m|h|d)", text)
        if not found or float(found[1]) == 0:
            raise ValueError("write a rate such as 20/s or 100/m")
        return float(found[1]) / _SECONDS[found[2]]
    return text


def base_url(text: str) -> str:
    """An http or https address without user information, query or fragment."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write an address that begins with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("the address must not hold a user or password; use auth")
    if parts.query or parts.fragment:
        raise ValueError("the address must end before ? and #; use params")
    return text


def text(value: object) -> object:
    """``true`` and 7 in YAML are sent as they are written there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def header_name(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError("not a header name")
    return text


Seconds = Annotated[
    float,
    BeforeValidator(seconds),
    Field(gt=0),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$"}),
]
Size = Annotated[int, BeforeValidator(size), Field(gt=0), WithJsonSchema({"type": "string"})]
Rate = Annotated[float, BeforeValidator(rate), Field(gt=0), WithJsonSchema({"type": "string"})]
BaseUrl = Annotated[str, AfterValidator(base_url)]
HeaderName = Annotated[str, AfterValidator(header_name)]
Text = Annotated[str, BeforeValidator(text)]
Names = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
Values = Annotated[list[Text], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


def one_key(model: Settings, what: str) -> None:
    """Refuse a choice by key in which none or several of the keys stand."""
    names = list(type(model).model_fields)
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) != 1:
        raise ValueError(
            f"{what} takes exactly one of {', '.join(names)}, not {' and '.join(given) or 'none'}"
        )


class Basic(Settings):
    """HTTP Basic (RFC 7617): a user with a password, or a lone key as many APIs want it."""

    username: str = Field(default="", description="User name", examples=["HUB"])
    password: Secret | None = Field(default=None, description="Password", examples=["secret://s4/password"])
    key: Secret | None = Field(default=None, description="A key sent as user name with an empty password")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.key is None) == (not self.username):
            raise ValueError("basic takes username and password, or key")
        return self


class Bearer(Settings):
    """A fixed token (RFC 6750)."""

    token: Secret = Field(description="Token", examples=["secret://crm/token"])


class ApiKey(Settings):
    """A key in a header or a query parameter."""

    header: HeaderName | None = Field(
        default=None, description="Header that takes the key", examples=["X-Api-Key"]
    )
    query: str | None = Field(
        default=None, description="Query parameter that takes the key", examples=["apikey"]
    )
    prefix: str = Field(default="", description="Text before the key", examples=["Token "])
    value: Secret = Field(description="The key", examples=["secret://crm/key"])

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("api_key takes header or query")
        return self


class OAuth2(Settings):
    """OAuth 2.0: client credentials (RFC 6749 §4.4), or a refresh token that somebody once gave (§6)."""

    token_url: BaseUrl = Field(
        description="Token endpoint", examples=["https://login.example.com/oauth/token"]
    )
    client_id: str = Field(description="Client id", examples=["hub"])
    client_secret: Secret = Field(description="Client secret", examples=["secret://crm/client"])
    scope: str | None = Field(
        default=None, description="Scopes, separated by blanks", examples=["api.read api.write"]
    )
    refresh_token: Secret | None = Field(
        default=None,
        description="A refresh token, where the hub acts for a person who agreed; default: for itself",
        examples=["secret://mail/refresh"],
    )
    audience: str | None = Field(default=None, description="Audience, where the provider wants one")
    client_auth: Literal["basic", "post"] = Field(
        default="basic", description="Client id and secret in the Authorization header or in the body"
    )


class Seal(Settings):
    """Values that are encrypted with the system's public key (RSA, PKCS #1 v1.5), as Weaver wants them."""

    key: Secret = Field(
        description="The public key, as the system gives it: X.509 in Base64", examples=["secret://weaver/spk"]
    )
    login: dict[HeaderName, Secret] = Field(
        default={}, description="Headers of the log-in", examples=[{"secret": "secret://weaver/secret"}]
    )
    requests: dict[HeaderName, Text] = Field(
        default={}, description="Headers of every request", examples=[{"userid": "1"}]
    )


class LoginSign(Settings):
    """A log-in, and with NC Cloud every request, that a secret signs instead of being sent."""

    scheme: Literal["kingdee_sha256", "yonyou_nc", "yonyou_nc_old"] = Field(
        description="kingdee_sha256: K3Cloud's LoginBySign, with acctID, username and appId below values; yonyou_nc: "
        "NC Cloud with client_id below values, whose secret is sent sealed besides; yonyou_nc_old: before version 2005",
        examples=["kingdee_sha256"],
    )
    secret: Secret = Field(description="The application's secret", examples=["secret://kingdee/app"])
    key: Secret | None = Field(
        default=None,
        description="yonyou_nc: the public key of the application, as the system gives it: X.509 in Base64",
        examples=["secret://nc/key"],
    )  # fmt: skip

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.key is None) != (self.scheme == "kingdee_sha256"):
            raise ValueError(f"{self.scheme} takes {'no ' if self.key else ''}key")
        return self


class Signed(Settings):
    """Requests that an application signs, with parameters that say who it is."""

    scheme: Literal["md5_app_key"] = Field(
        description="md5_app_key: MD5 over all parameters between two copies of the secret, as Yonyou's platform for "
        "orders and Taobao's have it",
        examples=["md5_app_key"],
    )
    secret: Secret = Field(description="The application's secret", examples=["secret://orders/app"])
    param: str = Field(default="sign", description="Parameter that takes the signature")


class TokenLogin(Settings):
    """A log-in of the system's own that answers a token for a while, as Feishu, WeCom and Kingdee have one."""

    url: BaseUrl = Field(description="Where to log in", examples=["https://api.example.com/login"])
    method: Literal["GET", "POST"] = Field(default="POST", description="Method of the log-in")
    send: Literal["json", "form", "query"] = Field(
        default="json", description="Whether values and secrets are sent as JSON, as a form or in the address"
    )
    values: dict[str, Text] = Field(
        default={}, description="What to send that is no secret", examples=[{"app_id": "cli_a1"}]
    )
    secrets: dict[str, Secret] = Field(
        default={}, description="What to send that is one", examples=[{"app_secret": "secret://feishu/app"}]
    )
    headers: dict[HeaderName, Text] = Field(
        default={}, description="Headers of the log-in", examples=[{"appid": "hub"}]
    )
    seal: Seal | None = Field(default=None, description="Values that are sent encrypted")
    sign: LoginSign | None = Field(default=None, description="Values that a secret signs")
    parameters: list[str] = Field(
        default=[], description="Names of values that are sent as a list in this order, as parameters of the JSON",
        examples=[["acctID", "username", "appId", "timestamp", "sign", "lcid"]],
    )  # fmt: skip
    token: str = Field(description="Dotted path of the token in the answer", examples=["access_token"])
    expires_in: str | None = Field(
        default=None, description="Dotted path of its life in seconds", examples=["expires_in"]
    )
    lifetime: Seconds = Field(
        default=1800.0, description="How long it is used where the answer does not say", examples=["2h"]
    )
    header: HeaderName | None = Field(
        default=None, description="Header that takes the token", examples=["Authorization"]
    )
    query: str | None = Field(
        default=None, description="Query parameter that takes the token", examples=["access_token"]
    )
    prefix: str = Field(default="", description="Text before the token", examples=["Bearer "])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("login takes header or query")
        if self.method == "GET" and self.send != "query":
            raise ValueError("a log-in by GET is sent as a query")
        if self.parameters and self.send != "json":
            raise ValueError("parameters are sent as JSON")
        return self

    def __hash__(self) -> int:
        """Dictionaries have none of their own, and tokens are kept by credentials."""
        seal = (self.seal.key, *map(hash, self.seal.login.items())) if self.seal else ()
        sign = (self.sign,) if self.sign else ()
        parts = (self.url, *self.values.items(), *map(hash, self.secrets.items()), *self.headers.items())
        return hash((*parts, *seal, *sign))


class Auth(Settings):
    """How the hub proves who it is: exactly one of these."""

    basic: Basic | None = Field(default=None, description="User and password")
    bearer: Bearer | None = Field(default=None, description="Fixed token")
    api_key: ApiKey | None = Field(default=None, description="Key in a header or parameter")
    oauth2: OAuth2 | None = Field(default=None, description="OAuth 2.0: client credentials, or a refresh token")
    login: TokenLogin | None = Field(default=None, description="A log-in of the system's own that gives a token")
    signed: Signed | None = Field(default=None, description="Requests that an application signs")

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_key(self, "auth")
        return self


class Limits(Settings):
    """What the hub allows itself, and how long it waits."""

    rate: Rate | None = Field(default=None, description="Most requests per time", examples=["20/s"])
    concurrency: int = Field(default=4, ge=1, le=64, description="Most requests at once")
    timeout: Seconds = Field(
        default=30.0, description="Deadline of one request, from connect to last byte", examples=["30s"]
    )
    max_body: Size = Field(
        default=64 << 20, description="Largest answer, counted after inflating", examples=["64MB"]
    )
    retries: int = Field(default=3, ge=0, le=10, description="Repetitions of a failed read")
    max_wait: Seconds = Field(
        default=60.0, description="Longest wait a system may ask for by Retry-After", examples=["60s"]
    )


class Tls(Settings):
    """Certificates. The server's certificate is always verified."""

    ca: str | None = Field(
        default=None, description="PEM file of the private authority", examples=["certs/corp-ca.pem"]
    )
    cert: str | None = Field(default=None, description="PEM file of the hub's client certificate")
    key: str | None = Field(default=None, description="PEM file of its private key, where not in cert")


class Proxy(Settings):
    """The proxy to this system. Variables of the environment are not used."""

    url: BaseUrl = Field(description="Address of the proxy", examples=["http://proxy.example.com:3128"])
    username: str | None = Field(default=None, description="User at the proxy")
    password: Secret | None = Field(default=None, description="Password at the proxy")


class HttpSettings(Settings):
    """Common settings of every connector that speaks HTTP."""

    url: BaseUrl = Field(description="Address of the system", examples=["https://api.example.com/v1"])
    auth: Auth | None = Field(
        default=None, description="Credentials", examples=[{"bearer": {"token": "secret://crm/token"}}]
    )
    limits: Limits = Field(default_factory=Limits, description="Rate, deadline and size")
    tls: Tls = Field(default_factory=Tls, description="Private authority and client certificate")
    proxy: Annotated[
        Proxy | None, BeforeValidator(lambda value: {"url": value} if isinstance(value, str) else value)
    ] = Field(default=None, description="Proxy", examples=["http://proxy.example.com:3128"])
    hosts: list[str] = Field(
        default=[],
        description="Further hosts that links of this system may lead to; *.example.com and * must be public",
        examples=[["files.example.com"]],
    )
    headers: dict[HeaderName, str] = Field(
        default={}, description="Fixed headers", examples=[{"X-Tenant": "100"}]
    )


class Answers(Settings):
    """For systems that say in the body whether it went well. A path may be a list of paths: the first at which
    something stands counts."""

    path: Names = Field(description="Dotted path of the verdict", examples=["errcode"])
    message: Names = Field(default=[], description="Dotted path of the message", examples=["errmsg"])
    code: Names = Field(default=[], description="Dotted path of the error code", examples=["errcode"])
    equals: Values = Field(
        default=[],
        description="Values that mean success; none, or '': that nothing stands there does",
        examples=[["0"]],
    )
    retry: Values = Field(default=[], description="Verdicts that mean: later", examples=[["45009"]])
    wait: Seconds | None = Field(
        default=None,
        description="How long to wait after such a verdict, where the system's manual says so",
        examples=["60s"],
    )


def secrets_of(value: Any) -> Iterator[str]:
    """All secret texts in settings, for masking."""
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_of(item)


def undeclared(**calls: object) -> frozenset[str]:
    """The names of the calls that a file does not declare."""
    return frozenset(name for name, call in calls.items() if call is None)
