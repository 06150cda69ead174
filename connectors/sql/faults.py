"""Errors of databases, told apart by SQLSTATE, the native number, and SQLite's own names."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hub.errors import AuthError, ConfigError, Fatal, HubError, RecordRejected, Retriable
from hub.redact import redact


@dataclass(frozen=True, slots=True)
class Rule:
    """What an error means: ``pattern`` of "SQLSTATE text (native number)", the first that matches counts."""

    code: str
    message: str
    hint: str
    kind: type[HubError]
    pattern: str


_RULES = (
    Rule("sql.login", "the database refuses the log-in", "mend username and password of the system",
         AuthError, r"28\w{3} |.*authentication failed|.*Access denied for user.*password|.*Login failed"),
    Rule("sql.denied", "the database user lacks a right", "grant the right to the database user", AuthError,
         r"42501 |.*\((1142|1143|1044|1370|229)\) "),
    Rule("sql.timeout", "a statement takes too long", "raise timeout: of the system, or add an index",
         Retriable, r"57014 |HY018 |HYT00 |.*\((1969|3024)\) |.*interrupted$"),
    Rule("sql.busy", "another writer holds the rows", "wait, or shorten the other transaction", Retriable,
         r"40001 |40P01 |55P03 |.*\((1205|1213|1020)\) |.*database( table)? is locked"),
    Rule("sql.connection", "the database does not answer", "is it up, and are address and port right?",
         Retriable,
         r"08\w{3} |57P0\d |53\w{3} |HYT01 |.*\((2002|2003|2005|2006|2013|2055|1040|1053|1927)\) "),
    Rule("sql.driver", "there is no such ODBC driver", "install it, or mend DRIVER= or DSN= in odbc:",
         ConfigError, r"IM\w{3} |01000 .*Can't open lib"),
    Rule("sql.database", "there is no such database", "mend the name of the database", ConfigError,
         r"3D000 |.*\((1049|4060)\) |.*unable to open database|.*connect failed"),
    Rule("sql.table", "there is no such table", "mend table: or query:", ConfigError,
         r"42P01 |42S02 |\w+ \(1146\) |.*no such table"),
    Rule("sql.column", "there is no such column", "mend the name of the column", ConfigError,
         r"42703 |42S22 |\w+ \(1054\) |.*no such column"),
    Rule("sql.key", "the key is not unique in the database", "add a primary key or a unique index",
         ConfigError, r"42P10 |.*ON CONFLICT clause does not match"),
    Rule("sql.readonly", "the database may only be read", "a query does not write", ConfigError,
         r"25006 |\w+ \(1792\) |.*readonly database"),
    Rule("sql.constraint", "the database's rules forbid the row", "mend the value, or relax the constraint",
         RecordRejected,
         r"2[13]\w{3} |SQLITE \(19\) |.*\((1452|1451|1364|1048|4025|1062)\) |.*constraint failed"),
    Rule("sql.value", "a value does not fit its column", "map it to one that fits", RecordRejected,
         r"22\w{3} |HY10\d |HY004 |HYC00 |SQLITE \(20\) |.*\((1264|1265|1292|1366|1406|1411)\) "
         r"|.*datatype mismatch|.*too large|.*surrogates"),
    Rule("sql.statement", "the database does not understand the statement", "mend query:", ConfigError,
         r"42\w{3} |0A\w{3} |37000 |\w+ \(1064\) |.*syntax error"),
)  # fmt: skip
_COMPILED = [(re.compile(rule.pattern, re.IGNORECASE), rule) for rule in _RULES]
# Where servers quote the values of a record in their messages.
_VALUES = re.compile(
    r"(?i)\b(entry|value|type \w[\w ]*|failing row contains)(:| )\s*(['\"(]).*?(['\")])(?=[ ;.,\n]|$)"
)


def told(error: Exception, where: str, secrets: Iterable[str]) -> HubError:
    """What an error of pyodbc or sqlite3 means for the hub; ``where`` names the system and resource."""
    text = _text(error)
    shown = _shown(error, secrets)
    for pattern, rule in _COMPILED:
        if pattern.match(text):
            return rule.kind(rule.code, f"{rule.message}: {shown}", where=where, hint=rule.hint)
    return Fatal("sql.failed", shown, where=where, hint="see the message of the database")


def broken(error: HubError) -> bool:
    """Whether the connection is gone, so that nobody knows what became of the last statement."""
    return error.code == "sql.connection"


def _text(error: Exception) -> str:
    """``SQLSTATE message`` in one line; drivers put the native number in parentheses behind it."""
    if isinstance(error, sqlite3.Error):
        number = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return f"SQLITE ({number}) {error}"
    arguments: tuple[Any, ...] = error.args
    if not isinstance(arguments[0] if arguments else None, str) or len(arguments) < 2:
        return f"HY000 {error}"
    state, message = str(arguments[0]), str(arguments[-1])
    return f"{state} {message}".replace("\n", " ")


def _shown(error: Exception, secrets: Iterable[str]) -> str:
    """The database's message, without its driver's tags, details, values and our secrets."""
    text = str(error.args[-1]) if error.args else type(error).__name__
    text = re.sub(r"^(\[[^\]]*\]\s*)+", "", text).split("DETAIL:")[0].split("\n")[0]
    text = re.sub(r"\s*(\(\d+\)\s*)*\(SQL\w+\)$|;$", "", text).strip()
    return redact(_VALUES.sub(lambda found: f"{found.group(1)}{found.group(2)} …", text), secrets)
