"""A certificate, as far as people have to know it."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass

from cryptography import x509

_FEW = 4


@dataclass(frozen=True, slots=True)
class Certificate:
    """Who it is of, who issued it, for which names, and when it counts."""

    subject: str
    issuer: str
    names: str
    begins: dt.datetime
    ends: dt.datetime

    @classmethod
    def of(cls, der: bytes) -> Certificate:
        read = x509.load_der_x509_certificate(der)
        try:
            found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = [str(one.value) for one in found if isinstance(one, x509.DNSName | x509.IPAddress)]
        except (x509.ExtensionNotFound, ValueError):
            names = []
        more = f" and {len(names) - _FEW} more names" if len(names) > _FEW else ""
        told = f"{', '.join(names[:_FEW])}{more}" or "no name at all"
        return cls(
            _short(read.subject) or told, _short(read.issuer) or "nobody", told, read.not_valid_before_utc,
            read.not_valid_after_utc,
        )  # fmt: skip

    @property
    def since(self) -> str:
        return f"{self.begins:%Y-%m-%d %H:%M} UTC"

    @property
    def until(self) -> str:
        return f"{self.ends:%Y-%m-%d %H:%M} UTC"


def der_of(tls: ssl.SSLSocket) -> bytes:
    return tls.getpeercert(binary_form=True) or b""


def _short(name: x509.Name) -> str:
    """The common name, or the whole name where there is none."""
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
