"""SQL that turns a value as a contract says it is written into the way that `exact_casts` takes, or into NULL."""

from __future__ import annotations

import re

from assay.contract.moments import Pattern
from assay.contract.month_names import in_small_letters
from assay.contract.names import literal
from assay.contract.spelling import Spelling

_NAME = re.compile(r"(?<!%)((?:%%)*)%[bB]")
"""The name of a month in a pattern."""
_ALIKE = {" ": " \u00a0\u202f", "'": "'\u2019"}
"""Marks between groups that are written in several ways."""


def plainly(text: str, spelling: Spelling) -> str:
    """SQL of a value in plain form, as text: `12.345,50 €` is `12345.50`; NULL where it is not written as said.

    Args:
        text: SQL of type VARCHAR.
        spelling: How numbers are written.
    """
    body = _body(spelling)
    unit = f"(?:{'|'.join(map(re.escape, spelling.units))})" if spelling.units else ""
    before, after = (rf"(?:{unit}\s*)?", rf"(?:\s*{unit})?") if unit else ("", "")
    signed = rf"(?:([+-])\s*{before}|{before}([+-])?)" if unit else "([+-]?)()"
    forms = [(rf"\s*{signed}({body}){after}\s*", "")]
    if spelling.negative == "trailing":
        forms.append((rf"\s*{before}()()({body})\s*-{after}\s*", "-"))
    if spelling.negative == "parentheses":
        forms.append((rf"\s*\(\s*{before}()()({body}){after}\s*\)\s*", "-"))
    cases = " ".join(
        f"when regexp_full_match({text}, {literal(form)}) then {_rewritten(text, form, sign, spelling)}"
        for form, sign in forms
    )
    return f"case {cases} end"


def _body(spelling: Spelling) -> str:
    """The digits of a number with their marks."""
    mark = re.escape(spelling.decimal)
    digits = rf"(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    if not spelling.thousands:
        return digits
    between = f"[{re.escape(_ALIKE.get(spelling.thousands, spelling.thousands))}]"
    return rf"[1-9][0-9]{{0,2}}(?:{between}[0-9]{{3}})+(?:{mark}[0-9]*)?|{digits}"


def _rewritten(text: str, form: str, sign: str, spelling: Spelling) -> str:
    """SQL of a number that has a form: its sign, its digits, a point."""
    bare = f"regexp_extract({text}, {literal(form)}, 3)"
    marks = _ALIKE.get(spelling.thousands, spelling.thousands)
    if marks:
        bare = f"translate({bare}, {literal(marks)}, '')"
    if spelling.decimal != ".":
        bare = f"replace({bare}, {literal(spelling.decimal)}, '.')"
    signs = literal(sign) if sign else " || ".join(f"regexp_extract({text}, {literal(form)}, {at})" for at in (1, 2))
    return f"{signs} || {bare}"


def moment(text: str, spelling: Spelling) -> str:
    """SQL of the moment that a text says by one of the patterns; NULL where it fits none, or two that differ."""
    moments = [_moment(text, pattern, spelling.locale) for pattern in spelling.dates]
    if len(moments) == 1:
        return moments[0]
    meant = f"list_distinct([{', '.join(moments)}])"
    return f"case when len({meant}) = 1 then {meant}[1] end"


def _moment(text: str, pattern: str, locale: str) -> str:
    parsed = Pattern(pattern, locale)
    known = text
    if locale and parsed.month_names:
        known, pattern = _with_number(text, parsed), _NAME.sub(r"\1%m", pattern)
    zoned = f"regexp_replace({known}, 'Z$', '+00')" if "zone" in parsed.fields else known  # which DuckDB does not read
    at = f"try_strptime({zoned}, {literal(pattern)})"
    fits = f"regexp_full_match({text}, {literal(parsed.re2)})"
    return f"case when {fits} and {at} >= timestamp '0001-01-01' then {at} end"  # the year 0 is 1 BC to DuckDB


def _with_number(text: str, pattern: Pattern) -> str:
    """SQL of a text that fits a pattern, with the number of its month in place of the name."""
    regex, at = pattern.around_month
    before, name, after = (f"regexp_extract({text}, {literal(regex)}, {group})" for group in (1, at, at + 1))
    texts = ", ".join(literal(in_small_letters(known)) for known in pattern.month_names)
    numbers = ", ".join(f"'{month:02}'" for month in pattern.month_names.values())
    return f"{before} || map([{texts}], [{numbers}])[lower({name})] || {after}"  # a CASE extracts it for each name
