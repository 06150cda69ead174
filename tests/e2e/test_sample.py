"""The sample landscape as an integrator would check it before showing it to anybody."""

from __future__ import annotations

import pytest

from hub.demo.scene import sample
from hub.mapping.cases import run_cases
from hub.mapping.check import check
from hub.workspace.load import lint, load


@pytest.mark.parametrize("environment", [None, "test", "prod"])
def test_the_sample_has_no_findings(environment: str | None) -> None:
    workspace, findings = lint(sample(), environment)
    assert workspace is not None
    assert [*findings, *check(workspace)] == []


def test_every_mapping_of_the_sample_has_tests() -> None:
    workspace = load(sample())
    assert sorted(workspace.mappings) == sorted(name for name, cases in workspace.tests.items() if cases)


def test_the_tests_of_the_mappings_pass() -> None:
    assert [str(result) for result in run_cases(load(sample())) if not result.ok] == []


def test_all_titles_of_the_sample_are_in_both_languages() -> None:
    workspace = load(sample())
    titles = [
        workspace.hub.title,
        *(model.title for model in workspace.models.values()),
        *(field.title for model in workspace.models.values() for field in model.fields.values()),
        *(system.title for system in workspace.systems.values()),
        *(codes.title for codes in workspace.codes.values()),
        *(title for codes in workspace.codes.values() for title in codes.values.values()),
        *(mapping.title for mapping in workspace.mappings.values()),
    ]
    assert all(isinstance(title, dict) and set(title) == {"en", "zh"} for title in titles)
