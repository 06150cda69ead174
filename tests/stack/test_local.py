"""Airflow's LocalExecutor on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.forker import Forker
from tests.stack.conftest import stack, world
from tests.stack.workspace import exchanges
from tests.stores import Postgres

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


def test_twenty_exchanges_succeed_and_each_effect_is_had_once(
    tmp_path: Path, forker: Forker, postgres: Postgres
) -> None:
    with world(tmp_path / "w", forker, postgres, 1) as there, stack(tmp_path / "a", there, postgres) as airflow:
        names = exchanges(0)
        for name in names:
            airflow.trigger(name, "first")
        assert airflow.finished("first", names, 900) == dict.fromkeys(names, "success")
        assert there.effects(0) == there.once(0)
        assert there.journal("first") == {name: ["done"] for name in names}
