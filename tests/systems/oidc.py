"""``oidc-provider`` of npm, a certified OpenID provider, as the upstream at which people log in.

Whoever types a name is that person, with any password. Log-outs are told to ``HUB_TEST_OIDC_BACK``, where a test
listens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.systems import install
from tests.systems.place import Place, free_port, listening, wait_until

APT = ()
PROJECT = Path(__file__).parent / "oidc_upstream"


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    node = install.node(place.name)
    project = install.npm_project(PROJECT, place.path / "project", node)
    port, back = free_port(), f"http://127.0.0.1:{free_port()}/out"
    environment = os.environ | {"PORT": str(port), "BACK": back}
    process = place.start([node, "server.mjs"], cwd=project, env=environment)
    wait_until(lambda: listening(port), 60, process, place.log)
    return {"HUB_TEST_OIDC_URL": f"http://127.0.0.1:{port}", "HUB_TEST_OIDC_BACK": back}
