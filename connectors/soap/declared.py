"""What YAML may say about a SOAP service: this is the whole language of the connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hub.contract import Secret, Settings
from hub.http import HttpSettings, one_key, paging, since
from hub.http.records import Empty, check_fields
from hub.http.settings import Answers as PlainAnswers
from hub.http.settings import BaseUrl, HeaderName, Names, Seconds, Text, undeclared
from hub.http.settings import Values as Verdicts

Verdict = Literal["rejected", "conflict", "retry", "auth", "unknown", "nothing"]


def _values(value: object) -> object:
    """References to secrets, at any depth, are secrets; what else YAML says stays as it is."""
    if isinstance(value, Mapping):
        return {str(name): _values(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_values(one) for one in value]
    return Secret(value) if isinstance(value, str) and value.startswith("secret://") else value


Values = Annotated[dict[str, Any], BeforeValidator(_values)]
"""Values of a request by name; a dotted name leads into nested elements."""


class UsernameToken(Settings):
    """User and password in the message (WS-Security UsernameToken Profile 1.1)."""

    username: str = Field(description="User name", examples=["HUB"])
    password: Secret = Field(description="Password", examples=["secret://hr/password"])
    digest: bool = Field(default=False, description="Send a digest of the password, a nonce and the time")
    timestamp: Seconds | None = Field(
        default=None, description="Add a Timestamp that is valid for so long", examples=["5m"]
    )


class Signature(Settings):
    """Messages whose body and Timestamp are signed (WS-Security X.509 Certificate Token Profile 1.1). It needs
    cophub[signature]."""

    key: Secret = Field(
        description="The hub's private key: RSA in PEM, without a password", examples=["secret://hr/key"]
    )
    certificate: str = Field(description="Its certificate: a file below config/", examples=["certs/hub.pem"])
    trust: str | None = Field(
        default=None,
        description="Certificate of the service, a file below config/: every answer must have a body signed by it. "
        "Without it answers are not verified",
        examples=["certs/hr.pem"],
    )
    token: Literal["binary", "x509"] = Field(
        default="binary", description="The certificate stands in a BinarySecurityToken, or in the signature (X509Data)"
    )
    method: Literal["sha256", "sha1"] = Field(
        default="sha256", description="RSA with SHA-256, or with SHA-1 for old services, which is then taken as well"
    )
    timestamp: Seconds = Field(default=300.0, description="How long a message is valid", examples=["5m"])


class Security(Settings):
    """WS-Security of every message."""

    username_token: UsernameToken | None = Field(default=None, description="User and password in the message")
    signature: Signature | None = Field(default=None, description="Signed messages")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.username_token is None and self.signature is None:
            raise ValueError("write username_token:, signature: or both")
        return self


class Session(Settings):
    """Where the token of a log-in goes: exactly one of these."""

    soap_header: str | None = Field(
        default=None, description="Dotted path of it in a SOAP header", examples=["SessionHeader.sessionId"]
    )
    http_header: HeaderName | None = Field(
        default=None, description="HTTP header that takes it", examples=["X-Session"]
    )
    param: str | None = Field(
        default=None, description="Dotted path of it in every request", examples=["token"]
    )
    cookie: Empty | None = Field(
        default=None, description="The service sets a cookie, and no token is taken out of the answer"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_key(self, "into")
        return self


class Login(Settings):
    """An operation whose answer gives a token for all others. It is called again when the token has run out."""

    operation: str = Field(description="Operation that logs in", examples=["login"])
    wsdl: str | None = Field(
        default=None,
        description="WSDL of a log-in that is a service of its own: a file below config/, or an address; default: that "
        "of the system. A log-out is an operation of it too, where it has one of that name",
        examples=["wsdl/security.wsdl"],
    )
    url: BaseUrl | None = Field(
        default=None,
        description="Endpoint of a log-in that is a service of its own; another host than that of url is named below "
        "hosts",
        examples=["https://hr.example.com/services/Security"],
    )
    params: Values = Field(
        default={},
        description="Its parameters",
        examples=[{"username": "HUB", "password": "secret://hr/password"}],
    )
    token: str = Field(
        default="", description="Dotted path of the token in the answer", examples=["loginReturn.sessionId"]
    )
    into: Annotated[Session, BeforeValidator(lambda value: {value: {}} if value == "cookie" else value)] = (
        Field(description="Where the token goes", examples=[{"soap_header": "SessionHeader.sessionId"}])
    )
    logout: str | None = Field(
        default=None, description="Operation that ends the session", examples=["logout"]
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.wsdl is None) != (self.url is None):
            raise ValueError("a log-in that is a service of its own has wsdl: and url:")
        if (self.into.cookie is None) != bool(self.token):
            raise ValueError("token says where the token stands in the answer; a cookie needs none")
        return self


class FaultRule(Settings):
    """What a fault means. The first rule of which everything fits counts."""

    code: str | None = Field(
        default=None,
        description="Fault code or subcode, with or without prefix; * stands for anything",
        examples=["Client.NotFound", "*Busy"],
    )
    text: str | None = Field(
        default=None, description="Words that its message holds", examples=["already exists"]
    )
    detail: str | None = Field(
        default=None, description="Element that its detail holds", examples=["DuplicateFault"]
    )
    means: Verdict = Field(
        description="rejected, conflict (exists already, changed meanwhile), retry, auth (also: session over), "
        "unknown (it may have had an effect), nothing (there are no such records)"
    )
    wait: Seconds | None = Field(default=None, description="retry: how long to wait", examples=["60s"])

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.code is None and self.text is None and self.detail is None:
            raise ValueError("a rule takes code, text or detail")
        return self


class Answers(PlainAnswers):
    """For services that say in the answer, without a fault, whether it went well."""

    equals: Verdicts = Field(description="Values that mean success", examples=[["0"]])
    conflict: Verdicts = Field(
        default=[], description="Verdicts that mean: exists already, or changed meanwhile"
    )
    optional: bool = Field(
        default=False,
        description="An answer without a verdict is a success, as of BAPIs with an empty RETURN",
    )


class TokenPaging(Settings):
    """Pages by a token that each page gives for the next."""

    model_config = Settings.model_config | {"populate_by_name": True}

    param: str = Field(description="Parameter of the token", examples=["queryLocator"])
    from_: str = Field(
        alias="from", description="Dotted path of the token in the answer", examples=["result.queryLocator"]
    )
    more: str | None = Field(
        default=None, description="Dotted path of a flag: more follows", examples=["result.hasMore"]
    )
    size_param: str | None = Field(default=None, description="Parameter of the size")
    size: int = Field(default=100, ge=1, description="Records per page")
    operation: str | None = Field(
        default=None, description="Operation of all pages but the first", examples=["queryMore"]
    )


class Paging(Settings):
    """How the pages of a resource follow each other: exactly one of these."""

    page: paging.PageNumber | None = Field(default=None, description="By page number")
    offset: paging.Offset | None = Field(default=None, description="By offset")
    token: TokenPaging | None = Field(default=None, description="By a token in the answer")
    none: Empty | None = Field(default=None, description="One answer holds everything")

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_key(self, "paging")
        return self


class Call(Settings):
    """One kind of change. ``{id}`` in a parameter is the target's own id, ``{name}`` a field's value."""

    operation: str = Field(description="Operation", examples=["CreateEmployee"])
    body: str = Field(
        default="", description="Dotted path of the element that takes the record", examples=["employee"]
    )
    params: Values = Field(default={}, description="Further parameters", examples=[{"id": "{id}"}])
    id: str | None = Field(
        default=None, description="Dotted path of the id in the answer", examples=["CreateEmployeeResult.Id"]
    )
    version: str | None = Field(default=None, description="Dotted path of the version in the answer")
    without: list[str] = Field(default=[], description="Fields not to send", examples=[["ChangedAt"]])
    nulls: Literal["nil", "omit"] = Field(
        default="nil",
        description="How no value is sent: as xsi:nil, where the WSDL allows it, or not at all",
    )


class Find(Settings):
    """How a record is looked up by its natural key. ``{name}`` is the value of a key field."""

    operation: str | None = Field(default=None, description="Operation; default that of the resource")
    params: Values = Field(description="Parameters", examples=[{"id": "{Id}"}])
    records: str | None = Field(
        default=None, description="Dotted path of the records; default that of the resource"
    )
    id: str = Field(default="id", description="Dotted path of the id in a record", examples=["Id"])
    version: str | None = Field(default=None, description="Dotted path of the version in a record")


class Write(Settings):
    """How changes are written. What is not declared is refused."""

    create: Call | None = Field(default=None, description="Creating")
    update: Call | None = Field(default=None, description="Changing")
    delete: Call | None = Field(default=None, description="Deleting")
    find: Find | None = Field(default=None, description="Looking up by natural key")
    idempotency: str | None = Field(
        default=None, description="Parameter that takes the change's id", examples=["messageId"]
    )
    version: str | None = Field(
        default=None,
        description="Parameter that takes the version last seen, when a record is changed or deleted",
        examples=["employee.Version"],
    )

    @property
    def refuses(self) -> frozenset[str]:
        """What is not declared."""
        return undeclared(create=self.create, update=self.update, delete=self.delete)

    @property
    def writes(self) -> bool:
        """Whether records can be made or changed."""
        return not {"create", "update"} <= self.refuses


class SoapResource(Settings):
    """A kind of record that an operation of the service gives."""

    operation: str | None = Field(
        default=None,
        description="Operation that reads; without one it is only written",
        examples=["GetEmployees"],
    )
    title: str = Field(default="", description="Title")
    params: Values = Field(
        default={}, description="Parameters of every read", examples=[{"Response_Filter.As_Of": "2026-01-01"}]
    )
    records: str | None = Field(
        default=None,
        description="Dotted path of the records, below the first element of the answer's body; default: the "
        "only list that the WSDL declares there",
        examples=["GetEmployeesResult.Employees.Employee"],
    )
    key: Names = Field(default=[], description="Fields that identify a record", examples=[["Id"]])
    cursor: since.Cursor | None = Field(default=None, description="Reading what changed")
    paging: Annotated[Paging, BeforeValidator(lambda value: {"none": {}} if value == "none" else value)] = (
        Field(default=Paging(none=Empty()), description="How pages follow each other")
    )
    total: str | None = Field(
        default=None,
        description="Dotted path of the number of all records",
        examples=["GetEmployeesResult.Total"],
    )
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={},
        description="Names and types that go before those of the WSDL",
        examples=[{"ChangedAt": "datetime"}],
    )
    timeout: Seconds | None = Field(
        default=None, description="Deadline of one call; default limits.timeout", examples=["5m"]
    )
    write: Write | None = Field(default=None, description="Writing")


class SoapSettings(HttpSettings):
    """A SOAP service. ``url`` is its endpoint, whatever address the WSDL names."""

    wsdl: str | None = Field(
        default=None,
        description="WSDL: a file below config/, or an address; default: url with ?wsdl",
        examples=["wsdl/employees.wsdl"],
    )
    imports: dict[str, str] = Field(
        default={},
        description="Files below config/ that stand in for what the WSDL imports, by address or namespace",
        examples=[{"http://www.w3.org/2000/09/xmldsig#": "wsdl/xmldsig.xsd"}],
    )
    service: str | None = Field(default=None, description="Service of the WSDL; default the first")
    port: str | None = Field(default=None, description="Port of the service; default the first that is SOAP")
    params: dict[str, Text] = Field(
        default={}, description="Query parameters of the endpoint", examples=[{"sap-client": "100"}]
    )
    security: Security | None = Field(default=None, description="WS-Security of every message")
    soap_headers: Values = Field(
        default={},
        description="SOAP headers of every message, by the name of their element; {namespace}name where the "
        "WSDL does not declare it",
        examples=[{"Credentials": {"User": "HUB", "Password": "secret://hr/password"}}],
    )
    login: Login | None = Field(default=None, description="A session by an operation that logs in")
    addressing: bool = Field(default=False, description="Send WS-Addressing headers (Action, To, MessageID)")
    faults: list[FaultRule] = Field(
        default=[],
        description="What the service's faults mean, before what their codes say by themselves",
        examples=[[{"code": "Client.Duplicate", "means": "conflict"}]],
    )
    answers: Answers | None = Field(
        default=None, description="Success and errors that stand in an answer without a fault"
    )
