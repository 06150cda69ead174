"""What is said of the codes of acts on to-dos; see ``meanings``."""

from __future__ import annotations

ACTS: dict[str, tuple[str, str]] = {
    "act.busy": ("the system takes the response later", "nothing: the hub goes on trying"),
    "act.changed": (
        "the record was changed since the person was shown the to-do",
        "look at it again, and press again when its newer content was reported",
    ),
    "act.decided": ("what the person wanted was done already, and not by this act", "nothing"),
    "act.gone": ("the system has no such record any more", "nothing; its report will withdraw the to-do"),
    "act.reason": ("the reason is none that the response offers", "send one of the reasons of the to-do, or none"),
    "act.refused": ("the system refuses the response, in its own words", "do what they say"),
    "act.unconfirmed": (
        "the system took the response and does not show it, or shows the record no more",
        "look in the system itself; check done: of the response",
    ),
    "act.unknown": ("the answer of the system was lost", "nothing: the record is looked at before it is sent again"),
    "acts.lookup": ("an expression of acts looks something up elsewhere", "compare with a field of the record"),
    "acts.refused": (
        "a response is written to a resource that does not take it", "declare it below write: of the resource"
    ),
}
