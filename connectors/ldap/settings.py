"""What an integrator may say about a directory and about one kind of its entries."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hub.contract import Resource, Secret, Settings
from hub.http.records import check_fields, declared_fields
from hub.http.settings import Seconds, Tls

SECRET_ATTRIBUTES = frozenset({
    "userpassword", "unicodepwd", "ntpwdhistory", "lmpwdhistory", "dbcspwd", "supplementalcredentials",
    "authpassword", "pwdhistory", "sambantpassword", "sambalmpassword", "sambapasswordhistory", "krbprincipalkey",
    "ipanthash", "clearpassword", "userpkcs12", "olcrootpw", "ms-mcs-admpwd", "mslaps-password",
    "mslaps-encryptedpassword", "mslaps-encryptedpasswordhistory", "msds-managedpassword",
    "trustauthincoming", "trustauthoutgoing", "initialauthincoming", "initialauthoutgoing",
})  # fmt: skip
"""Attributes that hold passwords or are as good as one: never read, in lower case."""
PASSWORDS = ("unicodePwd", "userPassword")
"""Those that may be written."""
USN = "uSNChanged"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*")
DN, PARENT = "dn", "parent_dn"
"""Fields of every entry besides its attributes: its name, and that of the entry above it."""
_SLOT = re.compile(r"\{(\+?)([^{}]*)\}")

Names = Annotated[
    list[str],
    BeforeValidator(
        lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]
    ),
]


def is_secret(attribute: str) -> bool:
    return attribute.partition(";")[0].lower() in SECRET_ATTRIBUTES


def address(text: str) -> str:
    """One or several LDAP addresses, tried in their order."""
    for one in text.split():
        parts = urlsplit(one)
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
            raise ValueError("write an address that begins with ldaps:// or ldap://")
        if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("the address ends after host and port: use username, password and base")
    if len({urlsplit(one).scheme for one in text.split()}) != 1:
        raise ValueError("addresses of one directory begin all with ldaps:// or all with ldap://")
    return text


def filter_text(text: str) -> str:
    """A filter in brackets (RFC 4515); the server judges the rest."""
    if not (text.startswith("(") and text.endswith(")")) or text.count("(") != text.count(")"):
        raise ValueError("write a filter in brackets, such as (objectClass=inetOrgPerson)")
    return text


def attributes(names: list[str]) -> list[str]:
    """Names of attributes, with options."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of an attribute")
    return names


def readable(fields: dict[str, Any]) -> dict[str, Any]:
    """Declared fields: attributes of one level that hold no passwords."""
    check_fields(fields)
    attributes(list(fields))
    if found := [name for name in fields if is_secret(name)]:
        raise ValueError(
            f"{found[0]} holds passwords, so it is never read, and needs no declaration to be written"
        )
    if found := [name for name, shape in fields.items() if isinstance(shape, dict)]:
        raise ValueError(f"{found[0]}: an attribute has no fields of its own")
    return fields


def slots(template: str) -> list[tuple[str, bool]]:
    """The fields of a DN template, and whether each is a piece of a DN (``{+name}``) or a value.

    >>> slots("uid={uid},{+unit}")
    [('uid', False), ('unit', True)]
    """
    return [(name, sign == "+") for sign, name in _SLOT.findall(template)]


def dn_template(text: str) -> str:
    """A DN with slots."""
    if any(not re.fullmatch(r"[A-Za-z][\w-]*", name) for name, _ in slots(text)) or re.search(
        r"[{}]", _SLOT.sub("", text)
    ):
        raise ValueError("slots are {attribute} for a value and {+attribute} for a piece of a DN")
    if not re.match(r"[A-Za-z][A-Za-z0-9-]*=", text):
        raise ValueError(
            "a DN begins with the entry's own name, such as uid={uid},ou=people,dc=example,dc=com"
        )
    return text


class Write(Settings):
    """How entries are made and changed. Only attributes that differ are sent."""

    dn: Annotated[str, AfterValidator(dn_template)] = Field(
        description="The entry's name: {field} is a value, escaped; {+field} a piece of a DN as it is. An entry "
        "whose name comes out differently is moved",
        examples=["uid={uid},ou=people,dc=example,dc=com", "CN={cn},{+parent}"],
    )
    object_class: Names = Field(
        default=[], description="Classes of new entries; default: object_class of the resource"
    )
    add_only: Annotated[Names, AfterValidator(attributes)] = Field(
        default=[],
        description="Attributes of several values whose values are added, and never taken away",
        examples=[["memberUid"]],
    )
    password: Literal["create", "always"] = Field(
        default="create",
        description="When unicodePwd and userPassword are sent: they cannot be compared. always sets them again with "
        "every change",
    )


