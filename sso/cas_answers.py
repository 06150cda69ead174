"""Answers of CAS: lines of text, XML by a serializer, JSON; and the message that a session ended."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

from sso.cas import Failure, Success

CAS: Final = "http://www.yale.edu/tp/cas"
SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has not."""


def plain(answer: Success | Failure) -> str:
    """For /validate (CAS 1): two lines."""
    return f"yes\n{answer.name}\n" if isinstance(answer, Success) else "no\n\n"


def xml(answer: Success | Failure, *, attributes: bool) -> bytes:
    """For serviceValidate; with ``attributes`` as CAS 3 has them."""
    root = etree.Element(_of(CAS, "serviceResponse"), nsmap={"cas": CAS})
    if isinstance(answer, Failure):
        return _written(root, _failure("authenticationFailure", answer))
    success = etree.SubElement(root, _of(CAS, "authenticationSuccess"))
    _put(success, "user", answer.name)
    if attributes:
        into = etree.SubElement(success, _of(CAS, "attributes"))
        for name, value in answer.attributes.items():
            for one in value if isinstance(value, list) else [value]:
                _put(into, name, shown(one))
    return _written(root)


def proxy(answer: Failure) -> bytes:
    """For /proxy, which never succeeds."""
    root = etree.Element(_of(CAS, "serviceResponse"), nsmap={"cas": CAS})
    return _written(root, _failure("proxyFailure", answer))


def in_json(answer: Success | Failure, *, attributes: bool) -> str:
    """The same as JSON (CAS 3.0.3, 2.5.1)."""
    if isinstance(answer, Failure):
        told: dict[str, Any] = {"authenticationFailure": {"code": answer.code, "description": answer.description}}
    else:
        shown: Mapping[str, Any] = {"attributes": answer.attributes} if attributes else {}
        told = {"authenticationSuccess": {"user": answer.name, **shown}}
    return json.dumps({"serviceResponse": told}, ensure_ascii=False)


def ended(identity: str, moment: dt.datetime, name: str, ticket: str) -> str:
    """A LogoutRequest that names a ticket (CAS 3.0.3, appendix C)."""
    root = etree.Element(_of(SAMLP, "LogoutRequest"), nsmap={"samlp": SAMLP, "saml": SAML})
    for key, value in (("ID", f"LR-{identity}"), ("Version", "2.0"), ("IssueInstant", f"{moment:%Y-%m-%dT%H:%M:%SZ}")):
        root.set(key, value)
    etree.SubElement(root, _of(SAML, "NameID")).text = readable(name)
    etree.SubElement(root, _of(SAMLP, "SessionIndex")).text = ticket
    return etree.tostring(root, encoding="unicode")


def _failure(kind: str, answer: Failure) -> etree._Element:
    made = etree.Element(_of(CAS, kind), code=answer.code)
    made.text = answer.description
    return made


def _put(into: etree._Element, name: str, text: str) -> None:
    etree.SubElement(into, _of(CAS, name)).text = readable(text)


def _written(root: etree._Element, *more: etree._Element) -> bytes:
    root.extend(more)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _of(space: str, name: str) -> str:
    return f"{{{space}}}{name}"


def readable(text: str) -> str:
    """The text without what XML cannot write."""
    return UNWRITABLE.sub("\ufffd", text)


def shown(value: object) -> str:
    """The value of an attribute, as text of XML."""
    return readable(str(value).lower() if isinstance(value, bool) else str(value))
