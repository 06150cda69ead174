"""SCIM filters and sort orders as SQL: the values of a filter are bind parameters, never text of a statement.

What matches is what ``ScimFilter.match`` of scim2-models says; the storage contract of scim2-server compares the two.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from functools import reduce
from typing import Any

from scim2_models import InvalidFilterException, Path, Resource, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)
from sqlalchemy import (
    ColumnElement,
    String,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hub.literals import instant
from hub.store.scim_compared import head, text, unique
from hub.store.scim_tables import scim_resource

Condition = ColumnElement[bool]
Op = CompareOperator
columns = scim_resource.c
_TEXTS = ARRAY(Text())
MOMENTS = {"created": columns.created, "last_modified": columns.modified}


def condition(dialect: str, model: type[Resource[Any]], written: str) -> Condition:
    """The rows of a model that a filter keeps. InvalidFilterException."""
    bound: Any = ScimFilter.__class_getitem__(model)
    return Compiler(dialect, model).visit(bound(written).ast)


class Compiler(FilterVisitor[Condition]):
    """Compiles for one model, or for one item of a list of values (``item``)."""

    def __init__(self, dialect: str, model: type[Any], item: ColumnElement[Any] | None = None) -> None:
        self.dialect, self.item = dialect, item
        self.model: Any = model
        self.postgresql = dialect == "postgresql"

    # ------------------------------------------------------------ nodes

    def visit_not(self, node: Not) -> Condition:
        return not_(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        terms = [self.visit(term) for term in node.terms]
        return and_(*terms) if node.op == LogicalOperator.and_ else or_(*terms)

    def visit_present(self, node: Present) -> Condition:
        binding = self._binding(node.attr_path)
        if binding is None:
            return false()
        if self.item is not None:
            return _filled(self._of_item(self.item, binding.field_name))
        if (special := _special(binding)) is not None:
            return special.is_not(None)
        name = head(binding)
        if binding.sub_field_name is None:
            simple = name == "schemas" or not _is_complex(binding)
            if binding.is_multivalued and simple:
                return self._any(name, lambda item: _filled(self._scalar(item)))
            return _filled(self._top(name)) if simple else self._top(f"+{name}").is_not(None)
        sub = binding.sub_field_name
        if binding.is_multivalued:
            return self._any(name, lambda item: _filled(self._of_item(item, sub)))
        return _filled(self._top(name, sub))

    def visit_comparison(self, node: Comparison) -> Condition:
        binding = self._binding(node.attr_path, comparing=True)
        if binding is None:
            return false()
        if isinstance(node.value, str) and re.search("[\ud800-\udfff]", node.value):
            raise InvalidFilterException(detail="a text holds half a character, which no database keeps")
        value = coerce_value(binding, node.value, node.op)
        if self.item is not None:
            return self._compared(self._of_item(self.item, binding.field_name), binding, node.op, value)
        if binding.field_name == "meta" and binding.sub_field_name in MOMENTS:
            return _moment(MOMENTS[binding.sub_field_name], node.op, value)
        if (known := self._indexed(binding, node.op, value)) is not None:
            return known
        if (special := _special(binding)) is not None:
            return self._compared(special, binding, node.op, value)
        name, sub = head(binding), binding.sub_field_name
        if not binding.is_multivalued:
            held = self._held(binding, node.op, value)
            return held if held is not None else self._compared(self._top(name, sub), binding, node.op, value)
        inner: Callable[[ColumnElement[Any]], Condition] = lambda item: self._compared(  # noqa: E731 # one expression
            self._of_item(item, sub) if sub else self._scalar(item), binding, node.op, value
        )
        if (held := self._held(binding, node.op, value)) is not None:
            return held
        missing = self._json(name).is_(None)
        if node.op == Op.ne:
            no_other = not_(self._any(name, lambda item: not_(inner(item))))
            return and_(not_(missing), no_other) if value is None else no_other
        found = self._any(name, inner)
        return or_(missing, found) if node.op == Op.eq and value is None else found

    def visit_value_path(self, node: ValuePath) -> Condition:
        binding = self._binding(node.attr_path)
        if binding is None:
            return false()
        if not binding.is_multivalued or not isinstance(binding.field_type, type) or not _is_complex(binding):
            raise InvalidFilterException(detail=f"{node.attr_path} has no several values to choose from")
        kind = binding.field_type

        def chosen(item: ColumnElement[Any]) -> Condition:
            return Compiler(self.dialect, kind, item).visit(node.val_filter)

        found = self._any(head(binding), chosen)
        equal = self._equal(node.val_filter, kind) if self.postgresql else {}
        return and_(self._contains({head(binding): [equal]}), found) if equal else found

    def _equal(self, node: Any, kind: Any) -> dict[str, str]:
        """Texts that an item must have, of those that all of a filter's conditions name."""
        if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
            return {name: one for term in node.terms for name, one in self._equal(term, kind).items()}
        if not isinstance(node, Comparison) or node.op != Op.eq:
            return {}
        binding = Compiler(self.dialect, kind, literal(None))._binding(node.attr_path)
        value = None if binding is None else coerce_value(binding, node.value, node.op)
        wanted = text(binding, value) if binding is not None and isinstance(value, str) else None
        return {} if binding is None or wanted is None else {binding.field_name: wanted}

    # ------------------------------------------------------------ comparisons

    def _compared(self, found: ColumnElement[Any], binding: AttributeBinding, op: Op, value: Any) -> Condition:
        if value is None:
            return {Op.eq: found.is_(None), Op.ne: found.is_not(None)}.get(op, false())
        wanted = text(binding, value)
        if wanted is None:  # a text that no policy can prepare equals nothing
            return true() if op == Op.ne else false()
        if op == Op.ne:
            return or_(found.is_(None), found != wanted)
        return and_(found.is_not(None), self._holds(found, op, wanted))

    def _holds(self, found: ColumnElement[Any], op: Op, wanted: str) -> Condition:
        if op == Op.eq:
            return found == wanted
        if op == Op.co:  # LIKE would fold ASCII in SQLite, and know wildcards
            return (func.strpos if self.postgresql else func.instr)(found, wanted) > 0
        if op == Op.sw:
            return func.substr(found, 1, len(wanted)) == wanted
        if op == Op.ew:
            start = func.length(found) - len(wanted) + 1
            return and_(func.length(found) >= len(wanted), func.substr(found, start) == wanted)
        compare = {Op.gt: "__gt__", Op.ge: "__ge__", Op.lt: "__lt__", Op.le: "__le__"}[op]
        return getattr(found, compare)(wanted)  # type: ignore[no-any-return] # an operator of the column

    def _indexed(self, binding: AttributeBinding, op: Op, value: Any) -> Condition | None:
        """A comparison that an index answers: the unique name, externalId and id."""
        if not isinstance(value, str) or binding.sub_field_name is not None:
            return None
        if op == Op.eq and binding.field_name == "id":
            try:
                return columns.id == uuid.UUID(value)
            except ValueError:
                return false()
        named = unique(self.model)  # a resource: items of lists never come here
        column = {"external_id": columns.external_id, named.field_name if named else "": columns.name}.get(
            binding.field_name if issubclass(binding.model, Resource) else ""
        )
        if column is None:
            return None
        found = self._compared(column, binding, op, value)
        first = text(binding, value) if op == Op.sw else None
        return and_(found, column >= first, column < _after(first)) if first else found

    def _held(self, binding: AttributeBinding, op: Op, value: Any) -> Condition | None:
        """An equal text, found by the index over all of them; not so of true and false, which half of all have."""
        wanted = text(binding, value) if isinstance(value, str) and self.postgresql and op == Op.eq else None
        if wanted is None:
            return None
        part: Any = {binding.sub_field_name: wanted} if binding.sub_field_name else wanted
        return self._contains({head(binding): [part] if binding.is_multivalued else part})

    def _contains(self, part: Any) -> Condition:
        return columns.compared.op("@>", is_comparison=True)(literal(part, JSONB()))

    # ------------------------------------------------------------ places

    def _binding(self, path: AttrPath, *, comparing: bool = False) -> AttributeBinding | None:
        if self.item is not None:
            bound: Any = Path.__class_getitem__(self.model)
            found: AttributeBinding | None = bound(str(path)).resolve()
            return found
        whole: Any = ScimFilter.__class_getitem__(self.model)
        resolving = whole("id pr")
        found = resolving.resolve_comparison(path, strict=False) if comparing else resolving.resolve(path, strict=False)
        return found

    def _json(self, name: str) -> ColumnElement[Any]:
        if self.postgresql:
            return columns.compared.op("->", return_type=JSONB())(literal(name, String))
        return func.json_extract(columns.compared, literal(f'$."{name}"'))

    def _top(self, name: str, sub: str | None = None) -> ColumnElement[Any]:
        if self.postgresql:
            holder = self._json(name) if sub else columns.compared
            return _c(holder.op("->>", return_type=Text())(literal(sub or name, String)))
        return func.json_extract(columns.compared, literal(f'$."{name}"' + (f'."{sub}"' if sub else "")))

    def _any(self, name: str, inner: Callable[[ColumnElement[Any]], Condition]) -> Condition:
        if self.postgresql:
            item: Any = func.jsonb_array_elements(self._json(name)).column_valued()
        else:
            item = func.json_each(columns.compared, literal(f'$."{name}"')).table_valued("value").c.value
        return exists(select(literal(1)).where(inner(item)).correlate(scim_resource))

    def _of_item(self, item: ColumnElement[Any], name: str) -> ColumnElement[Any]:
        if self.postgresql:
            return _c(cast(item, JSONB()).op("->>", return_type=Text())(literal(name, String)))
        return func.json_extract(item, literal(f'$."{name}"'))

    def _scalar(self, item: ColumnElement[Any]) -> ColumnElement[Any]:
        if self.postgresql:
            return _c(cast(item, JSONB()).op("#>>", return_type=Text())(cast(literal("{}", String), _TEXTS)))
        return item


