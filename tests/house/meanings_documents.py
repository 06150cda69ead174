"""What is said of the codes of documents; see ``meanings``."""

from __future__ import annotations

DOCUMENTS: dict[str, tuple[str, str]] = {
    "document.changed": (
        "the document is not the one that was last seen",
        "by itself: the target is looked at; a change of somebody's comes to review",
    ),
    "document.conflict": (
        "both sides changed a document since they were last alike, or nobody knows which version is newer",
        "compare both; cophub review link takes that version, cophub review reject keeps the golden one",
    ),
    "document.emptied": (
        "a version without a single byte would take the place of another",
        "cophub review link takes it, cophub review reject keeps the golden one",
    ),
    "document.host_keys": ("", "write the file of the server's keys; ssh-keyscan HOST prints them"),
    "document.name": ("", "rename the document, or mend the mapping of path"),
    "document.no_content": ("a document would be made without content", "map content in the exchange"),
    "document.refused": ("the document is a link, no file, or has a hostile name", "rename it, or name it in ignore:"),
    "document.classified": ("what the document holds is classified, and the caller may not see it", ""),
    "range.outside": ("the document has fewer bytes than the first of the range", "ask for a range within its size"),
    "content.unknown": ("", "read the document again: cophub run EXCHANGE --full"),
    "field.several": ("a document holds several contents, and the request names none", "name one of them: ?field=NAME"),
    "document.torn": ("what was written is not what was sent; the old version stays", "look at the disk there"),
    "content.missing": ("the content store does not have what a record names", ""),
    "content.name": ("", "map the field content of a document, and nothing else, to a field of type content"),
}
