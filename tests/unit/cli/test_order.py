"""All exchanges: who fills a model runs before who refers to it, and inbound before outbound."""

from __future__ import annotations

from pathlib import Path

from hub.exchange.order import run_order
from hub.workspace.load import load
from tests.house.codes import ROOT
from tests.unit.cli.desk import desk


def test_inbound_runs_before_outbound_and_what_is_referred_to_first() -> None:
    order = run_order(load(ROOT))
    directions = [load_direction(name) for name in order]
    assert directions == sorted(directions, key=["inbound", "pass", "outbound"].index)
    assert order.index("hr-departments") < order.index("hr-employees")


def test_who_creates_entities_runs_before_who_only_adds_to_them() -> None:
    order = run_order(load(ROOT))
    assert order.index("s4-suppliers") < order.index("erp-suppliers")
    assert order.index("s4-suppliers") < order.index("crm-accounts")


def test_what_is_not_enabled_does_not_run(tmp_path: Path) -> None:
    work = desk(tmp_path, migrated=False)
    work.append("mappings/erp-suppliers.yaml", "enabled: false\n")
    assert run_order(load(tmp_path)) == []


def load_direction(name: str) -> str:
    """The direction of a mapping of the sample."""
    return load(ROOT).mapping(name).direction
