"""What is written and says nothing is found where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from .desk import FILES, changed, findings

HUB, ROLES, MODEL = "config/hub.yaml", "config/roles.yaml", "config/models/supplier.yaml"
IN, OUT = "mappings/erp-suppliers.yaml", "mappings/suppliers-to-crm.yaml"
WRONG_ROLE = "roles: {pay: {sees: L4, models: [suplier]}}\n"
JOINED = "with: {twin: {from: erp.Supplier, on: twin.NO = NO}}\nschedule: on_event\n"
SHOP = {
    "config/systems/shop.yaml": "system: shop\nconnector: webhook\nresources: {Supplier: {key: NO}}\n",
    **changed(IN, "from: erp.Supplier", "from: shop.Supplier"),
}
SENT = {
    "config/systems/sap.yaml": "system: sap\nconnector: idoc\nfolder: in\nresources: {Supplier: {path: '*.xml'}}\n",
    IN: FILES[IN].replace("from: erp.Supplier", "from: sap.Supplier") + "absent: delete\n",
}
CLASSED = changed(MODEL, "name: {type: text}", "name: {type: text, class: pi.nmae}")

CASES = [
    ("reference.model", {ROLES: WRONG_ROLE}, f"{ROLES}:1:34", "did you mean supplier?"),
    ("reference.zone", {HUB: FILES[HUB] + "zone: Asia/Shangai\n"}, f"{HUB}:2:7", "Asia/Shanghai"),
    ("key.direction", {IN: FILES[IN] + "ghosts: delete\n"}, f"{IN}:8:1", "remove ghosts"),
    ("key.direction", {OUT: FILES[OUT] + "unmatched: create\n"}, f"{OUT}:6:1", "remove unmatched"),
    ("value.missing", {IN: FILES[IN] + "effective: {}\n"}, f"{IN}:8:1", "from: StartDate"),
    ("value.pattern", {IN: FILES[IN] + "guard: {delete: 5 percent}\n"}, f"{IN}:8:17", "such as 2%, or off"),
    ("schedule.no_events", {OUT: FILES[OUT] + "schedule: on_event\n"}, f"{OUT}:6:11", "every: 15m"),
    ("schedule.no_events", {IN: FILES[IN] + JOINED}, f"{IN}:9:11", "every: 15m"),
    ("schedule.no_events", {IN: FILES[IN] + "mode: link_only\nschedule: on_event\n"}, f"{IN}:9:11", "every: 15m"),
    ("schedule.push_only", SHOP, f"{IN}:2:7", "schedule: on_event"),
    ("mapping.draft", {IN: FILES[IN] + "draft: true\n"}, f"{IN}:8:1", "remove draft"),
    ("mapping.messages", SENT, f"{IN}:8:9", "remove absent"),
    ("class.unknown", CLASSED, f"{MODEL}:5:29", "did you mean pi.name"),
]


@pytest.mark.parametrize(("code", "changes", "place", "hint"), CASES)
def test_what_says_nothing_is_found(tmp_path: Path, code: str, changes: dict[str, str], place: str, hint: str) -> None:
    found = {(one.code, f"{one.path}:{one.line}:{one.column}"): one.hint for one in findings(tmp_path, changes)}
    assert hint in found[code, place]
