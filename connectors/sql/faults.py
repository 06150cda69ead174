"""Errors of databases, told apart by SQLSTATE, the native number, and SQLite's own names."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from typing import Any

from hub.errors import AuthError, ConfigError, Fatal, HubError, RecordRejected, Retriable
from hub.redact import redact

# (pattern of "SQLSTATE (native) text", error, code, hint); the first that matches counts.
_RULES: tuple[tuple[str, type[HubError], str, str], ...] = (
    (r"28\w{3} |.*authentication failed|.*Access denied for user.*password|.*Login failed", AuthError,
     "sql.login", "mend username: and password: of the system"),
    (r"42501 |\w+ \((1142|1143|1044|1370|229)\) ", AuthError, "sql.denied",
     "grant the database user the right"),
    (r"57014 |HY018 |HYT00 |\w+ \((1969|3024)\) |.*interrupted$", Retriable, "sql.timeout",
     "raise timeout: of the system, or add an index"),
    (r"40001 |40P01 |55P03 |\w+ \((1205|1213|1020)\) |.*database( table)? is locked", Retriable,
     "sql.busy", "another writer holds the rows"),
    (r"08\w{3} |57P0\d |53\w{3} |HYT01 |\w+ \((2002|2003|2005|2006|2013|2055|1040|1053|1927)\) ", Retriable,
     "sql.connection", "is the server up, and address and port right?"),
    (r"IM\w{3} |01000 .*Can't open lib", ConfigError, "sql.driver",
     "install the ODBC driver, or mend DRIVER= or DSN= in odbc:"),
    (r"3D000 |\w+ \((1049|4060)\) |.*unable to open database|.*connect failed", ConfigError, "sql.database",
     "mend the name of the database"),
    (r"42P01 |42S02 |\w+ \(1146\) |.*no such table", ConfigError, "sql.table", "mend table: or query:"),
    (r"42703 |42S22 |\w+ \(1054\) |.*no such column", ConfigError, "sql.column",
     "mend the name of the column"),
    (r"42P10 |.*ON CONFLICT clause does not match", ConfigError, "sql.key",
     "the key needs a primary key or a unique index in the database"),
    (r"25006 |\w+ \(1792\) |.*readonly database", ConfigError, "sql.readonly", "a query may only read"),
    (r"2[13]\w{3} |\w+ \((19|1452|1451|1364|1048|4025|1062)\) |.*constraint failed", RecordRejected,
     "sql.constraint", "mend the value, or relax the constraint"),
    (r"22\w{3} |\w+ \((20|1264|1265|1292|1366|1406|1411)\) |.*datatype mismatch|.*too large", RecordRejected,
     "sql.value", "mend the value, or map it to one that fits the column"),
    (r"HY10[0-9] |HY004 |HYC00 |.*int too large|.*surrogates", RecordRejected, "sql.value",
     "map the value to one that the driver takes"),
    (r"42\w{3} |37000 |\w+ \(1064\) |.*syntax error", ConfigError, "sql.statement", "mend query:"),
)  # fmt: skip
_COMPILED = [(re.compile(pattern, re.IGNORECASE), kind, code, hint) for pattern, kind, code, hint in _RULES]
# Where servers quote the values of a record in their messages.
_VALUES = re.compile(
    r"(?i)\b(entry|value|type \w[\w ]*|failing row contains)(:| )\s*(['\"(]).*?(['\")])(?=[ ;.,\n]|$)"
)


def told(error: Exception, where: str, secrets: Iterable[str]) -> HubError:
    """What an error of pyodbc or sqlite3 means for the hub; ``where`` names the system and resource."""
    text = _text(error)
    shown = _shown(error, secrets)
    for pattern, kind, code, hint in _COMPILED:
        if pattern.match(text):
            return kind(code, shown, where=where, hint=hint)
    return Fatal("sql.failed", shown, where=where, hint="see the message of the database")


def broken(error: HubError) -> bool:
    """Whether the connection is gone, so that nobody knows what became of the last statement."""
    return error.code == "sql.connection"


def _text(error: Exception) -> str:
    """``SQLSTATE (native) message`` in one line."""
    if isinstance(error, sqlite3.Error):
        number = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return f"SQLITE ({number}) {error}"
    arguments: tuple[Any, ...] = error.args
    if not isinstance(arguments[0] if arguments else None, str) or len(arguments) < 2:
        return f"HY000 (0) {error}"
    state, message = str(arguments[0]), str(arguments[-1])
    numbers = re.findall(r"\((\d+)\)", message)
    return f"{state} ({numbers[0] if numbers else 0}) {message}".replace("\n", " ")


def _shown(error: Exception, secrets: Iterable[str]) -> str:
    """The database's message, without its driver's tags, details, values and our secrets."""
    text = str(error.args[-1]) if error.args else type(error).__name__
    text = re.sub(r"^(\[[^\]]*\]\s*)+", "", text).split("DETAIL:")[0].split("\n")[0]
    text = re.sub(r"\s*(\(\d+\)\s*)*\(SQL\w+\)$|;$", "", text).strip()
    return redact(_VALUES.sub(lambda found: f"{found.group(1)}{found.group(2)} …", text), secrets)
