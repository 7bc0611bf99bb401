"""Columns that are probably about a person, by their names, by how values look, and by checksums."""

from __future__ import annotations

import re

import duckdb

from assay.contract.names import quoted

_NAMES = re.compile(
    r"(^|_)(e?mail|phone|mobile|telefon|tel|iban|ssn|passport|birth(day|date)?|geburtsdatum|dob|first_?name|last_?name|"
    r"full_?name|surname|vorname|nachname|street|strasse|address|adresse|tax_?id|credit_?card|card_?number|ip_?address)($|_)",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"[0-9]{13,19}")
_SHARE = 0.9
_SAMPLE = 200


def is_personal(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a column of `described` is probably about a person."""
    if _NAMES.search(re.sub(r"(?<=[a-z])(?=[A-Z])|\W+", "_", name)):
        return True
    rows = connection.execute(
        f"select {quoted(name)}::varchar from described where {quoted(name)} is not null "
        f"using sample {_SAMPLE} rows (reservoir, 1)"
    ).fetchall()
    values = [re.sub(r"[ -]", "", str(value)) for (value,) in rows]
    return any(values and sum(map(looks, values)) >= _SHARE * len(values) for looks in (_is_mail, _is_iban, _is_card))


def _is_mail(text: str) -> bool:
    return bool(_MAIL.fullmatch(text))


def _is_iban(text: str) -> bool:
    """ISO 13616: the digits, with letters as 10 to 35 and the first four characters last, leave 1 of 97."""
    if not _IBAN.fullmatch(text):
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """ISO/IEC 7812: the sum of digits by Luhn's formula is a multiple of ten."""
    if not _CARD.fullmatch(text) or len(set(text)) == 1:
        return False
    digits = [int(digit) for digit in reversed(text)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
