"""Quotes where no field begins: a record is loaded only when they cannot hide a delimiter or a line end."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from tests.source import Source

Make = Callable[..., Source]
COLUMNS = {"id": "bigint", "a": "varchar", "b": "varchar"}
HEADER = "id,a,b\n"


def load(make: Make, content: str | bytes, **contract: Any) -> Source:
    source = make(COLUMNS, **contract)
    source.put("a.csv", content)
    source.run()
    return source


@pytest.mark.parametrize(
    "line",
    ['7,Socks"warm, soft"', '7,socks,size 5"', '7,5" pipe,steel', '7,x"a,b"', '7,a, "b"c'],
)
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())], ids=["plain", "gzip"])
def test_a_quote_that_may_hide_a_missing_delimiter_costs_its_own_record_alone(
    make: Make, line: str, pack: Callable[[str], bytes]
) -> None:
    source = load(make, pack(f"{HEADER}1,a,b\n{line}\n2,c,d\n"))
    assert source.rows("id") == [(1,), (2,)]
    assert [(at, raw) for at, raw, _ in source.malformed()] == [(3, line)]


def test_two_of_them_in_a_file_do_not_pair_up(make: Make) -> None:
    """The fast count of quotes is even then."""
    source = load(make, f'{HEADER}1,5" pipe,steel\n2,6" pipe,steel\n3,socks,soft\n')
    assert source.rows("id") == [(3,)]
    assert [(at, len(reasons)) for at, _, reasons in source.malformed()] == [(2, 1), (3, 1)]


def test_the_reason_says_what_may_be_hidden_and_what_the_way_out_is(make: Make) -> None:
    source = load(make, f'{HEADER}1,5" pipe,steel\n2,pipe,steel\n')
    [(_, _, [reason])] = source.malformed()
    assert reason == (
        'a " inside an unquoted field may hide a delimiter or a line end; where it is an ordinary character, as in '
        'inches, quote: "" in the format of the contract says so'
    )


@pytest.mark.parametrize("more", ["", "x,y,z\n"], ids=["fast", "careful"])
def test_the_way_out_loads_inches_and_feet_as_they_stand(make: Make, more: str) -> None:
    source = load(make, f'{HEADER}1,5\' 10",6"\n2,"x,y"\n{more}', format={"type": "csv", "quote": ""})
    assert source.rows() == [(1, "5' 10\"", '6"'), (2, '"x', 'y"')]
    assert len(source.malformed()) == bool(more)


def test_quotes_in_pairs_within_a_field_are_ordinary(make: Make) -> None:
    source = load(make, f'{HEADER}1,5" x 3",the "best" one\n2,"say ""hi""",\n')
    assert source.rows() == [(1, '5" x 3"', 'the "best" one'), (2, 'say "hi"', None)]
    assert source.malformed() == []


def test_a_header_with_such_a_quote_refuses_the_file(make: Make) -> None:
    source = load(make, 'id,a"x,b"\n1,2,3\n')
    assert source.files() == {"a.csv": "refused"}
    assert source.reason("a.csv").startswith('the header is malformed: a " inside an unquoted field')
