"""A small workspace in a temporary folder, written as an integrator would, and a hub opened on it anew for
every run: nothing of one run reaches the next but through the store. The tests look into that by themselves."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from sqlalchemy import Connection, text

from hub.bootstrap import Opened, open_hub
from hub.exchange.manifest import READ_PARTS
from hub.exchange.pipeline import Result, apply_plan, run_exchange
from hub.store.database import Database, now
from hub.store.migrate import migrate
from hub.workspace.connectors import Connectors
from hub.workspace.load import load
from tests.stores import Store

# What a plan may leave behind: its own records, and the numbers and leases that every run takes.
OF_RUNS = (
    "run",
    "plan",
    "approval",
    "source",
    "lease",
    "audit",
    "audit_head",
    "audit_checkpoint",
    "audit_salt",
)

SUPPLIER = """
    model: supplier
    key: [code]
    fields:
      code: {type: text, required: true}
      name: {type: text, required: true}
      tax: {type: text, unique: true}
      city: {type: text}
      parent: {type: ref, model: supplier}
"""
SUPPLIERS = """
    mapping: suppliers
    from: erp.suppliers
    into: supplier
    match:
      - [tax]
    fields:
      code: id
      name: trim(name)
      tax: tax
      city: city
      parent: ref('supplier', parent)
    unmatched: create
