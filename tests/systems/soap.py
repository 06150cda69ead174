"""A SOAP service of employees: spyne 2.14 in an environment of its own, what it serves in ``soap_server``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from tests.systems import install
from tests.systems.place import Place, free_port, listening, wait_until

APT = ()
PACKAGES = ("spyne==2.14.0", "pytz", "six", "lxml")
USER, PASSWORD = "hub", "S0ap!Hub-2026"
EMPLOYEES = 1000


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    programs = install.python(place.name, *PACKAGES)
    port = free_port()
    server = Path(__file__).with_name("soap_server.py")
    process = place.start([programs / "python", server, port, USER, PASSWORD, EMPLOYEES])
    wait_until(lambda: listening(port), 60, process, place.log)
    return {"HUB_TEST_SOAP_URL": f"http://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}"}
