"""What is known of a type of IDoc: its segments in order, whatever tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connectors.idoc.settings import Segment
from hub.contract import Field


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of segment: its fields and the segments below it, both in order. ``external`` is its name in flat files,
    ``level`` its HLEVEL there, where that is told; ``least`` and ``most`` say how many there are below one above."""

    name: str
    fields: tuple[Field, ...] = ()
    segments: tuple[Kind, ...] = ()
    title: str = ""
    external: str = ""
    level: int = 0
    least: int = 0
    most: int | None = None

    def field(self, name: str) -> Field | None:
        return next((one for one in self.fields if one.name == name), None)

    def segment(self, name: str) -> Kind | None:
        return next((one for one in self.segments if one.name == name), None)

    def walk(self) -> Iterator[Kind]:
        """The segments below, each before what is below it."""
        for one in self.segments:
            yield one
            yield from one.walk()


def external(name: str) -> str:
    """The beginning of a segment's name in files: a number of the release follows there.

    >>> external("E1EDK01"), external("Z1ZAKNA1"), external("ZSEG")
    ('E2EDK01', 'Z2ZAKNA1', 'ZSEG')
    """
    return f"{name[0]}2{name[2:]}" if name[1:2] == "1" else name


def as_fields(idoc: Kind) -> tuple[Field, ...]:
    """As a resource describes them: segments as lists. The control record is one of ``fields``."""
    below = (Field(one.name, "json", True, as_fields(one), one.title) for one in idoc.segments)
    return (*idoc.fields, *below)


def layouts(idoc: Kind) -> dict[str, Segment]:
    """Of a flat file, by the beginning of a segment's name there. A segment with a field of no known length has
    none: where the next one begins is not known either."""
    made: dict[str, Segment] = {}
    for one in idoc.walk():
        if all(field.max_length for field in one.fields):
            lengths = {field.name: field.max_length or 0 for field in one.fields}
            made.setdefault(one.external, Segment(name=one.name, fields=lengths))
    return made


def laid_out(idoc: Kind, segments: Mapping[str, Segment]) -> Kind:
    """The same with declared layouts, and the names in files that they go by."""
    declared = {layout.name or name: (name, layout) for name, layout in segments.items()}

    def anew(one: Kind) -> Kind:
        below = tuple(map(anew, one.segments))
        if one.name not in declared:
            return replace(one, segments=below)
        name, layout = declared[one.name]
        fields = tuple(Field(field, max_length=length) for field, length in layout.fields.items())
        return replace(one, segments=below, external=name, fields=fields)

    return replace(idoc, segments=tuple(map(anew, idoc.segments)))
