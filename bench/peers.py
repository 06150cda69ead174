"""The same job by peers, installed beside us: ``uv pip install sling==1.4.11 sling-linux-amd64==1.4.11 dlt[postgres]``.

They run as users run them: Sling's full-refresh of the file into a table, dlt's merge by primary key.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

PEERS = "COPHUB_BENCH_PEERS"

DLT = """
import json, os, sys, time
import dlt

def rows():
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)

os.environ["DESTINATION__POSTGRES__CREDENTIALS"] = sys.argv[2]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
seconds = []
for _ in range(2):
    pipeline = dlt.pipeline("bench", destination="postgres", dataset_name="bench_dlt", pipelines_dir=sys.argv[3])
    started = time.perf_counter()
    pipeline.run(rows(), table_name="employees", write_disposition="merge", primary_key="employee_no")
    seconds.append(time.perf_counter() - started)
print(json.dumps(seconds))
"""


def _python() -> str:
    """The interpreter of the environment that has the peers."""
    folder = os.environ.get(PEERS)
    return str(Path(folder) / "bin/python") if folder else sys.executable


def _sling() -> str:
    """The program inside the wheel ``sling-linux-amd64``; the wrapper of ``sling`` would download one."""
    code = (
        "import sling_linux_amd64 as s, pathlib; "
        "print(*pathlib.Path(s.__file__).parent.rglob('sling-linux*'), sep=chr(10))"
    )
    found = subprocess.run(
        [_python(), "-c", code], capture_output=True, text=True, check=False
    ).stdout.split()
    if not found:
        raise SystemExit("sling is not there: uv pip install sling==1.4.11 sling-linux-amd64==1.4.11")
    return found[-1]


def sling(data: Path, store: str, folder: Path) -> float:
    """Seconds of one ``sling run`` of the file into a table of the store."""
    program = _sling()
    variables = os.environ | {
        "BENCH": f"{store}?sslmode=disable",
        "SLING_HOME_DIR": str(folder / "sling"),
        "HOME": str(folder),
    }
    command = [
        program,
        "run",
        "--src-stream",
        f"file://{data}",
        "--tgt-conn",
        "BENCH",
        "--tgt-object",
        "public.sling_employees",
        "--mode",
        "full-refresh",
        "--src-options",
        '{"format": "jsonlines", "flatten": true}',
    ]
    started = time.perf_counter()
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"sling failed: {(done.stdout + done.stderr)[-800:]}")
    return time.perf_counter() - started


def dlt(data: Path, store: str, folder: Path) -> tuple[float, float]:
    """Seconds of dlt's first merge and of the same merge again."""
    script = folder / "dlt_job.py"
    script.write_text(DLT)
    done = subprocess.run(
        [_python(), str(script), str(data), store, str(folder / "dlt")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"dlt failed: {done.stderr[-800:]}")
    first, again = json.loads(done.stdout.strip().splitlines()[-1])
    return first, again
