"""One SQL scalar expression: parsed, checked against an allow-list, and rendered again.

The author writes DuckDB's dialect over the fields of one record. sqlglot parses it; every node of the
tree must be of a kind, and every function in the table, that this package allows; names become paths
below the record's column ``r``; the hub's own functions become joins or plain SQL. What DuckDB runs is
what sqlglot renders from the new tree: no character of the author's text gets there by itself.

    >>> from hub.mapping.record import Node
    >>> translate("trim(NAME1)", Scope(Node("object")))[0].sql
    'TRIM(r."NAME1")'
"""

from __future__ import annotations

import re

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from hub.mapping.functions import FUNCTIONS, LONGEST, REFUSED, Function
from hub.mapping.hubfunctions import HUB
from hub.mapping.record import ELEMENT, SQL_TYPES, WHOLE, Node, Path, path_text, suggestion
from hub.mapping.scope import Expression, Guard, Lookup, Scope
from hub.mapping.syntax import DIALECT, Issue, parse, render

DEEPEST_TREE = 120

_SAME = frozenset({
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ,
    exp.Is, exp.Between, exp.Like, exp.ILike, exp.Escape, exp.SimilarTo, exp.RegexpFullMatch, exp.Add, exp.Sub,
    exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Pow, exp.Neg, exp.DPipe, exp.Paren, exp.Literal, exp.Boolean,
    exp.Null, exp.Extract, exp.Interval, exp.Array, exp.AtTimeZone, exp.Var, exp.Slice,
})
"""Nodes that are rendered as they are, with their parts translated."""

_TYPES = frozenset({
    exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR, exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT,
    exp.DType.TINYINT, exp.DType.INT128, exp.DType.UBIGINT, exp.DType.UINT, exp.DType.USMALLINT,
    exp.DType.UTINYINT, exp.DType.DECIMAL, exp.DType.DOUBLE, exp.DType.FLOAT, exp.DType.BOOLEAN, exp.DType.DATE,
    exp.DType.TIME, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ, exp.DType.INTERVAL,
    exp.DType.JSON, exp.DType.UUID, exp.DType.VARBINARY, exp.DType.BLOB,
})

_WHY = {
    "Subquery": "a subquery reads other records", "Select": "a subquery reads other records",
    "Exists": "a subquery reads other records", "Union": "a subquery reads other records",
    "Window": "a window function works over several records", "Filter": "FILTER belongs to aggregates over records",
    "Distinct": "DISTINCT belongs to aggregates over records", "Order": "ORDER BY belongs to queries",
    "Star": "* names no single field", "Placeholder": "a parameter has no value in a mapping",
    "Parameter": "a parameter has no value in a mapping", "Lambda": "a lambda stands only in list functions",
    "Tuple": "a list is written [a, b]", "Comprehension": "a list is changed by list_transform(list, lambda x: …)",
    "JSONExtractScalar": "a text within JSON is read by json_extract_string(json, '$.name')",
    "JSONExtract": "a value within JSON is read by json_extract(json, '$.name')",
    "Collate": "COLLATE depends on the database", "Alias": "a value has no AS name",
}


@dataclass(slots=True)
class _Place:
    """A part of the record: the tree that reads it, its path (None within values no path leads to)
    and its shape."""

    tree: exp.Expr
    path: Path | None
    node: Node


def translate(text: str, scope: Scope, many: bool = False) -> tuple[Expression | None, tuple[Issue, ...]]:
    """Check one expression in its scope. Answers the expression, or None with at least one issue.

    ``many`` says that the field wants a list. Warnings may come with an expression.
    """
    tree, issue = parse(text)
    if tree is None:
        return None, (issue,) if issue else ()
    return Translation(text, scope, many).run(tree)


