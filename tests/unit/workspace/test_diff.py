"""What a promotion changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.workspace.diff import diff

from .desk import FILES, changed, loaded

ERP, MODEL, IN = "config/systems/erp.yaml", "config/models/supplier.yaml", "mappings/erp-suppliers.yaml"
Changes = dict[str, str | bytes | None]


def lines(tmp_path: Path, changes: Changes, environment: str | None = None) -> list[str]:
    before, after = loaded(tmp_path / "a"), loaded(tmp_path / "b", changes, environment)
    return [str(one) for one in diff(before, after)]


def test_the_same_workspace_has_no_difference_even_with_defaults_written_out(tmp_path: Path) -> None:
    assert lines(tmp_path, {}) == []
    (tmp_path / "x").mkdir()
    assert lines(tmp_path / "x", {IN: FILES[IN] + "enabled: true\noverlap: 5m\n"}) == []


def test_an_environment_differs_in_what_it_overlays(tmp_path: Path) -> None:
    assert lines(tmp_path, {}, "prod") == [
        "system erp: writes: on → log",
        "system erp: url: https://erp.example.com → https://erp.prod.example.com",
        "mapping erp-suppliers: schedule: manual → {every: 15m}",
    ]


def test_secrets_are_shown_as_references_only(tmp_path: Path) -> None:
    changes = changed(ERP, "secret://erp/password", "secret://erp/new")
    assert lines(tmp_path, changes) == [
        "system erp: auth.basic.password: secret://erp/password → secret://erp/new"
    ]


def test_added_and_removed_objects_are_named(tmp_path: Path) -> None:
    new = FILES[MODEL].replace("supplier", "customer")
    changes: Changes = {"config/models/customer.yaml": new, "mappings/suppliers-to-crm.yaml": None}
    assert lines(tmp_path, changes) == ["model customer added", "mapping suppliers-to-crm removed"]


@pytest.mark.parametrize(
    ("old", "new", "path", "narrowing"),
    [
        ("name: {type: text}", "name: {type: text, max_length: 20}", "fields.name.max_length", True),
        ("name: {type: text}", "name: {type: text, required: true}", "fields.name.required", True),
        ("name: {type: text}", "name: {type: text, unique: true}", "fields.name.unique", True),
        ("name: {type: text}", "name: {type: integer}", "fields.name.type", True),
        ("name: {type: text}", "name: {type: text, many: true}", "fields.name.many", False),
        ("name: {type: text}", "name: {type: text, level: L2}", "fields.name.level", False),
        ("name: {type: text}", "name: {type: text}\n  zip: {type: text}", "fields.zip", False),
        ("name: {type: text}", "name: {type: text}\n  zip: {required: true}", "fields.zip", True),
        ("  parent: {type: ref, model: supplier}\n", "", "fields.parent", True),
        ("required: true", "required: false", "fields.code.required", False),
        ("key: [code]", "key: [code, name]", "key", True),
    ],
)
def test_a_change_of_a_model_that_stored_values_may_not_fit_is_marked(
    tmp_path: Path, old: str, new: str, path: str, narrowing: bool
) -> None:
    before, after = loaded(tmp_path / "a"), loaded(tmp_path / "b", changed(MODEL, old, new))
    assert [(one.path, one.narrowing) for one in diff(before, after)] == [(path, narrowing)]


def test_a_decimal_narrows_when_digits_before_the_point_get_fewer(tmp_path: Path) -> None:
    def model(text: str) -> Changes:
        return changed(MODEL, "name: {type: text}", f"name: {{type: decimal, {text}}}")

    old = loaded(tmp_path / "a", model("digits: 18, scale: 4"))
    wide, narrow = (
        loaded(tmp_path / "b", model("digits: 20, scale: 6")),
        loaded(tmp_path / "c", model("scale: 6")),
    )
    assert [one.narrowing for one in diff(old, wide)] == [False, False]
    assert [one.narrowing for one in diff(old, narrow)] == [True]


def test_a_change_of_a_code_list_is_shown_by_its_value(tmp_path: Path) -> None:
    changes = changed("config/codes/country.yaml", "NO: Norway", "NO: Norge, SE: Sweden")
    assert lines(tmp_path, changes) == [
        "codes country: values.NO: Norway → Norge",
        "codes country: values.SE added: Sweden",
    ]
