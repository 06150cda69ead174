"""Kingdee K3Cloud: ``ud`` is Base64 of a JSON object that names the account, signed with the application's secret."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Final

from hub.workspace.tickets import filled
from sso.tickets.asked import Asked

CHINESE: Final = 2052
PERMIT: Final = "|{'permitcount':'1'}"
"""The link opens once."""


class Kingdee:
    """Made here, without a call."""

    def ticket(self, asked: Asked) -> str:
        rule, stamp = asked.rule, str(int(asked.moment.timestamp()))
        signed = (rule.book, asked.account, rule.app, asked.secret(), stamp)
        told = {
            "dbid": rule.book,
            "username": asked.account,
            "appid": rule.app,
            "signeddata": signature(signed, rule.hash),
            "timestamp": stamp,
            "lcid": str(CHINESE),
            "origintype": "SimPas",
            "entryrole": "",
            "formid": rule.form,
            "formtype": rule.form_type,
            "pkid": filled(rule.record, asked.values, encode=False),
            "otherargs": PERMIT,
        }
        return base64.b64encode(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).decode()


def signature(parts: Iterable[str], hash_: str) -> str:
    """The parts sorted and joined, as hex. Nothing stands between them, so that different parts may have the same one:
    who checks one pins dbid and appid, and knows the names."""
    return hashlib.new(hash_, "".join(sorted(parts)).encode()).hexdigest()
