"""What a field's name means: its parts, and the meanings that these are known for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from hub.mapping.suggest.vocabulary import ENTITIES, LIGHT, MEANINGS, RELATED

_CASES: Final = re.compile(r"(?<=[a-zäöüß0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z])(?=[0-9])")
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]+")
_PARTS: Final = re.compile(r"[a-zäöüß]+[0-9]*|[0-9]+|[\u3400-\u9fff]+")
LONGEST: Final = 5
LETTERS: Final = 60
Meaning = Mapping[str, float]
"""Meanings by their weight."""


def parts(name: str) -> tuple[str, ...]:
    """The parts of a name, lower-cased.

    >>> parts("BusinessPartnerFullName"), parts("TAX_NUMBER1"), parts("IBANCode"), parts("客户 Name__c")
    (('business', 'partner', 'full', 'name'), ('tax', 'number1'), ('iban', 'code'), ('客户', 'name', 'c'))
    """
    return tuple(_PARTS.findall(_CASES.sub(" ", name[: LETTERS * 3]).lower().replace("&", " and ")))


@cache
def _known() -> Mapping[str, str]:
    """What is called so → its meaning; the first that claims a word has it."""
    made: dict[str, str] = {}
    for meaning, words in MEANINGS.items():
        for word in words.split(", "):
            made.setdefault(word, meaning)
    return made


@cache
def _romanised() -> Mapping[str, str]:
    """Pinyin of the Chinese words, whole and by initials (of two letters and more); what several are called by the
    same initials means nothing."""
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415  its tables take long to load

    made: dict[str, set[str]] = {}
    for word, meaning in _known().items():
        if _CHINESE.fullmatch(word) and len(word) > 1:
            for spelled in ("".join(lazy_pinyin(word)), "".join(lazy_pinyin(word, style=Style.FIRST_LETTER))):
                made.setdefault(spelled, set()).add(meaning)
    return {word: next(iter(found)) for word, found in made.items() if len(found) == 1 and word not in _known()}


def subjects(model: str, resource: str) -> tuple[str, ...]:
    """What the records of a pair are about: what both say, or what either says.

    >>> subjects("supplier", "A_BusinessPartner"), subjects("employee", "sheet1")
    (('supplier',), ('employee',))
    """
    one, other = entities(model), entities(resource)
    return tuple(sorted(one & other or one | other))


@cache
def entities(name: str) -> frozenset[str]:
    """What the records of a table or model are about: names of ``ENTITIES``.

    >>> sorted(entities("A_BusinessPartner")), sorted(entities("vendors")), sorted(entities("orders"))
    (['customer', 'supplier'], ['supplier'], [])
    """
    spelled = f" {' '.join(_singular(part) for part in parts(name))} "
    found: dict[str, int] = {}
    for entity, words in ENTITIES.items():
        for word in words.split(", "):
            if spelled.endswith(f" {word} ") if word.isascii() else word in spelled:
                found[entity] = max(found.get(entity, 0), len(word))
    return frozenset(entity for entity, size in found.items() if size == max(found.values()))


def _singular(part: str) -> str:
    return part[:-1] if len(part) > 3 and part.endswith("s") and not part.endswith(("ss", "us", "is")) else part


def meant(name: str, about: Iterable[str] = (), romanised: bool = False) -> Meaning:
    """The meanings of a name in a record that is ``about`` entities; their own names say nothing, and where nothing
    else stands, it is what identifies one. ``romanised``: whether Chinese may be spelled in letters.

    >>> meant("SupplierFullName", ["supplier"]), meant("Supplier", ["supplier"]), meant("LAND1")
    ({'name': 1.0}, {'id': 1.0}, {'country': 1.0})
    """
    found = _meanings(parts(name), romanised)
    own = _words_of(frozenset(about))
    rest = [one for one in found if one[1] not in own]
    if not rest:
        return {"id": 1.0} if found else {}
    named = {meaning for meaning, _ in rest}
    made = {meaning: LIGHT.get(meaning, 1.0) for meaning in named}
    if rest[-1][0] == "kind":  # a type of something is another thing
        made["kind"] = 1.0
    if all(meaning in LIGHT for meaning in named):
        most = max(made.values())
        return {max(made, key=lambda one: (made[one], one)): 1.0} if most == 0 else {
            meaning: weight / most for meaning, weight in made.items()
        }  # fmt: skip
    return made


@cache
def _words_of(about: frozenset[str]) -> Collection[str]:
    return frozenset(word for entity in about for word in ENTITIES.get(entity, "").split(", "))


@cache
def _meanings(found: Sequence[str], romanised: bool) -> tuple[tuple[str, str], ...]:
    """Meanings and the words they stand for, by the longest words that are known."""
    known = _known()
    made: list[tuple[str, str]] = []
    at = 0
    while at < len(found):
        for size in range(min(LONGEST, len(found) - at), 0, -1):
            word = " ".join(found[at : at + size])
            spelled = word if word in known or _is_entity(word) else _singular(word)
            if spelled in known or _is_entity(spelled):
                made.append((known.get(spelled, spelled), spelled))
                break
        else:
            size = 1
            made += _unknown(found[at], romanised)
        at += size
    return tuple(made)


@cache
def _is_entity(word: str) -> bool:
    return any(word in words for words in _entity_words())


@cache
def _entity_words() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(words.split(", ")) for words in ENTITIES.values())


def _unknown(part: str, romanised: bool) -> list[tuple[str, str]]:
    """What a part says that is no known word: Chinese is cut, a number before its digits may be known."""
    if _CHINESE.fullmatch(part):
        return _cut(part)
    letters = part.rstrip("0123456789")
    if letters != part and letters:
        number = part[len(letters) :]
        meaning = _known().get(letters, letters)
        return [(meaning, letters), *([] if number == "1" else [(number, number)])]
    if romanised and part in _romanised():
        return [(_romanised()[part], part)]
    return _compound(part) or [(part, part)]


def _compound(part: str) -> list[tuple[str, str]]:
    """Two known words written as one, as German does, with or without a letter between."""
    for at in range(len(part) - 4, 3, -1):
        left, right = part[:at], part[at:]
        if right not in _known():
            continue
        for word in (left, left[:-1], left[:-2]):
            if len(word) > 3 and (word in _known() or _is_entity(word)):
                return [(_known().get(word, word), word), (_known()[right], right)]
    return []


def _cut(text: str) -> list[tuple[str, str]]:
    known, made, at = _known(), list[tuple[str, str]](), 0
    while at < len(text):
        size = next((n for n in range(min(12, len(text) - at), 0, -1)
                     if (one := text[at : at + n]) in known or one in LIGHT or _is_entity(one)), 1)  # fmt: skip
        word = text[at : at + size]
        made.append((known.get(word, word), word))
        at += size
    return made


def alike(one: Meaning, other: Meaning) -> float:
    """How alike two meanings are, 0 to 1: how much of each the other has too.

    >>> alike({"name": 1.0}, {"name": 1.0}), alike({"country": 1.0}, {"birth": 1.0, "country": 1.0})
    (1.0, 0.5)
    """
    if not one or not other:
        return 0.0
    shared = sum(_shared(meaning, weight, other) for meaning, weight in one.items())
    back = sum(_shared(meaning, weight, one) for meaning, weight in other.items())
    return (shared / (sum(one.values()) or 1.0)) * (back / (sum(other.values()) or 1.0))


def _shared(meaning: str, weight: float, other: Meaning) -> float:
    if meaning in other:
        return weight
    return weight * max((0.8 for name in other if _spelled_alike(meaning, name)), default=0.0)


@cache
def _spelled_alike(one: str, other: str) -> bool:
    """Whether one unknown word is the other with other endings, or cut short."""
    if any(one in words and other in words for words in _entity_words()) or {one, other} in RELATED:
        return True
    if one in MEANINGS or other in MEANINGS or min(len(one), len(other)) < 4 or not (one + other).isascii():
        return False
    short, long = sorted((one, other), key=len)
    return long.startswith(short)
