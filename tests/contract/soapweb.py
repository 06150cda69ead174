"""The small system of ``web``, spoken to as a SOAP service."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from tests.contract.web import Web
from tests.unit.http.fake import Answer, Asked

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SPACE = "urn:kit"
FAULTS = {404: "Client.Missing", 409: "Client.Exists", 412: "Client.Stale", 422: "Client.Name"}
FIELDS = {"code": "string", "name": "string", "amount": "decimal", "at": "dateTime", "version": "string"}
OPERATIONS = {
    "GetPeople": '<xs:element name="since" type="xs:string" minOccurs="0"/>'
    '<xs:element name="code" type="xs:string" minOccurs="0"/>'
    '<xs:element name="skip" type="xs:int" minOccurs="0"/><xs:element name="top" type="xs:int" minOccurs="0"/>',
    "CreatePerson": '<xs:element name="person" type="t:Person"/>',
    "UpdatePerson": '<xs:element name="person" type="t:Person"/>',
    "DeletePerson": '<xs:element name="code" type="xs:string"/>',
}
ANSWERS = {
    "GetPeople": '<xs:element name="total" type="xs:int"/>'
    '<xs:element name="person" type="t:Person" minOccurs="0" maxOccurs="unbounded"/>',
    "CreatePerson": '<xs:element name="code" type="xs:string"/>',
}


def wsdl(endpoint: str = "http://kit.invalid/") -> bytes:
    """Document literal, SOAP 1.1."""
    fields = "".join(f'<xs:element name="{n}" type="xs:{k}" minOccurs="0"/>' for n, k in FIELDS.items())
    elements, messages, operations, bound = "", "", "", ""
    for name, parts in OPERATIONS.items():
        for suffix, inner in (("", parts), ("Response", ANSWERS.get(name, ""))):
            elements += f'<xs:element name="{name}{suffix}"><xs:complexType><xs:sequence>{inner}</xs:sequence>'
            elements += "</xs:complexType></xs:element>"
            messages += f'<message name="{name}{suffix}"><part name="p" element="t:{name}{suffix}"/></message>'
        operations += f'<operation name="{name}"><input message="t:{name}"/>'
        operations += f'<output message="t:{name}Response"/></operation>'
        bound += f'<operation name="{name}"><soap:operation soapAction="{name}"/><input><soap:body use="literal"/>'
        bound += '</input><output><soap:body use="literal"/></output></operation>'
    return f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="{SPACE}" targetNamespace="{SPACE}"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"><types>
<xs:schema targetNamespace="{SPACE}" elementFormDefault="qualified"><xs:complexType name="Person"><xs:sequence>
{fields}</xs:sequence></xs:complexType>{elements}</xs:schema></types>{messages}
<portType name="P">{operations}</portType><binding name="B" type="t:P">
<soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>{bound}</binding>
<service name="Kit"><port name="K" binding="t:B"><soap:address location="{endpoint}"/></port></service>
</definitions>""".encode()


class SoapWeb(Web):
    """Pages by offset, a ``since`` parameter, changes by operations of their own."""

    def serve(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return Answer(200, wsdl(), {"Content-Type": "text/xml"})
        body = etree.fromstring(asked.body).find(f"{{{ENVELOPE}}}Body")
        assert body is not None
        call = body[0]
        name, given = etree.QName(call).localname, values(call)
        if name == "GetPeople":
            return self.people(given)
        person = given.get("person", given)
        code = None if name == "CreatePerson" else str(person["code"])
        version = person.pop("version", None)
        headers = {"if-match": version} if version else {}
        method = "DELETE" if name == "DeletePerson" else "POST"
        answer = self.write(Asked(method, "", headers, b""), code, person)
        if answer.status in FAULTS:
            return fault(FAULTS[answer.status], answer.body.decode())
        return message(f"{name}Response", f"<code>{escape(person['code'])}</code>" if code is None else "")

    def people(self, given: dict[str, Any]) -> Answer:
        rows = [row for row in self.rows.values() if str(row["at"]) >= given.get("since", "")]
        rows = [row for row in rows if row["code"] == given.get("code", row["code"])]
        rows.sort(key=lambda row: (str(row["at"]), row["code"]))
        start, size = int(given.get("skip", 0)), min(int(given.get("top", 10)), 10)
        shown = "".join(self.person(row) for row in rows[start : start + size])
        return message("GetPeopleResponse", f"<total>{len(rows)}</total>{shown}")

    def person(self, row: dict[str, Any]) -> str:
        shown = {**row, "version": self.etag(row["code"])}
        inner = "".join(f"<{name}>{escape(str(shown[name]))}</{name}>" for name in FIELDS if name in shown)
        return f"<person>{inner}</person>"


def values(element: Any) -> Any:
    """An element as text, or as its children by name."""
    if not len(element):
        return element.text or ""
    return {etree.QName(child).localname: values(child) for child in element}


def message(name: str, inner: str, space: str = SPACE) -> Answer:
    return envelope(f'<{name} xmlns="{space}">{inner}</{name}>')


def fault(code: str, text: str = "", status: int = 500, detail: str = "") -> Answer:
    inner = f"<faultcode>s:{code}</faultcode><faultstring>{escape(text)}</faultstring>{detail}"
    return envelope(f"<s:Fault>{inner}</s:Fault>", status)


def envelope(inner: str, status: int = 200, **headers: str) -> Answer:
    body = f"<s:Body>{inner}</s:Body>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope xmlns:s="{ENVELOPE}">{body}</s:Envelope>'
    return Answer(status, text.encode(), {"Content-Type": "text/xml; charset=utf-8", **headers})
