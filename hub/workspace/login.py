"""How people log in, in ``config/hub.yaml``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from hub.workspace.hooks import SecretReference
from hub.workspace.strict import TITLE, Duration, FieldName, Name, Shape, Title

Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
DOMAINS: Any = Field(
    [],
    description="Who types a name that ends in @ and one of these logs in here, whatever he chose",
    examples=[["example.com"]],
)


class Directory(Shape):
    """A directory in which people have passwords: the hub asks it, and keeps none of them."""

    title: Title = TITLE
    system: FieldName = Field(description="The system, of the connector ldap", examples=["corp"])
    resource: str = Field(
        description="Its resource whose entries are accounts: its base, filter and key count", examples=["person"]
    )
    by: list[str] = Field(
        min_length=1,
        description="Attributes that hold what people type as their name",
        examples=[["uid", "mail"], ["sAMAccountName", "userPrincipalName"]],
    )
    domains: list[Domain] = DOMAINS
    wrong: int = Field(
        3,
        ge=1,
        le=100,
        description="So many wrong passwords of one account are passed on within the window, and as many of browsers "
        "that its owner used before; keep twice as many below the threshold of the directory's own lock-out",
        examples=[4],
    )
    window: Duration = Field("30m", description="As long as the directory counts wrong passwords", examples=["1h"])


class Record(Shape):
    """The record of a system that a claim names: its person is who logs in."""

    system: FieldName = Field(description="A system in which people have accounts", examples=["entra"])
    claim: str = Field(
        pattern=r"^[A-Za-z][\w:./-]{0,99}$",
        description="Claim with the key of the record there, never mail: others can get an address",
        examples=["oid", "employee_number"],
    )


class Provider(Shape):
    """An OpenID provider that proves who somebody is: Entra ID, Keycloak, DingTalk's or Feishu's for companies."""

    title: Title = TITLE
    issuer: str = Field(
        pattern=r"^https?://[^\s/?#@]+[^\s?#@]*$",
        description="Its issuer, exactly as it says so itself; https, but for this machine",
        examples=["https://login.example.com/realms/corp"],
    )
    client_id: str = Field(min_length=1, description="What it calls the hub", examples=["cophub"])
    client_secret: SecretReference = Field(description="Their secret", examples=["secret://sso/corp"])
    client_auth: Literal["basic", "post"] = Field("basic", description="How the secret is sent to it")
    scopes: list[str] = Field(["openid", "profile"], description="What is asked for", examples=[["openid", "email"]])
    algorithms: list[Algorithm] = Field(
        ["RS256", "PS256", "ES256", "EdDSA"],
        min_length=1,
        description="By what its tokens may be signed, whatever it says of itself",
        examples=[["ES256"]],
    )
    account: Record | None = Field(
        None,
        description="By which record somebody is linked to a person at his first log-in; without it somebody links him",
        examples=[{"system": "entra", "claim": "oid"}],
    )
    domains: list[Domain] = DOMAINS
    hosts: list[str] = Field(
        [],
        description="Further hosts of it, where its addresses are on others than the issuer's",
        examples=[["oauth2.example.com"]],
    )
    ca: str | None = Field(None, description="PEM file of a private authority, from config/", examples=["corp-ca.pem"])
    timeout: Duration = Field("10s", description="Longest wait for one answer of it")


class Login(Shape):
    """``login`` of ``config/hub.yaml``: by what people may log in besides the hub's own accounts."""

    second: Literal["all"] | list[Name] = Field(
        [],
        description="Who must prove a second factor besides the password of an account of the hub: all, or who has one "
        "of these roles; others may",
        examples=["all", ["payroll"]],
    )
    directories: dict[Name, Directory] = Field(
        {},
        description="Directories, by name; the first is offered first",
        examples=[{"corp": {"system": "corp", "resource": "person", "by": ["uid"]}}],
    )
    providers: dict[Name, Provider] = Field(
        {},
        description="OpenID providers, by name: each is a button",
        examples=[{"entra": {"issuer": "https://login.example.com", "client_id": "cophub",
                             "client_secret": "secret://sso/entra"}}],
    )  # fmt: skip


LOGIN: Any = Field(
    Login(),
    description="By what people log in besides accounts of the hub itself",
    examples=[{"directories": {"corp": {"system": "corp", "resource": "person", "by": ["uid"]}}}],
)


def domain_of(name: str) -> str:
    """What stands behind the last @ of a name, in small letters.

    >>> domain_of("Li.Na@Example.com"), domain_of("li.na")
    ('example.com', '')
    """
    return re.sub(r"\s", "", name.rpartition("@")[2]).lower() if "@" in name else ""
