"""What an integrator may say about a database and about one table or query in it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from hub.contract import FieldType, Secret, Settings

DialectName = Literal["postgresql", "mariadb", "mysql", "sqlite", "mssql"]
Duration = Annotated[str, StringConstraints(pattern=r"^\d+(ms|s|m|h)$")]
Key = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else tuple(value)),
]
_LOGIN = re.compile(r"(^|;)\s*(pwd|password|uid|user|username)\s*=", re.IGNORECASE)


class SqlSettings(Settings):
    """A database, by ODBC or as a SQLite file."""

    odbc: str | None = Field(
        None,
        description="ODBC connection string without user and password",
        examples=["DRIVER={PostgreSQL Unicode};SERVER=erp-db.example.com;PORT=5432;DATABASE=erp"],
    )
    sqlite: str | None = Field(
        None,
        description="SQLite file, relative to the workspace's config folder; it must exist",
        examples=["../data/erp.sqlite"],
    )
    username: str | None = Field(None, description="Database user", examples=["hub"])
    password: Secret | None = Field(None, description="Its password", examples=["secret://erp/password"])
    dialect: DialectName | None = Field(None, description="Default: what the server says it is")
    timeout: Duration = Field("60s", description="Longest a single statement may take", examples=["30s"])
    deadline: Duration = Field("2h", description="Longest one whole read may take", examples=["30m"])
    zone: str | None = Field(
        None,
        description="Time zone of times stored without one; default: they stay without",
        examples=["Asia/Shanghai"],
    )
    fetch: int = Field(5000, ge=1, le=100_000, description="Records per page")

    @field_validator("odbc")
    @classmethod
    def _no_login(cls, value: str | None) -> str | None:
        if value and _LOGIN.search(value):
            raise ValueError("user and password do not belong in odbc: write username: and password:")
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value and ZoneInfo(value).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {value!r}") from error

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.odbc is None) == (self.sqlite is None):
            raise ValueError("write either odbc: or sqlite:")
        return self


class SqlResource(Settings):
    """A table or view, or a query that the integrator wrote."""

    table: str | None = Field(
        None, description="Table or view, with schema where needed", examples=["sales.customer"]
    )
    query: str | None = Field(
        None,
        description="One SELECT, read only; values come as :name from parameters",
        examples=["SELECT c.id, c.name FROM customer c WHERE c.plant = :plant"],
    )
    parameters: dict[str, str | int | bool] = Field(
        {}, description="Values of :name in query", examples=[{"plant": "1000"}]
    )
    key: Key = Field((), description="Key columns; default: the primary key", examples=["id"])
    cursor: str | None = Field(
        None, description="Column that grows when a row changes", examples=["updated_at"]
    )
    fields: dict[str, FieldType] = Field({}, description="Columns to use and their types; default: all")
    title: str = Field("", description="Title for people")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("write either table: or query:")
        if self.query is not None and not self.key:
            raise ValueError("a query needs key:")
        if self.query is not None:
            bound(self.query, self.parameters)
        return self


_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | :: | (?<!\w):(\w+) | ;""",
    re.VERBOSE | re.DOTALL,
)


def bound(query: str, parameters: dict[str, str | int | bool]) -> tuple[str, list[str | int | bool]]:
    """The query with ``?`` for each ``:name``, and the values in that order.

    >>> bound("SELECT ':a', x::int FROM t WHERE b = :b", {"b": 1})
    ("SELECT ':a', x::int FROM t WHERE b = ?", [1])

    Raises ValueError where it is not one SELECT or a value is missing.
    """
    text = query.strip().rstrip(";").rstrip()
    if not re.match(r"(?i)(select|with)\b", text):
        raise ValueError("a query starts with SELECT or WITH")
    values: list[str | int | bool] = []

    def replaced(found: re.Match[str]) -> str:
        if found.group() == ";":
            raise ValueError("a query is one statement, without ';'")
        name = found.group(1)
        if name is None:
            return found.group()
        if name not in parameters:
            raise ValueError(f"parameters: lacks {name}")
        values.append(parameters[name])
        return "?"

    return _TOKEN.sub(replaced, text), values
