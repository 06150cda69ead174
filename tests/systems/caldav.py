"""Radicale, a CalDAV server, in an environment of its own; everybody owns what lies below their name."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from tests.systems import install
from tests.systems.place import Place, free_port, listening, wait_until

APT = ()
PACKAGES = ("radicale>=3.5,<4",)
USER, PASSWORD = "alice", "al1ce-pa55word"
CONFIG = """[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {home}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {home}/data
[rights]
type = owner_only
"""


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    programs, port = install.python(place.name, *PACKAGES), free_port()
    shutil.rmtree(place.path / "data", ignore_errors=True)
    (place.path / "users").write_text(f"{USER}:{PASSWORD}\n")
    config = place.path / "radicale.conf"
    config.write_text(CONFIG.format(port=port, home=place.path))
    process = place.start([programs / "python", "-m", "radicale", "--config", config])
    wait_until(lambda: listening(port), 30, process, place.log)
    return {"HUB_TEST_CALDAV_URL": f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"}
