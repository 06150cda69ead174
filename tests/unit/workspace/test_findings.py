"""What lint finds: every code has a case here, with its place and its remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hub.workspace
from hub.errors import ConfigError
from hub.workspace.findings import FINDINGS
from hub.workspace.load import lint, load

from .desk import CONNECTORS, FILES, changed, findings, loaded, write
from .test_idle import CASES as IDLE

Changes = dict[str, str | bytes | None]

ERP, CRM, ROLES = "config/systems/erp.yaml", "config/systems/crm.yaml", "config/roles.yaml"
MODEL, CODES, PROD = (
    "config/models/supplier.yaml", "config/codes/country.yaml", "config/environments/prod.yaml",
)  # fmt: skip
IN, OUT, TEST = (
    "mappings/erp-suppliers.yaml", "mappings/suppliers-to-crm.yaml", "mappings/erp-suppliers.test.yaml",
)  # fmt: skip

ACTS = (
    "acts: {as: {auth: {basic: {username: '{account}', password: 'secret://u/{account}'}}}, find: Supplier, "
    "key: {NO: todo.id}, responses: {ok: {into: Supplier, done: 'true'}}}\n"
)

CASES: list[tuple[str, Changes, str, str]] = [
    # reading
    ("yaml.syntax", {IN: "mapping: 'x"}, f"{IN}:1:12", "close the quotes"),
    ("yaml.tag", changed(IN, "from: erp", "from: !x erp"), f"{IN}:2:7", "leave the tag out"),
    ("yaml.duplicate", changed(IN, "into: supplier", "into: supplier\ninto: x"), f"{IN}:4:1", "remove one"),
    ("yaml.alias", changed(IN, "[[code]]", "&m [[code]]"), f"{IN}:4:8", "write the value out"),
    ("yaml.documents", {MODEL: FILES[MODEL] + "---\na: 1\n"}, f"{MODEL}:8:1", "two files"),
    ("yaml.key", {MODEL: FILES[MODEL] + "  [x]: {}\n"}, f"{MODEL}:8:3", "quotes"),
    ("yaml.empty", {CODES: "# later\n"}, f"{CODES}:1:1", "remove the file"),
    ("yaml.depth", {CODES: "[" * 99}, f"{CODES}:1:40", "flatter"),
    ("yaml.number", {ERP: FILES[ERP] + f"pages: {'9' * 500}\n"}, f"{ERP}:7:8", ""),
    ("yaml.size", {CODES: "#" * (1 << 20) + "\n"}, f"{CODES}:1:1", "split it"),
    ("yaml.encoding", {CODES: "codes: é".encode("latin-1")}, f"{CODES}:1:1", "save it as UTF-8"),
    # keys
    ("key.unknown", changed(IN, "into:", "inot: x\ninto:"), f"{IN}:3:1", "did you mean into?"),
    ("key.unknown", changed(ERP, "url:", "pagse: 3\nurl:"), f"{ERP}:3:1", "did you mean pages?"),
    ("key.unknown", changed(ERP, "username: HUB", "username: HUB, realm: x"), f"{ERP}:4:31", "password"),
    ("key.unknown", changed(ERP, "{key: [NO]", "{kee: x, key: [NO]"), f"{ERP}:6:14", "did you mean key?"),
    ("key.unknown", changed(IN, "strength: weak", "strenght: weak"), f"{IN}:7:23", "did you mean strength?"),
    (
        "key.misplaced",
        changed(MODEL, "name: {type: text}", "name: {type: text, list: country}"),
        f"{MODEL}:5:22",
        "type: code",
    ),
    (
        "key.misplaced",
        {IN: FILES[IN].replace("into: supplier", "into: [{into: supplier, fields: {code: NO}}]")},
        f"{IN}:4:1",
        "each entry of into",
    ),
    # values
    ("value.missing", changed(IN, "from: erp.Supplier\n", ""), f"{IN}:1:1", "for example from: s4.A_Supplier"),
    ("value.missing", changed(CRM, "url: https://crm.example.com\n", ""), f"{CRM}:1:1", "url: https://desk"),
    ("value.missing", changed(IN, FILES[IN][FILES[IN].index("fields:") :], ""), f"{IN}:1:1", "fields: {code"),
    ("value.missing", changed(MODEL, "key: [code]", "key: []"), f"{MODEL}:2:1", "for example key"),
    ("value.missing", changed(MODEL, "type: ref, model: supplier", "type: ref"), f"{MODEL}:7:3", "model: supplier"),
    ("value.missing", changed(MODEL, "type: code, list: country", "type: code"), f"{MODEL}:6:3", "list: country"),
    ("value.missing", changed(ERP, "key: [NO], ", ""), f"{IN}:2:7", "write key: FIELD"),
    ("value.type", changed(MODEL, "required: true", "required: yes"), f"{MODEL}:4:32", "without quotes"),
    ("value.type", changed(CODES, "GER: DE", "GER: 1"), f"{CODES}:4:14", 'in quotes: "1"'),
    ("value.type", changed(ERP, "url: https://erp.example.com", "url: {x: 1}"), f"{ERP}:3:1", "for example url"),
    ("value.type", {MODEL: "- a\n"}, f"{MODEL}:1:1", "starts with model:"),
    ("value.type", {TEST: "given: {}\n"}, f"{TEST}:1:1", "- given:"),
    ("value.type", {TEST: "- 1\n"}, f"{TEST}:1:3", "- given:"),
    ("value.type", changed(IN, "into: supplier", "into: 3"), f"{IN}:3:7", "quotes"),
    ("value.choice", changed(IN, "strength: weak", "strength: waek"), f"{IN}:7:33", "did you mean weak?"),
    ("value.choice", changed(ERP, "url:", "style: plastic\nurl:"), f"{ERP}:3:8", "known: oak, steel"),
    ("value.choice", {IN: FILES[IN] + "schedule: on_chang\n"}, f"{IN}:8:11", "did you mean on_change?"),
    ("value.pattern", {IN: FILES[IN] + "guard: {delete: 5 percent}\n"}, f"{IN}:8:17", "a percentage such as 2%"),
    ("value.pattern", changed(MODEL, "  name:", "  Name:"), f"{MODEL}:5:3", "lower case"),
    ("value.pattern", changed(MODEL, "name: {type: text}", "name: {pattern: '(x'}"), f"{MODEL}:5:19", "backslashes"),
    ("value.range", changed(ERP, "url:", "pages: 1000\nurl:"), f"{ERP}:3:8", "less than or equal to 100"),
    ("value.invalid", changed(ERP, "auth: {", "auth: {token: secret://t, "), f"{ERP}:4:1", ""),
    # names
    ("name.file", changed(CRM, "system: crm", "system: crn"), f"{CRM}:1:9", "name the file crn.yaml"),
    ("name.reserved", changed(ERP, "system: erp", "system: hub"), f"{ERP}:1:9", "choose another name"),
    ("name.duplicate", changed(ERP, "system: erp", "system: crm"), f"{ERP}:1:9", "another name"),
    ("name.duplicate", changed(MODEL, "key: [code]", "key: [code, code]"), f"{MODEL}:2:13", "remove one"),
    ("name.duplicate", changed(IN, "[[code]]", "[[code, code]]"), f"{IN}:4:16", "remove one"),
    (
        "name.duplicate",
        {IN: FILES[IN] + "with: {l: {from: erp.Land, on: l.X = LAND}}\neach: a.b as l\n"},
        f"{IN}:9:7",
        "another",
    ),
    # references
    ("reference.system", changed(IN, "erp.Supplier", "epr.Supplier"), f"{IN}:2:7", "did you mean erp?"),
    ("reference.system", changed(OUT, "crm.Account", "cmr.Account"), f"{OUT}:3:7", "did you mean crm?"),
    ("reference.system", changed(CODES, "  erp:", "  epr:"), f"{CODES}:4:3", "did you mean erp?"),
    (
        "reference.system",
        {IN: FILES[IN] + "with: {a: {from: crm.Account, on: a.Id = NO}}\n"},
        f"{IN}:8:18",
        "erp.RESOURCE",
    ),
    ("reference.system", changed(PROD, "  erp: {url", "  epr: {url"), f"{PROD}:3:3", "did you mean erp?"),
    ("schedule.circle", {IN: FILES[IN] + "schedule: {after: [erp-suppliers]}\n"}, f"{IN}:8:12", "circle"),
    ("schedule.cron", {IN: FILES[IN] + "schedule: {full: at noon}\n"}, f"{IN}:8:18", "five fields"),
    ("reference.mapping", {IN: FILES[IN] + "schedule: {after: [erp-supplier]}\n"}, f"{IN}:8:20", "erp-suppliers"),
    ("reference.mapping", changed(PROD, "  erp-suppliers:", "  erp-supplier:"), f"{PROD}:5:3", "erp-suppliers"),
    ("reference.mapping", {"mappings/other.test.yaml": FILES[TEST]}, "mappings/other.test.yaml:1:1", "known: erp-"),
    ("reference.model", changed(IN, "into: supplier", "into: suplier"), f"{IN}:3:7", "did you mean supplier?"),
    ("reference.model", changed(OUT, "from: supplier", "from: suplier"), f"{OUT}:2:7", "did you mean supplier?"),
    ("reference.model", changed(MODEL, "model: supplier}", "model: suplier}"), f"{MODEL}:7:30", "did you mean"),
    ("reference.list", changed(MODEL, "list: country", "list: contry"), f"{MODEL}:6:31", "did you mean country?"),
    ("reference.value", changed(CODES, "GER: DE", "GER: DX"), f"{CODES}:4:14", "known: DE, NO"),
    ("reference.resource", changed(IN, "erp.Supplier", "erp.Nowhere"), f"{IN}:2:7", "known: Supplier"),
    ("reference.resource", changed(IN, "erp.Supplier", "erp.Suplier"), f"{IN}:2:7", "did you mean Supplier?"),
    ("reference.role", {ROLES: "roles: {pay: {sees: L4}}\nactors: {ann: [pai]}\n"}, f"{ROLES}:2:16", "pay?"),
    (
        "reference.rank",
        changed(MODEL, "name: {type: text}", "name: {type: text, rank: [erp, hr]}"),
        f"{MODEL}:5:34",
        "known: crm",
    ),
    ("reference.field", changed(IN, "  code: NO", "  cod: NO"), f"{IN}:6:3", "did you mean code?"),
    ("reference.field", changed(IN, "[[code]]", "[[code], [tax]]"), f"{IN}:4:18", "known: code"),
    ("reference.field", changed(IN, "[[code]]", "[{on: [country]}]"), f"{IN}:4:15", "write country under fields"),
    ("reference.field", changed(MODEL, "key: [code]", "key: [cod]"), f"{MODEL}:2:7", "did you mean code?"),
    ("reference.field", changed(OUT, "Name: name", "Nam: name"), f"{OUT}:5:20", "did you mean Name?"),
    ("reference.field", changed(OUT, "address.city", "address.town"), f"{OUT}:5:32", "known: city"),
    ("reference.field", changed(OUT, "key: Id", "key: Name2"), f"{OUT}:4:6", "write Name2"),
    ("reference.field", changed(OUT, "{Id: code, ", "{"), f"{OUT}:4:6", "write Id under fields"),
    ("reference.field", changed(IN, "match:", "key: NR\nmatch:"), f"{IN}:4:6", "known: LAND"),
    ("reference.field", changed(TEST, "expect: {code", "expect: {coed"), f"{TEST}:2:12", "did you mean code?"),
    ("mapping.direction", changed(OUT, "into: crm.Account", "into: supplier"), f"{OUT}:3:7", "system.resource"),
    ("each.syntax", {IN: FILES[IN] + "each: to_Positions\n"}, f"{IN}:8:7", "to_Positions as p"),
    ("test.expectation", {TEST: "- given: {NO: 1}\n"}, f"{TEST}:1:3", "one of expect"),
    ("test.output", {TEST: "- given: {}\n  into: person\n  expect_none: true\n"}, f"{TEST}:2:9", "known: supplier"),
    # connectors, environments, files
    ("connector.unknown", changed(ERP, "connector: desk", "connector: dsek"), f"{ERP}:2:12", "did you mean desk?"),
    ("connector.broken", changed(ERP, "connector: desk", "connector: broken"), f"{ERP}:2:12", "install"),
    ("connector.direction", changed(CRM, "connector: desk", "connector: reader"), f"{OUT}:3:7", "choose"),
    ("connector.readonly", changed(CRM, "Account: {", "Account: {writable: false, "), f"{OUT}:3:7", "another resource"),
    ("connector.refuses", changed(CRM, "Account: {", "Account: {refuses: [create], "), f"{OUT}:3:7", "rejected"),
    (
        "connector.refuses",
        {
            **changed(CRM, "Account: {", "Account: {refuses: [delete], "),
            OUT: FILES[OUT] + "absent: [{reaction: delete, grace: 3d}]\nghosts: delete\n",
        },
        f"{OUT}:6:10",
        "write disable or keep instead of delete",
    ),
    ("overlay.key", changed(PROD, "writes: log", "system: erp"), f"{PROD}:3:46", "all keys but system"),
    ("overlay.key", changed(PROD, "{schedule: {every: 15m}}", "{into: x}"), f"{PROD}:5:19", "schedule"),
    ("value.choice", changed(PROD, "writes: log", "writes: lok"), f"{PROD}:3:54", "did you mean"),
    ("value.pattern", changed(PROD, "every: 15m", "every: 15 minutes"), f"{PROD}:5:37", "such as 15m"),
    ("secret.plain", changed(ERP, "secret://erp/password", "hunter2"), f"{ERP}:4:41", "secret://erp/password"),
    ("secret.plain", changed(ERP, "url: https://", "url: https://hub:hunter2@"), f"{ERP}:3:6", "secret://"),
    ("secret.plain", {ERP: FILES[ERP] + "headers: {Authorization: hunter2, X-App: hub}\n"}, f"{ERP}:7:26", "secret://"),
    ("secret.plain", {"config/hub.yaml": "hub: x\nstore_password: hunter2\n"}, "config/hub.yaml:2:17", "COPHUB_STORE"),
    ("secret.plain", changed(PROD, '"https://erp.prod', '"https://u:hunter2@erp.prod'), f"{PROD}:3:14", "secret://"),
    ("acts.as", {ERP: FILES[ERP] + ACTS.replace("username", "usrname")}, f"{ERP}:7:37", "as the system has them"),
    ("secret.plain", {ERP: FILES[ERP] + ACTS.replace("secret://", "hunter2")}, f"{ERP}:7:61", "secret://"),
    ("file.missing", {"config/hub.yaml": None}, "config/hub.yaml:1:1", "hub: NAME"),
    ("file.ignored", {"config/systems/hr.yml": "x"}, "config/systems/hr.yml:1:1", "name it hr.yaml"),
    ("file.ignored", {"config/system/hr.yaml": "x"}, "config/system/hr.yaml:1:1", "did you mean systems?"),
    ("file.ignored", {"mappings/sap/a.yaml": "x"}, "mappings/sap/a.yaml:1:1", "move it up"),
]


@pytest.mark.parametrize(
    ("code", "changes", "place", "hint"), CASES, ids=lambda one: one if isinstance(one, str) else ""
)
def test_each_mistake_is_found_where_it_stands(
    tmp_path: Path, code: str, changes: Changes, place: str, hint: str
) -> None:
    found = {(one.code, f"{one.path}:{one.line}:{one.column}"): one for one in findings(tmp_path, changes)}
    assert (code, place) in found
    finding = found[code, place]
    assert hint in finding.hint
    assert "hunter2" not in "".join(map(str, found.values()))


def test_the_sample_of_these_tests_is_free_of_findings(tmp_path: Path) -> None:
    assert findings(tmp_path, {}) == []
    assert findings(tmp_path, {}, "prod") == []


def test_every_code_used_is_documented_and_every_documented_code_has_a_case() -> None:
    source = "".join(path.read_text() for path in Path(hub.workspace.__path__[0]).glob("*.py"))
    groups = "|".join(sorted({code.split(".")[0] for code in FINDINGS}))
    assert set(re.findall(rf'"((?:{groups})\.[a-z]+)"', source)) - {"connector.missing"} <= set(FINDINGS)
    cased = {one[0] for one in (*CASES, *IDLE)} | {"file.unreadable", "profile.broken"}
    assert set(FINDINGS) - {"reference.environment"} == cased


def test_all_findings_of_all_files_come_in_one_pass_sorted(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        {
            **changed(
                IN,
                "  code: NO\n  name: {value: NAME, strength: weak}",
                "  kode: NO\n  name: {valu: NAME, strength: waek}",
            ),
            **changed(MODEL, "name: {type: text}", "name: {type: tex, unike: true, list: contry}"),
            CODES: "codes: [",
            ERP: FILES[ERP] + "pages: 0\nstyle: 7\n",
        },
    )
    assert [(one.path, one.line, one.code) for one in found] == [
        (CODES, 2, "yaml.syntax"),
        (MODEL, 5, "value.choice"), (MODEL, 5, "key.unknown"),
        (ERP, 7, "value.range"), (ERP, 8, "value.type"),
        (TEST, 2, "reference.field"), (IN, 4, "reference.field"), (IN, 6, "reference.field"),
        (IN, 7, "value.missing"), (IN, 7, "key.unknown"), (IN, 7, "value.choice"),
    ]  # fmt: skip


def test_only_the_branch_of_a_union_that_was_meant_is_reported(tmp_path: Path) -> None:
    outputs = "into:\n  - into: supplier\n    fields: {code: {valeu: NO}}\nschedule: {evry: 15m}\n"
    found = findings(tmp_path, {IN: f"mapping: erp-suppliers\nfrom: erp.Supplier\n{outputs}"})
    assert [(one.line, one.column, one.code) for one in found] == [
        (5, 14, "value.missing"), (5, 21, "key.unknown"), (6, 12, "key.unknown"),
    ]  # fmt: skip


def test_a_broken_file_is_not_called_unknown_by_the_others(tmp_path: Path) -> None:
    found = findings(tmp_path, {ERP: "system: [", MODEL: "model: supplier\nkey: [code]\n"})
    assert {one.path for one in found} == {ERP, MODEL}


def test_an_unknown_environment_is_found(tmp_path: Path) -> None:
    found = findings(tmp_path, {}, "pord")
    assert [(one.path, one.code, one.hint) for one in found] == [
        ("config/environments/pord.yaml", "reference.environment", "did you mean prod?")
    ]


def test_environments_not_asked_for_are_checked_as_well(tmp_path: Path) -> None:
    test = {"config/environments/test.yaml": "environment: test\nsystems:\n  erp: {pages: 0, urll: x}\n"}
    for environment in (None, "prod", "test"):
        found = findings(tmp_path, test, environment)
        assert [(one.code, one.line) for one in found] == [("value.range", 3), ("key.unknown", 3)]


def test_a_folder_without_config_is_no_workspace(tmp_path: Path) -> None:
    workspace, found = lint(tmp_path)
    assert workspace is None
    assert [(one.code, one.hint) for one in found] == [
        ("file.missing", "name the folder of a workspace, or make one with cophub init")
    ]


def test_a_folder_in_the_place_of_a_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "config" / "models" / "x.yaml").mkdir(parents=True)
    assert "file.unreadable" in {one.code for one in findings(tmp_path, {})}


def test_meaning_can_be_checked_beside_a_broken_mapping_but_not_beside_a_broken_model(tmp_path: Path) -> None:
    folder = write(tmp_path, changed(IN, "into: supplier", "into: suplier"))
    workspace, _ = lint(folder, connectors=CONNECTORS)
    assert workspace is not None
    assert list(workspace.mappings) == ["suppliers-to-crm"]
    assert lint(write(tmp_path, {MODEL: "model: ["}), connectors=CONNECTORS)[0] is None


def test_load_raises_with_every_finding(tmp_path: Path) -> None:
    write(tmp_path, {MODEL: "model: [", CODES: "codes: ["})
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, connectors=CONNECTORS)
    assert raised.value.code == "workspace.invalid"
    assert [one.path for one in raised.value.findings] == [CODES, MODEL]
    assert "(and 1 more)" in raised.value.message


def test_a_warning_does_not_stop_a_load(tmp_path: Path) -> None:
    write(tmp_path, {"config/systems/hr.yml": "x"})
    assert set(load(tmp_path, connectors=CONNECTORS).systems) == {"crm", "erp"}


def test_a_place_of_a_loaded_workspace_is_found(tmp_path: Path) -> None:
    workspace = loaded(tmp_path, environment="prod")
    assert workspace.locate("mapping", "erp-suppliers", "fields", "name", "value") == (IN, 7, 17)
    assert workspace.locate("mapping", "erp-suppliers", "fields", "gone") == (IN, 5, 1)
    assert workspace.locate("mapping", "erp-suppliers", "schedule", "every") == (PROD, 5, 37)
    assert workspace.locate("system", "erp", "url") == (PROD, 3, 14)
    assert workspace.locate("system", "erp", "auth") == (ERP, 4, 1)
    assert workspace.locate("test", "erp-suppliers", 0, "expect", "code") == (TEST, 2, 18)
    assert workspace.locate("hub", "") == ("config/hub.yaml", 1, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("secret://erp/password", "*hunter2"),
        ("secret://erp/password", "&hunter2"),
        ("secret://erp/password", "!hunter2"),
        ("secret://erp/password", "@hunter2"),
        ("secret://erp/password", "[hunter2]"),
        ("secret://erp/password", "{hunter2: 1}"),
        ("secret://erp/password", "hunter2: x"),
        ("{basic: {username: HUB, password: secret://erp/password}}", "hunter2"),
        ("{username: HUB, password: secret://erp/password}", "hunter2"),
        ("{username: HUB, password: secret://erp/password}", "[hunter2]"),
        ("url: https://", "pages: hunter2\nurl: https://hub:hunter2@"),
    ],
)
def test_a_password_in_the_wrong_place_is_found_and_never_shown(tmp_path: Path, old: str, new: str) -> None:
    found = findings(tmp_path, changed(ERP, old, new.replace("pages: hunter2", "token: hunter2")))
    assert [one for one in found if one.level == "error"]
    assert "hunter2" not in "".join(map(str, found))
