"""Who sees what: the table of roles, levels and masks."""

from __future__ import annotations

import pytest

from hub.security.actors import Actor
from hub.security.clearance import sight_of
from hub.security.masking import NOBODY, Sight, level_in, mask
from hub.workspace.roles import RolesFile
from hub.workspace.shape import ModelField, ModelFile

ROLES = RolesFile.model_validate(
    {
        "roles": {"payroll": {"sees": "L4", "models": ["employee"]}, "buyer": {"sees": "L3"}},
        "actors": {"anna": ["payroll"], "bob": ["buyer"], "carl": ["payroll", "buyer"]},
    }
)
ID = "11010519491231002X"


@pytest.mark.parametrize(
    ("who", "model", "clear"),
    [
        (Actor("anna"), "employee", "L4"),
        (Actor("anna"), "supplier", "L2"),
        (Actor("bob"), "employee", "L3"),
        (Actor("carl"), "supplier", "L3"),
        (Actor("eve"), "employee", "L2"),
        (Actor("anna", "bob"), "employee", "L3"),
        (Actor("anna", "eve"), "employee", "L2"),
        (Actor("worker", "anna"), "employee", "L2"),
    ],
)
def test_a_role_sees_up_to_its_level(who: Actor, model: str, clear: str):
    assert sight_of(ROLES, who, model).clear == clear


@pytest.mark.parametrize(
    ("level", "nobody", "buyer", "payroll"),
    [
        ("L1", ID, ID, ID),
        ("L2", ID, ID, ID),
        ("L3", "110***002X", ID, ID),
        ("L4", "***", "***", ID),
        ("L5", None, None, None),
    ],
)
def test_a_level_is_shown_to_who_may_see_it(level: str, nobody: str, buyer: str, payroll: str):
    field = ModelField.model_validate({"level": level, "class": "pi.identity"})
    shown = [mask(ID, level, field, sight) for sight in (NOBODY, Sight("L3"), Sight("L4"))]
    assert shown == [nobody, buyer, payroll]


@pytest.mark.parametrize(
    ("class_", "value", "shown"),
    [
        ("pi.identity", ID, "110***002X"),
        ("pi.identity", "110105491231002", "110***002"),
        ("pi.identity", "G1234567", "***"),
        ("pi.contact", "13812345678", "138***5678"),
        ("pi.contact", "anna@example.com", "a***@example.com"),
        ("pi.contact", "12345", "***"),
        ("pi.bank", "6222021234567890123", "***0123"),
        ("pi.name", "王伟", "王***"),
        ("pi.address", "北京市海淀区中关村大街1号", "北京市海淀区***"),
        ("pi.address", "广东省深圳市南山区科技园", "广东省深圳市南山区***"),
        ("pi.address", "12 High Street", "***"),
        ("hr.pay", "123456", "***"),
        ("", "anything", "***"),
    ],
)
def test_a_class_decides_what_is_kept(class_: str, value: str, shown: str):
    assert mask(value, "L3", ModelField.model_validate({"level": "L3", "class": class_})) == shown


def test_lists_are_masked_one_by_one():
    field = ModelField.model_validate({"level": "L3", "class": "pi.name", "many": True})
    assert mask(["王伟", 7], "L3", field) == ["王***", "***"]


def test_a_reference_has_the_level_of_the_key_it_is_shown_by():
    model = ModelFile.model_validate({"model": "person", "key": ["no"], "fields": {"no": {"level": "L4"}}})
    field = ModelField.model_validate({"type": "ref", "model": "person", "level": "L1"})
    assert level_in({"person": model}, field) == "L4"
