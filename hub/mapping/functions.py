"""Every function an expression may call, with what the checks need to know of it.

Lint, the checks of types, the reference page and the tests read this table: a function that is not
in it does not exist for a mapping.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from hub.mapping import catalogue

LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its group, signature, what it does, and an example with what it gives.

    ``least`` and ``most`` are the numbers of arguments (None: any). ``lists`` are the positions (from 0)
    of arguments that are lists, ``lambdas`` of lambdas over the first list, ``capped`` of those that say
    how long a result becomes: numbers written out, at most ``LONGEST``. ``hub`` functions are the hub's
    own; ``keeps`` says that the result has the elements of the first list.
    """

    name: str
    group: str
    signature: str
    text: str
    example: str
    gives: object
    least: int
    most: int | None
    lists: tuple[int, ...] = ()
    lambdas: tuple[int, ...] = ()
    capped: tuple[int, ...] = ()
    hub: bool = False
    keeps: bool = False


_LAMBDAS = frozenset(("list_transform", "list_filter", "list_reduce"))
_BOTH = frozenset(("list_concat", "list_has_any", "list_has_all", "list_intersect"))
_NO_LIST = frozenset(("list_value", "range"))
_KEEPS = frozenset(
    (
        "list_filter",
        "list_first",
        "list_last",
        "list_slice",
        "list_sort",
        "list_reverse",
        "list_distinct",
        "list_concat",
    )
)
_CAPPED = {"lpad": (1,), "rpad": (1,), "repeat": (1,), "range": (0, 1, 2)}


def _declared(group: str, text: str) -> Iterator[Function]:
    """The functions of one group: a signature at the margin, below it its text and ``example => result``."""
    lines = text.strip().splitlines()
    starts = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        signature = lines[start]
        words = " ".join(line.strip() for line in lines[start + 1 : end - 1])
        example, _, gives = lines[end - 1].strip().rpartition(" => ")
        name, least, most = _arguments(signature)
        yield Function(
            name,
            group,
            signature,
            words,
            example,
            ast.literal_eval(gives),
            least,
            most,
            lists=_lists(group, name),
            lambdas=(1,) if name in _LAMBDAS else (),
            capped=_CAPPED.get(name, ()),
            hub=group == "hub",
            keeps=name in _KEEPS,
        )


def _arguments(signature: str) -> tuple[str, int, int | None]:
    """Name and numbers of arguments of ``f(a, b[, c])``, ``f(a, b…)``."""
    name, _, rest = signature.partition("(")
    fixed, _, optional = rest.rsplit(")", 1)[0].partition("[")
    least = sum(1 for part in fixed.split(",") if part.strip())
    more = sum(1 for part in optional.rstrip("]").split(",") if part.strip())
    return name, least, None if "…" in rest else least + more


def _lists(group: str, name: str) -> tuple[int, ...]:
    if group != "list" or name in _NO_LIST:
        return ()
    return (0, 1) if name in _BOTH else (0,)


FUNCTIONS: dict[str, Function] = {
    function.name: function
    for group in ("text", "pattern", "condition", "number", "date", "list", "structure", "hub")
    for function in _declared(group, getattr(catalogue, group.upper()))
}

_ROWS = "it works over several records; an expression sees one (list_sum and the like work over a list)"
_VOLATILE = "its result would differ from run to run; a mapping must give the same for the same record"
_OUTSIDE = "it reaches outside the record"

REFUSED: dict[str, str] = (
    dict.fromkeys(
        (
            "count",
            "sum",
            "avg",
            "min",
            "max",
            "any_value",
            "first",
            "last",
            "string_agg",
            "listagg",
            "list",
            "array_agg",
            "group_concat",
            "median",
            "mode",
            "stddev",
            "variance",
            "bool_and",
            "bool_or",
            "arg_max",
            "arg_min",
            "max_by",
            "min_by",
            "row_number",
            "rank",
            "dense_rank",
            "lag",
            "lead",
            "ntile",
            "unnest",
            "first_value",
            "last_value",
        ),
        _ROWS,
    )
    | dict.fromkeys(
        (
            "random",
            "uuid",
            "uuidv4",
            "uuidv7",
            "gen_random_uuid",
            "now",
            "today",
            "current_date",
            "current_time",
            "current_timestamp",
            "localtime",
            "localtimestamp",
            "get_current_time",
            "transaction_timestamp",
            "nextval",
            "currval",
            "setseed",
            "age",
            "txid_current",
            "error",
        ),
        _VOLATILE,
    )
    | dict.fromkeys(
        (
            "read_csv",
            "read_csv_auto",
            "read_json",
            "read_json_auto",
            "read_ndjson",
            "read_parquet",
            "read_text",
            "read_blob",
            "parquet_scan",
            "sniff_csv",
            "glob",
            "query",
            "query_table",
            "getenv",
            "getvariable",
            "current_setting",
            "pragma_version",
            "duckdb_settings",
            "duckdb_secrets",
            "which_secret",
            "attach",
            "copy",
            "load",
            "install",
            "sqlite_scan",
            "postgres_scan",
            "columns",
            "current_user",
            "current_schema",
            "current_database",
            "version",
            "seq_scan",
            "arrow_scan",
            "pandas_scan",
            "json_execute_serialized_sql",
            "json_serialize_sql",
            "write_log",
            "parse_path",
        ),
        _OUTSIDE,
    )
)
