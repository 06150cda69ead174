"""The records of an IDoc that are the same in every type: the control record, and what stands before a segment."""

from __future__ import annotations

CONTROL = "EDI_DC40"
CONTROL_FIELDS = {
    "TABNAM": 10, "MANDT": 3, "DOCNUM": 16, "DOCREL": 4, "STATUS": 2, "DIRECT": 1, "OUTMOD": 1, "EXPRSS": 1,
    "TEST": 1, "IDOCTYP": 30, "CIMTYP": 30, "MESTYP": 30, "MESCOD": 3, "MESFCT": 3, "STD": 1, "STDVRS": 6,
    "STDMES": 6, "SNDPOR": 10, "SNDPRT": 2, "SNDPFC": 2, "SNDPRN": 10, "SNDSAD": 21, "SNDLAD": 70, "RCVPOR": 10,
    "RCVPRT": 2, "RCVPFC": 2, "RCVPRN": 10, "RCVSAD": 21, "RCVLAD": 70, "CREDAT": 8, "CRETIM": 6, "REFINT": 14,
    "REFGRP": 14, "REFMES": 14, "ARCKEY": 70, "SERIAL": 20,
}  # fmt: skip
"""The control record of SAP's file port, release 4 and later (structure EDI_DC40)."""
HEAD = {"SEGNAM": 30, "MANDT": 3, "DOCNUM": 16, "SEGNUM": 6, "PSGNUM": 6, "HLEVEL": 2}
"""What stands before the data of a segment (structure EDI_DD40)."""
SDATA = sum(HEAD.values())
NEEDED = ("MESTYP", "SNDPOR", "SNDPRT", "SNDPRN", "RCVPOR", "RCVPRT", "RCVPRN")
"""By these SAP finds the partner profile: what is sent needs them."""
OWN = frozenset({"TABNAM", "DOCNUM", "DIRECT", "IDOCTYP", "CIMTYP"})
"""What the hub fills by itself: nobody else says it."""
INBOUND = "2"
"""DIRECT as SAP sees it: what the hub sends comes in there."""


def units(text: str) -> int:
    """How many characters SAP counts: those of UTF-16, of which rare ones take two.

    >>> units("泵A"), units("𠮷")
    (2, 2)
    """
    return len(text) + sum(one > "\uffff" for one in text)
