"""Numbers that give themselves away by a check: payment cards, bank accounts, national identities.

Only numbers whose writing and check together are rare by chance are looked for; a bare number of
nine digits is none. Leaves out where they stand (`judges.private`).
"""

import re
from collections.abc import Callable

_NETWORK = re.compile(  # first digits and lengths of the networks that issue cards
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[68]\d{12}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12,15}"
)


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c.isdigit()]


def is_card(text: str) -> bool:
    """Luhn's check and the first digits of a network that issues cards."""
    digits = _digits(text)
    if len(set(digits)) < 3 or not _NETWORK.fullmatch("".join(map(str, digits))):
        return False
    doubled = (sum(divmod(2 * d, 10)) if at % 2 else d for at, d in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """ISO 13616: the letters as numbers, rearranged, leave 1 by 97."""
    plain = text.replace(" ", "")
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _weighted(digits: list[int], weights: tuple[int, ...]) -> int:
    return sum(d * w for d, w in zip(digits, weights, strict=False))


def _is_cpf(text: str) -> bool:
    """Brazil: two check digits by 11."""
    d = _digits(text)
    first = _weighted(d[:9], tuple(range(10, 1, -1))) * 10 % 11 % 10
    second = _weighted(d[:10], tuple(range(11, 1, -1))) * 10 % 11 % 10
    return len(set(d)) > 1 and d[9:] == [first, second]


def _is_ssn(text: str) -> bool:
    """United States: no check digit, but areas and groups that are never given."""
    area, group, serial = text.split("-")
    return area not in ("000", "666", "123") and area < "900" and group != "00" and serial != "0000"


def _is_resident(text: str) -> bool:
    """China: a birth date and a check by 11 (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[_weighted(_digits(text[:17]), weights) % 11] == text[17].upper()


def _is_dni(text: str) -> bool:
    """Spain: the letter by 23."""
    number = text[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def _is_nir(text: str) -> bool:
    """France: the key by 97."""
    plain = text.replace(" ", "")
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


def _is_codice(text: str) -> bool:
    """Italy: the control letter."""
    odd = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
        6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True))  # fmt: skip
    total = sum(
        odd[c] if at % 2 == 0 else int(c) if c.isdigit() else ord(c) - 65
        for at, c in enumerate(text[:15])
    )
    return chr(65 + total % 26) == text[15]


IDS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), _is_ssn),
    (re.compile(r"(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)"), _is_cpf),
    (
        re.compile(
            r"(?<!\w)[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)"
        ),
        _is_resident,
    ),
    (re.compile(r"(?<!\w)[XYZ\d]\d{7}[A-HJ-NP-TV-Z](?!\w)"), _is_dni),
    (re.compile(r"(?<!\w)[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d\d ?\d{3} ?\d{3} ?\d\d(?!\w)"), _is_nir),
    (re.compile(r"(?<!\w)[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)"), _is_codice),
)  # fmt: skip
"""How an identity is written, and its check: United States, Brazil, China, Spain, France, Italy."""
