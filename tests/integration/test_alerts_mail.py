"""Alerts by mail: handed to a real server by a system of the workspace that sends messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.bootstrap import open_hub
from hub.bus.alerts import Alarms, watch
from hub.bus.relay import Relay
from hub.bus.transport import Embedded
from tests.conftest import Login
from tests.integration.test_mail import Outbox
from tests.unit.cli.desk import desk

SYSTEM = """
system: mailbox
connector: mail
smtp: {url}
username: {username}
password: secret://mailbox/password
starttls: false
resources:
  notices: {{send: {{sender: Hub <hub@example.com>}}}}
"""


def test_a_failure_is_told_by_mail(tmp_path: Path, smtp: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    work, outbox = desk(tmp_path), Outbox(smtp, "ops.example")
    monkeypatch.setenv("COPHUB_SECRET_MAILBOX_PASSWORD", smtp.password)
    file = work.folder / "config" / "systems" / "mailbox.yaml"
    file.write_text(SYSTEM.format(url=smtp.url, username=smtp.username), encoding="utf-8")
    work.append("config/hub.yaml", "\nalerts: {ops: {channel: mail, via: mailbox.notices, to: [night@ops.example]}}\n")
    (work.folder / "data" / "suppliers.csv").unlink()
    assert work.cophub("run", "erp-suppliers").code != 0
    for _ in range(2):
        with open_hub(work.folder) as opened:
            watch(opened.hub)
            resolve = opened.secrets.resolve
            inner = Embedded(opened.hub.workspace, resolve, lambda: None)
            Relay(opened.hub, Alarms(inner, opened.hub, resolve)).turn()
    (mail,) = outbox.messages()
    assert "erp-suppliers failed (" in str(mail["Subject"])
    assert "cophub runs erp-suppliers" in mail.get_content()
