"""A mapping file becomes SQL: one ``Compiled`` per output.

inbound   system.resource → model: columns have the model's types and checks
outbound  model → system.resource: columns keep the type of their expression
pass      system.resource → system.resource: the same, from a foreign record
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from hub.contract import Resource
from hub.errors import ConfigError, Finding
from hub.mapping.checks import field_checks
from hub.mapping.columns import cast_sql, ordered
from hub.mapping.compiled import Column, Compiled, hashed, reactions
from hub.mapping.dates import dates
from hub.mapping.expressions import translate
from hub.mapping.joins import Join, compile_join
from hub.mapping.keys import Keys, keys_of, reading
from hub.mapping.record import (
    ELEMENT,
    WHOLE,
    Clash,
    Node,
    OpenFields,
    Path,
    Structure,
    dotted,
    model_type,
    of_fields,
    of_model,
    path_text,
    quoted,
    structure,
    structure_text,
    structure_type,
    suggestion,
)
from hub.mapping.scope import Expression, Scope
from hub.mapping.spares import spares, widened
from hub.mapping.syntax import Issue
from hub.workspace.builtin import condition
from hub.workspace.shape import MappingFile, ModelField, ModelFile, Output
from hub.workspace.workspace import Workspace

__all__ = ["Column", "Compiled", "Join", "Translations", "compile_mapping", "compile_with_findings"]

_EACH = re.compile(r"\s*(?P<list>[\w$]+(\.[\w$]+)*)\s+as\s+(?P<name>[A-Za-z_]\w*)\s*", re.IGNORECASE)

Translations = dict[tuple[str, str, str, bool], tuple[Expression | None, tuple[Issue, ...]]]


def compile_mapping(mapping: MappingFile, workspace: Workspace) -> list[Compiled]:
    """Compile all outputs; ConfigError ``mapping.invalid`` with every finding of level error."""
    compiled, findings = compile_with_findings(mapping, workspace)
    errors = tuple(finding for finding in findings if finding.level == "error")
    if errors or compiled is None:
        raise ConfigError(
            "mapping.invalid",
            f"mapping {mapping.mapping} has {len(errors)} errors; the first: {errors[0].message}",
            where=f"{errors[0].path}:{errors[0].line}",
            hint=errors[0].hint or "run cophub check",
            findings=errors,
        )
    return compiled


def compile_with_findings(
    mapping: MappingFile, workspace: Workspace, known: Translations | None = None
) -> tuple[list[Compiled] | None, list[Finding]]:
    """Compile as far as possible, with all findings; None where one of them is an error. ``known`` may
    be shared by all mappings of one workspace: the same text over undeclared fields means the same."""
    from_ = _Compilation(mapping, workspace, {} if known is None else known)
    compiled = [from_.output(number, output) for number, output in enumerate(mapping.outputs)]
    whole = [one for one in compiled if one is not None]
    bad = len(whole) < len(compiled) or any(finding.level == "error" for finding in from_.findings)
    return (None if bad else whole), from_.findings


class _Compilation:
    """One mapping file being compiled; findings are collected with their places."""

    def __init__(self, mapping: MappingFile, workspace: Workspace, known: Translations) -> None:
        self.mapping = mapping
        self.known = known
        self.workspace = workspace
        self.findings: list[Finding] = []
        self.source, _, self.resource_name = mapping.from_.partition(".")
        self.from_model = not self.resource_name
        self.resource: Resource | None = None
        self.record = self._record()

    # ------------------------------------------------------------ places and findings

    def find(self, path: tuple[str | int, ...], issue: Issue, text: str = "") -> None:
        file, line, column = self.workspace.locate("mapping", self.mapping.mapping, *path)
        if "\n" not in text and text:
            column += issue.column - 1
        self.findings.append(
            Finding(str(file), line, column, issue.level, issue.code, issue.message, issue.hint)
        )

    def place(self, path: tuple[str | int, ...]) -> str:
        file, line, _ = self.workspace.locate("mapping", self.mapping.mapping, *path)
        return f"{file}:{line}"

    def _at(self, number: int, *rest: str | int) -> tuple[str | int, ...]:
        return ("into", number, *rest) if isinstance(self.mapping.into, list) else rest

    # ------------------------------------------------------------ the source

    def _record(self) -> Node:
        if self.from_model:
            return of_model(self.workspace.model(self.source))
        system = self.workspace.system(self.source)
        described = system.describe(self.resource_name)
        self.resource = described and (described.read_as or described)
        record = of_fields(self.resource.fields if self.resource else ())
        extra = {}
        for alias, join in self.mapping.with_.items():
            described = self._described(join.from_)
            extra[alias] = Node("object", join.many, of_fields(described.fields if described else ()).fields)
        return self._extended(record, extra)

    @staticmethod
    def _extended(record: Node, extra: Mapping[str, Node]) -> Node:
        if record.fields is None:
            return Node("open", fields=OpenFields(extra)) if extra else record
        return Node("object", fields={**record.fields, **extra})

    def _described(self, from_: str) -> Resource | None:
        system, _, resource = from_.partition(".")
        known = system in self.workspace.systems or system in self.workspace.own
        return self.workspace.system(system).describe(resource) if known and resource else None

    def _scope(self, output: Output, number: int) -> tuple[Scope, Path | None]:
        target, _, resource = output.into.partition(".")
        systems, models = self.workspace.systems, self.workspace.models
        scope = Scope(
            self.record,
            source="" if self.from_model else self.source,
            target=target if resource else "",
            typed=self.from_model,
            codes=self.workspace.codes,
            models=frozenset(models),
            systems=frozenset(systems),
        )
        if not output.each:
            return scope, None
        return self._each(scope, output.each, number)

    def _each(self, scope: Scope, each: str, number: int) -> tuple[Scope, Path | None]:
        form = _EACH.fullmatch(each)
        if form is None:
            what = f"each: {each!r} does not name a list and an alias"
            self.find(self._at(number, "each"), Issue("each.form", what, "for example to_Positions as p"))
            return scope, None
        text, alias = form["list"], form["name"]
        node = self.record
        path: Path = ()
        for part in text.split("."):
            found = (node.fields or {}).get(part) if node.fields is not None else Node()
            if found is None:
                self.find(
                    self._at(number, "each"),
                    Issue(
                        "field.unknown",
                        f"each: the record has no field {part}",
                        suggestion(part, node.fields or {}),
                    ),
                )
                return scope, None
            node, path = found, (*path, part)
        if not node.many and node.type != "any":
            self.find(self._at(number, "each"), Issue("field.list", f"each: {text} is no list"))
        path = (*path, ELEMENT)
        aliases = ((alias, "e", path, node.element),)
        return replace(scope, aliases=aliases), path

    # ------------------------------------------------------------ one output

    def output(self, number: int, output: Output) -> Compiled | None:
        scope, each = self._scope(output, number)
        model = self.workspace.models.get(output.into)
        columns = [self._column(number, name, output, scope, model) for name in output.fields]
        wheres = [self._expression(("where",), self.mapping.where, scope)] if self.mapping.where else []
        if output.where and output.where != self.mapping.where:
            wheres.append(self._expression(self._at(number, "where"), output.where, scope))
        if unsaid := condition(self.mapping.from_, output.into):
            wheres.append(self._expression(self._at(number, "into"), unsaid, scope))
        self._check_names(number, output)
        days, extra = self._dates(number, output, scope), self._spare(number, output, scope, model)
        if None in columns or None in wheres or None in days or None in extra:
            return None
        spare = tuple(column for column in extra if column is not None)
        kept = widened([column for column in columns if column is not None], spare)
        conditions = [where for where in wheres if where is not None]
        effective = tuple(day for day in days if day is not None)
        alias = (scope.aliases[0][0], each) if each else None
        keys = keys_of(
            self.mapping,
            output,
            self._at(number),
            record=self.record,
            source=self.resource,
            target=self._described(output.into),
            each=alias,
            report=self.find,
        )
        return self._assembled(number, output, scope, each, kept, conditions, keys, model, effective, spare)

    def _assembled(
        self,
        number: int,
        output: Output,
        scope: Scope,
        each: Path | None,
        columns: list[Column],
        conditions: list[Expression],
        keys: Keys,
        model: ModelFile | None,
        effective: tuple[Column, ...],
        spare: tuple[Column, ...],
    ) -> Compiled | None:
        expressions = [column.expression for column in (*columns, *effective, *spare)] + conditions
        paths: dict[Path, None] = dict.fromkeys(path for one in expressions for path in one.inputs)
        paths.update(dict.fromkeys(keys.paths))
        if each:
            paths[each] = None
        own = [path for path in paths if path[0] not in self.mapping.with_]
        if self.resource and self.resource.cursor:
            own.append(tuple(self.resource.cursor.split(".")))
        try:
            joins = self._joins(paths, own)
            shape = None if self.from_model else structure(own)
        except Clash as clash:
            self.find(self._at(number, "fields"), Issue("field.shape", str(clash)))
            return None
        lookups = ordered({guard.lookup: None for one in expressions for guard in one.guards})
        return hashed(
            Compiled(
                mapping=self.mapping.mapping,
                output=output.into,
                number=number,
                direction=self._direction(output),
                source=self.mapping.from_,
                structure=None if shape is None else structure_text(shape),
                record=self._type(shape, joins),
                paths=dotted(own),
                key=keys.sql,
                key_fields=keys.fields,
                item=keys.item,
                target_key=keys.target,
                where=" AND ".join(f"({one.sql})" for one in conditions),
                conditions=tuple(conditions),
                each=reading(each[:-1]) if each else None,
                each_path=path_text(each[:-1]) if each else "",
                columns=tuple(columns),
                lookups=lookups,
                checks=field_checks(columns, model, scope.codes) if model else (),
                joins=joins,
                effective=effective,
                spare=spare,
                outside=reactions(output),
            )
        )

    def _dates(self, number: int, output: Output, scope: Scope) -> list[Column | None]:
        path = self._at(number, "effective") if output.effective else ("effective",)
        rule, inbound = output.effective or self.mapping.effective, self._direction(output) == "inbound"
        return dates(rule, path, lambda at, text: self._expression(at, text, scope), self, inbound=inbound)

    def _spare(self, number: int, output: Output, scope: Scope, model: ModelFile | None) -> list[Column | None]:
        return spares(output, model, self._at(number), lambda at, text: self._expression(at, text, scope), self)

    def _check_names(self, number: int, output: Output) -> None:
        """DuckDB's columns do not distinguish case, and some names are the hub's."""
        seen: dict[str, str] = {}
        reserved = {"_key", "_hash", "_parent"}
        for name in output.fields:
            other = seen.setdefault(name.lower(), name)
            path = self._at(number, "fields", name)
            if other != name:
                self.find(path, Issue("field.clash", f"{name} and {other} differ only in case"))
            if name.lower() in reserved:
                self.find(
                    path, Issue("field.reserved", f"an output field cannot be named {name}: the hub uses it")
                )

    def _direction(self, output: Output) -> Literal["inbound", "outbound", "pass"]:
        if self.from_model:
            return "outbound"
        return "pass" if "." in output.into else "inbound"

    def _column(
        self, number: int, name: str, output: Output, scope: Scope, model: ModelFile | None
    ) -> Column | None:
        rule = output.fields[name]
        path = self._at(number, "fields", name)
        declared = model.fields.get(name) if model else None
        if model and declared is None:
            self.find(
                path,
                Issue(
                    "field.unknown",
                    f"model {model.model} has no field {name}",
                    suggestion(name, model.fields),
                ),
            )
        many = bool(declared and declared.many)
        expression = self._expression((*path, "value"), rule.value, scope, many)
        if expression is None or (model and declared is None):
            return None
        self._ref_use(path, expression, declared)
        sql, type_ = expression.sql, model_type(declared) if declared else ""
        if declared and expression.ref is None:
            sql = cast_sql(expression, declared, type_)
        if declared and declared.type == "json" and expression.plain and not self.from_model:
            whole = tuple((*one, WHOLE) if one[-1] != WHOLE else one for one in expression.inputs)
            expression = replace(expression, inputs=whole)
        inputs = tuple(path_text(one) for one in expression.inputs)
        return Column(
            name,
            sql,
            type_,
            rule.strength,
            inputs,
            expression.ref,
            self.place(path),
            expression,
            declared,
            many,
        )

    def _ref_use(
        self, path: tuple[str | int, ...], expression: Expression, declared: ModelField | None
    ) -> None:
        if expression.ref and (declared is None or declared.type != "ref"):
            self.find(path, Issue("ref.type", "ref() gives an entity; the field is not of type ref"))
        elif expression.ref and declared and declared.model != expression.ref:
            self.find(
                path,
                Issue(
                    "ref.model",
                    f"the field refers to {declared.model}, not {expression.ref}",
                    f"ref('{declared.model}', …)",
                ),
            )
        elif declared and declared.type == "ref" and not expression.ref:
            self.find(
                path,
                Issue(
                    "ref.missing",
                    "a field of type ref needs an entity, not a text",
                    f"ref('{declared.model}', …)",
                ),
            )

    def _expression(
        self, path: tuple[str | int, ...], text: str, scope: Scope, many: bool = False
    ) -> Expression | None:
        if scope.record.fields is None and not scope.aliases:
            key = (text, scope.source, scope.target, many)
            if key not in self.known:
                self.known[key] = translate(text, scope, many)
            expression, issues = self.known[key]
        else:
            expression, issues = translate(text, scope, many)
        for issue in issues:
            self.find(path, issue, text)
        return expression

    # ------------------------------------------------------------ with

    def _joins(self, paths: Iterable[Path], own: list[Path]) -> tuple[Join, ...]:
        """The resources joined; what their conditions read of the record is added to ``own``."""
        joins = []
        for alias, rule in self.mapping.with_.items():
            join, issue, reads = compile_join(alias, rule, paths)
            if issue:
                self.find(("with", alias, "on"), issue, rule.on)
            if join:
                joins.append(join)
                own += reads
        return tuple(joins)

    def _type(self, shape: Structure | None, joins: Iterable[Join]) -> str:
        """The DuckDB type of ``r``: of the structure with what is joined, or of the model's fields."""
        if shape is None:
            model = self.workspace.models.get(self.source)
            fields = model.fields.items() if model else ()
            return f"STRUCT({', '.join(f'{quoted(name)} {model_type(field)}' for name, field in fields)})"
        joined: dict[str, Structure] = {
            join.alias: [dict(join.shape)] if join.many else dict(join.shape) for join in joins
        }
        return structure_type({**shape, **joined} if isinstance(shape, dict) else shape)
