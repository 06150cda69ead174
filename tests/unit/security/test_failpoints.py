from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import failpoints
from hub.errors import ConfigError, Fatal

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    failpoints.arm("")


def test_nothing_happens_unless_armed() -> None:
    failpoints.arm("")
    failpoints.reach("after_fetch")


def test_the_third_time_only() -> None:
    failpoints.arm("after_fetch:3=raise")
    failpoints.reach("after_fetch")
    failpoints.reach("after_fetch")
    with pytest.raises(Fatal, match="after_fetch"):
        failpoints.reach("after_fetch")
    failpoints.reach("after_fetch")


def test_from_the_second_time_on() -> None:
    failpoints.arm("after_map=sleep:0, before_commit:2+=raise")
    failpoints.reach("before_commit")
    for _ in range(2):
        with pytest.raises(Fatal):
            failpoints.reach("before_commit")
    failpoints.reach("after_map")


@pytest.mark.parametrize(
    "text", ["after_fetch=", "after_fetch:0", "after_fetch=sleep", "after_fetch=kill:3", "a b"]
)
def test_a_malformed_switch_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot read") as caught:
        failpoints.arm(text)
    assert caught.value.code == "failpoint.syntax"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        failpoints.arm("after_lunch=kill")
    assert caught.value.code == "failpoint.unknown"
    assert "after_fetch" in caught.value.hint


def test_the_environment_kills_the_process() -> None:
    code = "from hub.failpoints import reach; reach('after_fetch'); print('alive')"
    environment = {**os.environ, "COPHUB_FAILPOINT": "after_fetch"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == b""


def test_every_place_in_the_code_is_declared() -> None:
    used = {
        name
        for path in (ROOT / "hub").rglob("*.py")
        for name in re.findall(r"\breach\(\"(\w+)\"\)", path.read_text(encoding="utf-8"))
    }
    assert used <= set(failpoints.POINTS)


STOPPING = """
import threading
import time
from hub import failpoints

failpoints.arm("before_apply=stop")
begun = threading.Event()

def beat():
    with failpoints.unstopped():
        print("begun", flush=True)
        begun.set()
        time.sleep(0.2)
        print("ended", flush=True)

threading.Thread(target=beat).start()
begun.wait()
failpoints.reach("before_apply")
"""


def test_a_stop_waits_for_what_another_thread_has_begun() -> None:
    """Else a process that is stopped at a named place may hold a lock of the database that has nothing to do
    with that place, and who comes next finds it busy."""
    child = subprocess.Popen([sys.executable, "-c", STOPPING], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    child.kill()
    assert (os.WIFSTOPPED(status), child.communicate()[0].split()) == (True, ["begun", "ended"])
