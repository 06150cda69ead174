"""Weaver e-cology 9: POST /ssologin/getToken gives a token, as text and under 200 also where it gives none."""

from __future__ import annotations

import re
from typing import Final

from sso.tickets.asked import Asked, refused

PLACE: Final = "/ssologin/getToken"
TOKEN: Final = re.compile(r"[A-Za-z0-9+/=_.-]{16,512}")


class Weaver:
    """By appid and loginid; builds that ask for a secret are sent it."""

    def ticket(self, asked: Asked) -> str:
        form = {"appid": asked.rule.app, "loginid": asked.account}
        if asked.rule.secret is not None:
            form["secret"] = asked.secret()
        found = asked.call(PLACE, form).strip()
        if TOKEN.fullmatch(found) is None:
            raise refused(asked)
        return found
