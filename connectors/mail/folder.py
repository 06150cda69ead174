"""One folder of IMAP (RFC 3501): what is in it, what is new, and what is gone.

A message is known by the folder's UIDVALIDITY and its UID. A token keeps both, the UIDs that were there as ranges, and
where the server offers CONDSTORE (RFC 7162) its modification sequence, by which changed flags are found.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.mail.account import Account
from connectors.mail.declared import MailResource
from connectors.mail.message import MAX_HEADERS, record
from hub.contract import Page, Query
from hub.errors import ConfigError, Fatal, Retriable

WINDOW = 100_000
TOKEN = 1 << 20
AT_ONCE = 8 << 20
_UID, _SIZE = re.compile(rb"\bUID (\d+)"), re.compile(rb"\bRFC822\.SIZE (\d+)")
_FLAGS, _DATE = re.compile(rb"\bFLAGS \(([^)]*)\)"), re.compile(rb'\bINTERNALDATE "([^"]{10,40})"')
KEPT = {"\\seen": "seen", "\\answered": "answered", "\\flagged": "flagged"}


@dataclass(frozen=True, slots=True)
class State:
    """A folder when it was opened; ``modseq`` is 0 where the server keeps none."""

    validity: int
    modseq: int
    next: int


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a message before it is read."""

    uid: int
    size: int
    flags: tuple[str, ...]
    received: str | None


