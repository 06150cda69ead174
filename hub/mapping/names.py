"""Names: which part of the record an identifier, a path or an element stands for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from sqlglot import exp

from hub.mapping.functions import FUNCTIONS, REFUSED, Function
from hub.mapping.record import ELEMENT, SQL_TYPES, WHOLE, Node, Path, path_text, suggestion
from hub.mapping.scope import Scope


@dataclass(slots=True)
class Place:
    """A part of the record: the tree that reads it, its path (None within values no path leads to)
    and its shape."""

    tree: exp.Expr
    path: Path | None
    node: Node


class Working(Protocol):
    """What finding names needs of the translation it serves."""

    def issue(self, node: exp.Expr, code: str, message: str, hint: str = "") -> exp.Expr: ...

    def value(self, node: exp.Expr) -> exp.Expr: ...

    def computed(self, node: exp.Expr) -> exp.Expr: ...

    def index(self, node: exp.Expr) -> exp.Expr: ...

    def called(self, node: exp.Expr, function: Function) -> exp.Expr: ...


class Names:
    """The names of one expression; ``inputs`` are the paths that were read."""

    def __init__(self, scope: Scope, work: Working) -> None:
        self.scope = scope
        self.work = work
        self.inputs: dict[Path, None] = {}
        self.lambdas: list[dict[str, Place]] = []
        self._found: dict[int, Place | None] = {}

    def find(self, node: exp.Expr) -> Place | None:
        """The part of the record a node names, or None where it computes something. Found once:
        nested list functions ask again and again."""
        if id(node) not in self._found:
            self._found[id(node)] = place = self._named(node)
            return place
        again = self._found[id(node)]
        return Place(again.tree.copy(), again.path, again.node) if again else None

    def _named(self, node: exp.Expr) -> Place | None:
        if isinstance(node, exp.Column):
            if isinstance(node.this, exp.Star):
                return None
            parts = [node.args[key] for key in ("catalog", "db", "table", "this") if node.args.get(key)]
            place = self._first(parts[0])
            for part in parts[1:]:
                place = self._field(place, part)
            return place
        if isinstance(node, exp.Identifier):
            return self._first(node)
        if isinstance(node, exp.Paren):
            return self.find(node.this)
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            inner = self.find(node.this)
            if inner is None:
                inner = Place(self.work.computed(node.this), None, Node())
            return self._field(inner, node.expression)
        if isinstance(node, exp.Bracket):
            return self._element(node)
        if isinstance(node, exp.Anonymous):
            function = FUNCTIONS.get(str(node.this).lower())
            if function and function.keeps and node.expressions:
                return self._kept(node, function)
        return None

    def _first(self, name: exp.Expr) -> Place:
        text = name.name
        for names in reversed(self.lambdas):
            if text in names:
                return names[text]
        for alias, column, path, node in self.scope.aliases:
            if alias == text:
                return Place(exp.column(column, quoted=True), path, node)
        if (
            not name.args.get("quoted")
            and text.lower() in REFUSED
            and text.lower().startswith(("current_", "local"))
        ):
            self.work.issue(name, "expression.volatile", f"{text}: {REFUSED[text.lower()]}")
        if text == "id" and self.scope.typed and "id" not in (self.scope.record.fields or {}):
            return Place(exp.column("key", quoted=True), ("id",), Node("id"))
        root = Place(exp.column("r"), (), self.scope.record)
        place = self._field(root, name)
        if self.scope.typed and place.node.type == "id":
            place.tree = exp.column("key", quoted=True)
        return place

    def _field(self, place: Place, name: exp.Expr) -> Place:
        text, node = name.name, place.node
        if not text:
            self.work.issue(
                name, "field.unknown", "a field has no name: two double quotes with nothing between"
            )
        path = None if place.path is None else (*place.path, text)
        tree = exp.Dot(this=place.tree, expression=exp.to_identifier(text, quoted=True))
        here = path_text(place.path) if place.path else "the record"
        if node.many:
            self.work.issue(
                name,
                "field.list",
                f"{here} is a list; it has no field {text}",
                f"write {here}[1].{text}, or list_transform({here}, x -> x.{text})",
            )
            return Place(tree, path, Node())
        if node.fields is None:
            if not node.nested:
                self.work.issue(
                    name, "field.unknown", f"{here} is a value of type {node.type}; it has no field {text}"
                )
            return Place(tree, path, Node())
        found = node.fields.get(text)
        if found is None:
            self.work.issue(
                name, "field.unknown", f"{here} has no field {text}", suggestion(text, node.fields)
            )
            return Place(tree, path, Node())
        return Place(tree, path, found)

    def _element(self, node: exp.Bracket) -> Place | None:
        inner = self.find(node.this)
        if inner is None:
            return None
        parts = node.expressions
        if len(parts) == 1 and isinstance(parts[0], exp.Slice):
            self.lists(inner)
            tree = exp.Bracket(this=inner.tree, expressions=[self.work.index(parts[0])])
            return Place(tree, inner.path, inner.node)
        if inner.node.many is False and inner.node.type not in ("any",) and inner.path is not None:
            self.work.issue(node, "field.list", f"{path_text(inner.path)} is no list")
        path = self.lists(inner)
        tree = exp.Bracket(this=inner.tree, expressions=[self.work.index(part) for part in parts])
        return Place(tree, path, inner.node.element)

    def lists(self, place: Place) -> Path | None:
        """Note that a place is a list; answers the path of its elements."""
        if place.path is None:
            return None
        path = (*place.path, ELEMENT)
        self.inputs[path] = None
        return path

    def _kept(self, node: exp.Anonymous, function: Function) -> Place | None:
        inner = self.find(node.expressions[0])
        if inner is None:
            return None
        one = function.name in ("list_first", "list_last")
        path = self.lists(inner)
        shape = inner.node.element if one else Node(inner.node.type, True, inner.node.fields)
        return Place(self.work.called(node, function), path if one else inner.path, shape)

    def reads(self, place: Place) -> None:
        if place.path is None or not place.path:
            return
        path, node = place.path, place.node
        if node.many:
            path = (*path, ELEMENT)
        if node.fields is not None and not self.scope.typed:
            path = (*path, WHOLE)
        self.inputs[path] = None

    def typed(self, place: Place) -> exp.Expr:
        self.reads(place)
        sql_type = SQL_TYPES.get(place.node.type)
        if sql_type is None or self.scope.typed or place.path is None:
            return place.tree
        many = "[]" if place.node.many else ""
        return exp.Cast(this=place.tree, to=data_type(sql_type + many))


def data_type(text: str) -> exp.DataType:
    """A type by its DuckDB name."""
    return _built_type(text).copy()


@lru_cache
def _built_type(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect="duckdb")
