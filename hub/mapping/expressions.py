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

from collections.abc import Callable

from sqlglot import exp

from hub.mapping.functions import FUNCTIONS, REFUSED, Function
from hub.mapping.grammar import DEEPEST_TREE, INDEXED, PARTS, SAME, TYPES, WHY
from hub.mapping.growth import Growth
from hub.mapping.hubfunctions import HUB
from hub.mapping.names import Names, Place
from hub.mapping.record import Node, path_text, suggestion
from hub.mapping.scope import Expression, Guard, Lookup, Scope
from hub.mapping.syntax import Issue, parse, render


def translate(text: str, scope: Scope, many: bool = False) -> tuple[Expression | None, tuple[Issue, ...]]:
    """Check one expression in its scope. Answers the expression, or None with at least one issue.

    ``many`` says that the field wants a list. Warnings may come with an expression.
    """
    tree, issue = parse(text)
    if tree is None:
        return None, (issue,) if issue else ()
    return Translation(text, scope, many).run(tree)


_INSTEAD = "an expression sees the fields of one record; with: joins another resource, code() and ref() look up"


class Translation:
    """One walk over one syntax tree; every method answers a new tree."""

    def __init__(self, text: str, scope: Scope, many: bool) -> None:
        self.text = text
        self.scope = scope
        self.many = many
        self.issues: list[Issue] = []
        self.functions: dict[str, None] = {}
        self.codes: dict[str, None] = {}
        self.guards: dict[Guard, None] = {}
        self.ref: str | None = None
        self.code_list: str | None = None
        self._root: exp.Expr | None = None
        self._names = Names(scope, self)
        self._conditions: list[exp.Expr] = []
        self._grown = 0
        self._growth = Growth()
        self._depth = 0

    def run(self, tree: exp.Expr) -> tuple[Expression | None, tuple[Issue, ...]]:
        self._root = tree
        new = self.value(tree)
        issues = tuple(dict.fromkeys(self.issues))
        if any(issue.level == "error" for issue in issues):
            return None, issues
        whole = (
            isinstance(tree, exp.Anonymous)
            and self.code_list is not None
            and str(tree.this).lower() == "code"
        )
        return Expression(
            self.text,
            render(new),
            tuple(self._names.inputs),
            tuple(self.functions),
            tuple(self.codes),
            tuple(self.guards),
            self.ref,
            isinstance(tree, exp.Column),
            not isinstance(new, exp.Dot),
            self.code_list if whole else None,
        ), issues

    # ------------------------------------------------------------ what hub functions use

    def issue(self, node: exp.Expr, code: str, message: str, hint: str = "") -> exp.Expr:
        self.issues.append(Issue(code, message, hint, self._column(node)))
        return exp.Null()

    def value(self, node: exp.Expr) -> exp.Expr:
        """The value of a node: a part of the record in its declared type, or what is computed."""
        place = self._names.find(node)
        return self._names.typed(place) if place else self.computed(node)

    def raw(self, node: exp.Expr) -> exp.Expr:
        """The same, but a part of the record as the source wrote it."""
        place = self._names.find(node)
        if place is None:
            return self.computed(node)
        self._names.reads(place)
        return place.tree

    def place(self, node: exp.Expr) -> Node | None:
        found = self._names.find(node)
        return found.node if found else None

    def is_whole(self, node: exp.Expr) -> bool:
        return node is self._root

    def refers(self, model: str) -> None:
        self.ref = model

    def looks_up(self, node: exp.Expr, lookup: Lookup, code_list: str | None = None) -> exp.Expr:
        if self._names.lambdas:
            return self.issue(
                node,
                "expression.lambda_lookup",
                f"{lookup.kind}() cannot stand inside a lambda: it becomes a join",
                f"take one element first, {lookup.kind}(…, list[1].field), or use each:",
            )
        conditions = " AND ".join(f"({render(tree.copy())})" for tree in self._conditions)
        self.guards[Guard(lookup, conditions)] = None
        if code_list:
            self.codes[code_list] = None
            self.code_list = code_list
        return exp.column("output", table=lookup.alias, quoted=True)

    # ------------------------------------------------------------ everything else

    def computed(self, node: exp.Expr) -> exp.Expr:
        self._depth += 1
        try:
            if self._depth > DEEPEST_TREE:
                return self.issue(
                    node, "expression.too_deep", f"the expression nests deeper than {DEEPEST_TREE}"
                )
            kind = type(node)
            if kind in SAME:
                return self._same(node)
            special = _SPECIAL.get(kind)
            if special:
                return special(self, node)
            name = kind.__name__
            what = WHY.get(name, f"{name} is not part of an expression over one record")
            code = "expression.forbidden"
            return self.issue(node, code, what, _INSTEAD if "other records" in what else "")
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
            return self.issue(
                node,
                "expression.forbidden",
                "IN takes a written list: x IN ('a', 'b')",
                "whether a list holds a value: list_contains(list, value)",
            )
        return self._same(node)

    def _dated(self, node: exp.Expr) -> exp.Expr:
        """EXTRACT(part FROM x) and INTERVAL x part."""
        interval = isinstance(node, exp.Interval)
        part = node.args.get("unit") if interval else node.this
        name = part.name.lower() if isinstance(part, exp.Var | exp.Literal) else ""
        if name.removesuffix("s") not in PARTS and name not in PARTS:
            return self.issue(
                node, "expression.syntax", "this is no part of a date", "year, month, day, hour …"
            )
        known = exp.Var(this=name.upper())
        if interval:
            return exp.Interval(this=self.value(node.this), unit=known)
        return exp.Extract(this=known, expression=self.value(node.expression))

    def _is(self, node: exp.Expr) -> exp.Expr:
        if not isinstance(node.expression, exp.Null | exp.Boolean):
            return self.issue(node, "expression.forbidden", "IS is followed by NULL, TRUE or FALSE")
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
                if part.this not in TYPES and part.this != exp.DType.ARRAY:
                    return self.issue(
                        node,
                        "expression.type",
                        f"no value is cast to {part.sql('duckdb')}",
                        "VARCHAR, BIGINT, DECIMAL(18, 2), DOUBLE, BOOLEAN, DATE, TIMESTAMPTZ, JSON …",
                    )
        else:
            return self.issue(node, "expression.type", "this is not a type to cast to")
        place = self._names.find(node.this)
        inner = self.raw(node.this) if place else self.value(node.this)
        return type(node)(this=inner, to=to.copy())

    def _struct(self, node: exp.Expr) -> exp.Expr:
        pairs = []
        for pair in node.expressions:
            if not isinstance(pair, exp.PropertyEQ):
                return self.issue(node, "expression.forbidden", "an object is written {'name': value}")
            pairs.append(
                exp.PropertyEQ(
                    this=exp.to_identifier(pair.name, quoted=True), expression=self.value(pair.expression)
                )
            )
        return exp.Struct(expressions=pairs)

    def _bracket(self, node: exp.Expr) -> exp.Expr:
        if type(node.this) not in INDEXED:
            return self.issue(node, "expression.syntax", "[…] stands behind a list", "write (…)[1]")
        return exp.Bracket(
            this=self.value(node.this), expressions=[self.index(part) for part in node.expressions]
        )

    def index(self, node: exp.Expr) -> exp.Expr:
        """What stands in [ ]: a position or from:to."""
        return self._same(node) if isinstance(node, exp.Slice) else self.value(node)

    def _call(self, node: exp.Expr) -> exp.Expr:
        name = str(node.this).lower()
        function = FUNCTIONS.get(name)
        if function is None:
            if name in REFUSED:
                code = "expression.volatile" if "run to run" in REFUSED[name] else "expression.forbidden"
                return self.issue(node, code, f"{name}() is not allowed: {REFUSED[name]}", _INSTEAD)
            return self.issue(
                node, "function.unknown", f"there is no function {name}()", suggestion(name, FUNCTIONS)
            )
        return self.called(node, function)

    def called(self, node: exp.Expr, function: Function) -> exp.Expr:
        args, count = node.expressions, len(node.expressions)
        if count < function.least or (function.most is not None and count > function.most):
            return self.issue(
                node,
                "function.arguments",
                f"{function.name}() does not take {count} arguments",
                function.signature,
            )
        self.functions[function.name] = None
        if function.hub:
            return HUB[function.name](self, node, args)
        self._grow(node, function)
        self._grown += bool(function.capped)
        if function.name == "if":
            new = self._if(args)
        else:
            new = [self._argument(function, number, args) for number in range(count)]
        self._grown -= bool(function.capped)
        return exp.Anonymous(this=function.name, expressions=new)

    def _grow(self, node: exp.Expr, function: Function) -> None:
        if function.capped and (self._grown or self._names.lambdas):
            self.issue(
                node,
                "expression.grows",
                f"{function.name}() cannot stand inside a lambda or a function that also makes values longer",
            )
        for arg, why in self._growth.objections(function, node.expressions):
            self.issue(arg, "expression.grows", f"{function.name}(): {why}")

    def _if(self, args: list[exp.Expr]) -> list[exp.Expr]:
        test = self.value(args[0])
        return [
            test,
            self._under(_holds(test.copy(), True), args[1]),
            self._under(_holds(test.copy(), False), args[2]),
        ]

    def _argument(self, function: Function, number: int, args: list[exp.Expr]) -> exp.Expr:
        arg = args[number]
        if isinstance(arg, exp.Lambda):
            if number not in function.lambdas:
                return self.issue(arg, "expression.forbidden", f"{function.name}() takes no lambda here")
            return self._lambda(arg, args[0])
        if number in function.lambdas:
            return self.issue(
                arg, "function.arguments", f"{function.name}() needs a lambda here", function.example
            )
        if number in function.lists and (place := self._names.find(arg)):
            return self._list_argument(function, arg, place)
        if isinstance(arg, exp.PropertyEQ) and function.name == "struct_pack":
            return exp.PropertyEQ(
                this=exp.to_identifier(arg.name, quoted=True), expression=self.value(arg.expression)
            )
        return self.value(arg)

    def _list_argument(self, function: Function, arg: exp.Expr, place: Place) -> exp.Expr:
        if place.node.many:
            whole = function.lambdas or place.node.fields is not None
            return self._untyped(place) if whole else self._names.typed(place)
        if function.name == "len":
            if place.node.type == "any" and place.path and not self.scope.typed:
                self.issues.append(
                    Issue(
                        "field.undeclared",
                        f"nobody says whether {path_text(place.path)} is a list; it is taken as text",
                        "length(x) counts characters, list_count(x) elements",
                        self._column(arg),
                        "warning",
                    )
                )
            return self._names.typed(place)
        if place.node.type not in ("any",) and place.path:
            return self.issue(arg, "field.list", f"{function.name}(): {path_text(place.path)} is no list")
        self._names.lists(place)
        return place.tree

    def _untyped(self, place: Place) -> exp.Expr:
        """A list for a lambda, whose elements are cast where it reads them, or a list only counted."""
        self._names.lists(place)
        return place.tree

    def _lambda(self, node: exp.Lambda, over: exp.Expr) -> exp.Expr:
        place = self._names.find(over)
        path = self._names.lists(place) if place else None
        names: dict[str, Place] = {}
        new = []
        for number, parameter in enumerate(node.expressions):
            name = f"l{len(self._names.lambdas)}_{number}"
            identifier = exp.to_identifier(name, quoted=True)
            element = place is not None and (number == 0 or self._reduces(node))
            names[parameter.name] = Place(
                identifier, path if element else None, place.node.element if element and place else Node()
            )
            new.append(identifier.copy())
        self._names.lambdas.append(names)
        try:
            return exp.Lambda(this=self.value(node.this), expressions=new, colon=True)
        finally:
            self._names.lambdas.pop()

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


_SPECIAL: dict[type[exp.Expr], Callable[[Translation, exp.Expr], exp.Expr]] = {
    exp.In: Translation._in,
    exp.Is: Translation._is,
    exp.Extract: Translation._dated,
    exp.Interval: Translation._dated,
    exp.Case: Translation._case,
    exp.Cast: Translation._cast,
    exp.TryCast: Translation._cast,
    exp.Struct: Translation._struct,
    exp.Bracket: Translation._bracket,
    exp.Anonymous: Translation._call,
}
