"""What is said of the codes of single sign-on; see ``meanings``."""

from __future__ import annotations

SSO: dict[str, tuple[str, str]] = {
    "client.claim": ("a claim of a client cannot be made as it is written", ""),
    "client.grants": ("grants of a client do not fit each other", ""),
    "client.level": ("a claim is classified higher than its client may be told", ""),
    "client.plain": ("an address speaks http beyond this machine: tokens would be read on the way", "use https"),
    "client.public": ("a client without a secret asks for what needs one", ""),
    "client.redirect": ("a client has no usable redirect_uri", ""),
    "client.scopes": ("a claim's scope, or openid, is not among the scopes of the client", ""),
    "client.service": ("a service of CAS is no plain address, or belongs to two clients", ""),
    "client.tickets": ("tickets of a client lack something, or two clients open the same to-dos", ""),
    "client.unknown": ("there is no such client", "see: cophub clients"),
    "login.again": ("the act asks for a log-in of the last ten minutes", ""),
    "login.last": ("the last way to log in to an account stays", ""),
    "passkey.many": ("the key is known already, or the account has too many", ""),
    "passkey.off": ("the hub has no address that keys can be bound to, or lacks the extra webauthn", ""),
    "passkey.refused": ("what a security key or passkey answered is not an answer to what was asked here", ""),
    "second.last": ("the account must have a second factor, and this is its last", ""),
    "sso.account": ("the person has no account in the client's system", ""),
    "sso.ask": ("the log-in that a page belongs to was finished, or waited too long", ""),
    "sso.declined": ("the person did not agree that a service learns of him", ""),
    "sso.off": ("the hub is no provider", ""),
    "sso.people": ("the hub does not know people", ""),
    "sso.request": ("a client, or its address, is not the one that was declared", ""),
    "ticket.account": ("the person has several accounts in the to-do's system", ""),
    "ticket.down": ("the system of a to-do does not answer", ""),
    "ticket.none": ("no client opens to-dos of the system", ""),
    "ticket.refused": ("the system gave no ticket", ""),
    "ticket.target": ("the page of a to-do cannot be told from what is known of it", ""),
    "sso.ticket": ("service tickets would wait longer than CAS allows", ""),
}
