"""aiosmtpd, an SMTP server that keeps what it takes in a folder, in an environment of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from tests.systems import install
from tests.systems.place import ROOT, Place, free_port, listening, wait_until

APT = ()
PACKAGES = ("aiosmtpd~=1.4",)
USER, PASSWORD = "hub", "s3nd-pa55word"


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    programs, port, box = install.python(place.name, *PACKAGES), free_port(), place.path / "box"
    shutil.rmtree(box, ignore_errors=True)
    box.mkdir()
    server = ROOT / "tests" / "systems" / "smtp_server.py"
    process = place.start([programs / "python", server, str(port), str(box), USER, PASSWORD])
    wait_until(lambda: listening(port), 30, process, place.log)
    return {"HUB_TEST_SMTP_URL": f"smtp://{USER}:{PASSWORD}@127.0.0.1:{port}", "HUB_TEST_SMTP_BOX": str(box)}
