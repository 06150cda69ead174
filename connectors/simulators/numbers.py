"""Numbers that look like real ones, with right check digits, and belong to nobody."""

from __future__ import annotations

import random
from datetime import date


def digits(draw: random.Random, count: int) -> str:
    """Any digits."""
    return "".join(draw.choices("0123456789", k=count))


def phone(draw: random.Random, country: str) -> str:
    """A telephone number of a block that is assigned to nobody."""
    return {
        "CN": f"+86 512 5550 {digits(draw, 4)}",
        "DE": f"+49 7461 555 {digits(draw, 3)}",
        "US": f"+1 617 555 01{digits(draw, 2)}",
        "JP": f"+81 3 5550 {digits(draw, 4)}",
        "CH": f"+41 44 555 {digits(draw, 2)} {digits(draw, 2)}",
    }[country]


def mobile(country: str, number: int) -> str:
    """Numbers of blocks that are assigned to nobody; Chinese ones in the three usual spellings."""
    if country == "CN":
        tail = f"{number:04d}"
        return (f"+86 199 0000 {tail}", f"1990000{tail}", f"0086-1990000{tail}")[number % 3]
    return f"+49 151 555 {number:05d}" if country == "DE" else f"+1 857 555 {number:04d}"


def tax(draw: random.Random, country: str) -> tuple[str, str]:
    """(SAP tax category, number); Chinese ones with the check character of GB 32100-2015."""
    match country:
        case "CN":
            body = "91" + draw.choice(["320500", "310115", "440300", "330100"]) + digits(draw, 8)
            return "CN5", _credit_code(body + draw.choice("0123456789X"))
        case "US":
            return "US2", f"{digits(draw, 2)}-{digits(draw, 7)}"
        case _:
            return f"{country}0", country + digits(draw, 9)


def _credit_code(body: str) -> str:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return body + alphabet[(31 - total % 31) % 31]


def national_id(draw: random.Random, country: str, born: date) -> str:
    """In the form of GB 11643, of the area 999999 that does not exist."""
    if country != "CN":
        return ""
    body = f"999999{born:%Y%m%d}{digits(draw, 3)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def iban(country: str, account: str) -> str:
    """With the check digits of ISO 13616."""
    number = int(account + "".join(str(ord(char) - 55) for char in country) + "00")
    return f"{country}{98 - number % 97:02d}{account}"


def gtin(body: str) -> str:
    """A GTIN-13 with its check digit."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-total % 10)
