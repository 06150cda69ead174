"""An application on ``openid-client`` of npm, a certified relying party, which logs people in at a hub."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.systems import install
from tests.systems.place import Place, free_port, listening, wait_until

APT = ()
PROJECT = Path(__file__).parent / "rp_client"


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    node = install.node(place.name)
    project = install.npm_project(PROJECT, place.path / "project", node)
    port = free_port()
    process = place.start([node, "client.mjs"], cwd=project, env=os.environ | {"PORT": str(port)})
    wait_until(lambda: listening(port), 60, process, place.log)
    return {"HUB_TEST_RP_URL": f"http://127.0.0.1:{port}"}
