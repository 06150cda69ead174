"""Weaver's ``OfsTodoDataWebService``: the SOAP twin of ``rest/ofs``, with a WSDL that clients generate code from.

As public integrations of e-cology have it: 18 operations in the name space ``webservices.ofs.weaver.com.cn``, each
with one parameter ``in0`` and one result ``out``. What they take is JSON or XML within a string, or a map of entries;
the answer has the same form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import orjson

from hub.errors import Fatal, RecordRejected
from hub.todos.dropins import WEAVER_CALLS, WEAVER_DELETES
from hub.untrusted import parse_json, parse_xml

NS: Final = "webservices.ofs.weaver.com.cn"
ENVELOPES: Final = (
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
)
LARGEST: Final = 1 << 20
REWRITTEN: Final = 1 << 16
# A quote that nothing closes goes to the end, and nothing is tried twice: the time is that of the length.
_SINGLE: Final = re.compile(
    r"""'((?:[^'\\]|\\(?:.|\Z))*+)(?:'|\Z)|"(?:[^"\\]|\\(?:.|\Z))*+(?:"|\Z)""", re.DOTALL
)


def _operations() -> dict[str, tuple[str, str]]:
    found = {}
    for call in (*WEAVER_CALLS, *WEAVER_DELETES):
        stem = call.removesuffix("ByJson")
        for form in ("Json", "Map", "XML" if call in WEAVER_DELETES else "Xml"):
            found[f"{stem[0].lower()}{stem[1:]}By{form}"] = (call, form.lower())
    return found


OPERATIONS: Final = _operations()
"""Operation → (the call of REST that it is, the form of what it takes and answers: json, map, xml)."""


@dataclass(frozen=True, slots=True)
class Called:
    """One call: the operation, what it says, and the envelope it came in."""

    operation: str
    call: str
    form: str
    given: Mapping[str, Any]
    envelope: str


def called(text: bytes) -> Called:
    """The call of an envelope of SOAP 1.1 or 1.2. RecordRejected ``todo.malformed``, ``xml.*``."""
    root = _xml(text, "the envelope")
    envelope, _, name = str(root.tag).removeprefix("{").partition("}")
    bodies = [child for child in root if child.tag == f"{{{envelope}}}Body"]
    if name != "Envelope" or envelope not in ENVELOPES or len(bodies) != 1 or len(bodies[0]) != 1:
        raise _malformed("Envelope", "it is no envelope of SOAP with one call in its body")
    asked = bodies[0][0]
    operation = _local(asked)
    if operation not in OPERATIONS or not str(asked.tag).startswith(f"{{{NS}}}"):
        raise _malformed("Body", f"there is no operation {operation[:60]} of {NS}")
    call, form = OPERATIONS[operation]
    first = next((child for child in asked if _local(child) == "in0"), None)
    if first is None:
        raise _malformed("in0", "in0 is missing")
    return Called(operation, call, form, _given(first, form), envelope)


def _given(element: Any, form: str) -> Mapping[str, Any]:
    if form == "map":
        entries = [{_local(part): part.text or "" for part in entry} for entry in element if len(entry)]
        return {one.get("key", ""): one.get("value", "") for one in entries}
    text = element.text or ""
    if form == "xml":
        return {_local(part): part.text or "" for part in _xml(text.encode(), "in0")}
    return _json(text)


def _json(text: str) -> Mapping[str, Any]:
    """JSON; many senders write it with apostrophes, which e-cology reads too."""
    found = _parsed(text)
    if found is None and len(text) <= REWRITTEN:
        found = _parsed(_SINGLE.sub(_double, text))
    if found is None:
        raise _malformed("in0", "it is no JSON object")
    return found


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        found = parse_json(text.encode(), limit=LARGEST, where="in0")
    except Fatal:
        return None
    return found if isinstance(found, Mapping) else None


def _double(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0]
    inner = match[1].replace("\\'", "'")
    return '"' + re.sub(r'(?<!\\)"', '\\"', inner) + '"'


def _xml(text: bytes, where: str) -> Any:
    try:
        return parse_xml(text, limit=LARGEST, where=where)
    except Fatal as error:
        raise RecordRejected(error.code, error.message, where=where) from None


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _malformed(where: str, message: str) -> RecordRejected:
    return RecordRejected("todo.malformed", message, where=where, hint="see /services/OfsTodoDataWebService?wsdl")


# ------------------------------------------------------------ answers


