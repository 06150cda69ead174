"""The todos job: one inbox per person over PEOPLE persons and TODOS to-dos, as the API serves it.

The persons are read by the hub itself, the to-dos are multiplied in the database from rows that it wrote. Whose inbox
is asked for is drawn as to-dos are: who has many is asked for often. First requests come at a fixed rate, whatever
the answers take (open loop); then as many as one worker answers, beside a bare FastAPI route that answers the same
bytes; then the page's own SQL, beside pgbench with the same statement; last, reports that are pushed.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import psycopg

from bench import serving, visitors
from bench.serving import say
from hub.bootstrap import open_hub
from hub.exchange.ground import Hub
from hub.exchange.pipeline import run_exchange
from hub.store import readers, todos
from hub.store.database import now
from hub.store.substitutes import Whose
from hub.store.todos import Wanted
from hub.todos.inbox import take
from hub.todos.received import read

FILES = {
    "config/hub.yaml": """
hub: bench
api: {rate: 100000, burst: 100000}
people: {model: person, receivers: {code: number, login: username}}
""",
    "config/models/person.yaml": """
model: person
level: L1
key: [number]
fields:
  number: {type: text, required: true}
  username: {type: text}
  name: {type: text}
""",
    "config/systems/hr.yaml": """
system: hr
connector: files
folder: ../data
resources: {people: {path: people.ndjson, key: id, fields: {id: text, login: text, name: text}}}
""",
    "config/systems/oa.yaml": "system: oa\nconnector: webhook\nresources: {}\n",
    "config/systems/erp.yaml": "system: erp\nconnector: webhook\nresources: {}\n",
    "mappings/people.yaml": """
