"""The program of ``tests.systems.smtp``: an SMTP server of aiosmtpd with some rules.

Recipients: ``nobody@`` is unknown (550), ``full@`` is over its quota for now (452), ``slow@`` asks for later with the
whole connection (421). A subject with ``HANG UP`` is taken, and the answer is never sent. A message with a subject of
``SPAM`` is refused (554). Every message taken is a file, named by its number.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

RULES = {
    "nobody": "550 5.1.1 no such mailbox",
    "full": "452 4.2.2 mailbox full",
    "slow": "421 4.3.2 try later",
}


class Handler:
    def __init__(self, box: Path) -> None:
        self.box, self.numbers = box, itertools.count(1)

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        said = RULES.get(address.partition("@")[0])
        if said is not None:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if b"Subject: SPAM" in envelope.content:
            return "554 5.7.1 refused by policy"
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        draft = self.box / f".{next(self.numbers)}"
        draft.write_bytes(head.encode() + envelope.content)
        draft.rename(self.box / draft.name[1:])
        if b"HANG UP" in envelope.content:
            server.transport.abort()
            await asyncio.sleep(0)
        return "250 OK"


def main() -> None:
    port, box, user, password = sys.argv[1:]

    def knows(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            user.encode(),
            password.encode(),
        )
        return AuthResult(success=good, handled=False) if not good else AuthResult(success=True)

    server = Controller(
        Handler(Path(box)), hostname="127.0.0.1", port=int(port), authenticator=knows, auth_required=True,
        auth_require_tls=False, data_size_limit=1 << 20,
    )  # fmt: skip
    server.start()
    try:
        asyncio.new_event_loop().run_forever()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
