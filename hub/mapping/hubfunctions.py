"""The hub's own functions: what each becomes. Joins for what needs a table, plain SQL for the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

from sqlglot import exp

from hub.mapping.record import Node, suggestion
from hub.mapping.scope import Lookup, Scope
from hub.mapping.syntax import render
from hub.workspace.shape import CodesFile

STYLES = ("capitalized", "joined", "lower", "initials", "tones")


class Translating(Protocol):
    """What a hub function may ask of the translation it stands in."""

    scope: Scope
    many: bool

    def issue(self, node: exp.Expr, code: str, message: str, hint: str = "") -> exp.Expr: ...

    def value(self, node: exp.Expr) -> exp.Expr: ...

    def raw(self, node: exp.Expr) -> exp.Expr: ...

    def place(self, node: exp.Expr) -> Node | None: ...

    def is_whole(self, node: exp.Expr) -> bool: ...

    def refers(self, model: str) -> None: ...

    def looks_up(self, node: exp.Expr, lookup: Lookup, code_list: str | None = None) -> exp.Expr: ...


def call(name: str, *args: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(args))


def text(tree: exp.Expr) -> exp.Expr:
    return exp.Cast(this=tree, to=exp.DataType(this=exp.DType.TEXT, nested=False))


def _blank_is_null(tree: exp.Expr) -> exp.Expr:
    return call("nullif", call("trim", text(tree)), exp.Literal.string(""))


def _constant(t: Translating, node: exp.Expr, function: str, what: str) -> str | None:
    if isinstance(node, exp.Literal) and node.is_string:
        return str(node.this)
    t.issue(
        node, "expression.constant", f"{function}: {what} must be a text in quotes", f"{function}('…', …)"
    )
    return None


def _lookup(
    kind: str,
    args: tuple[str, ...],
    tree: exp.Expr,
    rejects: bool = False,
    pairs: tuple[tuple[str, str], ...] | None = None,
) -> Lookup:
    sql = render(text(tree))
    digest = hashlib.sha256(repr((kind, args, sql, pairs)).encode()).hexdigest()
    return Lookup(kind, args, f"k_{digest[:12]}", sql, rejects, pairs)


def code_pairs(codes: CodesFile, source: str, target: str) -> dict[str, str]:
    """Foreign value → hub value, hub value → foreign value, or both in a row.

    A hub value stands for itself in a system that neither lists it as one of its own values nor calls
    it something else. Where several foreign values mean one hub value, the first is written back.

    >>> code_pairs(CodesFile(codes="c", values={"DE": "", "CN": ""}, systems={"e": {"GER": "DE"}}), "e", "")
    {'GER': 'DE', 'CN': 'CN'}
    """
    inwards = {value: value for value in codes.values}
    if source:
        own = codes.systems.get(source, {})
        named = set(own.values())
        inwards = dict(own) | {
            value: value for value in codes.values if value not in named and value not in own
        }
    if not target:
        return inwards
    outwards: dict[str, str] = {}
    for foreign, value in codes.systems.get(target, {}).items():
        outwards.setdefault(value, foreign)
    return {value: outwards.get(hub, hub) for value, hub in inwards.items()}


def _code(t: Translating, node: exp.Expr, args: list[exp.Expr]) -> exp.Expr:
    name = _constant(t, args[0], "code", "the list")
    if name is None:
        return exp.Null()
    codes = t.scope.codes.get(name)
    if codes is None:
        return t.issue(
            args[0], "code.list", f"there is no code list {name!r}", suggestion(name, t.scope.codes)
        )
    pairs = tuple(code_pairs(codes, t.scope.source, t.scope.target).items())
    lookup = _lookup(
        "code",
        (name, t.scope.source, t.scope.target),
        _blank_is_null(t.value(args[1])),
        codes.missing == "reject",
        pairs,
    )
    return t.looks_up(node, lookup, name)


def _ref(t: Translating, node: exp.Expr, args: list[exp.Expr]) -> exp.Expr:
    model = _constant(t, args[0], "ref", "the model")
    if model is None:
        return exp.Null()
    if model not in t.scope.models:
        return t.issue(
            args[0], "ref.model", f"there is no model {model!r}", suggestion(model, t.scope.models)
        )
    if not t.is_whole(node):
        return t.issue(
            node,
            "ref.part",
            "ref() must be the whole value of its field",
            "write conditions and functions inside: ref('model', if(…, key, NULL))",
        )
    t.refers(model)
    keys = [t.raw(arg) for arg in args[1:]]
    if len(keys) == 1:
        if t.many:
            return exp.Cast(this=keys[0], to=exp.DataType.build("TEXT[]", dialect="duckdb"))
        return _blank_is_null(keys[0])
    blanks = [_blank_is_null(key) for key in keys]
    parts = exp.Array(
        expressions=[call("coalesce", text(key.copy()), exp.Literal.string("")) for key in keys]
    )
    return exp.Case(
        ifs=[exp.If(this=exp.Is(this=call("coalesce", *blanks), expression=exp.Null()), true=exp.Null())],
        default=text(call("to_json", parts)),
    )


def _key_in(t: Translating, node: exp.Expr, args: list[exp.Expr]) -> exp.Expr:
    system = _constant(t, args[0], "key_in", "the system")
    if system is None:
        return exp.Null()
    if system not in t.scope.systems:
        return t.issue(
            args[0], "key_in.system", f"there is no system {system!r}", suggestion(system, t.scope.systems)
        )
    if not t.scope.typed:
        return t.issue(
            node,
            "key_in.direction",
            "key_in() needs an entity of the hub; this mapping reads a system",
            "map into a model by ref(), then from the model by key_in()",
        )
    place = t.place(args[1])
    if place is None or place.type not in ("ref", "id") or place.many:
        return t.issue(
            args[1],
            "key_in.entity",
            "key_in: the second argument must be a field of type ref, or id",
            f"key_in('{system}', id) is the record itself",
        )
    return t.looks_up(node, _lookup("key_in", (system, place.model), t.value(args[1])))


def _coalesce_blank(t: Translating, node: exp.Expr, args: list[exp.Expr]) -> exp.Expr:
    values = [text(t.value(arg)) for arg in args]
    name = exp.to_identifier("v", quoted=True)
    filled = exp.NEQ(this=call("trim", name), expression=exp.Literal.string(""))
    keep = exp.Lambda(this=filled, expressions=[exp.to_identifier("v", quoted=True)], colon=True)
    if all(isinstance(arg, exp.Column) for arg in args):
        cases = [
            exp.Case(
                ifs=[
                    exp.If(
                        this=exp.NEQ(this=call("trim", value), expression=exp.Literal.string("")),
                        true=value.copy(),
                    )
                ]
            )
            for value in values
        ]
        return call("coalesce", *cases)
    return call(
        "list_extract", call("list_filter", exp.Array(expressions=values), keep), exp.Literal.number(1)
    )


def _parse_date(t: Translating, node: exp.Expr, args: list[exp.Expr]) -> exp.Expr:
    formats = [_constant(t, arg, "parse_date", "each format") for arg in args[1:]]
    for arg, form in zip(args[1:], formats, strict=True):
        if form is not None and "%" not in form:
            t.issue(
                arg, "parse_date.format", f"parse_date: {form!r} is not a format", "for example '%Y-%m-%d'"
            )
    parsed = call(
        "strptime",
        _blank_is_null(t.value(args[0])),
        exp.Array(expressions=[exp.Literal.string(form or "%Y") for form in formats]),
    )
    return exp.Cast(this=parsed, to=exp.DataType(this=exp.DType.DATE, nested=False))


def _pinyin(t: Translating, node: exp.Expr, args: list[exp.Expr]) -> exp.Expr:
    style = _constant(t, args[1], "pinyin", "the style") if len(args) > 1 else STYLES[0]
    if style is not None and style not in STYLES:
        return t.issue(args[1], "pinyin.style", f"pinyin has no style {style!r}", suggestion(style, STYLES))
    return t.looks_up(node, _lookup("pinyin", (style or STYLES[0],), t.value(args[0])))


HUB: Mapping[str, Callable[[Translating, exp.Expr, list[exp.Expr]], exp.Expr]] = {
    "code": _code,
    "ref": _ref,
    "key_in": _key_in,
    "coalesce_blank": _coalesce_blank,
    "parse_date": _parse_date,
    "pinyin": _pinyin,
}