mapping: people
from: hr.people
into: person
unmatched: create
fields: {number: id, username: login, name: name}
""",
}
NUMBER = "floor({people} * power((hashint8(i)::bigint + 2147483648) / 4294967296.0, 2))::integer"
"""Of a to-do the number of its person: a few have many, most have some."""
IDENTITY = "('01930000' || lpad(to_hex(i), 24, '0'))::uuid"
BOX = "(ARRAY['to_do','to_do','to_do','to_read','initiated','done','done','done','done','done'])[1 + i % 10]"
SYSTEM = "(ARRAY['oa','erp'])[1 + i % 2]"
SINCE = "TIMESTAMPTZ '2026-01-01 00:00:00Z' + i * interval '2 seconds'"
DRAWN = 20_000


def declare(parser: argparse.ArgumentParser) -> None:
    """The job's arguments."""
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--todos", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=100, help="requests a second, of each kind in its turn")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--reports", type=int, default=20_000, help="reports pushed, new and changed")
    parser.add_argument("--store", required=True, help="postgresql://… (emptied, but with --keep)")
    parser.add_argument("--keep", action="store_true", help="what the last run made is there still")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and say it."""
    return serving.measured(measure, arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of the job."""
    variables = {"COPHUB_STORE": arguments.store}
    workspace(folder)
    if not arguments.keep:
        serving.emptied(folder, variables)
        with open_hub(folder, variables=variables) as opened:
            _fill(opened.hub, folder, arguments)
    with open_hub(folder, variables=variables) as opened:
        hub = opened.hub
        drawn = _drawn(arguments)
        result: dict[str, Any] = {"people": arguments.people, "todos": arguments.todos}
        with serving.served(folder, variables) as address:
            head = serving.head(hub, ["todos:read"])
            for name, asked in (("page", "/v1/todos"), ("counts", "/v1/todos/counts")):
                paths = [f"{asked}?person=P{number:08}" for number in drawn]
                visitors.open_loop(address, paths[:200], head, 100, 2)
                told = visitors.open_loop(address, paths, head, arguments.rate, arguments.seconds)
                result[name] = told
                serving.told(name, told, arguments.rate, arguments.seconds)
            paths = [f"/v1/todos?person=P{number:08}" for number in drawn]
            result["saturated"] = visitors.closed_loop(address, paths, head, 8, 15)
            sample = visitors.fetch(address, paths[:500], head)
        with visitors.bare_server(sorted(sample, key=len)[len(sample) // 2]) as address:
            result["bare"] = visitors.closed_loop(address, ["/page"], {}, 8, 15)
        share = result["saturated"] / result["bare"]
        say(f"at saturation {result['saturated']:,.0f} pages/s, bare {result['bare']:,.0f}/s: {share:.2f}")
        result |= _sql(hub, drawn, arguments)
        result |= _pushed(hub, arguments)
    return result


# ------------------------------------------------------------ what is there


def workspace(folder: Path, api: str = "") -> None:
    """The files of the job's workspace; ``api`` are more keys of ``api`` in the hub's file, each with its comma."""
    serving.written(folder, {name: text.replace("api: {", "api: {" + api) for name, text in FILES.items()})


def people(hub: Hub, folder: Path, count: int) -> None:
    """Persons P00000000 and on, read by the hub itself."""
    (folder / "data").mkdir(exist_ok=True)
    with (folder / "data/people.ndjson").open("wb") as stream:
        for number in range(count):
            person = {"id": f"P{number:08}", "login": f"user{number}", "name": f"张伟{number % 9973}"}
            stream.write(orjson.dumps(person) + b"\n")
    run_exchange(hub, "people", "full", "bench-people", initial=True)


def _fill(hub: Hub, folder: Path, arguments: argparse.Namespace) -> None:
    begin = time.perf_counter()
    people(hub, folder, arguments.people)
    say(f"{arguments.people:,} people after {time.perf_counter() - begin:.0f} s")
    take(hub, [read(_item("oa", 0), now())], "bench")
    with psycopg.connect(arguments.store, autocommit=True) as connection:
        _multiply(connection, arguments)
    say(f"{arguments.todos:,} to-dos after {time.perf_counter() - begin:.0f} s")


def _item(system: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "system": system,
        "id": f"T{number}",
        "version": {"at": "2026-11-26T08:15:00Z"},
        "title": {"en": f"Purchase of laptops {number}", "zh": f"采购笔记本电脑 {number}"},
        "definition": "purchase",
        "status": "ready",
        "priority": "high",
        "due": "2026-12-30T16:00:00Z",
        "assignees": [{"to": {"code": f"P{number % 1000:08}"}}],
        "links": {"pc": f"https://oa.example.com/flow/{number}", "mobile": f"https://m.oa.example.com/flow/{number}"},
        "responses": [{"code": "agree", "nature": "positive"}, {"code": "disagree", "nature": "negative"}],
    } | more


def _multiply(connection: psycopg.Connection[Any], arguments: argparse.Namespace) -> None:
    """To-dos 1 … N as copies of number 0, each of one person. Indexes are made after the rows."""
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('todo', 'assignment', 'todo_report')"
        " AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE 'pk_%'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute(
        "CREATE UNLOGGED TABLE bench_person AS SELECT substr(number, 2)::integer AS n, _id FROM e_person"
    )
    for table, said in (
        ("todo", {"id": IDENTITY, "system": SYSTEM, "source_id": "'T' || i", "seq": "1 + i / 100",
                  "title": "'Purchase of laptops ' || i || ' 采购笔记本电脑 ' || i", "changed_at": SINCE}),
        ("assignment", {"todo": IDENTITY, "receiver": "'code:' || p.n", "person": "p._id", "box": BOX, "since": SINCE,
                        "system": SYSTEM, "priority": "(i / 3) % 4", "seq": "1 + i / 100", "read": "i % 3 = 0"}),
        ("todo_report", {"todo": IDENTITY, "seq": "1 + i / 100"}),
    ):  # fmt: skip
        asked = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        names = [row[0] for row in connection.execute(asked, [table])]
        values = ", ".join(said.get(name, f't."{name}"') for name in names)
        numbers = NUMBER.format(people=arguments.people)
        persons = f"JOIN bench_person p ON p.n = {numbers}" if table == "assignment" else ""
        columns = ", ".join(f'"{name}"' for name in names)
        connection.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM (SELECT * FROM {table} LIMIT 1) t "
            f"CROSS JOIN generate_series(1, {arguments.todos - 1}::bigint) AS g(i) {persons}"
        )
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("DROP TABLE bench_person")
    connection.execute("VACUUM ANALYZE todo, assignment, todo_report, e_person")


