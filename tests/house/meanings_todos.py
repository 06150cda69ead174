"""What is said of the codes of to-dos; see ``meanings``."""

from __future__ import annotations

TODOS: dict[str, tuple[str, str]] = {
    "odata.option": ("an option of the OData feed of to-dos is not understood", ""),
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
    "act.in_doubt": (
        "the answer was lost or the hub was ended, and the call may still be running in the system",
        "nothing: it is sent again once the system has not shown it for in_doubt",
    ),
    "act.held": (
        "another decision of the same record was sent before, and nobody knows yet what became of it",
        "nothing: it has its turn when that one is done or failed",
    ),
    "act.unknown": ("the answer of the system was lost", "nothing: the record is looked at before it is sent again"),
    "acts.lookup": ("an expression of acts looks something up elsewhere", "compare with a field of the record"),
    "acts.refused": (
        "a response is written to a resource that does not take it", "declare it below write: of the resource"
    ),
    "receiver.undeclared": (
        "the hub does not say where to look for what the receiver is called by",
        "name the field in people.receivers of config/hub.yaml; for groups people.groups",
    ),
    "receiver.unknown": (
        "nobody is called so (yet)",
        "mend the person's record, or link the account; it heals when the person appears",
    ),
    "receiver.ambiguous": ("several persons are called so", "merge them, or have the system name him otherwise"),
    "receiver.empty": ("the group has no members", "put somebody in; it heals by itself"),
    "receiver.many": ("the group has more than 5,000 members", "send the to-do to smaller groups"),
    "cursor.old": ("what left a list since then is not known", ""),
    "drift.order": ("a list is as old as, or older than, the last one that was compared; or is of the future", ""),
    "drift.mapping": ("the mapping pulls no to-dos", ""),
    "source.stands": ("the exchange that brings the to-dos stands still", "see its hint, and cophub worker status"),
    "substitute.coming": (
        "somebody stands in for the person from a later day on", "cophub todos substitute add FROM TO --from --until"
    ),
    "substitute.narrow": (
        "somebody stands in for the person in other systems, or for another to-do, only",
        "cophub todos substitute add FROM TO --from --until",
    ),
    "substitute.over": (
        "somebody stood in for the person; the dates are over", "cophub todos substitute add FROM TO --from --until"
    ),
    "todo.done": (
        "the receiver has done his part, and a report that is not newer, or has no time, gives it to him again",
        "nothing; where the process did come back to him, report it with version.at",
    ),
    "todo.finished": (
        "a to-do that is finished was reported as open again, or as ended in a way that does not count",
        "nothing: a finished to-do stays so; a new one needs a new id",
    ),
    "todo.receivers": (
        "a to-do would have more receivers than one may have",
        "name a group as the receiver, or use a new id for each round",
    ),
    "todo.stale": ("the part of the report is older than what is known", "nothing"),
    "todo.taken_off": (
        "the to-do was taken off the receiver, and a report that is not newer, or has no time, gives it back",
        "nothing; where he did get it again, report it with version.at",
    ),
}