def sorting(dialect: str, bindings: list[AttributeBinding]) -> ColumnElement[Any] | None:
    """What resources are sorted by: an attribute, of several values the primary one or the first."""
    if not bindings:
        return None
    binding = bindings[0]
    if binding.field_name == "meta" and binding.sub_field_name in MOMENTS:
        return MOMENTS[binding.sub_field_name]
    if (special := _special(binding)) is not None:
        return special
    compiler, name, sub = Compiler(dialect, binding.model), head(binding), binding.sub_field_name
    named = unique(binding.model) if issubclass(binding.model, Resource) else None
    if named is not None and named.urn == binding.urn and len(bindings) == 1:
        return columns.name
    if binding.is_multivalued:
        return compiler._top(f"^{name}.{sub}" if sub else f"^{name}")
    return compiler._top(name, sub)


def _special(binding: AttributeBinding) -> ColumnElement[Any] | None:
    """Attributes that have columns of their own, or none at all."""
    if binding.field_name == "id":
        return func.lower(func.replace(cast(columns.id, Text), "-", ""))
    if binding.field_name != "meta":
        return None
    if binding.sub_field_name in MOMENTS:
        return MOMENTS[binding.sub_field_name]
    if binding.sub_field_name == "version":
        return literal('W/"', String).concat(cast(columns.version, Text)).concat(literal('"', String))
    return columns.kind if binding.sub_field_name in ("resource_type", None) else cast(literal(None), Text)


