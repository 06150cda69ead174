"""WeCom's messages of applications, as template cards that are changed once they were sent.

Sources: developer.work.weixin.qq.com "Send application messages" (90236), "Update template cards" (94888), "Global
error codes" (90313). To-dos of their own are made by their app and by pages in it alone (``todo/get`` and
``todo/update``, 101524, have no third that creates), so what a server tells people to do are cards.

* ``POST /cgi-bin/message/send``: a card has a ``task_id`` of its sender, of letters, digits and ``_-@``, at most 128
  bytes; one that is taken, or none, is 42014. Of several receivers the unknown ones are named in ``invaliduser``; where
  all are unknown it is 81013 and nothing was sent.
* Cards with buttons answer a ``response_code``. ``POST /cgi-bin/message/update_template_card`` takes it once and within
  72 hours: it makes the buttons one text that cannot be pressed, or the card another one.

Not settled by public documents: the code for a ``response_code`` that is used, too old or none (40058 here).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.simulators.tables import Clock, Row, Table
from connectors.simulators.wire import Refused, Request

AGENT: Final = 1000002
_TASK: Final = re.compile(r"[0-9A-Za-z_@-]{1,128}")
_VALID: Final = timedelta(hours=72)
_KINDS: Final = ("text_notice", "news_notice", "button_interaction", "vote_interaction", "multiple_interaction")


class Cards:
    """The cards that one application sent, by ``task_id``."""

    def __init__(self, people: Table, clock: Clock) -> None:
        self.sent = Table("cards", ["task_id"])
        self._people, self._clock = people, clock

    def answer(self, request: Request, path: str) -> Row:
        """What an answer says beside its code."""
        given = request.object()
        if given.get("agentid") != AGENT:
            raise Refused(200, "40056", "invalid agentid")
        return self._send(request, given) if path == "message/send" else self._change(request, given)

    def open(self, userid: str) -> list[str]:
        """Titles of cards whose buttons somebody can press."""
        rows = [row for row in self.sent if userid in row["touser"] and not row["replaced"]]
        return [row["card"]["main_title"]["title"] for row in rows]

    def _send(self, request: Request, given: Mapping[str, Any]) -> Row:
        if given.get("msgtype") != "template_card":
            raise Refused(200, "40008", "invalid message type")
        card = _checked(given.get("template_card"))
        named = [one for one in str(given.get("touser") or "").split("|") if one]
        known = [one for one in named if self._people.get(one) is not None]
        if not known:
            raise Refused(200, "81013", "user & party & tag all invalid")
        task = str(card.get("task_id") or "")
        if not _TASK.fullmatch(task) or self.sent.get(task) is not None:
            raise Refused(200, "42014", "taskid has existed or empty or exceed max len")
        number = len(self.sent) + 1
        row: Row = {
            "task_id": task, "msgid": f"m{number:06d}", "response_code": f"rc{number:06d}", "touser": known,
            "card": card, "replaced": "", "used": False, "at": self._clock.now().isoformat(),
        }  # fmt: skip
        if not request.lies():
            self.sent.create(row)
            request.record("create", "cards", task, ",".join(known))
        told: Row = {"invaliduser": "|".join(one for one in named if one not in known), "msgid": row["msgid"]}
        return told | ({"response_code": row["response_code"]} if card["card_type"].endswith("_interaction") else {})

    def _change(self, request: Request, given: Mapping[str, Any]) -> Row:
        code = given.get("response_code")
        row = next((one for one in self.sent if one["response_code"] == code and not one["used"]), None)
        if row is None or self._clock.now() > datetime.fromisoformat(row["at"]) + _VALID:
            raise Refused(200, "40058", "invalid Request Parameter: response_code")
        if not (given.get("userids") or given.get("partyids") or given.get("tagids") or given.get("atall") == 1):
            raise Refused(200, "40058", "invalid Request Parameter: userids")
        values: Row = {"used": True}
        if "button" in given:
            name = (given["button"] or {}).get("replace_name")
            if not name:
                raise Refused(200, "40058", "invalid Request Parameter: button.replace_name")
            values["replaced"] = name
        else:
            values["card"] = row["card"] | _checked(given.get("template_card"))
        if not request.lies():
            self.sent.update((row["task_id"],), values)
            request.record("update", "cards", row["task_id"], values.get("replaced", ""))
        return {"invaliduser": []}


def _checked(card: Any) -> Row:
    if not isinstance(card, dict) or card.get("card_type") not in _KINDS:
        raise Refused(200, "40058", "invalid Request Parameter: template_card.card_type")
    if not (card.get("main_title") or {}).get("title"):
        raise Refused(200, "40058", "invalid Request Parameter: template_card.main_title.title")
    if card["card_type"] == "button_interaction":
        buttons = card.get("button_list") or []
        leads = [bool(one.get("text") and (one.get("key") or one.get("url"))) for one in buttons]
        if not 1 <= len(leads) <= 6 or not all(leads):
            raise Refused(200, "40058", "invalid Request Parameter: template_card.button_list")
    return card
