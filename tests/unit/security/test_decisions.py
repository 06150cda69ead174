"""Who may do what: clearance by organization, three administrators, and why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hub.errors import ConfigError
from hub.security import decisions
from hub.security.actors import Actor
from hub.security.clearance import sight_of
from hub.security.decisions import ADMINISTERED, administer, see
from hub.workspace.load import lint
from hub.workspace.roles import RolesFile
from tests.unit.cli.desk import Desk, desk

THREE = {
    "roles": {"ops": {"administers": "system"}, "sec": {"administers": "security"}, "aud": {"administers": "audit"}},
    "actors": {"ola": ["ops"], "sam": ["sec"], "amy": ["aud"], "both": ["sec", "aud"]},
}
HR = {"roles": {"hr": {"sees": "L4", "models": ["person"], "within": ["plant"]}}, "actors": {"anna": ["hr"]}}


def plant(organizations: Sequence[str]) -> bool:
    return "plant" in organizations


def roles(content: object) -> RolesFile:
    return RolesFile.model_validate(content)


def test_none_of_three_administrators_does_the_work_of_another():
    mine = {"ola": "system", "sam": "security", "amy": "audit"}
    for action, (part, _) in ADMINISTERED.items():
        for actor, his in mine.items():
            decision = administer(roles(THREE), Actor(actor), action)
            assert decision.allowed is (his == part), (action, actor)
            assert decision.reasons[0].code == ("access.role" if his == part else "access.part")
        for nobody in ("both", "stranger"):
            assert not administer(roles(THREE), Actor(nobody), action).allowed
    assert not administer(roles(THREE), Actor("sam", "ola"), "keys.write").allowed
    assert administer(roles({}), Actor("anybody"), "keys.write").reasons[0].code == "access.undivided"
    with pytest.raises(ConfigError, match=r"access\.action"):
        administer(roles(THREE), Actor("sam"), "fly")


def test_a_role_within_an_organization_sees_its_people_alone():
    told, anna = roles(HR), Actor("anna")
    assert see(told, anna, "person", "L4", plant).allowed
    for decision, code in (
        (see(told, anna, "person", "L4"), "access.beside"),
        (see(told, anna, "supplier", "L4", plant), "access.beside"),
        (see(told, anna, "person", "L5", plant), "access.level"),
        (see(told, Actor("bob"), "person", "L3", plant), "access.roleless"),
        (see(told, Actor("bob", "anna"), "person", "L3", plant), "access.roleless"),
    ):
        assert (decision.allowed, decision.reasons[0].code) == (False, code)
    assert see(told, Actor("bob"), "person", "L2").allowed
    assert (sight_of(told, anna, "person", plant).clear, sight_of(told, anna, "person").clear) == ("L4", "L2")
    assert decisions.nowhere(["plant"]) is False


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = desk(tmp_path_factory.mktemp("roles") / "work")
    text = (
        "roles:\n  ops: {administers: system}\n  sec: {administers: security}\n  aud: {administers: audit}\n"
        "actors:\n  ola: [ops]\n  sam: [sec]\n  amy: [aud]\n"
    )
    (made.folder / "config/roles.yaml").write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize(
    ("words", "actor"),
    [
        (("keys", "add", "board", "--grant", "people:read"), "sam"),
        (("secrets", "rotate"), "ola"),
        (("audit",), "amy"),
    ],
)
def test_commands_ask_for_the_administrator(
    work: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], actor: str
):
    for name in ("ola", "sam", "amy", "stranger"):
        monkeypatch.setenv("COPHUB_ACTOR", name)
        command = (*words, "list") if words == ("audit",) else words
        said = work.cophub(*command, "--json")
        assert (said.code == 0) is (name == actor), said.err
        if name != actor:
            assert said.json["error"]["code"] == "access.refused"
    monkeypatch.setenv("COPHUB_ACTOR", "amy")
    assert "access.refused" in work.cophub("audit", "list").out


def test_a_decision_is_told_with_its_reasons(work: Desk):
    said = work.cophub("explain", "access", "ola", "keys.write", "--json").json
    assert (said["allowed"], said["reasons"][0]["code"]) == (False, "access.part")
    assert "administers system" in said["reasons"][0]["message"]
    model, shape = next(iter(work_models(work).items()))
    seen = work.cophub("explain", "access", "sam", "see", f"{model}.{shape}", "--json").json
    assert seen["reasons"][0]["code"] in ("access.public", "access.beside", "access.level")
    assert work.cophub("explain", "access", "sam", "see", model, "--json").json["error"]["code"] == "access.object"


def work_models(work: Desk) -> dict[str, str]:
    workspace, _ = lint(work.folder)
    assert workspace is not None
    return {name: next(iter(model.fields)) for name, model in workspace.models.items()}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("amy: [aud]", "amy: [aud, ops]", "nobody administers audit and system at once"),
        ("  amy: [aud]\n", "", "nobody administers audit"),
        ("ops: {administers: system}", "ops: {administers: system, sees: L4}", "no other power"),
    ],
)
def test_administrators_who_are_not_separate_are_found(work: Desk, old: str, new: str, message: str):
    path = work.folder / "config/roles.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace(old, new), encoding="utf-8")
    _, findings = lint(work.folder)
    path.write_text(before, encoding="utf-8")
    assert [one.message for one in findings if message in one.message]
