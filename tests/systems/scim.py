"""scim2-server, a SCIM 2.0 service in memory, in an environment of its own."""

from __future__ import annotations

from collections.abc import Mapping

from tests.systems import install
from tests.systems.place import Place, free_port, listening, wait_until

APT = ()
PACKAGES = ("scim2-server~=0.8.0",)
TOKEN = "sc1m-t0ken"


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    programs, port = install.python(place.name, *PACKAGES), free_port()
    process = place.start([
        programs / "scim2-server", "--hostname", "127.0.0.1", "--port", str(port), "--bearer-token", TOKEN,
    ])  # fmt: skip
    wait_until(lambda: listening(port), 30, process, place.log)
    return {"HUB_TEST_SCIM_URL": f"http://127.0.0.1:{port}", "HUB_TEST_SCIM_KEY": TOKEN}
