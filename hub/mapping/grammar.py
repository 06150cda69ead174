"""Which kinds of syntax an expression may be made of, and why the others are refused."""

from __future__ import annotations

from sqlglot import exp

DEEPEST_TREE = 120

SAME = frozenset(
    {
        exp.And,
        exp.Or,
        exp.Not,
        exp.EQ,
        exp.NEQ,
        exp.GT,
        exp.GTE,
        exp.LT,
        exp.LTE,
        exp.NullSafeEQ,
        exp.NullSafeNEQ,
        exp.Between,
        exp.Like,
        exp.ILike,
        exp.Escape,
        exp.SimilarTo,
        exp.RegexpFullMatch,
        exp.Add,
        exp.Sub,
        exp.Mul,
        exp.Div,
        exp.IntDiv,
        exp.Mod,
        exp.Pow,
        exp.Neg,
        exp.DPipe,
        exp.Paren,
        exp.Literal,
        exp.Boolean,
        exp.Null,
        exp.Array,
        exp.AtTimeZone,
    }
)
"""Nodes that are rendered as they are, with their parts translated."""

INDEXED = frozenset(
    {
        exp.Column,
        exp.Bracket,
        exp.Dot,
        exp.Anonymous,
        exp.Paren,
        exp.Array,
        exp.Identifier,
        exp.Cast,
        exp.Literal,
    }
)
"""What an index may stand behind without brackets."""

PARTS = frozenset(
    {
        "century",
        "day",
        "decade",
        "dow",
        "doy",
        "epoch",
        "hour",
        "isodow",
        "isoyear",
        "microsecond",
        "millisecond",
        "minute",
        "month",
        "quarter",
        "second",
        "week",
        "year",
    }
)
"""Parts of a date. They are words of the grammar, rendered without quotes: only these get there."""

TYPES = frozenset(
    {
        exp.DType.TEXT,
        exp.DType.VARCHAR,
        exp.DType.CHAR,
        exp.DType.INT,
        exp.DType.BIGINT,
        exp.DType.SMALLINT,
        exp.DType.TINYINT,
        exp.DType.INT128,
        exp.DType.UBIGINT,
        exp.DType.UINT,
        exp.DType.USMALLINT,
        exp.DType.UTINYINT,
        exp.DType.DECIMAL,
        exp.DType.DOUBLE,
        exp.DType.FLOAT,
        exp.DType.BOOLEAN,
        exp.DType.DATE,
        exp.DType.TIME,
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPNTZ,
        exp.DType.TIMESTAMPTZ,
        exp.DType.INTERVAL,
        exp.DType.JSON,
        exp.DType.UUID,
        exp.DType.VARBINARY,
        exp.DType.BLOB,
    }
)

WHY = {
    "Subquery": "a subquery reads other records",
    "Select": "a subquery reads other records",
    "Exists": "a subquery reads other records",
    "Union": "a subquery reads other records",
    "Window": "a window function works over several records",
    "Filter": "FILTER belongs to aggregates over records",
    "Distinct": "DISTINCT belongs to aggregates over records",
    "Order": "ORDER BY belongs to queries",
    "Star": "* names no single field",
    "Placeholder": "a parameter has no value in a mapping",
    "Parameter": "a parameter has no value in a mapping",
    "Lambda": "a lambda stands only in list functions",
    "Tuple": "a list is written [a, b]",
    "Comprehension": "a list is changed by list_transform(list, x -> …)",
    "JSONExtractScalar": "a text within JSON is read by json_extract_string(json, '$.name')",
    "JSONExtract": "a value within JSON is read by json_extract(json, '$.name')",
    "Collate": "COLLATE depends on the database",
    "Alias": "a value has no AS name",
}