class LdapResource(Settings):
    """A kind of entries. Without an entry the resource is the object class of its name."""

    title: str = Field(default="", description="Title")
    object_class: Names = Field(
        default=[],
        description="Object classes: the first makes the filter, all of them the fields. Default: the resource's name",
        examples=["inetOrgPerson", ["user", "posixAccount"]],
    )
    base: str | None = Field(
        default=None, description="Where the entries are; default: base of the system",
        examples=["ou=people,dc=example,dc=com"],
    )  # fmt: skip
    scope: Literal["subtree", "one"] = Field(
        default="subtree", description="All below base, or only what is right below it"
    )
    filter: Annotated[str, AfterValidator(filter_text)] | None = Field(
        default=None, description="Which entries; default: those of the object class",
        examples=["(&(objectCategory=person)(objectClass=user))"],
    )  # fmt: skip
    key: Annotated[Names, AfterValidator(attributes)] = Field(
        default=[],
        description="Attributes that identify an entry; default: id of the system",
        examples=["uid"],
    )
    cursor: str | None = Field(
        default=None,
        description="Attribute that grows with each change. Deletions are seen in full reads only",
        examples=["modifyTimestamp", "whenChanged"],
    )
    sync: Literal["syncrepl", "dirsync", "usn"] | None = Field(
        default=None,
        description="How changes and deletions are followed: syncrepl of OpenLDAP; dirsync of Active Directory, for "
        "an account that may replicate; usn by uSNChanged and tombstones of one domain controller",
    )
    fields: Annotated[dict[str, Any], AfterValidator(readable)] = Field(
        default={},
        description="Attributes and their types, over what the schema says. A plain type takes the first value, a "
        "type in brackets all of them",
        examples=[{"mail": "text", "telephoneNumber": ["text"], "accountExpires": "datetime"}],
    )
    write: Write | None = Field(default=None, description="Writing")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cursor and self.cursor.lower() == USN.lower():
            raise ValueError(
                "uSNChanged counts within one domain controller: write sync: usn instead of cursor:"
            )
        if found := [name for name in [*self.key, self.cursor or ""] if name and is_secret(name)]:
            raise ValueError(f"{found[0]} holds passwords, so it is never read")
        return self


class LdapSettings(Settings):
    """A directory."""

    url: Annotated[str, AfterValidator(address)] = Field(
        description="Address of the directory, or several that hold the same, separated by blanks",
        examples=["ldaps://dc1.corp.example.com ldaps://dc2.corp.example.com"],
    )
    starttls: bool = Field(
        default=True,
        description="Encrypt a connection to ldap:// before logging in; ldaps:// is encrypted anyway",
    )
    tls: Tls = Field(default_factory=Tls, description="Private authority and client certificate")
    username: str | None = Field(
        default=None, description="DN, or in Active Directory user@domain; without one the hub is anonymous",
        examples=["cn=hub,dc=example,dc=com", "hub@corp.example.com"],
    )  # fmt: skip
    password: Secret | None = Field(
        default=None, description="Its password", examples=["secret://directory/password"]
    )
    base: str = Field(description="Where all entries are", examples=["dc=example,dc=com"])
    id: str = Field(
        default="entryUUID",
        description="Attribute that never changes: objectGUID in Active Directory, nsUniqueId in 389 Directory Server",
        examples=["entryUUID", "objectGUID"],
    )
    page_size: int | None = Field(
        default=1000, ge=2, description="Entries per page; null for servers without paging (RFC 2696)"
    )
    parts: Literal["refuse", "skip"] = Field(
        default="refuse",
        description="What a whole read does where parts of base are in other directories (referrals, which the hub "
        "does not follow), or in units that show the account nothing: it ends with an error, or leaves them out",
    )
    timeout: Seconds = Field(
        default=30.0, description="Longest wait for one answer of the server", examples=["30s"]
    )

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        # a server takes a user without a password for nobody, and says that it went well (RFC 4513 §5.1.2)
        if (self.username is None) != (self.password is None):
            raise ValueError("write username: and password:, or neither")
        return self

    @property
    def encrypted(self) -> bool:
        return self.url.startswith("ldaps://") or self.starttls


def key_of(settings: LdapSettings, declared: LdapResource) -> tuple[str, ...]:
    return tuple(declared.key) or (settings.id,)


def describe_declared(settings: LdapSettings, name: str, declared: LdapResource) -> Resource:
    """A resource by its declaration alone. What a DN template names and no field declares is text."""
    fields: dict[str, Any] = dict.fromkeys(key_of(settings, declared), "text")
    cursor = USN if declared.sync == "usn" else declared.cursor
    if cursor:
        fields[cursor] = "integer" if cursor == USN else "datetime"
    if declared.write:
        fields |= dict.fromkeys((name for name, _ in slots(declared.write.dn)), "text")
        fields |= dict.fromkeys(PASSWORDS, "text")
    fields |= {DN: "text", PARENT: "text"} | declared.fields
    return Resource(
        name, key_of(settings, declared), cursor, declared_fields(fields), declared.sync is not None,
        writable=declared.write is not None, title=declared.title,
    )  # fmt: skip