def _drawn(arguments: argparse.Namespace) -> list[int]:
    """Numbers of persons, as often as they have to-dos."""
    chosen = random.Random(5)
    return [int(arguments.people * chosen.random() ** 2) for _ in range(DRAWN)]


# ------------------------------------------------------------ SQL, reports


def _sql(hub: Hub, drawn: list[int], arguments: argparse.Namespace) -> dict[str, Any]:
    """The statement's time in the hub's process until its rows are values, and pgbench's for the same one over the same
    persons."""
    with psycopg.connect(arguments.store) as connection:
        wanted = [f"P{number:08}" for number in drawn[:2000]]
        query = "SELECT number, _id FROM e_person WHERE number = ANY(%s)"
        found: dict[str, Any] = dict(connection.execute(query, [wanted]).fetchall())
    persons = [found[number] for number in wanted]
    spent, seen = [0.0], [("", [b""])]
    ask = readers.Connected.rows

    def timed(one: Any, asked: Any, told: list[Any]) -> Any:
        begin = time.perf_counter()
        found = ask(one, asked, told)
        spent[0] += time.perf_counter() - begin
        seen[0] = asked.text.decode(), told
        return found

    with mock.patch.object(readers.Connected, "rows", timed):
        for _ in ("warm", "measured"):
            spent[0] = 0.0
            for person in persons:
                todos.listed(hub.database, Whose(person), Wanted(), None, None, 50)
    ours = 1000 * spent[0] / len(persons)
    theirs = _pgbench(_literal(*seen[0], persons[-1]), persons, arguments.store)
    say(f"SQL of a page {ours:.3f} ms with its values, by pgbench {theirs:.3f} ms: {ours / theirs:.2f}")
    return {"sql_ms": ours, "pgbench_ms": theirs}


def _literal(statement: str, told: list[Any], person: Any) -> str:
    """The statement as pgbench takes it: the person drawn, the rest as it is."""

    def value(match: re.Match[str]) -> str:
        given = told[int(match[1]) - 1].decode()
        return ":person" if given == str(person) else f"'{given}'"

    return re.sub(r"\$(\d+)", value, statement)


def _pgbench(statement: str, persons: list[Any], store: str) -> float:
    """Milliseconds of one statement, prepared, by one client."""
    with psycopg.connect(store, autocommit=True) as connection, tempfile.TemporaryDirectory() as name:
        connection.execute("DROP TABLE IF EXISTS bench_drawn")
        connection.execute("CREATE TABLE bench_drawn (n integer PRIMARY KEY, person uuid)")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO bench_drawn VALUES (%s, %s)", list(enumerate(persons)))
        script = Path(name) / "page.sql"
        one_line = " ".join(statement.split())
        script.write_text(
            f"\\set n random(0, {len(persons) - 1})\nSELECT person FROM bench_drawn WHERE n = :n \\gset\n{one_line};\n"
        )
        asked = ["pgbench", "-n", "-M", "prepared", "-r", "-c", "1", "-T", "10", "-f", str(script), store]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        connection.execute("DROP TABLE bench_drawn")
    if told.returncode:
        raise SystemExit(told.stderr)
    # of each statement: its mean in milliseconds before its text; the second one is the page
    means = re.findall(r"^\s+([\d.]+)\s+\d+\s+(?:SELECT|WITH)", told.stdout, re.MULTILINE)
    return float(means[-1])


def _pushed(hub: Hub, arguments: argparse.Namespace) -> dict[str, Any]:
    """Reports a second: new ones, and the same with another status."""
    result = {}
    for name, more in (
        ("new", {}),
        ("changed", {"version": {"at": "2026-11-26T09:00:00Z"}, "title": "Purchase, changed"}),
    ):
        begin = time.perf_counter()
        for start in range(0, arguments.reports, 500):
            moment = now()
            numbers = range(10**9 + start, 10**9 + start + 500)
            take(hub, [read(_item("oa", number, **more), moment, at) for at, number in enumerate(numbers)], "bench")
        result[f"{name}_per_second"] = arguments.reports / (time.perf_counter() - begin)
        say(f"reports, {name}: {result[f'{name}_per_second']:,.0f}/s")
    return result
