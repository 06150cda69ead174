"""What is said of limits and approvals: do the fields exist, and is what is switched off meant so?"""

from __future__ import annotations

from hub.workspace.build import Built
from hub.workspace.scope import Scope


def check_approvals(scope: Scope, built: Built) -> None:
    """One person alone approves: worth knowing."""
    if built.hub is not None and built.hub.approvals.four_eyes == "off":
        scope.error(
            ("approvals", "four_eyes"),
            "approvals.alone",
            "approvals.four_eyes is off: whoever lets a plan be made may approve it",
            "write four_eyes: on as soon as there is a second person",
            level="warning",
        )
