"""Pages of mappings for who administers the system: what is written, how its tests end, the way of a field, drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import YamlLexer
from starlette.responses import Response

from hub.errors import ConfigError
from hub.mapping.cases import run_cases
from hub.mapping.compile import compile_mapping
from hub.mapping.lineage import lineage
from hub.mapping.paths import Paths, paths, split
from hub.portal.administering import answered, reader_of, required
from hub.portal.exchanges import flow, mapping_of, named
from hub.portal.ground import Ground, Here, Me

router = APIRouter(prefix="/operators/mappings")
LETTERS: Final = 30
WIDE, HIGH, APART, ROW, BETWEEN = 228, 32, 70, 44, 20
"""Of a node of the drawing, in its own units, and the space between columns and rows."""
Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the drawing; ``kind`` is source, model, target or asked."""

    place: str
    text: str
    kind: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """``edges`` are paths of SVG with what they stand for."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


@router.get("")
def mappings(request: Request, here: Here, me: Me, q: Text = "", after: Text = "") -> Response:
    """By name."""
    required(here, me, "mappings")
    reader, workspace = reader_of(request, here), here.hub.workspace
    found, following = named(here, reader, q, after)
    rows = [
        (name, reader.titled(one.title) or name, flow(one), len(workspace.tests.get(name, ())))
        for name, one in ((name, workspace.mappings[name]) for name in found)
    ]
    filled = {"q": q.strip(), "rows": rows, "after": after, "next": following}
    return answered(request, here, me, "mappings", "op_mappings", filled)


@router.get("/{name}")
def mapping(request: Request, here: Here, me: Me, name: str) -> Response:
    """One of them: its file, its tests as they end now, and its fields."""
    required(here, me, "mappings")
    one, workspace, reader = mapping_of(here, name), here.hub.workspace, reader_of(request, here)
    fields = [
        (output.output, line) for output in compile_mapping(one, workspace) for line in lineage(output, workspace)
    ]
    filled = {
        "name": name, "title": reader.titled(one.title) or name, "flow": flow(one), "source": source(here, name),
        "tests": run_cases(workspace, [name]) if workspace.tests.get(name) else [], "fields": fields,
    }  # fmt: skip
    return answered(request, here, me, "mappings", "op_mapping", filled)


@router.get("/lineage/{place}")
def field(request: Request, here: Here, me: Me, place: str) -> Response:
    """The way of one field, as a drawing and as a table."""
    required(here, me, "mappings")
    found = paths(here.hub.workspace, place)
    if not found.steps:
        raise ConfigError("page.unknown", f"no mapping reads or fills {place}", hint="see the fields of a mapping")
    filled = {"place": place, "steps": found.steps, "more": found.more, "drawing": drawn(here, found)}
    return answered(request, here, me, "mappings", "op_lineage", filled)


def source(here: Ground, name: str) -> Markup:
    """The mapping's file as it stands there, its parts marked by classes; nothing where it is gone."""
    path = here.hub.workspace.folder / here.hub.workspace.locate("mapping", name)[0]
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return Markup()
    # what is not marked is escaped by it
    return Markup(highlight(text, YamlLexer(), HtmlFormatter(nowrap=True)))


def drawn(here: Ground, found: Paths) -> Drawing:
    """Columns by the distance from the place that was asked about, sources at the left."""
    columns: Mapping[int, list[str]] = defaultdict(list)
    for place, level in found.levels.items():
        columns[level].append(place)
    first, most = min(columns), max(map(len, columns.values()))
    height = most * ROW + BETWEEN
    nodes: dict[str, Node] = {}
    for level, places in columns.items():
        top = (height - len(places) * ROW) // 2
        for row, place in enumerate(places):
            x, y = (level - first) * (WIDE + APART) + 2, top + row * ROW + (ROW - HIGH) // 2
            nodes[place] = Node(place, short(place), _kind(here, found, place), x, y)
    edges: list[tuple[str, str]] = []
    for step in found.steps:
        if step.source:
            one, other = nodes[step.source], nodes[step.into]
            x1, y1, x2, y2 = one.x + WIDE, one.y + HIGH // 2, other.x, other.y + HIGH // 2
            middle = (x1 + x2) // 2
            told = f"{step.mapping}: {step.expression}"
            edges.append((f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}", told))
    width = len(range(first, max(columns) + 1)) * (WIDE + APART) - APART + 4
    return Drawing(width, height, tuple(nodes.values()), tuple(edges))


def short(place: str) -> str:
    """A place that fits into its node, its end whole: that is the field."""
    return place if len(place) <= LETTERS else f"…{place[-LETTERS + 1 :]}"


def _kind(here: Ground, found: Paths, place: str) -> str:
    if place == found.place:
        return "asked"
    where: Any = split(here.hub.workspace, place)[0]
    if where in here.hub.workspace.models:
        return "model"
    return "source" if found.levels[place] < 0 else "target"
