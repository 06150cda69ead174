"""The contract case of a database, the same for every dialect."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from connectors.sql import SPEC
from hub.contract import Context
from hub.testing import Case
from hub.testing.writing import BATCH, WHOLE, exempting

COLUMNS = ("no", "name", "amount", "active", "at")
EXEMPT = {
    **exempting("a statement tells of all its rows at once", BATCH),
    "announced_count": "a SELECT tells no number of rows beforehand",
    "deletes_seen": "a table shows no deletions",
    "rate_limit_honoured": "a database has no rate limits",
    "stale_version": "rows have no version",
    **exempting("rows are written one by one", WHOLE),
}
SECRETS = ("wr0ng;pa55}word",)


def record(number: int) -> dict[str, Any]:
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return {
        "no": number,
        "name": f"张 {number}",
        "amount": f"{number}.25",
        "active": number % 2 == 0,
        "at": (begin + datetime.timedelta(minutes=number)).isoformat(),
    }


def case(
    connect: Callable[[], Any],
    table: str,
    settings: dict[str, Any],
    exempt: Mapping[str, str],
    wrong: dict[str, Any] | None = None,
    lose_answer: Callable[[Any], None] | None = None,
) -> Case:
    """``connect`` opens a DB-API connection with ``?`` parameters beside the connector, ``table`` is the
    CREATE TABLE text of ``person``, ``wrong`` changes the settings to wrong credentials."""
    at_key = {"table": "person", "key": "no", "cursor": "at"}
    declared = {"Person": SPEC.resource.model_validate(at_key)}

    def run(statement: str, *rows: Sequence[Any]) -> list[Any]:
        with closing(connect()) as connection:
            cursor = connection.cursor()
            for values in rows or [()]:
                cursor.execute(statement, tuple(values))
            found = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
        return found

    def taken(new: Mapping[str, Any]) -> list[Any]:
        moment = datetime.datetime.fromisoformat(new["at"]).astimezone(datetime.UTC).replace(tzinfo=None)
        return [new["no"], new["name"], new["amount"], new["active"], moment.isoformat(" ")]

    def fresh(records: Sequence[Mapping[str, Any]]) -> None:
        run("DROP TABLE IF EXISTS person")
        run(table)
        if records:
            run("INSERT INTO person VALUES (?, ?, ?, ?, ?)", *map(taken, records))

    def stored(_: None) -> Iterable[Mapping[str, Any]]:
        rows = run("SELECT no, name, amount, active, at FROM person")
        return [dict(zip(COLUMNS, row, strict=True)) | {"active": bool(row[3])} for row in rows]

    def change(_: None, new: Mapping[str, Any]) -> None:
        text = "UPDATE person SET name = ?, amount = ?, active = ?, at = ? WHERE no = ?"
        run(text, [*taken(new)[1:], new["no"]])

    def opened(given: dict[str, Any]) -> Any:
        return SPEC.open(Context("erp", folder="/"), SPEC.settings.model_validate(given), declared)

    return Case(
        name=settings.get("odbc", "sqlite"),
        fresh=fresh,
        open=lambda _: opened(settings),
        resource="Person",
        key=("no",),
        cursor="at",
        record=record,
        exact={"name": '张伟 😀 "q" \'q\' \\ ? \nx', "amount": "12345678901234567890.12"},
        stored=stored,
        change=change,
        refused={"name": None},
        locked_out=(lambda _: opened(settings | wrong)) if wrong else None,
        lose_answer=lose_answer,
        secrets=SECRETS if wrong else (),
        exempt={**EXEMPT, **exempt},
    )