def _moment(column: ColumnElement[Any], op: Op, value: Any) -> Condition:
    if value is None:
        return false() if op != Op.ne else true()
    if not isinstance(value, dt.datetime):
        return false()
    try:
        value = instant(value.isoformat())
    except ValueError:
        raise InvalidFilterException from None
    names = {Op.eq: "__eq__", Op.ne: "__ne__", Op.gt: "__gt__", Op.ge: "__ge__", Op.lt: "__lt__", Op.le: "__le__"}
    return getattr(column, names[op])(value) if op in names else false()


def _after(first: str) -> str:
    """The least text that comes after all that begin with another one: an index finds those between."""
    last = ord(first[-1]) + 1
    if last > 0x10FFFF:
        return first + chr(0x10FFFF)
    return first[:-1] + chr(0xE000 if 0xD800 <= last <= 0xDFFF else last)


def _filled(found: ColumnElement[Any]) -> Condition:
    return and_(found.is_not(None), found != "")


def _is_complex(binding: AttributeBinding) -> bool:
    return isinstance(binding.field_type, type) and hasattr(binding.field_type, "model_fields")


def _c(found: ColumnElement[Any]) -> ColumnElement[Any]:
    """By code points, as Python compares and SQLite does."""
    return found.collate("C")


def either(conditions: list[Condition]) -> Condition:
    """One of them."""
    return reduce(or_, conditions, false())
