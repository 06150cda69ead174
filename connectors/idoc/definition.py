"""What SAP says of a type of IDoc: its segments, their fields with lengths and titles.

An XSD or a WSDL (transactions WE60 and SOAMANAGER) holds a schema with an element that contains ``IDOC``; a WSDL
without a port is enough. Everything has to stand in the one file: what it imports is never fetched. A parser report
(``report``) is text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from lxml import etree

from connectors.idoc.control import CONTROL
from connectors.idoc.kinds import Kind, as_fields, external
from connectors.idoc.report import is_report, of_report, wrong
from hub.contract import Field
from hub.errors import ConfigError, HubError
from hub.untrusted import XML_LIMIT, parse_xml

XSD = "{http://www.w3.org/2001/XMLSchema}"
GROUPS = {f"{XSD}{name}" for name in ("sequence", "all", "choice", "complexContent", "extension", "group")}
DEEP = 40


def fields(folder: str, name: str) -> tuple[Field, ...]:
    """Of an IDoc: the control record, and segments as lists. ConfigError ``idoc.definition`` names what is wrong."""
    return as_fields(kind(folder, name))


def kind(folder: str, name: str) -> Kind:
    """The IDoc itself, with its control record as its one field, and its segments below it."""
    path = Path(folder) / name
    try:
        found = path.stat()
    except OSError:
        raise ConfigError(
            "idoc.definition", f"definition: there is no file {name}", hint="paths start at config/"
        ) from None
    return _read(path, found.st_mtime_ns, name)


@lru_cache(maxsize=32)
def _read(path: Path, stamp: int, name: str) -> Kind:
    try:
        with path.open("rb") as stream:
            text = stream.read(XML_LIMIT + 1)
    except OSError as error:
        raise ConfigError("idoc.definition", f"definition: {name} cannot be read: {error.strerror}") from None
    if is_report(text):
        return of_report(text, name)
    try:
        root = parse_xml(text, where=name)
    except HubError as error:
        raise ConfigError("idoc.definition", f"definition: {error.message}", where=name, hint=error.hint) from None
    try:
        return _Schema(root, name).idoc()
    except RecursionError:
        raise wrong(name, "its segments contain each other") from None


class _Schema:
    def __init__(self, root: etree._Element, where: str) -> None:
        self._where = where
        schemas = [root] if root.tag == f"{XSD}schema" else list(root.iter(f"{XSD}schema"))
        if not schemas:
            raise wrong(where, "it is neither an XSD nor a WSDL with one")
        tops = [one for schema in schemas for one in schema.iterchildren(f"{XSD}*")]
        self._types = {str(one.get("name")): one for one in tops if one.tag.endswith("Type")}
        self._elements = {str(one.get("name")): one for one in tops if one.tag == f"{XSD}element"}
        self._elsewhere = [
            str(one.get("schemaLocation") or one.get("namespace"))
            for one in tops
            if one.tag in (f"{XSD}import", f"{XSD}include")
        ]

    def idoc(self) -> Kind:
        for top in self._elements.values():
            for child in self._children(self._type(top)):
                if child.get("name") == "IDOC":
                    found = self._kind(child, self._type(child), 0)
                    if found.segments or found.fields:
                        return found
        raise wrong(self._where, f"no element of it contains IDOC{self._lacking()}")

    def _lacking(self) -> str:
        return f"; it imports {self._elsewhere[0]}, which is not fetched" if self._elsewhere else ""

    def _type(self, element: etree._Element) -> etree._Element | None:
        """The complex type of an element; None where it is simple."""
        if reference := element.get("ref"):
            return self._type(self._named(self._elements, reference))
        if (inline := element.find(f"{XSD}complexType")) is not None:
            return inline
        name = element.get("type")
        if name is None or self._builtin(name, element):
            return None
        found = self._named(self._types, name)
        return found if found.tag == f"{XSD}complexType" else None

    @staticmethod
    def _builtin(name: str, element: etree._Element) -> bool:
        prefix = name.partition(":")[0] if ":" in name else None
        return element.nsmap.get(prefix) == XSD[1:-1]

    def _named(self, known: Mapping[str, etree._Element], name: str) -> etree._Element:
        if (found := known.get(name.rpartition(":")[2])) is None:
            raise wrong(self._where, f"it speaks of {name}, which is not in it{self._lacking()}")
        return found

    def _children(self, kind: etree._Element | None) -> Iterator[etree._Element]:
        for one in kind if kind is not None else ():
            if one.tag == f"{XSD}element":
                yield one
            elif one.tag in GROUPS:
                if (base := one.get("base")) is not None and not self._builtin(base, one):
                    yield from self._children(self._named(self._types, base))
                yield from self._children(one)

    def _kind(self, element: etree._Element, inner: etree._Element | None, depth: int) -> Kind:
        if depth > DEEP:
            raise RecursionError
        plain, below = [], []
        for child in self._children(inner):
            name, shape = self._name(child), self._type(child)
            if shape is None:
                plain.append(Field(name, title=_title(child), max_length=self._length(child)))
            else:
                made = self._kind(child, shape, depth + 1)
                if name == CONTROL:
                    plain.append(Field(name, "json", False, made.fields, made.title))
                else:
                    below.append(made)
        name, title = self._name(element), _title(element) or (_title(inner) if inner is not None else "")
        above = element.getparent()
        least, most = element.get("minOccurs", "1"), element.get("maxOccurs", "1")
        if above is not None and above.tag == f"{XSD}choice":
            least = "0"
        return Kind(
            name, tuple(plain), tuple(below), title, external(name), 0,
            int(least) if least.isdigit() else 0, int(most) if most.isdigit() else None,
        )  # fmt: skip

    @staticmethod
    def _name(element: etree._Element) -> str:
        return str(element.get("name") or str(element.get("ref")).rpartition(":")[2])

    def _length(self, element: etree._Element) -> int | None:
        simple = element.find(f"{XSD}simpleType")
        if simple is None and (name := element.get("type")) and not self._builtin(name, element):
            simple = self._named(self._types, name)
        if simple is None:
            return None
        for facet in ("maxLength", "length", "totalDigits"):
            if (found := simple.find(f".//{XSD}{facet}")) is not None and str(found.get("value")).isdigit():
                return int(str(found.get("value")))
        values = [len(str(one.get("value"))) for one in simple.iter(f"{XSD}enumeration")]
        return max(values, default=None)


def _title(element: etree._Element) -> str:
    found = element.find(f"{XSD}annotation/{XSD}documentation")
    return " ".join((found.text or "").split()) if found is not None else ""
