"""What is said of codes of people and organizations, besides what the code says itself."""

from __future__ import annotations

PEOPLE: dict[str, tuple[str, str]] = {
    "scim.protected": ("", "leave that person alone, or change protect: in the client's file"),
    "scim.taken": ("", "look up who has the name, and change that one"),
    "scim.unknown": ("a SCIM client, or one of its resources, is not there, or not for that key", ""),
    "access.action": ("there is no such act of administration", ""),
    "access.beside": (
        "a role of the actor is for other models, or for people of other organizations",
        "give one for this: config/roles.yaml",
    ),
    "access.level": ("a role of the actor sees lower levels only", "give one that sees the level: config/roles.yaml"),
    "access.object": ("what is to be seen is not named as MODEL.FIELD", ""),
    "access.part": ("another part of administration does this", "ask an administrator of that part"),
    "access.public": ("the level is shown to everybody who sees the record", "nothing: it tells why"),
    "access.refused": ("an act of administration is another's; it was recorded", ""),
    "access.role": ("a role of the actor allows it", "nothing: it tells why"),
    "access.roleless": ("the actor has no role", "give one in config/roles.yaml"),
    "access.several": ("the actor would administer several parts at once, and so none", "leave the actor one of them"),
    "access.unnamed": ("no administrators are named, and it is for nobody else", "name three in config/roles.yaml"),
    "access.undivided": ("no administrators are named", "name three in config/roles.yaml"),
    "account.merged": ("the account was that of somebody who was merged into this person", "nothing: it tells why"),
    "account.own": ("the person's record was made from the account", "nothing: it tells why"),
    "account.rule": ("a match rule found the person of an account", "wrong? cophub review, or an imported link"),
    "account.said": ("somebody said whose account it is", "wrong? say otherwise: cophub review"),
    "account.written": ("the hub made the account from this person's record", "nothing: it tells why"),
    "roles.administrator": ("a role of administration has other power besides", "give it by another role"),
    "roles.separation": ("the three parts of administration are not divided among three", "name an actor for each"),
    "people.search": ("people are searched by texts, and by no others than people.search names", ""),
    "until_free.beside": (
        "a place in which a value must be free is no field of a resource",
        "write system.resource.field, as ad.account.sAMAccountName",
    ),
    "until_free.field": ("only one text of a model that is unique can be tried until it is free", ""),
    "until_free.match": ("a match rule compares a field whose value is made when it is known who the record is", ""),
    "until_free.taken": ("somebody else was given the same value by another process; nothing was written", ""),
    "scim.me": ("who asks for /Me is a program and no person", "ask for /Users, or by the token of a person"),
}
