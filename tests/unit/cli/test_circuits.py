"""Systems that are left alone: seen in the list, asked again by hand."""

from __future__ import annotations

from hub.bootstrap import open_hub
from hub.store import circuits
from tests.unit.cli.desk import Desk


def fail(work: Desk, system: str) -> None:
    with open_hub(work.folder) as opened:
        circuits.failed(opened.hub.database, system, "http.cut", "the line was cut", limit=1, pause=600)


def test_an_open_circuit_is_shown_and_closed_by_hand(work: Desk) -> None:
    assert work.cophub("systems", "--json").json["systems"][0]["circuit"] is None
    fail(work, "erp_files")
    said = work.cophub("systems").out
    assert "circuit open" in said
    assert "the line was cut [http.cut]" in " ".join(said.split())
    told = work.cophub("systems", "--json").json["systems"][0]["circuit"]
    assert (told["state"], told["failures"], told["code"]) == ("open", 1, "http.cut")
    assert work.cophub("systems", "reset", "erp_files", "--json").json == {"system": "erp_files", "closed": True}
    assert "circuit" not in work.cophub("systems").out


def test_a_system_that_does_not_exist_is_not_reset(work: Desk) -> None:
    assert work.cophub("systems", "reset", "epr", "--json").json["error"]["code"] == "reference.system"


def test_reconcile_tells_by_its_exit_code_whether_anything_differs(work: Desk) -> None:
    assert work.cophub("run", "erp-suppliers", "--initial").code == 0
    clean = work.cophub("reconcile", "erp-suppliers", "--json")
    assert (clean.code, clean.json["clean"]) == (0, True)
    work.append("data/suppliers.csv", "1009,New one,DE,,,1\n")
    said = work.cophub("reconcile", "erp-suppliers")
    assert said.code == 1
    assert "1 unseen in the source and not seen yet" in " ".join(said.out.split())
    assert "cophub apply" in said.out
