"""A system that only pushes keeps what of the contract is not about reading and writing; the rest is in tests/e2e."""

from __future__ import annotations

import pytest

from connectors.webhook import SPEC
from hub.contract import Context
from hub.testing import Case, failures, run_contract
from hub.testing.reading import READING
from hub.testing.writing import SINGLE, WHOLE, exempting

pytestmark = pytest.mark.against("webhook", "the hub's own receiver", "real")

ORDERS = {"key": "id", "cursor": "updated_at", "fields": {"id": "text", "updated_at": "datetime"}}


def test_webhook_keeps_the_contract() -> None:
    resource = SPEC.resource.model_validate(ORDERS)
    why = "there is nothing to read"
    case = Case(
        name="webhook", fresh=lambda records: None, resource="orders", key=("id",), cursor="updated_at",
        open=lambda handle: SPEC.open(Context("shop"), SPEC.settings(), {"orders": resource}),
        record=lambda n: {"id": f"o{n}", "updated_at": f"2026-01-{n:02}T00:00:00Z"},
        exempt=exempting(why, tuple(probe for _, probe in READING))
        | exempting("nothing is written", (*SINGLE, *WHOLE))
        | dict.fromkeys(
            ("close_twice", "wrong_credentials", "check_reports_trouble", "no_secret_shown", "rate_limit_honoured"), why
        ),
    )  # fmt: skip
    assert failures(run_contract(case)) == []
