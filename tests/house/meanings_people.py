"""What is said of codes of people and organizations, besides what the code says itself."""

from __future__ import annotations

PEOPLE: dict[str, tuple[str, str]] = {
    "account.merged": ("the account was that of somebody who was merged into this person", "nothing: it tells why"),
    "account.own": ("the person's record was made from the account", "nothing: it tells why"),
    "account.rule": ("a match rule found the person of an account", "wrong? cophub review, or an imported link"),
    "account.said": ("somebody said whose account it is", "wrong? say otherwise: cophub review"),
    "account.written": ("the hub made the account from this person's record", "nothing: it tells why"),
    "people.search": ("people are searched by texts, and by no others than people.search names", ""),
}