class Folder:
    """Reads one folder."""

    def __init__(self, account: Account, declared: MailResource) -> None:
        self._account, self._declared = account, declared
        self._where = declared.folder
        self._state: State | None = None

    def opened(self) -> State:
        """Open it for reading only: nothing is marked as seen."""
        with self._account.imap(self._where) as imap:
            offers = "CONDSTORE" in imap.capabilities
            imap.untagged_responses = {}
            # (CONDSTORE) asks for HIGHESTMODSEQ, which some servers tell only then
            status, said = imap._simple_command(
                "EXAMINE", quoted(self._where), *(["(CONDSTORE)"] if offers else [])
            )
            if status == "OK":
                imap.state, imap.is_readonly = "SELECTED", True
            numbers = {
                name: imap.response(name)[1][-1] for name in ("UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ")
            }
        if status != "OK":
            raise ConfigError(
                "mail.folder", f"the folder cannot be opened: {self._account.shown(_text(said))}", where=self._where,
                hint="check folder:, and the account's rights",
            )  # fmt: skip
        found = {name: int(value) if value else 0 for name, value in numbers.items()}
        if not found["UIDVALIDITY"]:
            raise Fatal(
                "mail.answer", "the server tells no UIDVALIDITY", where=self._where, hint="ask who keeps it"
            )
        self._state = State(found["UIDVALIDITY"], found["HIGHESTMODSEQ"], found["UIDNEXT"])
        return self._state

    def pages(self, query: Query) -> Iterator[Page]:
        """The pages of one read; Fatal ``token.expired`` where the folder was made anew since the token."""
        state = self.opened()
        there = self._search(state)
        wanted, gone = there, list[int]()
        if query.token is not None:
            known, modseq = self._known(query.token, state)
            fresh = set(there) - known
            gone = sorted(known - set(there)) if self._declared.tells_expunged else []
            fresh |= set(self._changed(modseq, state)) & set(there)
            wanted = sorted(fresh)
        unread = set[int]()
        deleted = tuple(f"{state.validity}-{uid}" for uid in gone)
        size = min(query.page_size or 1000, self._account.settings.page_size)
        count, chunks = 0, [wanted[at : at + size] for at in range(0, len(wanted), size)] or [[]]
        for number, chunk in enumerate(chunks, 1):
            rows = self._records(state, chunk, unread) if chunk else []
            last = number == len(chunks)
            token = self._token(state, there, unread) if last else None
            yield Page(
                msgspec.json.Encoder().encode_lines(rows), len(rows), self._where, count + 1, last,
                len(there) if query.token is None else None,
                token, deleted if last else (),
            )  # fmt: skip
            count += len(rows)

    # ------------------------------------------------------------------ what is there

    def _search(self, state: State) -> list[int]:
        """The UIDs, in windows: an answer is one line, however many there are."""
        highest = max(state.next, self._last() + 1)
        found: list[int] = []
        for start in range(1, highest, WINDOW):
            found += self._asked("SEARCH", f"UID {start}:{start + WINDOW - 1} {self._declared.search}")
        return sorted(set(found))

    def _last(self) -> int:
        """The highest UID, for servers that do not tell the next one."""
        if self._state is not None and self._state.next:
            return self._state.next - 1
        heads = self._fetched("*", "(UID)")
        return max((int(found[1]) for line, _ in heads if (found := _UID.search(line))), default=0)

    def _changed(self, modseq: int, state: State) -> list[int]:
        if not modseq or not state.modseq or state.modseq == modseq:
            return []
        lines = self._fetched("1:*", f"(UID) (CHANGEDSINCE {modseq})")
        return [int(found[1]) for line, _ in lines if (found := _UID.search(line))]

    def _asked(self, command: str, *arguments: str) -> list[int]:
        with self._account.imap(self._where) as imap:
            status, said = imap.uid(command, *arguments)
        if status != "OK":
            raise ConfigError(
                "mail.search", f"the server refuses the search: {self._account.shown(_text(said))}", where=self._where,
                hint="mend search:",
            )  # fmt: skip
        if all(line is None for line in said):  # no SEARCH line at all is no answer, and not an empty folder
            raise Retriable(
                "mail.answer", "the server says OK and tells nothing of the search", where=self._where,
                hint="run again; if it stays, ask who keeps the server",
            )  # fmt: skip
        return [int(one) for line in said if line for one in line.split() if one.isdigit()]

    def _fetched(self, uids: str, what: str) -> list[tuple[bytes, bytes]]:
        """The lines of an answer, each with the literal in it; what is not asked for is left out."""
        with self._account.imap(self._where) as imap:
            status, said = imap.uid("FETCH", uids, what)
        if status != "OK":
            raise Retriable(
                "mail.fetch", f"the server gives no messages: {self._account.shown(_text(said))}", where=self._where,
                hint="run again; if it stays, ask who keeps the server",
            )  # fmt: skip
        made: list[tuple[bytes, bytes]] = []
        behind = False
        for one in said:
            if isinstance(one, tuple):
                made.append((bytes(one[0]), bytes(one[1])))
            elif one and one.strip() != b")":
                if behind:
                    made[-1] = (made[-1][0] + b" " + one, made[-1][1])  # what stands behind the literal
                else:
                    made.append((bytes(one), b""))
            behind = isinstance(one, tuple)
        return made

    # ------------------------------------------------------------------ messages

    def _records(self, state: State, uids: Sequence[int], unread: set[int]) -> list[dict[str, Any]]:
        """The records of these messages. What was expunged meanwhile, or is not answered, is ``unread``: the next
        read asks for it again."""
        heads = self._heads(uids)
        limit = self._account.settings.max_message
        texts: dict[int, bytes] = {}
        for group in _groups([one for one in heads if one.size <= limit]):
            lines = self._fetched(",".join(str(one.uid) for one in group), "(UID BODY.PEEK[])")
            texts |= {int(found[1]): body for line, body in lines if b"BODY[" in line and (found := _UID.search(line))}
        unread |= set(uids) - {head.uid for head in heads}
        made = []
        for head in heads:
            if head.size > limit:
                said = self._large(head)
            elif head.uid not in texts:
                unread.add(head.uid)
                continue
            elif not texts[head.uid]:
                said = record(b"", self._declared.headers, content=False)
                said |= {"problem": "the server gives no text of it"}
            else:
                content = self._declared.attachments == "content"
                said = record(texts[head.uid], self._declared.headers, content=content)
            made.append(self._whole(state, head, said))
        return made

    def _large(self, head: Head) -> dict[str, Any]:
        """What the head of a message says that is too large to be read."""
        lines = self._fetched(str(head.uid), f"(UID BODY.PEEK[HEADER]<0.{MAX_HEADERS}>)")
        said = record(next((body for _, body in lines if body), b""), self._declared.headers, content=False)
        problem = f"it has {head.size} bytes, more than max_message"
        return said | {"text": None, "attachments": [], "problem": problem}

    def _whole(self, state: State, head: Head, said: dict[str, Any]) -> dict[str, Any]:
        own: dict[str, Any] = {
            "id": f"{state.validity}-{head.uid}", "uid": head.uid, "size": head.size, "received": head.received,
            "flags": list(head.flags),
        }  # fmt: skip
        own |= {name: flag in {one.lower() for one in head.flags} for flag, name in KEPT.items()}
        return own | said

    def _heads(self, uids: Sequence[int]) -> list[Head]:
        lines = self._fetched(ranges(uids), "(UID RFC822.SIZE INTERNALDATE FLAGS)")
        made = {}
        for line, _ in lines:
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid is None or size is None or int(uid[1]) not in uids:
                continue  # a change of another message's flags, which servers tell as they like
            flags, date = _FLAGS.search(line), _DATE.search(line)
            named = tuple(flags[1].decode("ascii", "replace").split()) if flags else ()
            made[int(uid[1])] = Head(int(uid[1]), int(size[1]), named, _received(date[1]) if date else None)
        return [made[uid] for uid in uids if uid in made]

    # ------------------------------------------------------------------ tokens

    def _token(self, state: State, there: Sequence[int], unread: Collection[int]) -> str:
        there = [uid for uid in there if uid not in unread]
        if not self._declared.tells_expunged and not self._declared.narrowed and not unread:
            there = range(1, there[-1] + 1) if there else ()  # only what is new counts: the highest number says it
        text = json.dumps({
            "folder": self._where, "search": self._declared.search, "validity": state.validity,
            "modseq": state.modseq, "there": ranges(there),
        })  # fmt: skip
        if len(text) > TOKEN:
            raise ConfigError(
                "mail.fragments", "the numbers of the folder's messages have too many gaps to be remembered",
                where=self._where, hint="narrow search:, or write expunged: false",
            )  # fmt: skip
        return text

    def _known(self, token: str, state: State) -> tuple[set[int], int]:
        try:
            said = json.loads(token)
            place = (said["folder"], said["search"], said["validity"])
            known, modseq = set(_expanded(said["there"])), int(said["modseq"])
        except (ValueError, KeyError, TypeError):
            raise self._expired("it cannot be read") from None
        if place != (self._where, self._declared.search, state.validity):
            raise self._expired("the folder was made anew (UIDVALIDITY), or is another one")
        return known, modseq

    def _expired(self, why: str) -> Fatal:
        return Fatal(
            "token.expired", f"the last read cannot be gone on from: {why}", where=self._where,
            hint="a full read starts anew",
        )  # fmt: skip