"""
FIELDS = "{id: text, name: text, tax: text, city: text, parent: text, changed: datetime}"


class World:
    """``folder`` is the workspace, ``data`` the folder of its sources; ``modules`` are further connectors."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store, self._place = folder, store.url, store
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.modules: dict[str, Any] = {}
        self.clock = now
        self.variables: dict[str, str] = {}
        self._keys = itertools.count(1)
        self._migrated = False
        self._models: list[bytes] = []
        self._looked_at: Database | None = None
        self.write("config/hub.yaml", "hub: test")

    def close(self) -> None:
        """Every run closed what it opened; what the tests looked through is closed here."""
        self._look_away()

    def _look_away(self) -> None:
        if self._looked_at is not None:
            self._looked_at.close()

    # ------------------------------------------------------------ files

    def write(self, path: str, content: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(content), encoding="utf-8")

    def standard(self) -> None:
        self.model(SUPPLIER)
        self.files("erp", suppliers=FIELDS)
        self.mapping(SUPPLIERS)

    def model(self, content: str) -> None:
        """Write a model; what names no level is public."""
        content = dedent(content)
        if not re.search(r"^level:", content, re.MULTILINE):
            content = re.sub(r"^(model: .*)$", r"\1\nlevel: L1", content, count=1, flags=re.MULTILINE)
        self.write(f"config/models/{_named(content)}.yaml", content)
        self._migrated = False

    def mapping(self, content: str, **replaced: str) -> None:
        """Write a mapping; ``replaced`` are top-level entries by their key."""
        body = dedent(content).strip() + "\n"
        for key, value in replaced.items():
            body = re.sub(rf"^{key}:.*\n( .*\n)*", "", body, flags=re.MULTILINE) + f"{key}: {value}\n"
        self.write(f"mappings/{_named(body)}.yaml", body)

    def mapping_without(self, field: str, name: str = "suppliers") -> None:
        """The same mapping without one of its fields."""
        path = f"mappings/{name}.yaml"
        lines = (self.folder / path).read_text("utf-8").splitlines(keepends=True)
        self.write(path, "".join(line for line in lines if not line.startswith(f"  {field}:")))

    def files(self, system: str, cursor: str = "", **resources: str) -> None:
        """A system of NDJSON files with key ``id``; ``resources`` gives the fields of each."""
        lines = [f"system: {system}", "connector: files", f"folder: {self.data}", "resources:"]
        for name, fields in resources.items():
            lines.append(
                f"  {name}: {{path: {system}-{name}.ndjson, key: id, fields: {fields}"
                + (f", cursor: {cursor}}}" if cursor else "}")
            )
        self.write(f"config/systems/{system}.yaml", "\n".join(lines))

    def put(self, resource: str, *records: Mapping[str, Any]) -> None:
        """What a source holds now."""
        system, _, name = resource.partition(".")
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (self.data / f"{system}-{name}.ndjson").write_text("".join(f"{line}\n" for line in lines), "utf-8")

    # ------------------------------------------------------------ runs

    @contextmanager
    def opened(self, *, schema: bool = True, actor: str = "ann") -> Iterator[Opened]:
        self._place.exist()
        variables = {"COPHUB_STORE": self.store, "COPHUB_ACTOR": actor, **self.variables}
        with open_hub(
            self.folder, variables=variables, schema=schema, connectors=self._connectors(), clock=self.clock
        ) as opened:
            # A second thread costs a run of few records a third more of the processor.
            yield dataclasses.replace(opened, hub=dataclasses.replace(opened.hub, threads=1))

    def _connectors(self) -> Connectors | None:
        return Connectors(modules=self.modules) if self.modules else None

    def migrate(self, *, contract: bool = False) -> list[str]:
        """The steps that were run."""
        with self.opened(schema=False) as opened:
            steps = migrate(opened.hub.database, contract=contract)
        self._migrated = True
        return [step.text for step in steps]

    def fill(self) -> None:
        """Tables as ``migrate`` makes them: copied where nothing is there yet."""
        if not self._place.fill(self.database()):
            self.migrate()
        self._migrated = True

    def run(
        self,
        mapping: str = "suppliers",
        mode: str = "full",
        *,
        key: str = "",
        initial: bool = False,
        full: bool = False,
    ) -> Result:
        """One run in a hub of its own; whatever it is, its totals reconcile."""
        if not self._migrated:
            self.fill()
        with self.opened() as opened:
            result = run_exchange(
                opened.hub, mapping, mode, key or f"run-{next(self._keys)}", initial=initial, full=full
            )
        return reconciled(result)

    def first(self, resource: str, *records: Mapping[str, Any], mapping: str = "suppliers") -> Result:
        """Put and run."""
        self.put(resource, *records)
        return self.run(mapping)

    def plan(
        self, mapping: str = "suppliers", *, initial: bool = False, full: bool = False
    ) -> uuid.UUID:
        plan = self.run(mapping, "plan", initial=initial, full=full).plan
        assert plan is not None
        return plan

    def apply(self, plan: uuid.UUID, *, key: str = "", unchecked: str = "") -> Result:
        with self.opened() as opened:
            key = key or f"apply-{next(self._keys)}"
            return reconciled(apply_plan(opened.hub, plan, key, unchecked=unchecked))

    # ------------------------------------------------------------ looking

    def database(self) -> Database:
        """The store with the tables of the models as they are written now; it stays open between two looks."""
        models = [file.read_bytes() for file in sorted((self.folder / "config" / "models").glob("*.yaml"))]
        if self._looked_at is None or models != self._models:
            self._look_away()
            known = load(self.folder, connectors=self._connectors()).models
            self._looked_at, self._models = Database(self.store, known, folder=self.folder), models
        return self._looked_at

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """A transaction of the tests' own."""
        self._place.exist()
        database = self.database()
        with database.begin() as connection:
            yield connection
        if database.dialect == "sqlite":
            database.close()  # the file is whole when nobody has it open

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.looking() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def one(self, query: str, **values: Any) -> Any:
        found = self.rows(query, **values)
        return found[0][0] if found else None

    def golden(self, model: str = "supplier") -> dict[str, dict[str, Any]]:
        """The living and disabled entities by their code, with _state, _version and who supplied what."""
        with self.looking() as connection:
            table = self.database().tables[f"e_{model}"]
            found = [dict(row) for row in connection.execute(table.select()).mappings()]
        return {row["code"]: row for row in found}

    def history(self, model: str = "supplier") -> list[dict[str, Any]]:
        with self.looking() as connection:
            table = self.database().tables[f"h_{model}"]
            return [
                dict(row)
                for row in connection.execute(table.select().order_by(table.c["_version"])).mappings()
            ]

    def origin(self, code: str, model: str = "supplier") -> dict[str, str]:
        """Field → mapping of one entity."""
        identity = self.golden(model)[code]["_origin"]
        found = self.one("SELECT fields FROM origin WHERE model = :m AND id = :i", m=model, i=identity)
        fields: dict[str, str] = json.loads(found) if isinstance(found, str) else found
        return fields

    def held(self, mapping: str = "suppliers") -> list[dict[str, Any]]:
        """Open entries: quarantined, waiting, in review, refused."""
        names = ("key", "state", "code", "field", "message", "input", "position", "original")
        found = self.rows(
            f"SELECT {', '.join(names)} FROM quarantine WHERE exchange = :m AND state <> 'resolved' "
            "ORDER BY key, code, field",
            m=mapping,
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def reasons(self, mapping: str = "suppliers") -> list[tuple[str, str, str]]:
        return [(one["key"], one["state"], one["code"]) for one in self.held(mapping)]

    def seq(self, model: str = "supplier") -> int:
        return self.one("SELECT seq FROM model_seq WHERE model = :m", m=model) or 0

    def dump(self, *, without: tuple[str, ...] = OF_RUNS) -> dict[str, list[str]]:
        """Every row of every table, comparable; without the tables named."""
        with self.looking() as connection:
            return {
                name: sorted(str(tuple(row)) for row in connection.execute(table.select()))
                for name, table in self.database().tables.items()
                if name not in without
            }


def reconciled(result: Result) -> Result:
    """P7: every record that was read has one fate, and no count is negative."""
    assert not [note for note in result.notes if "defect" in note], result.notes
    assert all(count >= 0 for count in result.counts.values()), result.counts
    fates = sum(result.counts.get(name, 0) for name in READ_PARTS)
    assert result.counts.get("read", 0) == fates, result.counts
    return result


def some(result: Result, *names: str) -> dict[str, int]:
    """Counts that are not zero, or the named ones."""
    wanted = names or tuple(name for name, count in result.counts.items() if count)
    return {name: result.counts.get(name, 0) for name in wanted}


def _named(content: str) -> str:
    return dedent(content).strip().splitlines()[0].partition(":")[2].strip()
