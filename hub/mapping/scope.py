"""What an expression means before it runs: the names it may use, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.mapping.record import Node, Path
from hub.workspace.shape import CodesFile


@dataclass(frozen=True, slots=True)
class Lookup:
    """A function that becomes a join: ``kind`` (code, key_in, pinyin), its constant arguments, the SQL
    of its input text, and the alias under which the joined table's ``output`` appears. ``rejects`` says
    that a non-blank input without an answer is a problem of the row. ``pairs`` are all answers where the
    workspace holds them (code lists); otherwise a provider is asked for the distinct inputs."""

    kind: str
    args: tuple[str, ...]
    alias: str
    input_sql: str
    rejects: bool = False
    pairs: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """A lookup used by an expression: under ``condition`` (SQL, empty: always) its answer is needed."""

    lookup: Lookup
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: what runs, and what it reads."""

    text: str
    sql: str
    inputs: tuple[Path, ...] = ()
    functions: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    ref: str | None = None
    plain: bool = False
    raises: bool = True
    code_list: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of an expression mean.

    ``aliases`` are names of ``each``: SQL column, path and shape of one element. ``source`` and
    ``target`` are system names, empty where that side is a model; ``typed`` says that the record's
    column has its real types already (a model, not a foreign record). ``models`` and ``systems`` may
    be referred to.
    """

    record: Node
    aliases: tuple[tuple[str, str, Path, Node], ...] = ()
    source: str = ""
    target: str = ""
    typed: bool = False
    codes: Mapping[str, CodesFile] = field(default_factory=dict)
    models: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