def quoted(name: str) -> str:
    """A folder's name as IMAP wants it: in modified UTF-7 (RFC 3501 §5.1.3) and quotes.

    >>> quoted("Aufträge & Co")
    '"Auftr&AOQ-ge &- Co"'
    """
    if re.search(r"[\x00-\x1f\x7f]", name):
        raise ConfigError(
            "mail.folder", "the name of the folder holds control characters", hint="mend folder:"
        )
    made = re.sub(r"&|[^\x20-\x7e]+", lambda one: "&-" if one[0] == "&" else _coded(one[0]), name)
    return '"' + made.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _coded(text: str) -> str:
    return "&" + base64.b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"


def ranges(numbers: Iterable[int]) -> str:
    """Rising numbers as IMAP's sets.

    >>> ranges([1, 2, 3, 7, 9, 10])
    '1:3,7,9:10'
    """
    made: list[list[int]] = []
    for one in numbers:
        if made and one == made[-1][1] + 1:
            made[-1][1] = one
        else:
            made.append([one, one])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in made)


def _expanded(text: str) -> Iterator[int]:
    for piece in text.split(",") if text else []:
        first, _, last = piece.partition(":")
        yield from range(int(first), int(last or first) + 1)


def _groups(heads: Sequence[Head]) -> Iterator[list[Head]]:
    """Messages that are asked for together: few enough to be held in memory."""
    group: list[Head] = []
    size = 0
    for head in heads:
        if group and size + head.size > AT_ONCE:
            yield group
            group, size = [], 0
        group.append(head)
        size += head.size
    if group:
        yield group


def _received(text: bytes) -> str | None:
    try:
        made = datetime.strptime(text.decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None
    return made.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(said: Any) -> str:
    first = said[0] if isinstance(said, list) and said else said
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
