"""Distinguished names (RFC 4514): made of templates, taken apart, and compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ldap
from ldap.dn import dn2str, escape_dn_chars, is_dn, str2dn

from hub.errors import RecordRejected

_SLOT = re.compile(r"\{(\+?)([^{}]*)\}")


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A name of a template; no value can become more than the value of one part of it.

    >>> filled("uid={uid},{+unit}", {"uid": "a,b", "unit": "ou=x,dc=y"})
    'uid=a\\\\,b,ou=x,dc=y'
    """

    def put(found: re.Match[str]) -> str:
        value = values.get(found[2])
        if isinstance(value, list | tuple):
            value = value[0] if len(value) == 1 else None
        if value is None or value == "":
            raise RecordRejected("write.slot", f"there is no value for {{{found[2]}}} in {template}")
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        if found[1] and not is_dn(text):
            raise RecordRejected(
                "write.slot", f"the value for {{+{found[2]}}} in {template} is no piece of a DN"
            )
        return text if found[1] else str(escape_dn_chars(text))

    made = _SLOT.sub(put, template)
    if not is_dn(made):
        raise RecordRejected("write.slot", f"{template} makes no DN of these values")
    return made


def split_name(dn: str) -> tuple[str, str]:
    """The entry's own name, and that of the entry above.

    >>> split_name("cn=a+sn=b,ou=x,dc=y")
    ('cn=a+sn=b', 'ou=x,dc=y')
    """
    parts = str2dn(dn)
    return str(dn2str(parts[:1])), str(dn2str(parts[1:]))


def parent(dn: str) -> str:
    """The name of the entry above, empty where there is none."""
    try:
        return split_name(dn)[1]
    except ldap.DECODING_ERROR:
        return ""


def naming(dn: str) -> list[tuple[str, bytes]]:
    """Attributes and values of an entry's own name.

    >>> naming("cn=a+sn=b,ou=x")
    [('cn', b'a'), ('sn', b'b')]
    """
    return [(name, value.encode()) for name, value, _ in str2dn(dn)[0]]


def same_name(one: str, other: str) -> bool:
    """Whether two names are of one entry, whatever is written in upper case, and name it alike: where the own name
    differs in case only, it is another one to be written."""
    try:
        first, second = str2dn(one), str2dn(other)
    except ldap.DECODING_ERROR:
        return one == other
    if [sorted(value for _, value, _ in part) for part in first[:1]] != [
        sorted(value for _, value, _ in part) for part in second[:1]
    ]:
        return False
    return folded(one) == folded(other)


def folded(dn: str) -> str:
    """A form in which names of one entry are equal: types and values in lower case, blanks as one.

    >>> folded("CN=Ann  Lee , DC=x") == folded("cn=ann lee,dc=X")
    True
    """
    try:
        parts = str2dn(dn)
    except ldap.DECODING_ERROR:
        return dn
    return ",".join(
        "+".join(sorted(f"{name.lower()}={' '.join(value.lower().split())}" for name, value, _ in part))
        for part in parts
    )