def answer(called: Called, said: Mapping[str, str]) -> bytes:
    """The envelope with a result."""
    if called.form == "map":
        out = "".join(
            f'<o:entry><o:key xsi:type="xsd:string">{escape(name)}</o:key>'
            f'<o:value xsi:type="xsd:string">{escape(value)}</o:value></o:entry>'
            for name, value in said.items()
        )
    elif called.form == "xml":
        parts = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in said.items())
        out = escape(f'<?xml version="1.0" encoding="UTF-8"?><ResultInfo>{parts}</ResultInfo>')
    else:
        out = escape(orjson.dumps(said).decode())
    name = f"{called.operation}Response"
    return _envelope(called.envelope, f'<o:{name} xmlns:o="{NS}"><o:out>{out}</o:out></o:{name}>')


def fault(message: str, envelope: str = ENVELOPES[0]) -> bytes:
    """The envelope that says what is wrong with a call."""
    if envelope == ENVELOPES[0]:
        inner = f"<faultcode>s:Client</faultcode><faultstring>{escape(message)}</faultstring>"
    else:
        text = f'<s:Text xml:lang="en">{escape(message)}</s:Text>'
        inner = f"<s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason>{text}</s:Reason>"
    return _envelope(envelope, f"<s:Fault>{inner}</s:Fault>")


def _envelope(envelope: str, body: str) -> bytes:
    names = (
        f'xmlns:s="{envelope}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {names}><s:Body>{body}</s:Body></s:Envelope>'.encode()


# ------------------------------------------------------------ the WSDL


def wsdl(address: str) -> bytes:
    """The service's description, for the address that it was asked at."""
    operations = sorted(OPERATIONS)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<wsdl:definitions targetNamespace="{NS}" xmlns:tns="{NS}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" '
        'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f'<wsdl:types><xsd:schema targetNamespace="{NS}" elementFormDefault="qualified" '
        f'attributeFormDefault="qualified">{_MAP}{_each(operations, _elements)}</xsd:schema></wsdl:types>'
        f"{_each(operations, _messages)}"
        f'<wsdl:portType name="OfsTodoDataWebServicePortType">{_each(operations, _port)}</wsdl:portType>'
        '<wsdl:binding name="OfsTodoDataWebServiceHttpBinding" type="tns:OfsTodoDataWebServicePortType">'
        '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
        f"{_each(operations, _bound)}</wsdl:binding>"
        '<wsdl:service name="OfsTodoDataWebService">'
        '<wsdl:port name="OfsTodoDataWebServiceHttpPort" binding="tns:OfsTodoDataWebServiceHttpBinding">'
        f"<soap:address location={quoteattr(address)}/></wsdl:port></wsdl:service></wsdl:definitions>"
    ).encode()


_MAP: Final = (
    '<xsd:complexType name="anyType2anyTypeMap"><xsd:sequence>'
    '<xsd:element maxOccurs="unbounded" minOccurs="0" name="entry"><xsd:complexType><xsd:sequence>'
    '<xsd:element minOccurs="0" name="key" type="xsd:anyType"/>'
    '<xsd:element minOccurs="0" name="value" type="xsd:anyType"/>'
    "</xsd:sequence></xsd:complexType></xsd:element></xsd:sequence></xsd:complexType>"
)


def _each(names: Sequence[str], write: Any) -> str:
    return "".join(write(name) for name in names)


def _elements(name: str) -> str:
    kind = "tns:anyType2anyTypeMap" if OPERATIONS[name][1] == "map" else "xsd:string"
    return "".join(
        f'<xsd:element name="{element}"><xsd:complexType><xsd:sequence><xsd:element maxOccurs="1" minOccurs="1" '
        f'name="{part}" nillable="true" type="{kind}"/></xsd:sequence></xsd:complexType></xsd:element>'
        for element, part in ((name, "in0"), (f"{name}Response", "out"))
    )


def _messages(name: str) -> str:
    return "".join(
        f'<wsdl:message name="{message}"><wsdl:part name="parameters" element="tns:{element}"/></wsdl:message>'
        for message, element in ((f"{name}Request", name), (f"{name}Response", f"{name}Response"))
    )


def _port(name: str) -> str:
    ends = f'<wsdl:input message="tns:{name}Request"/><wsdl:output message="tns:{name}Response"/>'
    return f'<wsdl:operation name="{name}">{ends}</wsdl:operation>'


def _bound(name: str) -> str:
    ends = "".join(f'<wsdl:{end}><soap:body use="literal"/></wsdl:{end}>' for end in ("input", "output"))
    return f'<wsdl:operation name="{name}"><soap:operation soapAction=""/>{ends}</wsdl:operation>'
