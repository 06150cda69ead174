"""Logs as JSON, of processes as a collector sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.e2e.test_cli_process import finished
from tests.e2e.test_starting import asked, ended, started
from tests.unit.cli.desk import desk

SECRET = "s3cr3t-of-nobody"


def logged(text: str) -> list[dict[str, Any]]:
    """Each line of a log, all of which are objects."""
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_is_an_object_and_tells_how_a_run_ended(tmp_path: Path) -> None:
    made = desk(tmp_path / "work")
    ran = finished(made.folder, "--logs", "json", "run", "erp-suppliers", "--initial")
    (one,) = [line for line in logged(ran.stderr) if line["logger"] == "hub.runs"]
    told = {name: one[name] for name in ("level", "message", "exchange", "state", "mode")}
    assert told == {
        "level": "info", "message": "run ended", "exchange": "erp-suppliers", "state": "done", "mode": "incremental",
    }  # fmt: skip
    assert one["counts"]["read"] == 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", one["time"])
    (made.folder / "data/suppliers.csv").unlink()
    failed = finished(made.folder, "run", "erp-suppliers", "--logs", "json", "--full")
    levels = {line["logger"]: (line["level"], line["code"]) for line in logged(failed.stderr)}
    assert levels == {"hub.runs": ("error", "file.missing"), "cophub": ("error", "file.missing")}


def test_what_is_wrong_in_files_is_told_line_by_line(tmp_path: Path) -> None:
    made = desk(tmp_path / "work")
    made.append("mappings/erp-suppliers.yaml", "unknwon: 1\n")
    found = logged(finished(made.folder, "--logs", "json", "run", "erp-suppliers").stderr)
    assert [(one["path"], one["level"]) for one in found[:-1]] == [("mappings/erp-suppliers.yaml", "error")]
    assert finished(made.folder, "--logs", "jsn", "runs").stderr.count("log.form") == 1


def test_requests_are_told_by_their_route_and_not_by_what_they_named(tmp_path: Path) -> None:
    folder = desk(tmp_path / "work").folder
    with started(folder, "serve", "--worker", "--logs", "json", COPHUB_PORT="0") as (server, line):
        address = re.search(r"http://[^/ ]+", json.loads(line)["message"])
        assert address is not None
        assert asked(f"{address.group()}/healthz")[0] == 200
        for path in (f"v1/people/{SECRET}", f"{SECRET}?q={SECRET}"):
            try:
                urlopen(f"{address.group()}/{path}", timeout=30).close()
            except HTTPError as error:
                error.close()
        assert ended(server) == 0
        assert server.stderr is not None
        text = server.stderr.read()
    told = [(one["method"], one["route"], one["status"]) for one in logged(text) if one["logger"] == "hub.requests"]
    assert told == [("GET", "/healthz", 200), ("GET", "/v1/people/{person}", 401), ("GET", None, 404)]
    assert SECRET not in text
