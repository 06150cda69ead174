"""Exchanges between two simulators, in rounds of twenty: each record has one effect, and the simulators log it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from connectors.simulators import Simulator
from tests.faults.forker import Forker
from tests.faults.landscape import Landscape, build, parties, point_at, seal

EACH: Final = 5
"""Records of one exchange."""
ROUND: Final = 10 * EACH
"""Records of each side in one round: ten exchanges there, ten back."""
SPLIT: Final = "crm-parties"
"""An exchange into a model, in four parts."""
HUB: Final = "hub: stack\nairflow: {retry_wait: 1s, longest_wait: 4s, slots: 8}\n"
TO_S4: Final = """
mapping: {name}
from: crm.accounts
where: id BETWEEN '{first}' AND '{last}'
into: s4.A_BusinessPartner
key: SearchTerm1
fields: {{SearchTerm1: id, OrganizationBPName1: 'left(name, 40)', BusinessPartnerCategory: "'2'"}}
"""
TO_CRM: Final = """
mapping: {name}
from: s4.A_BusinessPartner
where: BusinessPartner BETWEEN '{first}' AND '{last}'
into: crm.batched
key: external_id
fields: {{external_id: BusinessPartner, name: BusinessPartner}}
"""


def exchanges(turn: int) -> list[str]:
    """The twenty of one round."""
    return [f"{way}-{turn}{number}" for number in range(10) for way in ("crm-to-s4", "s4-to-crm")]


class World:
    """A workspace on PostgreSQL whose systems are simulators of this process."""

    def __init__(self, folder: Path, forker: Forker, store: str, crm: Simulator, s4: Simulator, rounds: int) -> None:
        build(folder)
        (folder / "config/hub.yaml").write_text(HUB, encoding="utf-8")
        self.crm, self.s4 = crm, s4
        self.keys = {
            "crm": sorted(str(row["id"]) for row in crm.rows("accounts")),
            "s4": sorted(str(row["BusinessPartner"]) for row in s4.rows("A_BusinessPartner")),
        }
        for turn in range(rounds):
            for number in range(10):
                begin = turn * ROUND + number * EACH
                for way, text, keys in (("crm-to-s4", TO_S4, "crm"), ("s4-to-crm", TO_CRM, "s4")):
                    name, mine = f"{way}-{turn}{number}", self.keys[keys][begin : begin + EACH]
                    filled = text.format(name=name, first=mine[0], last=mine[-1])
                    (folder / f"mappings/{name}.yaml").write_text(filled.lstrip(), encoding="utf-8")
        if rounds:  # where there is none, the exchange stays whole
            borders = [self.keys["crm"][len(self.keys["crm"]) * part // 4] for part in (1, 2, 3)]
            with (folder / f"mappings/{SPLIT}.yaml").open("a", encoding="utf-8") as mapping:
                mapping.write(f"split: {{by: id, at: {borders}}}\n")
        for name, simulator in (("crm", crm), ("s4", s4)):
            point_at(folder, name, simulator.url)
            path = folder / f"config/systems/{name}.yaml"
            said = path.read_text(encoding="utf-8")  # what is given up, and done later all the same, is done twice
            path.write_text(re.sub(r"timeout: \d+s", "timeout: 5m", said), encoding="utf-8")
        self.hub = Landscape(folder, forker, store)
        self.hub.write(parties(20))
        assert self.hub.cophub("migrate").status == 0
        seal(self.hub)

    def slow(self, seconds: float, method: str = "POST") -> None:
        """Every answer of both systems takes its time."""
        for simulator in (self.crm, self.s4):
            simulator.faults.clear()
            if seconds:
                simulator.faults.set(f"delay={seconds},method={method},times=always")

    def created(self) -> int:
        """How often an object was created, by the systems' own logs."""
        return self.crm.log.count("create", "accounts") + self.s4.log.count("create", "A_BusinessPartner")

    def effects(self, turn: int) -> Counter[str]:
        """How often each record of a round was created on the other side, by its key, out of the systems' own logs."""
        wanted = {key for keys in self.keys.values() for key in keys[turn * ROUND : (turn + 1) * ROUND]}
        found: Counter[str] = Counter()
        for simulator, resource, key, origin in (
            (self.crm, "accounts", "id", "external_id"),
            (self.s4, "A_BusinessPartner", "BusinessPartner", "SearchTerm1"),
        ):
            of = {str(row[key]): row[origin] for row in simulator.rows(resource)}
            found.update(of[each.key] for each in simulator.log.of("create", resource))
        return Counter({key: count for key, count in found.items() if key in wanted})

    def once(self, turn: int) -> Counter[str]:
        """What ``effects`` is to be."""
        return Counter({key: 1 for keys in self.keys.values() for key in keys[turn * ROUND : (turn + 1) * ROUND]})

    def golden(self) -> dict[str, object]:
        """What the split exchange made: golden rows, links and quarantine."""
        found = self.hub.hub()
        mine = {name: [row for row in found[name] if row[0] == SPLIT] for name in ("links", "quarantine")}
        return {"golden": found["golden"], **mine}

    def journal(self, run: str) -> dict[str, list[str]]:
        """The states of the journal's rows of the DAG runs of that name, by exchange."""
        found: dict[str, list[str]] = {}
        for key, state in self.hub.select("SELECT run_key, state FROM run ORDER BY 1"):
            _, dag, name = str(key).split("/", 2) if str(key).startswith("airflow/") else ("", "", "")
            if name == run:
                found.setdefault(dag.removeprefix("stack."), []).append(str(state))
        return found
