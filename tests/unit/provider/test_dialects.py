"""Tickets of each dialect, as their makers and users published them."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import pytest

from hub.errors import RecordRejected
from hub.workspace.tickets import Tickets
from sso.tickets.asked import Asked
from sso.tickets.broker import DIALECTS
from sso.tickets.kingdee import signature
from sso.tickets.nc_cloud import security

MOMENT = dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)  # 1700000000


def asked(rule: dict[str, Any], answer: str = "", calls: list[Any] | None = None, **values: str) -> Asked:
    """What a dialect is given; ``answer`` is what the system says."""

    def call(place: str, form: Mapping[str, str]) -> str:
        if calls is not None:
            calls.append((place, dict(form)))
        return answer

    shape = Tickets.model_validate({"url": "https://oa.example.com/x", "todo": "/a?t={token}"} | rule)
    filled = {"id": "A-1"} | values
    return Asked(shape, "李娜", filled, MOMENT, lambda: "s3cr3t", call, lambda: "kept", lambda: "signed")


def made(one: Asked) -> str:
    return DIALECTS[one.rule.dialect]().ticket(one)


@pytest.mark.parametrize(
    ("hash_", "signed"),
    [
        ("sha256", "e33a061e6dd7c0e7f905323edda529b20ab708407367c334d224605e96d0bff4"),
        ("sha1", "ab5124f75171c7a65fedb5860bc4154418f5ad13"),
    ],
)
def test_a_ticket_of_kingdee(hash_: str, signed: str) -> None:
    rule = {"dialect": "kingdee_k3cloud", "book": "5f3b", "app": "212031_x", "form": "PUR_Order", "hash": hash_}
    found = json.loads(base64.b64decode(made(asked(rule | {"record": "{key}"}, key="1'00"))))
    assert found == {
        "dbid": "5f3b",
        "username": "李娜",
        "appid": "212031_x",
        "signeddata": signed,
        "timestamp": "1700000000",
        "lcid": "2052",
        "origintype": "SimPas",
        "entryrole": "",
        "formid": "PUR_Order",
        "formtype": "bill",
        "pkid": "1'00",
        "otherargs": "|{'permitcount':'1'}",
    }


def test_kingdees_signature_does_not_tell_its_parts_apart() -> None:
    """Why the hub never checks such tickets."""
    assert signature(("1", "23", "a", "s", "9"), "sha256") == signature(("12", "3", "a", "s", "9"), "sha256")


def test_a_ticket_of_weaver() -> None:
    calls: list[Any] = []
    token = "0123456789ABCDEF0123456789ABCDEF"
    assert made(asked({"dialect": "weaver", "app": "hub"}, f"{token}\n", calls)) == token
    made(asked({"dialect": "weaver", "app": "hub", "secret": "secret://oa"}, token, calls))
    form = {"appid": "hub", "loginid": "李娜"}
    assert calls == [("/ssologin/getToken", form), ("/ssologin/getToken", form | {"secret": "s3cr3t"})]


@pytest.mark.parametrize("answer", ["Token获取失败，appid不存在", "", "<html>login</html>", "a#b?c&d=0123456789abcdef"])
def test_what_weaver_says_under_200_may_be_a_refusal(answer: str) -> None:
    with pytest.raises(RecordRejected, match="gave no ticket") as caught:
        made(asked({"dialect": "weaver", "app": "hub"}, answer))
    assert caught.value.code == "ticket.refused"


NC = {"dialect": "nc_cloud", "app": "hub", "book": "design", "secret": "secret://nc"}


@pytest.mark.parametrize(
    "answer",
    ["tok+en/0123==", '{"access_token": "tok+en/0123=="}', '{"data": {"accesstoken": "tok+en/0123=="}}',
     '{"data": "tok+en/0123=="}'],
)  # fmt: skip
def test_a_ticket_of_nc_cloud(answer: str) -> None:
    calls: list[Any] = []
    assert made(asked(NC | {"center": "01"}, answer, calls)) == "tok+en/0123=="
    assert calls == [
        (
            "/service/genThirdPartyAccessToken",
            {
                "type": "type_security",
                "dsname": "design",
                "usercode": "李娜",
                "busicentercode": "01",
                "client_id": "hub",
                "security": security("李娜s3cr3t1700000000000"),
                "ts": "1700000000000",
            },
        )
    ]


def test_what_nc_cloud_signs_is_joined_as_the_installation_does() -> None:
    calls: list[Any] = []
    made(asked(NC | {"order": ["time", "user", "secret"]}, "0123456789", calls))
    assert calls[0][1]["security"] == security("1700000000000李娜s3cr3t")
    assert security("linas3cr3t1700000000000") == "apCYotzWUbgPPfwalCncdYsmDMNweIMVUvnoGHRQIDs="


@pytest.mark.parametrize("answer", ['{"code": "401", "message": "no"}', "{", "{}", "no", '{"data": ["x"]}'])
def test_nc_cloud_may_refuse(answer: str) -> None:
    with pytest.raises(RecordRejected, match="gave no ticket"):
        made(asked(NC, answer))
