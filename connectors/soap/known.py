"""Schemas that WSDLs refer to without giving them, so that nothing is fetched from the public web.

Both are written for this connector, as far as messages need them: the types of the SOAP 1.1 encoding (§5 of
the note) and the attributes of the namespace ``xml``.
"""

from __future__ import annotations

ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
XML = "http://www.w3.org/XML/1998/namespace"

_SIMPLE = """string normalizedString token language NMTOKEN Name NCName ID IDREF ENTITY anyURI QName boolean
decimal float double duration dateTime time date gYearMonth gYear gMonthDay gDay gMonth hexBinary base64Binary
integer nonPositiveInteger negativeInteger long int short byte nonNegativeInteger unsignedLong unsignedInt
unsignedShort unsignedByte positiveInteger"""


def _encoding() -> str:
    types = "".join(
        f'<xs:complexType name="{name}"><xs:simpleContent><xs:extension base="xs:{name}">'
        '<xs:attributeGroup ref="tns:common"/></xs:extension></xs:simpleContent></xs:complexType>'
        for name in _SIMPLE.split()
    )
    return f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="{ENCODING}"
      targetNamespace="{ENCODING}">
    <xs:attributeGroup name="common"><xs:attribute name="id" type="xs:ID"/>
      <xs:attribute name="href" type="xs:anyURI"/></xs:attributeGroup>
    <xs:attribute name="arrayType" type="xs:string"/><xs:attribute name="offset" type="xs:string"/>
    <xs:attributeGroup name="arrayAttributes"><xs:attribute ref="tns:arrayType"/>
      <xs:attribute ref="tns:offset"/></xs:attributeGroup>
    <xs:group name="Array"><xs:sequence>
      <xs:any namespace="##any" minOccurs="0" maxOccurs="unbounded" processContents="lax"/>
      </xs:sequence></xs:group>
    <xs:complexType name="Array"><xs:group ref="tns:Array" minOccurs="0"/>
      <xs:attributeGroup ref="tns:arrayAttributes"/><xs:attributeGroup ref="tns:common"/></xs:complexType>
    <xs:group name="Struct"><xs:sequence>
      <xs:any namespace="##any" minOccurs="0" maxOccurs="unbounded" processContents="lax"/>
      </xs:sequence></xs:group>
    <xs:complexType name="Struct"><xs:group ref="tns:Struct" minOccurs="0"/>
      <xs:attributeGroup ref="tns:common"/></xs:complexType>
    <xs:simpleType name="base64"><xs:restriction base="xs:base64Binary"/></xs:simpleType>
    {types}</xs:schema>"""


_XML = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{XML}">
    <xs:attribute name="lang" type="xs:string"/><xs:attribute name="space" type="xs:string"/>
    <xs:attribute name="base" type="xs:anyURI"/><xs:attribute name="id" type="xs:ID"/>
    <xs:attributeGroup name="specialAttrs"><xs:attribute ref="xml:base"/><xs:attribute ref="xml:lang"/>
      <xs:attribute ref="xml:space"/></xs:attributeGroup></xs:schema>"""

DOCUMENTS = {
    ENCODING: _encoding().encode(),
    ENCODING.rstrip("/"): _encoding().encode(),
    XML: _XML.encode(),
    "http://www.w3.org/2001/xml.xsd": _XML.encode(),
    "https://www.w3.org/2001/xml.xsd": _XML.encode(),
    "http://www.w3.org/2001/03/xml.xsd": _XML.encode(),
}
"""By the address, or the namespace, that documents import them under."""
