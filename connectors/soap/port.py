"""A port of a WSDL: its operations, and what goes into them and comes out."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from zeep.wsdl.bindings import Soap11Binding, Soap12Binding

from connectors.soap.documents import Parsed
from connectors.soap.shapes import Member, Shape, Shapes
from hub.errors import ConfigError

ANY = "*"
"""A step of a path that stands for an element of any name."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path in an answer leads: its steps, and the shape of what lies there (None: text).

    ``required`` counts the first steps that every answer has; ``element`` is the name of the answer's first
    element where the WSDL says it (in style document).
    """

    steps: tuple[str, ...]
    shape: Shape | None
    many: bool
    required: int
    element: str = ""


class Port:
    """The operations of one port."""

    def __init__(self, parsed: Parsed, service: str | None = None, port: str | None = None) -> None:
        self.document = parsed.document
        self.shapes = Shapes(parsed.document)
        self.notes = parsed.notes
        self.documents = parsed.names
        self.name, self._binding = _chosen(parsed.document, service, port)
        self.soap12 = isinstance(self._binding, Soap12Binding)

    @property
    def operations(self) -> dict[str, Any]:
        """zeep's operations by name."""
        found: dict[str, Any] = self._binding.all()
        return found

    def operation(self, name: str) -> Any:
        """An operation by its name; ConfigError ``soap.operation`` where there is none."""
        found = self.operations.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.operations, 3)
            spoiled = [f": {note}" for note in self.notes[:3]]
            known = ", ".join(sorted(self.operations)[:20]) or "none"
            raise ConfigError(
                "soap.operation",
                f"the port {self.name} has no operation {name}" + "".join(spoiled),
                hint=f"did you mean {' or '.join(near)}?" if near else f"it has {known}",
            )
        return found

    def answer(self, name: str) -> Shape | None:
        """The shape of the first element in the body of an operation's answer, None where it has no output."""
        output = self.operation(name).output
        body = output.body if output is not None else None
        if body is None:
            return None
        return self.shapes.of(body.type) or Shape(text="text")

    def place(self, name: str, path: str | None, key: str) -> Place:
        """Where the records of an answer lie: at a path, or in the only list that is declared.

        ConfigError ``soap.path`` where the WSDL has no such path; ``key`` names the setting.
        """
        shape = self.answer(name)
        if shape is None:
            raise ConfigError(
                "soap.path", f"the operation {name} has no answer", hint="choose another operation"
            )
        if path is None:
            lists = list(_lists(shape))
            if len(lists) != 1:
                found = (
                    f"{len(lists)} lists: {', '.join('.'.join(one) for one in lists[:8])}"
                    if lists
                    else "no list"
                )
                raise ConfigError(
                    "soap.path",
                    f"the answer of {name} declares {found}",
                    hint=f"say by {key}: where the records are",
                )
            path = ".".join(lists[0])
        found = self.operation(name)
        return replace(
            self._followed(name, shape, path, key),
            element=found.output.body.name if found.style == "document" and found.output else "",
        )

    def _followed(self, name: str, shape: Shape, path: str, key: str) -> Place:
        steps = tuple(path.split(".")) if path else ()
        inner: Shape | None = shape
        many, required, sure = False, 0, True
        for number, step in enumerate(steps):
            member = inner.member(step) if inner is not None else None
            if member is None and inner is not None and (inner.free or step == ANY):
                return Place(steps, Shape(free=True), True, required)
            if member is None:
                known = ", ".join(inner.members) if inner is not None and inner.members else "no elements"
                at = ".".join(steps[:number]) or "the answer"
                raise ConfigError(
                    "soap.path",
                    f"{key}: {path}: there is no {step} in {at} of {name}",
                    hint=f"there are {known}",
                )
            sure = sure and member.required and not member.many
            required += sure
            many, inner = many or member.many, member.inner
        return Place(steps, inner, many, required)


def _chosen(document: Any, service: str | None, port: str | None) -> tuple[str, Any]:
    services = document.services
    if not services:
        told = (
            f"only the port types {', '.join(_names(document.port_types))}"
            if document.port_types
            else "only types"
        )
        raise ConfigError(
            "wsdl.service",
            f"the WSDL declares no service, {told}",
            where=str(document.location).replace("file:///", ""),
            hint="ask for the WSDL with binding and service (in SAP: of the service definition's binding, not of "
            "the interface); IDocs are read by the connector idoc",
        )
    if service is not None and service not in services:
        raise ConfigError(
            "wsdl.service", f"the WSDL has no service {service}", hint=f"it has {', '.join(services)}"
        )
    ports = (
        services[service].ports
        if service
        else {k: v for one in services.values() for k, v in one.ports.items()}
    )
    if port is not None and port not in ports:
        raise ConfigError("wsdl.port", f"the WSDL has no port {port}", hint=f"it has {', '.join(ports)}")
    for name, one in ports.items():
        if isinstance(one.binding, Soap11Binding | Soap12Binding) and port in (None, name):
            return name, one.binding
    raise ConfigError(
        "wsdl.port",
        f"the port {port} is no SOAP port" if port else "the WSDL has no SOAP port over HTTP",
        hint=f"its ports are {', '.join(ports) or 'none'}",
    )


def _names(port_types: dict[str, Any]) -> list[str]:
    return [name.rpartition("}")[2] for name in port_types]


def _lists(
    shape: Shape, steps: tuple[str, ...] = (), above: tuple[Shape, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The paths to lists in an answer that lie within no other list."""
    found: list[tuple[str, Member]] = list(shape.members.items())
    if shape.item is not None:
        found.append((ANY, shape.item))
    for name, member in found:
        if member.many:
            yield (*steps, name)
        elif member.inner is not None and member.inner not in above and len(steps) < 8:
            yield from _lists(member.inner, (*steps, name), (*above, shape))
