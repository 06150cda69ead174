"""A compiled mapping: one output as SQL, with everything a run needs to know of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hub.mapping.checks import Check
from hub.mapping.joins import Join
from hub.mapping.scope import Expression, Guard, Lookup
from hub.workspace.shape import ModelField, Output

VERSION = "1"
"""Part of every hash: raised when the same mapping would give another result."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the output: its SQL, DuckDB type (empty: the expression's own), strength, the source
    paths it reads, the model it refers to, its model field, and where the rule stands."""

    name: str
    sql: str
    type: str
    strength: Literal["strong", "normal", "weak"]
    inputs: tuple[str, ...]
    ref: str | None
    where: str
    expression: Expression
    field: ModelField | None = None
    many: bool = False

    @property
    def guards(self) -> tuple[Guard, ...]:
        return self.expression.guards

    @property
    def code_list(self) -> str | None:
        """The code list whose values this can only have, because it is ``code(list, …)``."""
        return self.expression.code_list

    @property
    def raising(self) -> bool:
        """Whether a value can make the expression raise."""
        return self.sql != f"CAST({self.expression.sql} AS VARCHAR)" or not self.expression.plain


@dataclass(frozen=True, slots=True)
class Compiled:
    """One output of one mapping as SQL.

    ``structure`` is the text for ``json_transform`` (every leaf VARCHAR), None where the record comes
    from a model and is typed; ``record`` is DuckDB's type of ``r``. ``paths`` are the dotted
    source fields needed, key and cursor included.
    ``key`` is SQL over ``r`` that gives ``hub.contract.key_text`` of the record ('' where a part is
    missing), None from a model, where the key is the entity's id, and where only the running
    system knows the key. ``item`` gives the texts of
    an element's own key over ``e``. ``target_key`` names the output fields that are the key of the
    foreign record written to. ``where`` is a condition or empty,
    made of ``conditions``. ``lookups`` are in the order in which
    they can be joined. ``effective`` are dates beside the columns, ``spare`` further candidates of
    columns. ``outside`` are the reactions to what
    leaves, empty for none. ``hash`` changes with everything that changes results.
    """

    mapping: str
    output: str
    number: int
    direction: Literal["inbound", "outbound", "pass"]
    source: str
    structure: str | None
    record: str
    paths: tuple[str, ...]
    key: str | None
    key_fields: tuple[str, ...]
    item: tuple[str, ...]
    target_key: tuple[str, ...]
    where: str
    conditions: tuple[Expression, ...]
    each: str | None
    each_path: str
    columns: tuple[Column, ...]
    lookups: tuple[Lookup, ...]
    checks: tuple[Check, ...]
    joins: tuple[Join, ...] = ()
    effective: tuple[Column, ...] = ()
    spare: tuple[Column, ...] = ()
    outside: str = ""
    hash: str = field(default="", compare=False)

    @property
    def model(self) -> str | None:
        """The model this writes, None where it writes a system."""
        return self.output if "." not in self.output else None

    def output_key(self) -> str:
        """With ``each``: SQL of the output's key, a JSON array of the record's key and the element's."""
        parts = ", ".join(f"COALESCE({part}, '')" for part in self.item)
        return f"CAST(TO_JSON([key, {parts}]) AS VARCHAR)"


def reactions(output: Output) -> str:
    """The reactions to what leaves, as far as what was looked at once is not looked at again by itself."""
    if "." not in output.into:
        rule = output.out_of_scope
        return "" if rule.reaction == "ignore" else f"{rule.reaction} {rule.grace or ''}"
    chains = [[(step.reaction, step.grace) for step in one.chain] for one in (output.out_of_scope, output.absent)]
    return json.dumps([*chains, output.disable], sort_keys=True) if any(chains) else ""


def hashed(compiled: Compiled) -> Compiled:
    """The same with its hash: SHA-256 over all that decides results, code lists included."""
    content: list[Any] = [
        VERSION,
        compiled.mapping,
        compiled.output,
        compiled.source,
        compiled.structure,
        compiled.key,
        compiled.item,
        compiled.target_key,
        compiled.where,
        compiled.each,
        [(column.name, column.sql, column.type, column.strength, column.ref) for column in compiled.columns],
        [(one.kind, one.args, one.input_sql, one.pairs, one.rejects) for one in compiled.lookups],
        [(check.field, check.code, check.condition) for check in compiled.checks],
        [(join.alias, join.resource, join.many, join.shape, join.pairs) for join in compiled.joins],
    ]
    if compiled.effective:
        content.append([(column.name, column.sql) for column in compiled.effective])
    if compiled.spare:
        content.append([(column.name, column.sql) for column in compiled.spare])
    ranks = [(one.name, one.field.rank) for one in compiled.columns if one.field and one.field.rank]
    if ranks and compiled.model:  # another rank, another winner: every record is looked at anew
        content.append(ranks)
    if compiled.outside:  # what has left already must be looked at again when the reaction changes
        content.append(compiled.outside)
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return replace(compiled, hash=hashlib.sha256(text.encode()).hexdigest())


def whole_hash(outputs: Sequence[Compiled]) -> str:
    """The hash of a mapping: that of its output, or of all of them together."""
    if len(outputs) == 1:
        return outputs[0].hash
    return hashlib.sha256(" ".join(one.hash for one in outputs).encode()).hexdigest()
