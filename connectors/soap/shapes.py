"""The shapes of messages: what the types of a WSDL are called and read as.

Names follow zeep, so that a record is written by the names it is read by: an attribute of an element's name is
``attr__NAME``, the text of an element that also has attributes ``_value_1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.xsd import types as xsd
from zeep.xsd.elements import Any as AnyElement
from zeep.xsd.elements import Element, Group
from zeep.xsd.elements.indicators import OrderIndicator
from zeep.xsd.types import builtins

from hub.contract import Field, FieldType

DEPTH = 6
"""Levels of nested elements that a description shows; a type within itself is shown once."""
VALUE = "_value_1"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

_KINDS: tuple[tuple[type, FieldType], ...] = (
    (builtins.Integer, "integer"),
    (builtins.Decimal, "decimal"),
    (builtins.Float, "float"),
    (builtins.Double, "float"),
    (builtins.Boolean, "boolean"),
    (builtins.DateTime, "datetime"),
    (builtins.Date, "date"),
    (builtins.Time, "time"),
    (builtins.Base64Binary, "binary"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """An element or attribute of a shape; ``inner`` is the shape of an element with structure, None for text."""

    name: str
    kind: FieldType
    many: bool = False
    required: bool = False
    inner: Shape | None = None


@dataclass(eq=False)
class Shape:
    """What an element of a complex type holds: members by their local names, attributes by full names, and the
    kind of its text where it has some. ``free`` says that elements may stand in it that nobody declared."""

    name: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    attributes: dict[str, Member] = field(default_factory=dict)
    text: FieldType | None = None
    item: Member | None = None
    free: bool = False

    def member(self, local: str) -> Member | None:
        """The member of a local name; of an array of the SOAP encoding every element is an item."""
        return self.members.get(local) or self.item

    def fields(self, depth: int = DEPTH, above: tuple[Shape, ...] = ()) -> tuple[Field, ...]:
        """The shape as fields of records."""
        made = [Field(one.name, one.kind, required=one.required) for one in self.attributes.values()]
        if self.text is not None:
            made.append(Field(VALUE, self.text))
        for one in self.members.values():
            nested = one.inner is not None and depth > 0 and one.inner not in above
            inner = one.inner.fields(depth - 1, (*above, self)) if nested and one.inner else ()
            made.append(Field(one.name, one.kind, one.many, inner, required=one.required))
        return tuple(made)


class Shapes:
    """The shapes of a WSDL, each made once, when it is first asked for."""

    def __init__(self, document: Any) -> None:
        self._schema = document.types
        self._made: dict[int, Shape] = {}

    def of(self, type_: Any) -> Shape | None:
        """The shape of a type, None where it is text."""
        if not isinstance(type_, xsd.ComplexType):
            return Shape("anyType", free=True) if type(type_) is xsd.AnyType else None
        if id(type_) not in self._made:
            # remembered before it is filled: types may hold themselves
            shape = self._made[id(type_)] = Shape(type_.qname.localname if type_.qname else type_.name or "")
            self._fill(shape, type_)
        return self._made[id(type_)]

    def named(self, element: etree._Element) -> Shape | None:
        """The shape that an element says it has by ``xsi:type``, None where it says nothing we know."""
        prefix, _, local = (element.get(XSI_TYPE) or "").rpartition(":")
        space = element.nsmap.get(prefix or None)
        try:
            return self.of(self._schema.get_type(etree.QName(space, local), fail_silently=True))
        except (ZeepError, ValueError):
            return None

    def _fill(self, shape: Shape, type_: Any) -> None:
        root = type_._element
        if type_._array_type is not None:
            inner = type_._array_type.array_type
            shape.item = self._item(root, inner)
        elif isinstance(root, Element) and isinstance(root.type, xsd.AnySimpleType):
            shape.text = kind_of(root.type)
        else:
            for part, many in parts(root):
                if isinstance(part, Element):
                    self._add(shape, part, many)
                else:
                    shape.free = True
        for name, one in type_.attributes:
            if one.qname is not None and one.name is not None:
                shape.attributes[one.qname.text] = Member(name, kind_of(one.type), required=one.required)

    def _item(self, root: Any, type_: Any) -> Member:
        """The item of an array: its type by wsdl:arrayType, or by the only element that is declared."""
        declared = [part for part, _ in parts(root) if isinstance(part, Element)]
        item = type_ if type_ is not None else declared[0].type if declared else None
        inner = self.of(item)
        return Member(
            (declared[0].name if declared else None) or "item", _kind(item, inner), True, False, inner
        )

    def _add(self, shape: Shape, element: Any, many: bool) -> None:
        inner = self.of(element.type)
        twice = element.name in shape.members  # the same name in two branches of a choice
        shape.members[element.name] = Member(
            element.name, _kind(element.type, inner), many or twice,
            not element.is_optional and not element.nillable, inner,
        )  # fmt: skip


def parts(container: Any, many: bool = False) -> Iterator[tuple[Any, bool]]:
    """The elements and wildcards of a type, and whether there may be many of them, groups taken apart."""
    if container is None:
        return
    many = many or container.accepts_multiple
    if isinstance(container, Element | AnyElement):
        yield container, many
    elif isinstance(container, Group):
        yield from parts(container.child, many)
    elif isinstance(container, OrderIndicator):
        for one in container:
            yield from parts(one, many)


def kind_of(type_: Any) -> FieldType:
    """The field type of a simple type."""
    return next((kind for class_, kind in _KINDS if isinstance(type_, class_)), "text")


def _kind(type_: Any, inner: Shape | None) -> FieldType:
    return "json" if inner is not None else kind_of(type_)