class Translation:
    """One walk over one syntax tree; every method answers a new tree."""

    def __init__(self, text: str, scope: Scope, many: bool) -> None:
        self.text = text
        self.scope = scope
        self.many = many
        self.issues: list[Issue] = []
        self.inputs: dict[Path, None] = {}
        self.functions: dict[str, None] = {}
        self.codes: dict[str, None] = {}
        self.guards: dict[Guard, None] = {}
        self.ref: str | None = None
        self.code_list: str | None = None
        self._root: exp.Expr | None = None
        self._found: dict[int, _Place | None] = {}
        self._lambdas: list[dict[str, _Place]] = []
        self._conditions: list[exp.Expr] = []
        self._grown = 0
        self._depth = 0

    def run(self, tree: exp.Expr) -> tuple[Expression | None, tuple[Issue, ...]]:
        self._root = tree
        new = self.value(tree)
        issues = tuple(dict.fromkeys(self.issues))
        if any(issue.level == "error" for issue in issues):
            return None, issues
        whole = isinstance(tree, exp.Anonymous) and self.code_list is not None and str(tree.this).lower() == "code"
        return Expression(
            self.text, render(new), tuple(self.inputs), tuple(self.functions), tuple(self.codes),
            tuple(self.guards), self.ref, isinstance(tree, exp.Column), not isinstance(new, exp.Dot),
            self.code_list if whole else None,
        ), issues

    # ------------------------------------------------------------ what hub functions use

    def issue(self, node: exp.Expr, code: str, message: str, hint: str = "") -> exp.Expr:
        self.issues.append(Issue(code, message, hint, self._column(node)))
        return exp.Null()

    def value(self, node: exp.Expr) -> exp.Expr:
        """The value of a node: a part of the record in its declared type, or what is computed."""
        place = self._find(node)
        return self._typed(place) if place else self._computed(node)

    def raw(self, node: exp.Expr) -> exp.Expr:
        """The same, but a part of the record as the source wrote it."""
        place = self._find(node)
        if place is None:
            return self._computed(node)
        self._reads(place)
        return place.tree

    def place(self, node: exp.Expr) -> Node | None:
        found = self._find(node)
        return found.node if found else None

    def is_whole(self, node: exp.Expr) -> bool:
        return node is self._root

    def refers(self, model: str) -> None:
        self.ref = model

    def looks_up(self, node: exp.Expr, lookup: Lookup, code_list: str | None = None) -> exp.Expr:
        if self._lambdas:
            return self.issue(
                node, "expression.lambda_lookup", f"{lookup.kind}() cannot stand inside a lambda: it becomes a join",
                f"take one element first, {lookup.kind}(…, list[1].field), or use each:",
            )
        conditions = " AND ".join(f"({render(tree.copy())})" for tree in self._conditions)
        self.guards[Guard(lookup, conditions)] = None
        if code_list:
            self.codes[code_list] = None
            self.code_list = code_list
        return exp.column("output", table=lookup.alias, quoted=True)

    # ------------------------------------------------------------ names

    def _find(self, node: exp.Expr) -> _Place | None:
        """The part of the record a node names, or None where it computes something. Found once:
        nested list functions ask again and again."""
        if id(node) not in self._found:
            self._found[id(node)] = place = self._named(node)
            return place
        again = self._found[id(node)]
        return _Place(again.tree.copy(), again.path, again.node) if again else None

    def _named(self, node: exp.Expr) -> _Place | None:
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
            return self._find(node.this)
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            inner = self._find(node.this)
            if inner is None:
                inner = _Place(self._computed(node.this), None, Node())
            return self._field(inner, node.expression)
        if isinstance(node, exp.Bracket):
            return self._element(node)
        if isinstance(node, exp.Anonymous):
            function = FUNCTIONS.get(str(node.this).lower())
            if function and function.keeps and node.expressions:
                return self._kept(node, function)
        return None

    def _first(self, name: exp.Expr) -> _Place:
        text = name.name
        for names in reversed(self._lambdas):
            if text in names:
                return names[text]
        for alias, column, path, node in self.scope.aliases:
            if alias == text:
                return _Place(exp.column(column, quoted=True), path, node)
        if text.lower() in REFUSED and text.lower().startswith(("current_", "local")):
            self.issue(name, "expression.volatile", f"{text}: {REFUSED[text.lower()]}")
        if text == "id" and self.scope.typed and "id" not in (self.scope.record.fields or {}):
            return _Place(exp.column("key", quoted=True), ("id",), Node("id"))
        root = _Place(exp.column("r"), (), self.scope.record)
        place = self._field(root, name)
        if self.scope.typed and place.node.type == "id":
            place.tree = exp.column("key", quoted=True)
        return place

    def _field(self, place: _Place, name: exp.Expr) -> _Place:
        text, node = name.name, place.node
        path = None if place.path is None else (*place.path, text)
        tree = exp.Dot(this=place.tree, expression=exp.to_identifier(text, quoted=True))
        here = path_text(place.path) if place.path else "the record"
        if node.many:
            self.issue(name, "field.list", f"{here} is a list; it has no field {text}",
                       f"write {here}[1].{text}, or list_transform({here}, lambda x: x.{text})")
            return _Place(tree, path, Node())
        if node.fields is None:
            if not node.nested:
                self.issue(name, "field.unknown", f"{here} is a value of type {node.type}; it has no field {text}")
            return _Place(tree, path, Node())
        found = node.fields.get(text)
        if found is None:
            self.issue(name, "field.unknown", f"{here} has no field {text}", suggestion(text, node.fields))
            return _Place(tree, path, Node())
        return _Place(tree, path, found)

    def _element(self, node: exp.Bracket) -> _Place | None:
        inner = self._find(node.this)
        if inner is None:
            return None
        parts = node.expressions
        if len(parts) == 1 and isinstance(parts[0], exp.Slice):
            self._lists(inner)
            tree = exp.Bracket(this=inner.tree, expressions=[self._computed(parts[0])])
            return _Place(tree, inner.path, inner.node)
        if inner.node.many is False and inner.node.type not in ("any",) and inner.path is not None:
            self.issue(node, "field.list", f"{path_text(inner.path)} is no list")
        path = self._lists(inner)
        tree = exp.Bracket(this=inner.tree, expressions=[self.value(part) for part in parts])
        return _Place(tree, path, inner.node.element)

    def _lists(self, place: _Place) -> Path | None:
        """Note that a place is a list; answers the path of its elements."""
        if place.path is None:
            return None
        path = (*place.path, ELEMENT)
        self.inputs[path] = None
        return path

    def _kept(self, node: exp.Anonymous, function: Function) -> _Place | None:
        inner = self._find(node.expressions[0])
        if inner is None:
            return None
        one = function.name in ("list_first", "list_last")
        path = self._lists(inner)
        shape = inner.node.element if one else Node(inner.node.type, True, inner.node.fields)
        return _Place(self._called(node, function), path if one else inner.path, shape)

    def _reads(self, place: _Place) -> None:
        if place.path is None or not place.path:
            return
        path, node = place.path, place.node
        if node.many:
            path = (*path, ELEMENT)
        if node.fields is not None and not self.scope.typed:
            path = (*path, WHOLE)
        self.inputs[path] = None

    def _typed(self, place: _Place) -> exp.Expr:
        self._reads(place)
        sql_type = SQL_TYPES.get(place.node.type)
        if sql_type is None or self.scope.typed or place.path is None:
            return place.tree
        many = "[]" if place.node.many else ""
        return exp.Cast(this=place.tree, to=_data_type(sql_type + many))

    # ------------------------------------------------------------ everything else

    def _computed(self, node: exp.Expr) -> exp.Expr:
        self._depth += 1
        try:
            if self._depth > DEEPEST_TREE:
                return self.issue(node, "expression.too_deep", f"the expression nests deeper than {DEEPEST_TREE}")
            kind = type(node)
            if kind in _SAME:
                return self._same(node)
            special = _SPECIAL.get(kind)
            if special:
                return special(self, node)
            name = kind.__name__
            what = _WHY.get(name, f"{name} is not part of an expression over one record")
            code = "expression.forbidden"
            return self.issue(node, code, what)
        finally:
            self._depth -= 1

    def _same(self, node: exp.Expr) -> exp.Expr:
        args: dict[str, object] = {}
        for key, part in node.args.items():
            if isinstance(part, exp.Expr):
                args[key] = self.value(part)
            elif isinstance(part, list):
                args[key] = [self.value(item) if isinstance(item, exp.Expr) else item for item in part]
            else:
                args[key] = part
        return type(node)(**args)

    def _in(self, node: exp.Expr) -> exp.Expr:
        if set(key for key, part in node.args.items() if part) - {"this", "expressions"}:
            return self.issue(node, "expression.forbidden", "IN takes a written list: x IN ('a', 'b')",
                              "whether a list holds a value: list_contains(list, value)")
        return self._same(node)

    def _case(self, node: exp.Expr) -> exp.Expr:
        """Each branch is translated under its condition, so that a lookup in it counts only there."""
        subject = self.value(node.this) if node.this else None
        ifs, passed = [], len(self._conditions)
        for branch in node.args["ifs"]:
            test = self.value(branch.this)
            held = exp.EQ(this=subject.copy(), expression=test.copy()) if subject else test.copy()
            ifs.append(exp.If(this=test, true=self._under(_holds(held, True), branch.args["true"])))
            self._conditions.append(_holds(held, False))
        default = self.value(node.args["default"]) if node.args.get("default") else None
        del self._conditions[passed:]
        return exp.Case(this=subject, ifs=ifs, default=default)

    def _under(self, condition: exp.Expr, node: exp.Expr) -> exp.Expr:
        self._conditions.append(condition)
        try:
            return self.value(node)
        finally:
            self._conditions.pop()

    def _cast(self, node: exp.Expr) -> exp.Expr:
        to = node.args["to"]
        if isinstance(to, exp.DataType):
            for part in to.find_all(exp.DataType):
                if part.this not in _TYPES and part.this != exp.DType.ARRAY:
                    return self.issue(node, "expression.type", f"no value is cast to {part.sql('duckdb')}",
                                      "VARCHAR, BIGINT, DECIMAL(18, 2), DOUBLE, BOOLEAN, DATE, TIMESTAMPTZ, JSON …")
        else:
            return self.issue(node, "expression.type", "this is not a type to cast to")
        place = self._find(node.this)
        inner = self.raw(node.this) if place else self.value(node.this)
        return type(node)(this=inner, to=to.copy())

    def _struct(self, node: exp.Expr) -> exp.Expr:
        pairs = []
        for pair in node.expressions:
            if not isinstance(pair, exp.PropertyEQ):
                return self.issue(node, "expression.forbidden", "an object is written {'name': value}")
            pairs.append(exp.PropertyEQ(this=exp.to_identifier(pair.name, quoted=True),
                                        expression=self.value(pair.expression)))
        return exp.Struct(expressions=pairs)

    def _bracket(self, node: exp.Expr) -> exp.Expr:
        return exp.Bracket(this=self.value(node.this), expressions=[self.value(part) for part in node.expressions])

    def _call(self, node: exp.Expr) -> exp.Expr:
        name = str(node.this).lower()
        function = FUNCTIONS.get(name)
        if function is None:
            if name in REFUSED:
                code = "expression.volatile" if "run to run" in REFUSED[name] else "expression.forbidden"
                return self.issue(node, code, f"{name}() is not allowed: {REFUSED[name]}")
            return self.issue(node, "function.unknown", f"there is no function {name}()", suggestion(name, FUNCTIONS))
        return self._called(node, function)

    def _called(self, node: exp.Expr, function: Function) -> exp.Expr:
        args, count = node.expressions, len(node.expressions)
        if count < function.least or (function.most is not None and count > function.most):
            return self.issue(node, "function.arguments", f"{function.name}() does not take {count} arguments",
                              function.signature)
        self.functions[function.name] = None
        if function.hub:
            return HUB[function.name](self, node, args)
        if function.capped:
            self._check_lengths(node, function, args)
        self._grown += bool(function.capped)
        if function.name == "if":
            new = self._if(args)
        else:
            new = [self._argument(function, number, args) for number in range(count)]
        self._grown -= bool(function.capped)
        return exp.Anonymous(this=function.name, expressions=new)

    def _if(self, args: list[exp.Expr]) -> list[exp.Expr]:
        test = self.value(args[0])
        return [test, self._under(_holds(test.copy(), True), args[1]), self._under(_holds(test.copy(), False), args[2])]

    def _check_lengths(self, node: exp.Expr, function: Function, args: list[exp.Expr]) -> None:
        if self._grown or self._lambdas:
            self.issue(node, "expression.grows", f"{function.name}() cannot stand inside a lambda or a function "
                       "that also makes values longer")
        for number in function.capped:
            if number < len(args):
                self._check_length(function, args[number])

    def _check_length(self, function: Function, arg: exp.Expr) -> None:
        inner = arg.this if isinstance(arg, exp.Neg) else arg
        if not isinstance(inner, exp.Literal) or inner.is_string or not str(inner.this).isdigit():
            self.issue(arg, "expression.grows", f"{function.name}(): the length must be a number written out",
                       f"at most {LONGEST:,}")
        elif int(inner.this) > LONGEST:
            self.issue(arg, "expression.grows", f"{function.name}(): {inner.this} is more than {LONGEST:,}")

    def _argument(self, function: Function, number: int, args: list[exp.Expr]) -> exp.Expr:
        arg = args[number]
        if isinstance(arg, exp.Lambda):
            if number not in function.lambdas:
                return self.issue(arg, "expression.forbidden", f"{function.name}() takes no lambda here")
            return self._lambda(arg, args[0])
        if number in function.lambdas:
            return self.issue(arg, "function.arguments", f"{function.name}() needs a lambda here", function.example)
        if number in function.lists and (place := self._find(arg)):
            return self._list_argument(function, arg, place)
        if isinstance(arg, exp.PropertyEQ) and function.name == "struct_pack":
            return exp.PropertyEQ(this=exp.to_identifier(arg.name, quoted=True), expression=self.value(arg.expression))
        return self.value(arg)

    def _list_argument(self, function: Function, arg: exp.Expr, place: _Place) -> exp.Expr:
        if place.node.many:
            whole = function.lambdas or place.node.fields is not None
            return self._untyped(place) if whole else self._typed(place)
        if function.name == "len":
            if place.node.type == "any" and place.path and not self.scope.typed:
                self.issues.append(Issue(
                    "field.undeclared", f"nobody says whether {path_text(place.path)} is a list; it is taken as text",
                    "length(x) counts characters, list_count(x) elements", self._column(arg), "warning"))
            return self._typed(place)
        if place.node.type not in ("any",) and place.path:
            return self.issue(arg, "field.list", f"{function.name}(): {path_text(place.path)} is no list")
        self._lists(place)
        return place.tree

    def _untyped(self, place: _Place) -> exp.Expr:
        """A list for a lambda, whose elements are cast where it reads them, or a list only counted."""
        self._lists(place)
        return place.tree

    def _lambda(self, node: exp.Lambda, over: exp.Expr) -> exp.Expr:
        place = self._find(over)
        path = self._lists(place) if place else None
        names: dict[str, _Place] = {}
        new = []
        for number, parameter in enumerate(node.expressions):
            name = f"l{len(self._lambdas)}_{number}"
            identifier = exp.to_identifier(name, quoted=True)
            element = place is not None and (number == 0 or self._reduces(node))
            names[parameter.name] = _Place(identifier, path if element else None,
                                           place.node.element if element and place else Node())
            new.append(identifier.copy())
        self._lambdas.append(names)
        try:
            return exp.Lambda(this=self.value(node.this), expressions=new, colon=True)
        finally:
            self._lambdas.pop()

    @staticmethod
    def _reduces(node: exp.Lambda) -> bool:
        parent = node.parent
        return isinstance(parent, exp.Anonymous) and str(parent.this).lower() == "list_reduce"

    def _column(self, node: exp.Expr) -> int:
        for part in node.walk():
            if "start" in part.meta:
                return int(part.meta["start"]) + 1
        return 1


def _holds(tree: exp.Expr, yes: bool) -> exp.Expr:
    held = exp.Is(this=exp.Paren(this=tree), expression=exp.Boolean(this=True))
    return held if yes else exp.Not(this=held)


def _data_type(text: str) -> exp.DataType:
    return exp.DataType.build(text, dialect="duckdb")


_SPECIAL: dict[type[exp.Expr], Callable[[Translation, exp.Expr], exp.Expr]] = {
    exp.In: Translation._in, exp.Case: Translation._case, exp.Cast: Translation._cast,
    exp.TryCast: Translation._cast, exp.Struct: Translation._struct, exp.Bracket: Translation._bracket,
    exp.Anonymous: Translation._call,
}
