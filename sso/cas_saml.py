"""SAML 1.1 for old clients of CAS (CAS 3.0.3, 2.6 and 4.2): a ticket comes as the artifact of a request in SOAP, and
the answer is an assertion. It is not signed: who asked knows the hub by TLS."""

from __future__ import annotations

import datetime as dt
from typing import Final

from lxml import etree

from hub.errors import Fatal
from hub.store.database import new_id
from hub.untrusted import parse_xml
from sso.cas import TARGET, Failure, Success, validated
from sso.cas_answers import readable, shown
from sso.ground import Provider
from sso.server import Request

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
PROTOCOL: Final = "urn:oasis:names:tc:SAML:1.0:protocol"
ASSERTION: Final = "urn:oasis:names:tc:SAML:1.0:assertion"
ATTRIBUTE: Final = "http://www.ja-sig.org/products/cas/"
ARTIFACT: Final = "urn:oasis:names:tc:SAML:1.0:cm:artifact"
METHOD: Final = "urn:oasis:names:tc:SAML:1.0:am:unspecified"
LIMIT: Final = 64 * 1024
HOLDS: Final = dt.timedelta(minutes=1)
"""Before and after now; clocks of clients may be wrong by so much."""
VERSION: Final = {"MajorVersion": "1", "MinorVersion": "1"}


def answered(here: Provider, services: list[str], body: bytes) -> bytes:
    """What the ticket in a request is worth at the service that its address names (TARGET)."""
    ticket, asked = "", ""
    try:
        ticket, asked = _asked(body)
        answer = validated(here, Request("POST", [("ticket", ticket), *(("service", one) for one in services)], {}))
    except Fatal as error:
        answer = Failure("INVALID_REQUEST", f"the request cannot be read ({error.code})")
    return written(answer, here.issuer, here.now(), services[0] if len(services) == 1 else "", asked)


def _asked(body: bytes) -> tuple[str, str]:
    """Ticket and RequestID; of several artifacts none counts."""
    root = parse_xml(body, limit=LIMIT, where=TARGET)
    found = root.findall(f"{_of(SOAP, 'Body')}/{_of(PROTOCOL, 'Request')}/{_of(PROTOCOL, 'AssertionArtifact')}")
    if len(found) != 1:
        return "", ""
    request = found[0].getparent()
    return (found[0].text or "").strip(), "" if request is None else str(request.get("RequestID", ""))


def written(answer: Success | Failure, issuer: str, moment: dt.datetime, service: str, asked: str) -> bytes:
    """The answer in its envelope. A refusal tells the code of CAS in its message."""
    root = etree.Element(_of(SOAP, "Envelope"), nsmap={"SOAP-ENV": SOAP})
    body = etree.SubElement(root, _of(SOAP, "Body"))
    told = VERSION | {"ResponseID": _identity(), "IssueInstant": _time(moment)}
    told |= {name: readable(value) for name, value in (("Recipient", service), ("InResponseTo", asked)) if value}
    response = etree.SubElement(body, _of(PROTOCOL, "Response"), told, nsmap={"samlp": PROTOCOL})
    status = etree.SubElement(response, _of(PROTOCOL, "Status"))
    if isinstance(answer, Success):
        etree.SubElement(status, _of(PROTOCOL, "StatusCode"), Value="samlp:Success")
        response.append(_assertion(answer, issuer, moment, service))
    else:
        whose = "samlp:Responder" if answer.code == "INTERNAL_ERROR" else "samlp:Requester"
        code = etree.SubElement(status, _of(PROTOCOL, "StatusCode"), Value=whose)
        if whose == "samlp:Requester":
            etree.SubElement(code, _of(PROTOCOL, "StatusCode"), Value="samlp:RequestDenied")
        etree.SubElement(status, _of(PROTOCOL, "StatusMessage")).text = f"{answer.code}: {answer.description}"
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _assertion(answer: Success, issuer: str, moment: dt.datetime, service: str) -> etree._Element:
    told = {"AssertionID": _identity(), "IssueInstant": _time(moment), "Issuer": issuer} | VERSION
    made = etree.Element(_of(ASSERTION, "Assertion"), told, nsmap={"saml": ASSERTION})
    holds = {"NotBefore": _time(moment - HOLDS), "NotOnOrAfter": _time(moment + HOLDS)}
    conditions = _under(made, "Conditions", holds)
    _under(_under(conditions, "AudienceRestrictionCondition"), "Audience").text = readable(service)
    values = {name: one if isinstance(one, list) else [one] for name, one in answer.attributes.items()}
    if any(values.values()):
        statement = _under(made, "AttributeStatement")
        _subject(statement, answer.name)
        for name, several in values.items():
            if several:
                into = _under(statement, "Attribute", {"AttributeName": name, "AttributeNamespace": ATTRIBUTE})
                for one in several:
                    _under(into, "AttributeValue").text = shown(one)
    proven = str(answer.attributes.get("authenticationDate", _time(moment)))
    how = {"AuthenticationInstant": proven, "AuthenticationMethod": METHOD}
    _subject(_under(made, "AuthenticationStatement", how), answer.name)
    return made


def _subject(into: etree._Element, name: str) -> None:
    made = _under(into, "Subject")
    _under(made, "NameIdentifier").text = readable(name)
    _under(_under(made, "SubjectConfirmation"), "ConfirmationMethod").text = ARTIFACT


def _under(into: etree._Element, name: str, told: dict[str, str] | None = None) -> etree._Element:
    return etree.SubElement(into, _of(ASSERTION, name), told or {})


def _of(space: str, name: str) -> str:
    return f"{{{space}}}{name}"


def _identity() -> str:
    return f"_{new_id().hex}"


def _time(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
