"""IDocs in a folder keep the contract of reading, and those that are sent that of writing, as XML and as flat files."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson
import pytest

from connectors.idoc import SPEC
from connectors.idoc.control import CONTROL_FIELDS
from hub.contract import Context, Query
from hub.testing import Case, failures, run_contract
from hub.testing.reading import READING
from hub.testing.writing import BATCH, SINGLE, WHOLE, exempting
from tests.unit.connectors_idoc.test_sent import CONTROL, FIELD, XSD

EXEMPT = {
    "announced_count": "a folder tells no number of IDocs",
    "deletes_seen": "messages tell no deletions of themselves",
    "check_reports_trouble": "a local folder has no credentials",
    "wrong_credentials": "a local folder has no credentials",
    "no_secret_shown": "a local folder has no credentials",
    "rate_limit_honoured": "a folder has no limits",
    **exempting("the resource is read", SINGLE),
    **exempting("the resource is read", WHOLE),
}
BEGIN = datetime.datetime(2026, 1, 1)


def record(number: int) -> dict[str, Any]:
    moment = BEGIN + datetime.timedelta(minutes=number)
    return {"MATNR": f"M{number:06}", "NAME": f"泵 <{number}> & Co", "CREATED": moment.isoformat()}


def stamps(one: Mapping[str, Any]) -> tuple[str, str, str]:
    moment = datetime.datetime.fromisoformat(one["CREATED"])
    return f"{int(one['MATNR'][1:]):016}", f"{moment:%Y%m%d}", f"{moment:%H%M%S}"


def as_xml(one: Mapping[str, Any]) -> str:
    number, day, time = stamps(one)
    return (
        f'<IDOC BEGIN="1"><EDI_DC40 SEGMENT="1"><DOCNUM>{number}</DOCNUM><IDOCTYP>MATMAS05</IDOCTYP>'
        f"<CREDAT>{day}</CREDAT><CRETIM>{time}</CRETIM></EDI_DC40>"
        f'<E1MARAM SEGMENT="1"><MATNR>{one["MATNR"]}</MATNR><MAKTX>{escape(one["NAME"])}</MAKTX></E1MARAM></IDOC>'
    )


def as_flat(one: Mapping[str, Any]) -> str:
    number, day, time = stamps(one)
    said = {"TABNAM": "EDI_DC40", "DOCNUM": number, "IDOCTYP": "MATMAS05", "CREDAT": day, "CRETIM": time}
    control = "".join(said.get(name, "").ljust(length) for name, length in CONTROL_FIELDS.items())
    head = f"{'E2MARAM005':30}{'':3}{number}{1:06}{0:06}02"
    return f"{control}\n{head}{one['MATNR']:18}{one['NAME']}\n"


def put(folder: Path, flat: bool, records: Sequence[Mapping[str, Any]]) -> None:
    """Three IDocs a file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for at in range(0, len(records), 3):
        part = records[at : at + 3]
        text = "".join(map(as_flat if flat else as_xml, part))
        name = f"m{at:05}.{'txt' if flat else 'xml'}"
        (folder / name).write_text(text if flat else f"<MATMAS05>{text}</MATMAS05>", encoding="utf-8")


@pytest.mark.parametrize("flat", [False, True], ids=["xml", "flat"])
def test_idocs_keep_the_contract(tmp_path: Path, flat: bool) -> None:
    folder = tmp_path / "idocs"
    layout = {"E2MARAM": {"name": "E1MARAM", "fields": {"MATNR": 18, "MAKTX": 40}}}
    how = {"format": "flat", "segments": layout} if flat else {}
    declared = SPEC.resource.model_validate(
        {"path": "*", "lift": {"MATNR": "E1MARAM.MATNR", "NAME": "E1MARAM.MAKTX"}, "key": "MATNR", **how}
    )
    settings = SPEC.settings.model_validate({"folder": str(folder)})

    there: list[Mapping[str, Any]] = []

    def fresh(records: Sequence[Mapping[str, Any]]) -> Path:
        there[:] = records
        put(folder, flat, there)
        return folder

    def change(_: Path, new: Mapping[str, Any]) -> None:
        fresh([new if one["MATNR"] == new["MATNR"] else one for one in there])

    case = Case(
        name="idoc",
        fresh=fresh,
        open=lambda _: SPEC.open(Context("kit"), settings, {"Material": declared}),
        resource="Material",
        key=("MATNR",),
        record=record,
        cursor="CREATED",
        exact={"NAME": "两台泵 O'Neil -- 1/2"},
        change=change,
        exempt=EXEMPT,
    )
    assert failures(run_contract(case)) == []


ANSWERED = ("create_stands", "one_outcome_each", "create_idempotent", "partial_failure")
"""What holds of messages: the other promises are about records that are there to be looked up."""


@pytest.mark.parametrize("form", ["xml", "flat"])
def test_sent_idocs_keep_the_contract(tmp_path: Path, form: str) -> None:
    fields = FIELD.format("MATNR", 18) + FIELD.format("MAKTX", 40)
    (tmp_path / "m.xsd").write_text(XSD.format(fields=fields, texts=FIELD.format("SPRAS", 1)))
    lift = {"MATNR": "E1MARAM.MATNR", "NAME": "E1MARAM.MAKTX"}
    told = {"type": "MATMAS05", "definition": "m.xsd", "format": form, "lift": lift, "key": "MATNR"}
    resources = {
        "out": SPEC.resource.model_validate({**told, "path": "{DOCNUM}.idoc", "send": {"control": CONTROL}}),
        "back": SPEC.resource.model_validate({**told, "path": "*.idoc"}),
    }
    folder = tmp_path / "idocs"

    def fresh(records: Sequence[Mapping[str, Any]]) -> Any:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return SPEC.open(Context("kit", str(tmp_path)), SPEC.settings.model_validate({"folder": "idocs"}), resources)

    def stored(connector: Any) -> list[Any]:
        pages = connector.read(Query(connector.resource("back")))
        return [orjson.loads(line) for page in pages for line in page.records.splitlines()]

    why = "a message that was sent cannot be looked up, changed or taken back"
    exempt = {
        **EXEMPT,
        **{probe.__name__: why for probe in SINGLE if probe.__name__ not in ANSWERED},
        **exempting("what is sent is not read", tuple(probe for _, probe in READING)),
        **exempting("each record is a message", WHOLE),
        "close_twice": "what is sent is not read",
        **exempting("each message has an answer of its own", BATCH),
    }
    exempt = {name: reason for name, reason in exempt.items() if name not in ANSWERED}
    case = Case(
        name="idoc-sent",
        fresh=fresh,
        open=lambda connector: connector,
        resource="out",
        key=("MATNR",),
        record=lambda number: {name: value for name, value in record(number).items() if name != "CREATED"},
        exact={"NAME": "两台泵 O'Neil -- 1/2"},
        stored=stored,
        refused={"NAME": "x" * 41},
        exempt=exempt,
    )
    verdicts = run_contract(case)
    assert failures(verdicts) == []
    assert {one.check for one in verdicts if one.status == "passed"} >= set(ANSWERED)
