"""Certificates of a server on loopback, by a private authority."""

from __future__ import annotations

from pathlib import Path

from tests.systems.place import Unavailable


def write_certificates(folder: Path) -> None:
    """``ca.pem``, and of 127.0.0.1 ``server.pem`` with ``server.key``; readable by the unprivileged user."""
    try:
        import trustme
    except ImportError as error:
        raise Unavailable("trustme is not installed: make setup-test") from error
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server.private_key_pem.write_to_path(folder / "server.key")
    with (folder / "server.pem").open("wb") as file:
        file.write(b"".join(part.bytes() for part in server.cert_chain_pems))
    for name in ("ca.pem", "server.pem", "server.key"):
        (folder / name).chmod(0o644)
