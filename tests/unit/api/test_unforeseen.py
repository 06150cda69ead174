"""What nobody foresaw: the log says where, and nothing of a record."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from hub.api.app import _answering
from hub.api.limits import Guarded
from hub.redact import Redactor
from hub.store.database import _engine


def test_a_failed_statement_leaves_no_value_in_answer_error_or_log(caplog: pytest.LogCaptureFixture) -> None:
    engine, api, said = _engine(make_url("sqlite://")), FastAPI(), []
    phone = "".join(("+49", "711555"))
    _answering(api, Redactor([]))

    @api.get("/x")
    def failing() -> None:
        try:
            with engine.begin() as connection:
                connection.execute(sa.text("insert into nowhere values (:phone)"), {"phone": phone})
        except sa.exc.StatementError as error:
            said.append(str(error))
            raise

    with caplog.at_level(logging.ERROR), TestClient(api, raise_server_exceptions=False) as client:
        answer = client.get("/x")
    engine.dispose()
    assert answer.json()["code"] == "internal"
    assert ("OperationalError" in caplog.text, "failing" in caplog.text) == (True, True)
    assert "+49711555" not in said[0] + caplog.text + answer.text


def test_the_server_gets_no_error_that_is_answered() -> None:
    api = FastAPI()
    _answering(api, Redactor([]))

    @api.get("/x")
    def failing() -> None:
        raise ValueError("a value of a person")

    with TestClient(Guarded(api, 1000, 5.0)) as client:  # it raises what reaches the server
        assert client.get("/x").json()["code"] == "internal"


def test_the_log_has_no_text_of_an_error(caplog: pytest.LogCaptureFixture) -> None:
    api = FastAPI()
    _answering(api, Redactor([]))

    @api.get("/x")
    def failing() -> None:
        raise ValueError("".join(("+49", "711")))

    with caplog.at_level(logging.ERROR, "hub.api"), TestClient(api, raise_server_exceptions=False) as client:
        client.get("/x")
    assert ("ValueError" in caplog.text, "+49711" in caplog.text) == (True, False)
