"""Faults, and what they mean: by the rules of the system file, then by what their codes say themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lxml import etree

from connectors.soap.declared import FaultRule, Verdict
from connectors.soap.records import answer_of, local
from hub.errors import AuthError, Fatal, HubError, Retriable

_REFUSED = re.compile(
    r"(?i)(?:failed|invalid)?(?:authentication|authorization)(?:failed|failure|error)?|invalidsecurity(?:token)?"
    r"|failedcheck|securitytokenunavailable|invalidsession(?:id)?|sessionexpired|accessdenied|unauthorized"
)
"""Codes of WS-Security 1.1 §12, and what services name the same; the last step of a code counts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of SOAP 1.1 or 1.2: its code with the subcodes (no prefixes), message and elements of its detail."""

    codes: tuple[str, ...]
    message: str
    details: tuple[str, ...]

    def __str__(self) -> str:
        return f"fault {'/'.join(self.codes) or 'without code'}: {self.message or 'no message'}"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a fault means; ``told`` says that a rule says so."""

    means: Verdict
    wait: float | None = None
    told: bool = False


def fault_of(root: etree._Element) -> Fault | None:
    """The fault in the body of an envelope, whatever the status of its answer is."""
    fault = answer_of(root)
    if fault is None or local(fault) != "Fault":
        return None
    parts = {local(one).lower(): one for one in fault}
    if "faultcode" in parts or "faultstring" in parts:
        code = (parts["faultcode"].text or "") if "faultcode" in parts else ""
        message = _words(parts["faultstring"]) if "faultstring" in parts else ""
        codes = [code]
    else:
        codes = [one.text or "" for one in fault.iter("{*}Value")]
        reason = parts.get("reason")
        message = " ".join(map(_words, reason)) if reason is not None else ""
    detail = parts.get("detail")
    details = [local(one) for one in detail.iter(etree.Element)][1:] if detail is not None else []
    return Fault(
        tuple(_bare(code) for code in codes if code.strip()),
        " ".join(message.split())[:1000],
        tuple(dict.fromkeys(details))[:50],
    )


def _words(element: etree._Element) -> str:
    return "".join(map(str, element.itertext()))


def _bare(code: str) -> str:
    return code.strip().rpartition(":")[2]


def judge(fault: Fault, rules: Sequence[FaultRule]) -> Judged:
    """What a fault means."""
    for rule in rules:
        if _fits(rule, fault):
            return Judged(rule.means, rule.wait, told=True)
    steps = [step for code in fault.codes for step in code.split(".")]
    if any(_REFUSED.fullmatch(step) for step in steps):
        return Judged("auth")
    first = steps[0] if steps else ""
    if first in ("Client", "Sender", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"):
        return Judged("rejected")
    return Judged("unknown")


def _fits(rule: FaultRule, fault: Fault) -> bool:
    if rule.code is not None and not any(
        fnmatchcase(code, _one_name(_bare(rule.code))) for code in _names(fault)
    ):
        return False
    if rule.text is not None and rule.text.lower() not in fault.message.lower():
        return False
    return rule.detail is None or rule.detail in fault.details


def _names(fault: Fault) -> list[str]:
    """What a fault may be called: its whole code, each subcode, each step of them."""
    steps = [step for code in fault.codes for step in code.split(".")]
    return [_one_name(name) for name in (".".join(fault.codes), *fault.codes, *steps)]


def _one_name(code: str) -> str:
    """SOAP 1.2 says Sender and Receiver where SOAP 1.1 says Client and Server."""
    first, dot, rest = code.partition(".")
    return {"Client": "Sender", "Server": "Receiver"}.get(first, first) + dot + rest


def raised(fault: Fault, judged: Judged, said: str, where: str) -> HubError:
    """The error of a read that was answered by a fault."""
    if judged.means == "auth":
        return AuthError(
            "auth.refused",
            f"the credentials were refused: {said}",
            where=where,
            hint="check security:, soap_headers:, login: and auth:",
        )
    if judged.means == "retry" or (judged.means == "unknown" and not judged.told):
        return Retriable(
            "soap.fault", f"answered {said}", where=where, wait=judged.wait,
            hint="run again later; if it stays, say by faults: what it means",
        )  # fmt: skip
    return Fatal(
        "soap.fault",
        f"answered {said}",
        where=where,
        hint="compare the parameters with the service's manual; faults: says what its faults mean",
    )
