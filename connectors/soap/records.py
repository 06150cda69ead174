"""From the XML of an answer to NDJSON: element by element, by the schema, without an object per value.

The list is taken out of the stream while it is parsed and never stands in memory as a tree. What the schema
does not know is kept all the same, as text or as an object by local names: a new field must be seen.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from lxml import etree

from connectors.soap.port import ANY, Place
from connectors.soap.shapes import VALUE, XSI_TYPE, Member, Shape, Shapes
from hub.contract import FieldType
from hub.errors import Fatal
from hub.untrusted import parse_xml, stream_xml

STREAMED = 8 << 20
"""Bytes of an answer from which on its list is taken out of the stream: smaller ones are faster as a tree, which
takes about ten times as much memory as the text."""
MOST_REFERRED = 1_000_000
Leaf = Callable[[str], Any]
_Rule = tuple[str, Leaf | None, bool, Shape | None]
"""Name, how text is read, whether there may be many, and the shape of an element with structure."""

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LOOSE = re.compile(r"[+-]?\d*\.?\d*(?:[eE][+-]?\d+)?")
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:Z|[+-]\d\d:\d\d)")
_REFERENCES = (b'href="#', b"href='#")
_ENCODE = msgspec.json.Encoder().encode_lines
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Records:
    """Turns the records at one place of an answer into lines."""

    def __init__(self, shapes: Shapes, place: Place) -> None:
        self._shapes, self._place = shapes, place
        self._rules: dict[Shape, dict[str, _Rule]] = {}

    def read(self, text: bytes, *, limit: int, where: str, encoding: str | None = None) -> Taken:
        """The records of an answer. The text is parsed to its end before any is given."""
        steps = self._place.steps
        taken = _Taking(self, steps)
        tag = "{*}" + steps[-1] if steps and steps[-1] != ANY else None
        refers = any(mark in text for mark in _REFERENCES)
        if len(text) > STREAMED and steps and not refers:
            root = stream_xml(text, tag, taken.take_and_clear, limit=limit, where=where, encoding=encoding)
            return Taken(root, taken.found)
        root = parse_xml(text, limit=limit, where=where, encoding=encoding)
        if refers:
            dereferenced(root)
        for element in root.iter(tag or etree.Element):
            taken.take(element)
        return Taken(root, taken.found)

    def value(self, element: etree._Element) -> Any:
        """An element as the value of a record, by the shape of the place."""
        shape = self._place.shape
        if shape is None:
            return {VALUE: _text(element)}
        found = self.object(element, shape)
        return found if isinstance(found, dict) else {VALUE: found}

    def object(self, element: etree._Element, shape: Shape) -> Any:
        """An element of a shape as a JSON value; None where it is ``xsi:nil``."""
        if element.get(XSI_TYPE) is not None:
            shape = self._shapes.named(element) or shape
        rules = self._rules.get(shape)
        if rules is None:
            rules = self._rules[shape] = {}
        made: dict[str, Any] = {}
        given = 0
        for child in element:
            tag = child.tag
            rule = rules.get(tag)
            if rule is None:
                rule = rules[tag] = _rule(shape, tag)
            name, leaf, many, inner = rule
            if inner is not None:
                value = self.object(child, inner)
            elif (value := child.text) is None or leaf is None or len(child):
                value = free(child) if leaf is None or len(child) else _empty(child, leaf)
            elif leaf is not _as_it_is:
                value = leaf(value)
            if many:
                if name in made:
                    made[name].append(value)
                else:
                    given += 1
                    made[name] = [value]
            else:
                given += 1
                made[name] = value
        if given != len(made):  # more of one name than the schema allows: none is lost
            made = self._several(element, rules)
        if not made and element.get(_NIL) in ("true", "1"):
            return None
        return self._about(element, shape, made)

    def _several(self, element: etree._Element, rules: dict[str, _Rule]) -> dict[str, Any]:
        """The children where names come more than once: those become lists."""
        made: dict[str, list[Any]] = {}
        many: set[str] = set()
        for child in element:
            name, leaf, several, inner = rules[child.tag]
            if inner is not None:
                value = self.object(child, inner)
            elif leaf is None or len(child):
                value = free(child)
            else:
                value = leaf(child.text) if child.text is not None else _empty(child, leaf)
            made.setdefault(name, []).append(value)
            if several:
                many.add(name)
        return {
            name: values if name in many or len(values) > 1 else values[0] for name, values in made.items()
        }

    def _about(self, element: etree._Element, shape: Shape, made: dict[str, Any]) -> Any:
        """Text and attributes of an element, beside its children."""
        for tag, one in shape.attributes.items():
            if (given := element.get(tag)) is not None:
                made[one.name] = LEAVES[one.kind](given)
        if shape.text is not None:
            made[VALUE] = LEAVES[shape.text](element.text or "")
        elif shape.free and not made:
            return free(element)
        elif not made and not len(element) and (element.text or "").strip():
            made[VALUE] = element.text  # text where the schema has structure
        return made


class Taken:
    """What was taken out of an answer: values of its records, and what is left of its tree."""

    def __init__(self, root: etree._Element, values: list[Any]) -> None:
        self.root, self.values = root, values

    @property
    def lines(self) -> bytes:
        return _ENCODE(self.values).rstrip(b"\n")

    @property
    def last(self) -> bytes:
        """The last record as a line."""
        return _ENCODE(self.values[-1:]).rstrip(b"\n")


class _Taking:
    """Takes the elements that stand at exactly the path."""

    def __init__(self, records: Records, steps: Sequence[str]) -> None:
        self._records, self._steps = records, steps
        self._container: etree._Element | None = None
        self.found: list[Any] = []

    def take(self, element: etree._Element) -> bool:
        """Take an element if it is one; answer whether it is."""
        parent = element.getparent()
        if parent is None or (parent is not self._container and not self._fits(element, parent)):
            return False
        self.found.append(self._records.value(element))
        return True

    def take_and_clear(self, element: etree._Element) -> None:
        if self.take(element):
            element.clear()

    def _fits(self, element: etree._Element, parent: etree._Element) -> bool:
        at: etree._Element | None = element
        for step in reversed(self._steps):
            if at is None or step not in (ANY, local(at)):
                return False
            at = at.getparent()
        body = at.getparent() if at is not None else None
        if body is None or local(body) != "Body" or body[0] is not at:
            return False
        if self._steps:
            self._container = parent
        return True


def local(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _rule(shape: Shape, tag: str) -> _Rule:
    name = tag.rpartition("}")[2]
    member: Member | None = shape.member(name)
    if member is None:
        return name, None, False, None
    if member.inner is not None:
        return name, None, member.many, member.inner
    return name, LEAVES[member.kind], member.many, None


def _empty(element: etree._Element, leaf: Leaf) -> Any:
    """An element without text: no value where it says so or where its type has no empty one."""
    if element.get("href") is not None:
        return free(element)
    if leaf is not _as_it_is or element.get(_NIL) in ("true", "1"):
        return None
    return ""


def free(element: etree._Element) -> Any:
    """An element that no schema describes: its text, or an object of its attributes and children."""
    attributes = {str(name).rpartition("}")[2]: value for name, value in element.attrib.items()
                  if not str(name).startswith(_XSI)}  # fmt: skip
    if not len(element) and not attributes:
        return None if element.text is None and element.get(_NIL) in ("true", "1") else element.text or ""
    made: dict[str, Any] = dict(attributes)
    for child in element:
        name, value = local(child), free(child)
        if name not in made:
            made[name] = value
        else:
            before = made[name]
            made[name] = [*before, value] if isinstance(before, list) else [before, value]
    if (element.text or "").strip():
        made[VALUE] = element.text
    return made


def _text(element: etree._Element) -> Any:
    return None if element.text is None and element.get(_NIL) in ("true", "1") else element.text or ""


# ------------------------------------------------------------ text of one kind


def _as_it_is(text: str) -> Any:
    return text


def _integer(text: str) -> Any:
    if len(text) < 18 and text.isascii() and text.isdigit() and (text[0] != "0" or text == "0"):
        return int(text)
    return _number(text)


def _number(text: str) -> Any:
    """Exactly the digits that came. What is no number stays text, and is quarantined where it is used."""
    if _NUMBER.fullmatch(text):
        return msgspec.Raw(text.encode())
    plain = text.strip()
    if not _LOOSE.fullmatch(plain) or not any(map(str.isdigit, plain)):  # INF, NaN, words
        return text if plain else None
    head, mark, tail = plain.lstrip("+").lower().partition("e")
    whole, _, rest = head.partition(".")
    digits = whole.removeprefix("-").lstrip("0") or "0"
    sign = "-" if whole.startswith("-") else ""
    return msgspec.Raw(f"{sign}{digits}{'.' + rest if rest else ''}{mark}{tail}".encode())


def _boolean(text: str) -> Any:
    plain = text.strip()
    return _TRUTH.get(plain, text) if plain else None


def _date(text: str) -> Any:
    """A date without its time zone, which says nothing about the day."""
    plain = text.strip()
    found = _DAY.fullmatch(plain)
    return found[1] if found else plain or None


def _moment(text: str) -> Any:
    return text.strip() or None


def _binary(text: str) -> Any:
    return "".join(text.split())


LEAVES: dict[FieldType, Leaf] = {
    "text": _as_it_is, "json": _as_it_is, "integer": _integer, "decimal": _number, "float": _number,
    "boolean": _boolean, "date": _date, "time": _moment, "datetime": _moment, "binary": _binary,
}  # fmt: skip


# ------------------------------------------------------------ what stands beside the records


def texts_at(root: etree._Element, path: str) -> list[str]:
    """The texts at a dotted path below the first element of the body, in order; the last step may name an
    attribute."""
    steps = path.split(".")
    found = [one for one in (answer_of(root),) if one is not None]
    for number, step in enumerate(steps):
        below = [child for one in found for child in one if step in (ANY, local(child))]
        if not below and number == len(steps) - 1:
            return [text for one in found if (text := one.get(step)) is not None]
        found = below
    return [(one.text or "").strip() for one in found if one.get(_NIL) not in ("true", "1")]


def text_at(root: etree._Element, path: str) -> str | None:
    """The first text at a path, None where there is none."""
    found = texts_at(root, path)
    return found[0] if found else None


def reach(root: etree._Element, steps: Sequence[str]) -> int:
    """How many steps of a path an answer has."""
    at = answer_of(root)
    for number, step in enumerate(steps):
        at = next((one for one in at if step in (ANY, local(one))), None) if at is not None else None
        if at is None:
            return number
    return len(steps)


def body_of(root: etree._Element) -> etree._Element | None:
    """The body of an envelope, None where the document is none."""
    if local(root) != "Envelope":
        return None
    return next((one for one in root if local(one) == "Body"), None)


def answer_of(root: etree._Element) -> etree._Element | None:
    """The first element in the body."""
    body = body_of(root)
    return body[0] if body is not None and len(body) else None


def dereferenced(root: etree._Element) -> None:
    """Put what ``href`` refers to (SOAP 1.1 encoding, §5.4) in the place of the reference. An element within
    itself stays a reference; Fatal ``soap.references`` where little text stands for very much."""
    body = body_of(root)
    if body is None or not len(body):
        return
    known = {one.get("id"): one for one in body if one.get("id") is not None}
    _dereference(body[0], known, (), [MOST_REFERRED])
    for one in known.values():
        if one is not body[0]:
            body.remove(one)


def _dereference(
    element: etree._Element, known: dict[str | None, etree._Element], above: tuple[str, ...], left: list[int]
) -> None:
    left[0] -= 1
    if left[0] < 0:
        raise Fatal(
            "soap.references", f"the references of the answer stand for over {MOST_REFERRED} elements"
        )
    name = (element.get("href") or "").removeprefix("#")
    source = known.get(name)
    if source is not None and name not in above:
        del element.attrib["href"]
        element.text = source.text
        for attribute, value in source.attrib.items():
            if attribute != "id":
                element.set(attribute, value)
        element.extend(copy.deepcopy(list(source)))
        above = (*above, name)
    for child in element:
        _dereference(child, known, above, left)
