"""Yonyou NC Cloud: POST /service/genThirdPartyAccessToken, signed by SHA-256, gives a token."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from hub.errors import Fatal
from hub.untrusted import parse_json
from sso.tickets.asked import Asked, refused

PLACE: Final = "/service/genThirdPartyAccessToken"
TOKEN: Final = re.compile(r"[A-Za-z0-9+/=_.-]{8,2048}")
NAMES: Final = ("access_token", "accesstoken", "accessToken")


class NcCloud:
    """A form, so that the + of Base64 is sent as %2B."""

    def ticket(self, asked: Asked) -> str:
        rule, stamp = asked.rule, str(int(asked.moment.timestamp() * 1000))
        parts = {"user": asked.account, "secret": asked.secret(), "time": stamp}
        form = {
            "type": "type_security",
            "dsname": rule.book,
            "usercode": asked.account,
            "busicentercode": rule.center,
            "client_id": rule.app,
            "security": security("".join(parts[name] for name in rule.order)),
            "ts": stamp,
        }
        found = _token(asked.call(PLACE, {name: value for name, value in form.items() if value}))
        if TOKEN.fullmatch(found) is None:
            raise refused(asked)
        return found


def security(text: str) -> str:
    """SHA-256 in Base64."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _token(text: str) -> str:
    """The token of an answer: of a JSON object, or of its data, or the text itself."""
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        whole: Any = parse_json(text.encode())
    except Fatal:
        return ""
    for part in (whole, whole.get("data")):
        if isinstance(part, Mapping):
            for name in NAMES:
                if isinstance(part.get(name), str):
                    return str(part[name])
        elif isinstance(part, str):
            return part
    return ""
