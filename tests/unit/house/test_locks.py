"""The locks fit pyproject.toml and each other, and hold no address."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.codes import ROOT

LOCKS = ("core", "test", "airflow", "docs", "image", "image-airflow")
NOT_OF_THE_IMAGE = ("airflow", "airflow-celery", "docs", "test")


@cache
def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;]+)", text, re.MULTILINE))


def wanted(lock: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    of_image = [text for name, some in extras.items() if name not in NOT_OF_THE_IMAGE for text in some]
    given = {"image": of_image, "image-airflow": [*extras["airflow"], *extras["airflow-celery"]]}
    extra = given.get(lock) or extras.get(lock, [])
    return [Requirement(text) for text in (*project["dependencies"], *extra)]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned_within_its_bounds(lock: str) -> None:
    for one in wanted(lock):
        version = pins(lock).get(canonicalize_name(one.name))
        assert version is not None, f"{one.name} is missing in {lock}.lock: make lock"
        assert one.specifier.contains(version, prereleases=True), f"{one} is {version} in {lock}.lock"


def test_all_locks_agree() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in pins(lock).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("lock", [*LOCKS, "build"])
def test_every_pin_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
