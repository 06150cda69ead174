"""The contract kit: what every connector promises, probed against a real or simulated system.

A connector's contract test is a ``Case``, data only, given to ``run_contract``; it answers a verdict per
check. A check that does not apply is exempted in the case by name and reason, never silently.

>>> from hub.testing import Case, run_contract, failures
"""

from __future__ import annotations

from hub.testing.case import Case, Verdict
from hub.testing.contract import CHECKS, failures, run_contract

__all__ = ["CHECKS", "Case", "Verdict", "failures", "run_contract"]
