"""One CRM, the hub, another CRM: the world of random fault sequences, and the promises checked on it.

Runs happen in this process; those to be killed in a forked one, on the same folder. Everything that is believed
comes from the two simulators' logs and rows, and from the store read by natural key.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.simulators import Simulator
from connectors.simulators.crm import Crm
from connectors.simulators.tables import Clock
from hub import failpoints
from hub.bootstrap import open_hub
from hub.errors import HubError
from hub.exchange.manifest import READ_PARTS
from hub.exchange.pipeline import Result, apply_plan, run_exchange
from tests.faults.forker import Forker

SECRETS = {"COPHUB_SECRET_CRM_KEY": "crm-demo"}
NOTHING = "nothing of this kind"
_SYSTEM = """
system: {name}
connector: rest
url: {url}/api/v2
auth: {{api_key: {{header: X-Api-Key, value: secret://crm/key}}}}
limits: {{rate: null, retries: 1, max_wait: 1s, timeout: 5s}}
delivery: {{failures: 1000, threads: 1}}
resources:
  accounts:
    path: /accounts
    records: records
    total: total
    key: {key}
    cursor: {{field: modified_at, param: modified_since}}
    paging: {{cursor: {{param: page_token, from: next_page_token, size_param: page_size, size: 3}}}}
    fields: {{id: text, external_id: text, name: text, description: text, modified_at: datetime}}
    write:
      create: {{method: POST, path: /accounts, id: id}}
      update: {{method: PATCH, path: "/accounts/{{id}}", id: id}}
      delete: {{method: DELETE, path: "/accounts/{{id}}"}}
      find: {{params: {{external_id: "{{external_id}}"}}}}
"""
_GUARD = "guard: {create: 1000, update: 1000, disable: 1000, delete: 1000}\n"
FILES = {
    "config/hub.yaml": "hub: sequence\n",
    "config/models/party.yaml": """
model: party
key: [code]
fields:
  code: {type: text, required: true}
  name: {type: text, required: true}
  score: {type: integer}
""",
    "mappings/inward.yaml": """
mapping: inward
from: one.accounts
into: party
fields: {code: external_id, name: name, score: CAST(description AS INTEGER)}
match: [[code]]
unmatched: create
absent: {reaction: disable}
"""
    + _GUARD,
    "mappings/outward.yaml": """
mapping: outward
from: party
into: two.accounts
key: external_id
fields: {external_id: code, name: name, description: CAST(score AS VARCHAR)}
absent: {reaction: delete}
changed_by_hand: overwrite
"""
    + _GUARD,
}


def build(folder: Path, one: str = "http://127.0.0.1:9", two: str = "http://127.0.0.1:9") -> None:
    """Write the workspace."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip("\n"), encoding="utf-8")
    (folder / "config" / "systems").mkdir(parents=True, exist_ok=True)
    for name, url, key in (("one", one, "external_id"), ("two", two, "id")):
        text = _SYSTEM.lstrip("\n").format(name=name, url=url, key=key)
        (folder / "config" / "systems" / f"{name}.yaml").write_text(text, encoding="utf-8")


class Ticking(Clock):
    """A clock that gives the same times in every repetition, and never one twice."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks = 0

    def now(self) -> datetime:
        self.ticks += 1
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(milliseconds=self.ticks, seconds=self.skew)


class World:
    """``template`` is a migrated workspace; the copy is thrown away with the world."""

    def __init__(self, template: Path, folder: Path, forker: Forker) -> None:
        self.folder, self.forker = folder, forker
        shutil.copytree(template, folder)
        self.one, self.two = (Simulator(Crm(empty=True)).start() for _ in range(2))
        for simulator in (self.one, self.two):
            simulator.product.clock = Ticking()
        build(folder, self.one.url, self.two.url)
        self._opened = ExitStack()
        self.hub = self._opened.enter_context(open_hub(folder, variables=SECRETS)).hub
        self.number = 0
        self.taken: set[str] = set()
        self.versions: dict[str, int] = {}
        self.touched: set[str] = set()

    def close(self) -> None:
        failpoints.arm("")
        self._opened.close()
        self.one.stop()
        self.two.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------ the source

    def codes(self) -> list[str]:
        return sorted(row["external_id"] for row in self.one.rows("accounts"))

    def put(self, code: str, name: str, score: str | None) -> None:
        """A person enters or changes a record in the source."""
        row = {"id": f"S-{code}", "external_id": code, "name": name, "description": score}
        whole = dict.fromkeys(("email", "phone", "tax_number", "billing_address"))
        known = any(one["external_id"] == code for one in self.one.rows("accounts"))
        self.one.change("accounts", row if known else whole | row)

    def take(self, code: str) -> None:
        """A person deletes a record in the source."""
        self.taken.add(code)
        self.one.remove("accounts", f"S-{code}")

    def touch(self, code: str, name: str) -> bool:
        """A person changes a record in the target by hand."""
        for row in self.two.rows("accounts"):
            if row["external_id"] == code:
                self.touched.add(code)
                self.two.change("accounts", {"id": row["id"], "name": name})
                return True
        return False

    # ------------------------------------------------------------ the hub

    def run(self, exchange: str, mode: str, *, point: str = "") -> Result | HubError:
        """One run in this process, which may raise at a failpoint. Its totals reconcile (P7)."""
        self.number += 1
        failpoints.arm(f"{point}=raise" if point else "")
        try:
            result = run_exchange(self.hub, exchange, mode, f"run-{self.number}", initial=True)
        except HubError as error:
            return error
        finally:
            failpoints.arm("")
        self.sum(result)
        return result

    def killed(self, exchange: str, mode: str, point: str) -> None:
        """One run in a process that is killed at a failpoint, if it gets there."""
        words = ["run", exchange, "--initial", "--workspace", str(self.folder), "--json", "--quiet"]
        ran = self.forker.run(words + (["--full"] if mode == "full" else []), SECRETS | {failpoints.VARIABLE: point})
        assert "Traceback" not in ran.err, ran.err

    def plan_and_apply(self, exchange: str, between: Any) -> None:
        """A plan changes nothing (P9); what changed since is refused, the rest is done as it says."""
        before = self.standing()
        planned = self.run(exchange, "plan")
        assert self.standing() == before, "the plan changed something"
        between()
        if isinstance(planned, HubError) or planned.plan is None:
            return
        self.number += 1
        try:
            applied = apply_plan(self.hub, planned.plan, f"run-{self.number}")
        except HubError:
            return
        self.sum(applied)
        for name in ("created", "updated", "deleted", "disabled"):
            assert applied.counts.get(name, 0) <= planned.counts.get(name, 0), "more than was planned"

    @staticmethod
    def sum(result: Result) -> None:
        """P7: each record that was read has one fate."""
        fates = sum(result.counts.get(name, 0) for name in READ_PARTS)
        assert result.counts.get("read", 0) == fates, result.counts
        assert all(count >= 0 for count in result.counts.values()), result.counts

    def select(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / ".cophub" / "hub.sqlite")) as connection:
            return connection.execute(query).fetchall()

    def standing(self) -> list[list[tuple[Any, ...]]]:
        tables = ("e_party", "h_party", "shadow", "watermark", "intent")
        golden = [self.select(f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables]
        return [*golden, sorted(self.target().items())]

    # ------------------------------------------------------------ what is true

    def golden(self) -> dict[str, str]:
        return dict(self.select("SELECT code, name FROM e_party WHERE _state = 0"))

    def held(self, exchange: str) -> set[str]:
        """Records of an exchange that are listed as not applied."""
        listed = self.select(f"SELECT key FROM quarantine WHERE exchange = '{exchange}' AND state <> 'resolved'")
        return {str(key) for (key,) in listed}

    def target(self) -> dict[str, str]:
        return {row["external_id"]: row["name"] for row in self.two.rows("accounts") if row["external_id"]}

    def check(self) -> None:
        """What holds after every step, whatever happened."""
        self._once()
        self._monotone()
        self._no_delete_on_doubt()
        self._watermark_of_the_source()

    def _once(self) -> None:
        """P2: by the target's log no object stands twice at any time."""
        there: Counter[str] = Counter()
        names = {one.key: one.note for one in self.two.log.of("create", "accounts")}
        for one in self.two.log.since(0):
            if one.resource == "accounts" and one.action in ("create", "delete") and names.get(one.key):
                there[names[one.key]] += 1 if one.action == "create" else -1
                assert there[names[one.key]] <= 1, f"{names[one.key]} was created twice"

    def _monotone(self) -> None:
        """P4: versions only grow, and history has every one before."""
        history = Counter(str(key) for (key,) in self.select("SELECT _id FROM h_party"))
        for identity, code, version in self.select("SELECT _id, code, _version FROM e_party"):
            assert version >= self.versions.get(code, 0), f"{code} went back to version {version}"
            assert history[str(identity)] == version - 1, f"{code} lacks history"
            self.versions[code] = version

    def _no_delete_on_doubt(self) -> None:
        """P5: nothing is disabled or deleted that a person had not taken from the source."""
        disabled = {code for (code,) in self.select("SELECT code FROM e_party WHERE _state > 0")}
        assert disabled <= self.taken, f"disabled on doubt: {disabled - self.taken}"
        names = {one.key: one.note for one in self.two.log.of("create", "accounts")}
        deleted = {names[one.key] for one in self.two.log.of("delete", "accounts") if one.actor != "user"}
        assert deleted <= self.taken, f"deleted on doubt: {deleted - self.taken}"

    def _watermark_of_the_source(self) -> None:
        """P1, P3: what the source changed before the watermark is applied, or listed."""
        marks = dict(self.select("SELECT exchange, value FROM watermark"))
        if not marks.get("inward"):
            return
        seen = dict(self.select(
            "SELECT h.key, h.cur FROM shadow h JOIN source s ON s.id = h.source WHERE s.exchange = 'inward'"
        ))  # fmt: skip
        held = self.held("inward")
        for row in self.one.rows("accounts"):
            code, moment = row["external_id"], row["modified_at"]
            if moment < marks["inward"]:
                assert code in held or seen.get(code, "") >= moment, f"{code} of {moment} was passed over"

    def settle(self) -> None:
        """Quiescence: the faults end, one clean run each way; then the three agree."""
        for simulator in (self.one, self.two):
            simulator.faults.clear()
        for exchange, mode in (("inward", "full"), ("outward", "incremental")):
            ended = self.run(exchange, mode)
            assert isinstance(ended, Result), f"{exchange} does not get through: {ended!r}"
        self.check()
        golden, held = self.golden(), self.held("inward")
        source = {row["external_id"]: row for row in self.one.rows("accounts")}
        if source:  # an emptied source deletes nothing
            assert set(golden) | held >= set(source), "lost"
            assert set(golden) <= set(source) | held, "a ghost"
        for code, row in source.items():
            assert code in held or golden[code] == row["name"], f"{code} is stale"
            assert (code in held) == (row["description"] == "bad"), f"{code} is listed wrongly"
        waiting = self.held("outward")
        assert not waiting, waiting
        expected = {code: name for code, name in golden.items() if code not in self.touched}
        target = self.target()
        assert set(target) == set(golden), "the target differs"
        assert {code: target[code] for code in expected} == expected
        assert self.select("SELECT key FROM intent") == []
        assert not list((self.folder / ".cophub" / "runs").glob("run-*"))
