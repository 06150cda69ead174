"""What the demo does, and what came of it: first load, a second run, one change that travels."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.bootstrap import Opened
from hub.demo.scene import Scene
from hub.exchange.pipeline import Result, run_exchange
from hub.store.reports import Cause, Entity, causes, entities

# What refers comes after what it refers to; outbound comes last.
EXCHANGES = (
    "hr-departments", "hr-employees", "s4-cost-centers", "s4-materials", "s4-suppliers", "s4-bank-accounts",
    "erp-suppliers", "erp-customers", "files-distributors", "crm-accounts", "suppliers-claim-crm",
    "suppliers-to-crm", "suppliers-to-erp", "materials-to-erp", "cost-centers-to-files",
    "employees-to-files", "crm-accounts-to-erp",
)  # fmt: skip
TRAVELS = ("s4-suppliers", "suppliers-to-crm", "suppliers-to-erp")
SUPPLIER = "1000003"  # known to SAP, to the ERP and, entered by hand, to the CRM

Told = Callable[[str, str, Mapping[str, int]], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """One exchange's run and how many seconds it took."""

    result: Result
    seconds: float

    @property
    def counts(self) -> Mapping[str, int]:
        return self.result.counts


@dataclass(frozen=True, slots=True)
class Travel:
    """One change on its way: what a user changed, the golden record before and after, what the targets
    hold before and after, and what their own logs say was written meanwhile."""

    changed: Mapping[str, str]
    before: Entity
    after: Entity
    runs: tuple[Ran, ...]
    crm: tuple[Mapping[str, Any], Mapping[str, Any]]
    erp: tuple[Mapping[str, Any], Mapping[str, Any]]
    crm_log: tuple[str, ...]
    erp_log: tuple[str, ...]


def round_of(
    opened: Opened, number: int, exchanges: Sequence[str], told: Told, ended: Callable[[Ran], None]
) -> list[Ran]:
    """Run exchanges one after the other; the first round is a first load."""
    done = []
    for exchange in exchanges:
        start = time.monotonic()

        def progress(stage: str, counts: Mapping[str, int], exchange: str = exchange) -> None:
            told(exchange, stage, counts)

        result = run_exchange(
            opened.hub,
            exchange,
            "incremental",
            f"demo-{number}-{exchange}",
            initial=number == 1,
            progress=progress,
        )
        done.append(Ran(result, time.monotonic() - start))
        ended(done[-1])
    return done


def not_applied(opened: Opened) -> list[Cause]:
    """Everything open in quarantine and review, by cause."""
    return causes(opened.hub.database)


def supplier(opened: Opened) -> Entity:
    """The golden record that the story follows."""
    return entities(opened.hub.database, "supplier", SUPPLIER)[0]


def travel(scene: Scene, opened: Opened, told: Told, ended: Callable[[Ran], None]) -> Travel:
    """Rename a supplier in SAP, as a purchaser would, and follow it."""
    before, crm, erp = supplier(opened), _account(scene), _row(scene)
    crm_seen, erp_seen = len(scene.crm.log.since(0)), len(scene.erp.log())
    row = next(row for row in scene.s4.rows("A_BusinessPartner") if row["BusinessPartner"] == SUPPLIER)
    changed = {
        "OrganizationBPName1": row["OrganizationBPName1"].replace("有限公司", "股份有限公司"),
        "OrganizationBPName3": row["OrganizationBPName3"].replace("Co., Ltd.", "Corporation"),
    }
    scene.s4.change("A_BusinessPartner", {"BusinessPartner": SUPPLIER, **changed})
    runs = round_of(opened, 3, TRAVELS, told, ended)
    writes = tuple(
        f"{one.action} {one.resource} {one.key} ({one.note})"
        for one in scene.crm.log.since(crm_seen)
        if one.action in ("create", "update", "delete")
    )
    written = tuple(f"{one.action} {one.resource} {one.key}" for one in scene.erp.log(erp_seen))
    return Travel(
        changed,
        before,
        supplier(opened),
        tuple(runs),
        (crm, _account(scene)),
        (erp, _row(scene)),
        writes,
        written,
    )


def _account(scene: Scene) -> Mapping[str, Any]:
    return next(row for row in scene.crm.rows("accounts") if row["external_id"] == SUPPLIER)


def _row(scene: Scene) -> Mapping[str, Any]:
    return next(row for row in scene.erp.rows("md_supplier") if row["supplier_no"] == SUPPLIER)
