"""From values to the XML of a message: zeep builds it, by the types of the WSDL."""

from __future__ import annotations

import base64
import datetime
import decimal
import difflib
from collections.abc import Mapping
from typing import Any

from lxml import etree
from zeep import xsd as zeep_xsd
from zeep.exceptions import Error as ZeepError
from zeep.xsd import types as xsd
from zeep.xsd.elements import Element, Group
from zeep.xsd.elements.indicators import OrderIndicator
from zeep.xsd.types import builtins

from connectors.soap.port import Port
from connectors.soap.shapes import VALUE, parts
from hub.contract import Secret
from hub.errors import ConfigError, RecordRejected

Values = Mapping[str, Any]


class Requests:
    """Builds the messages of a port. Raises RecordRejected ``field.unknown``, ``value.*`` and
    ``request.missing`` where values do not fit the WSDL."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def envelope(
        self, operation: str, values: Values, headers: Values, *, nulls: str = "nil"
    ) -> tuple[etree._Element, Any]:
        """The envelope of a call, and zeep's operation."""
        found = self._port.operation(operation)
        body = found.input.body if found.input is not None else None
        kwargs: dict[str, Any] = {}
        if headers:
            kwargs["_soapheaders"] = [self._header(found, name, one) for name, one in headers.items()]
        try:
            if body is not None and isinstance(body.type, xsd.ComplexType):
                kwargs |= _object(body.type, values, operation, nulls)
            elif values:
                raise RecordRejected("field.unknown", f"the operation {operation} takes no parameters")
            return found.create(**kwargs).content, found
        except (ZeepError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise RecordRejected(_code(error), f"the request of {operation}: {_said(error)}") from None

    def _header(self, operation: Any, name: str, value: Any) -> Any:
        if name.startswith("{"):
            return _element(etree.QName(name), value)
        declared = operation.input.header.type.elements if operation.input.header is not None else []
        for _, element in declared:
            if element.name == name:
                return self._made(element, value)
        found = [one for one in self._port.document.types.elements if one.name == name]
        if not found:
            known = [element.name for _, element in declared]
            raise ConfigError(
                "soap.header",
                f"the WSDL declares no element {name} for a SOAP header",
                hint=f"{operation.name} declares {', '.join(known)}"
                if known
                else "write it as {namespace}name",
            )
        return self._made(found[0], value)

    @staticmethod
    def _made(element: Any, value: Any) -> Any:
        place = f"the SOAP header {element.name}"
        try:
            if isinstance(element.type, xsd.ComplexType):
                given = _object(element.type, _mapping(value, place), place, "nil")
                return element(**given)
            return _element(element.qname, value)
        except RecordRejected as error:
            raise ConfigError("soap.header", error.message, hint="check soap_headers: and login:") from None


def _element(name: etree.QName, value: Any) -> etree._Element:
    """An element that no schema describes."""
    made = etree.Element(name)
    if isinstance(value, Mapping):
        for inner, one in value.items():
            made.append(_element(etree.QName(name.namespace, inner), one))
    elif value is not None:
        made.text = _plain(value)
    return made


def _object(type_: Any, values: Values, place: str, nulls: str) -> dict[str, Any]:
    """The arguments that zeep takes for a complex type."""
    left = dict(values)
    made: dict[str, Any] = {}
    root = type_._element
    if isinstance(root, Element) and isinstance(root.type, xsd.AnySimpleType):
        if VALUE in left:
            made[VALUE] = _simple(root.type, left.pop(VALUE), f"{place}.{VALUE}")
    else:
        made |= _container(root, left, place, nulls)
    for name, attribute in type_.attributes:
        if name in left and attribute.name is not None:
            value = left.pop(name)
            made[name] = None if value is None else _simple(attribute.type, value, f"{place}.{name}")
    if left:
        known = [str(part.name) for part, _ in parts(root) if isinstance(part, Element)]
        name = next(iter(left))
        near = difflib.get_close_matches(name, known, 3)
        raise RecordRejected(
            "field.unknown",
            f"{place} has no element {name}",
            where=name,
            hint=f"did you mean {' or '.join(near)}?"
            if near
            else f"it has {', '.join(known[:20]) or 'none'}",
        )
    return made


def _container(container: Any, left: dict[str, Any], place: str, nulls: str) -> dict[str, Any]:
    """The arguments for what stands in a sequence, choice or group; takes them out of ``left``."""
    made: dict[str, Any] = {}
    if container is None:
        return made
    inner = container.child if isinstance(container, Group) else container
    if isinstance(inner, OrderIndicator) and (container.accepts_multiple or inner.accepts_multiple):
        items = [{name: one} for name, value in _container_once(inner, left, place, nulls).items()
                 for one in (value if isinstance(value, list) else [value])]  # fmt: skip
        return {VALUE: items} if items else {}
    return _container_once(inner, left, place, nulls)


def _container_once(container: Any, left: dict[str, Any], place: str, nulls: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for part in [container] if isinstance(container, Element) else container:
        if not isinstance(part, Element):
            if not hasattr(part, "process_contents"):
                made |= _container(part, left, place, nulls)
        elif part.name in left:
            value = _given(part, left.pop(part.name), f"{place}.{part.name}", nulls)
            if value is not _LEFT_OUT:
                made[part.attr_name] = value
    return made


_LEFT_OUT = object()


def _given(element: Any, value: Any, place: str, nulls: str) -> Any:
    """The value of one element as zeep takes it."""
    if value is None:
        return zeep_xsd.Nil if element.nillable and nulls == "nil" else _LEFT_OUT
    if isinstance(value, list | tuple) and not _array(element.type):
        return [zeep_xsd.Nil if one is None else _one(element.type, one, place, nulls) for one in value]
    made = _one(element.type, value, place, nulls)
    return [made] if element.accepts_multiple else made


def _array(type_: Any) -> bool:
    return isinstance(type_, xsd.ComplexType) and type_._array_type is not None


def _one(type_: Any, value: Any, place: str, nulls: str) -> Any:
    if not isinstance(type_, xsd.ComplexType):
        return _simple(type_, value, place)
    if _array(type_):
        inner = type_._array_type.array_type
        items = value if isinstance(value, list | tuple) else [value]
        return type_([_one(inner, one, place, nulls) if inner is not None else _plain(one) for one in items])
    if isinstance(type_._element, Element) and isinstance(type_._element.type, xsd.AnySimpleType):
        value = value if isinstance(value, Mapping) else {VALUE: value}
    return type_(**_object(type_, _mapping(value, place), place, nulls))


def _mapping(value: Any, place: str) -> Values:
    if not isinstance(value, Mapping):
        raise RecordRejected("value.type", f"{place} takes elements, not text", where=place)
    return value


def _simple(type_: Any, value: Any, place: str) -> Any:
    """The text of a simple value, as its type writes it."""
    if isinstance(value, Mapping | list | tuple):
        raise RecordRejected("value.type", f"{place} takes text, not an object or list", where=place)
    text = _plain(value)
    if isinstance(type_, builtins.Date) and len(text) > 10 and text[10] in "T ":
        return text[:10]
    if isinstance(type_, builtins.DateTime) and len(text) == 10:
        return f"{text}T00:00:00"
    if isinstance(type_, builtins.Boolean):
        return text.lower() in ("true", "1")
    return text


def _plain(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _code(error: Exception) -> str:
    code = "request.unfit"
    if "Missing element" in str(error) or "required" in str(error):
        code = "request.missing"
    elif "XML compatible" in str(error):
        code = "value.xml"
    return code


def _said(error: Exception) -> str:
    path = ".".join(str(one) for one in getattr(error, "path", None) or ())
    return (
        f"{' '.join(str(getattr(error, 'message', '') or error).split())[:300]}{f' ({path})' if path else ''}"
    )
