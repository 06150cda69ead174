"""What ``cophub serve`` listens on."""

from __future__ import annotations

import socket

import uvicorn

from hub.cli.serve import bound_to


def test_what_is_accepted_waits_for_no_word_of_the_client():
    with bound_to(uvicorn.Config("none", host="127.0.0.1", port=0, log_config=None)) as bound:
        bound.listen()
        with socket.create_connection(bound.getsockname()):
            accepted, _ = bound.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
