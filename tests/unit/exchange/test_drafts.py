"""A draft of a mapping is told and can be planned; nothing runs it until its mark is gone."""

from __future__ import annotations

import pytest

from hub.errors import ConfigError
from hub.exchange.order import run_order
from hub.exchange.pipeline import apply_plan, run_exchange
from hub.workspace.load import lint
from tests.unit.exchange.world import World


@pytest.fixture
def drafted(world: World) -> World:
    world.standard()
    world.put("erp.suppliers", {"id": "1", "name": "ACME"})
    text = (world.folder / "mappings/suppliers.yaml").read_text("utf-8")
    world.write("mappings/suppliers.yaml", text + "draft: true\nenabled: true\n")
    world.migrate()
    return world


def test_check_tells_a_draft_and_finds_nothing_else(drafted: World):
    workspace, findings = lint(drafted.folder)
    assert [(one.level, one.code, one.line > 1) for one in findings] == [("warning", "mapping.draft", True)]
    assert workspace is not None
    assert not workspace.mapping("suppliers").enabled
    assert run_order(workspace) == []


def test_an_environment_cannot_enable_it(drafted: World):
    drafted.write("config/environments/prod.yaml", "environment: prod\nmappings: {suppliers: {enabled: true}}\n")
    workspace, _ = lint(drafted.folder, "prod")
    assert workspace is not None
    assert not workspace.mapping("suppliers").enabled


@pytest.mark.parametrize("mode", ["incremental", "full", "link_only"])
def test_nothing_runs_it(drafted: World, mode: str):
    with drafted.opened() as opened, pytest.raises(ConfigError) as refused:
        run_exchange(opened.hub, "suppliers", mode, f"key-{mode}")
    assert refused.value.code == "mapping.draft"
    assert drafted.golden() == {}


def test_its_plan_is_shown_and_not_applied(drafted: World):
    with drafted.opened() as opened:
        planned = run_exchange(opened.hub, "suppliers", "plan", "one", initial=True)
        assert planned.plan is not None
        with pytest.raises(ConfigError, match="is a draft"):
            apply_plan(opened.hub, planned.plan, "two")
    text = (drafted.folder / "mappings/suppliers.yaml").read_text("utf-8")
    drafted.write("mappings/suppliers.yaml", text.replace("draft: true\n", ""))
    with drafted.opened() as opened:
        run_exchange(opened.hub, "suppliers", "full", "three", initial=True)
    assert list(drafted.golden()) == ["1"]
