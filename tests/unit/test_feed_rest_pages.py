"""Pages of an API lead to all records, or to an error: no listing ends early and looks whole."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.feeds.errors import Permanent, Transient
from tests.http_server import Answer, Asked, HttpServer, Program
from tests.rest import lines_of, reader


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer(status=404)) as server:
        yield server


@pytest.fixture
def read(server: HttpServer, tmp_path: Path) -> Callable[..., list[int]]:
    """Reads a feed of a program; gives the ids of its records."""

    def read(program: Program, **feed: Any) -> list[int]:
        server.program = program
        server.asked.clear()
        source = reader(tmp_path, url=server.url, **{"records": "/data", **feed})
        return [json.loads(line)["id"] for line in lines_of(source)]

    return read


def rows(*ids: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in ids]


def cut(count: int, start: int, size: int) -> list[dict[str, Any]]:
    return rows(*range(1, count + 1))[start : start + size]


def numbered(count: int, size: int, **more: Any) -> Program:
    """Pages of `count` records by number, with what else each document says."""
    return lambda a: Answer({"data": cut(count, (int(a.params["page"]) - 1) * size, size), **more})


def offsets(count: int, most: int = 1000, **more: Any) -> Program:
    return lambda a: Answer(
        {"data": cut(count, int(a.params["offset"]), min(most, int(a.params.get("limit", 3)))), **more}
    )


def cursors(pages: dict[str, tuple[list[Any], Any]]) -> Program:
    def program(asked: Asked) -> Answer:
        data, cursor = pages[asked.params.get("cursor", "")]
        return Answer({"data": data, **({} if cursor is ... else {"next": cursor})})

    return program


def after(ids: list[int], size: int, has_more: bool = True) -> Program:
    """Records after an id, as Stripe gives them."""

    def program(asked: Asked) -> Answer:
        left = [number for number in ids if number > int(asked.params.get("after", "0"))]
        document: dict[str, Any] = {"data": rows(*left[:size])}
        return Answer({**document, "has_more": len(left) > size} if has_more else document)

    return program


PAGE = {"type": "page"}
OFFSET = {"type": "offset", "size": 3, "size_param": "limit"}
CURSOR = {"type": "cursor", "next": "/next"}
KEYSET = {"type": "keyset", "param": "after", "key": "/id"}


@pytest.mark.parametrize("count", [0, 1, 3, 7])
@pytest.mark.parametrize(
    ("paging", "program"),
    [
        (PAGE, lambda n: numbered(n, 3)),
        ({**PAGE, "size": 3}, lambda n: numbered(n, 3)),
        ({**PAGE, "total": "/total"}, lambda n: numbered(n, 3, total=n)),
        ({**PAGE, "pages": "/meta/pages"}, lambda n: numbered(n, 3, meta={"pages": -(-n // 3)})),
        (OFFSET, offsets),
        ({**OFFSET, "overlap": True}, offsets),
        ({**OFFSET, "total": "/total", "overlap": True}, lambda n: offsets(n, total=n)),
        ({"type": "offset", "total": "/total"}, lambda n: offsets(n, total=str(n))),
        (KEYSET, lambda n: after([*range(1, n + 1)], 3, has_more=False)),
        ({**KEYSET, "more": "/has_more", "size": 3}, lambda n: after([*range(1, n + 1)], 3)),
        ({**PAGE, "twice": True}, lambda n: numbered(n, 3)),
    ],
    ids=[str(number) for number in range(11)],
)
def test_all_records_come_once(
    read: Callable[..., list[int]], paging: dict[str, Any], program: Callable[[int], Program], count: int
) -> None:
    assert read(program(count), paging=paging) == [*range(1, count + 1)]


def test_a_cursor_leads_on_until_there_is_none(read: Callable[..., list[int]], server: HttpServer) -> None:
    pages = {"": (rows(1, 2), "a/b=&"), "a/b=&": (rows(3, 4), 7), "7": (rows(5), None)}
    assert read(cursors(pages), paging=CURSOR, params={"state": "all"}) == [1, 2, 3, 4, 5]
    assert [asked.params for asked in server.asked][1] == {"state": "all", "cursor": "a/b=&"}
    headers = {"X-Next": "2"}
    program = lambda a: Answer({"data": rows(len(a.params))}, headers={} if a.params else headers)  # noqa: E731
    assert read(program, paging={"type": "cursor", "next_header": "X-Next"}) == [0, 1]
    for last in ("", ...):
        assert read(cursors({"": (rows(1), last)}), paging=CURSOR) == [1]


def test_links_lead_on_in_the_header_and_in_the_document(read: Callable[..., list[int]], server: HttpServer) -> None:
    def header(asked: Asked) -> Answer:
        page = int(asked.params.get("page", "1"))
        links = [f'<{server.url}/orders?page={page + 1}&state=all>; title="a, b"; rel="next"'] if page < 3 else []
        links.append(f'<{server.url}/orders?page=1>; rel="first"')
        return Answer(rows(page), headers={"Link": ", ".join(links)})

    assert read(header, paging={"type": "link"}, records="", params={"state": "all"}) == [1, 2, 3]
    body = lambda a: Answer({"data": rows(len(a.params)), "next": None if a.params else "?page=2"})  # noqa: E731
    assert read(body, paging={"type": "link", "next": "/next"}) == [0, 1]
    assert [asked.path for asked in server.asked] == ["/orders", "/orders"]


def test_a_page_of_a_key_may_begin_with_what_came_already(read: Callable[..., list[int]]) -> None:
    every = [{"id": number, "at": f"2026-01-0{at}"} for number, at in enumerate([1, 1, 2, 2, 2, 3, 4], 1)]

    def since(asked: Asked) -> Answer:
        left = [row for row in every if str(row["at"]) >= asked.params.get("since", "")]
        return Answer({"data": left[: int(asked.params["limit"])]})

    paging = {"type": "keyset", "param": "since", "key": "/at", "inclusive": True, "size_param": "limit"}
    assert read(since, paging={**paging, "size": 4}) == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(Permanent, match="full of records whose /at is the same"):
        read(since, paging={**paging, "size": 3})
    every.reverse()
    with pytest.raises(Permanent, match="do not come in the order of /at"):
        read(since, paging={**paging, "size": 4})


def test_one_object_and_an_array_without_pages_are_records_too(read: Callable[..., list[int]]) -> None:
    assert read(lambda _: Answer({"id": 7}), records="") == [7]
    assert read(lambda _: Answer(rows(7, 8)), records="") == [7, 8]
    assert read(lambda _: Answer(status=204), records="") == []
    lines = Answer(b'{"id": 1}\n\n{"id": 2}', headers={"Content-Type": "application/x-ndjson; charset=utf-8"})
    assert read(lambda _: lines, records="") == [1, 2]


def changing(*answers: Any) -> Program:
    """A document after the other, the last one again and again."""
    left = itertools.chain(answers[:-1], itertools.repeat(answers[-1]))
    return lambda _: Answer(next(left))


def shifted(asked: Asked) -> Answer:
    """A list of which the first record is deleted after the first page."""
    offset, limit = int(asked.params["offset"]), int(asked.params["limit"])
    ids = [*range(1, 10)] if offset == 0 else [*range(2, 10)]
    return Answer({"data": rows(*ids[offset : offset + limit])})


DOUBTS: dict[str, tuple[dict[str, Any], Program, type[Exception], str]] = {
    "more without cursor": (
        {**CURSOR, "more": "/more"},
        changing({"data": rows(1), "more": True}),
        Transient,
        "nothing says where",
    ),
    "more not said": ({**CURSOR, "more": "/more"}, changing({"data": []}), Permanent, "nothing, expected true or"),
    "more and nothing new": (
        {**PAGE, "more": "/more"},
        changing({"data": [], "more": True}),
        Transient,
        "more follows a page with nothing new",
    ),
    "cursor again": (CURSOR, cursors({"": (rows(1), "a"), "a": (rows(2), "b"), "b": (rows(3), "a")}), Transient,
                     "a cursor came again"),
    "full without next": ({**CURSOR, "size": 2}, cursors({"": (rows(1, 2), ...)}), Transient, "a full page names no"),
    "short before others": (OFFSET, offsets(9, most=2), Transient, "a page of 2 records was not the last"),
    "longer than size": ({**PAGE, "size": 2}, numbered(5, 3), Permanent, "has 3 records, expected at most 2"),
    "total changes": (
        {**PAGE, "total": "/total"},
        changing({"data": rows(1), "total": 3}, {"data": rows(2), "total": 2}),
        Transient,
        "/total was 3 and is 2",
    ),
    "total too large": ({**PAGE, "total": "/total"}, numbered(5, 3, total=6), Transient, "after 5 of 6 records"),
    "total too small": ({**PAGE, "total": "/total"}, numbered(5, 3, total=4), Transient, "says 4 records, and 5 came"),
    "total of one page": ({"type": "none", "total": "/total"}, numbered(5, 3, total=5), Transient, "and 3 came"),
    "total endless": ({**PAGE, "total": "/total"}, numbered(5, 3, total="9" * 5000), Permanent, "a whole number"),
    "total odd": ({**PAGE, "total": "/total"}, numbered(5, 3, total="²"), Permanent, "expected a whole number"),
    "total missing": ({**PAGE, "total": "/total"}, numbered(5, 3), Permanent, "/total is nothing, expected a whole"),
    "pages change": (
        {**PAGE, "pages": "/pages"},
        changing({"data": rows(1), "pages": 3}, {"data": rows(2), "pages": 2}),
        Transient,
        "/pages was 3 and is 2",
    ),
    "deleted before": ({**OFFSET, "overlap": True}, shifted, Transient, "the pages shifted"),
    "same page for ever": (PAGE, changing({"data": rows(1, 2)}), Permanent, "is `param` what the API calls it"),
    "changes between readings": (
        {"type": "none", "twice": True},
        changing({"data": rows(1)}, {"data": rows(2)}),
        Transient,
        "the second reading gave other records",
    ),
    "only one page": (
        {"type": "none"},
        lambda _: Answer({"data": rows(1)}, headers={"Link": "</orders?page=2>; rel=next"}),
        Permanent,
        "declare `paging: {type: link}`",
    ),
    "wrong order": (
        KEYSET,
        lambda a: Answer({"data": [row for row in rows(5, 4, 3, 2, 1) if row["id"] > int(a.params.get("after", 2))]}),
        Permanent,
        "are those of the page before: ask for the order",
    ),
    "key missing": (KEYSET, changing({"data": [{"no": 1}]}), Permanent, "/id is nothing, expected a text or a number"),
    "errors beside records": (
        {"type": "none"},
        changing({"data": rows(1), "errors": [{"message": "timeout"}]}),
        Transient,
        "/errors of the document is an array",
    ),
    "object": (PAGE, changing({"data": {"id": 1}}), Permanent, "/data is an object, expected the array"),
}  # fmt: skip


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_is_in_doubt_is_an_error(read: Callable[..., list[int]], server: HttpServer, doubt: str) -> None:
    paging, program, error, problem = DOUBTS[doubt]
    if doubt == "total of one page":
        program = lambda _: Answer({"data": rows(1, 2, 3), "total": 5})  # noqa: E731
    with pytest.raises(error, match=problem) as raised:
        read(program, paging=paging, errors="/errors")
    assert str(raised.value).startswith("feed orders: ")
    assert len(server.asked) < 6


BODIES: dict[bytes, tuple[type[Exception], str]] = {
    b'{"data": [{"id": 1}': (Transient, "breaks off or is not JSON: expected `,` or `]`"),
    b'{"data": [{"id": 1}, {"i': (Transient, "expected a value"),
    b'{"data": [{"id": 1}]': (Transient, "expected `,` or `}`"),
    b'{"data": [{"id": 1},]}': (Transient, "expected a value"),
    b'{"data": [{"id": 1}]} {}': (Transient, "text follows the end"),
    b"": (Transient, "the body is empty"),
    b"<html>busy</html>": (Permanent, "is a page or XML"),
    b'{"data": [{"id": "\xff"}]}': (Permanent, "not UTF-8, as JSON has to be"),
    b'{"data": [{"id": 1}], "data": []}': (Permanent, "/data stands twice"),
    b'{"meta": {"a": 1, "a": 2}, "data": []}': (Permanent, "a name stands twice"),
    b'{"data": [{"id": 1}, null]}': (Permanent, "/data/1 is null, expected a record"),
    b'{"data": [[1]]}': (Permanent, "/data/0 is an array, expected a record"),
    b'{"data": null}': (Permanent, "/data is null, expected the array of records"),
    b'{"result": [], "x": 1}': (Permanent, "nothing stands at /data; the document has result, x"),
    b"[]": (Permanent, "the document is an array, expected an object with 'data'"),
    b'{"a": NaN, "data": []}': (Permanent, "NaN, which is not JSON"),
    b'{"data": ' + b"[" * 100_000: (Permanent, "nested too deeply|expected a record"),
}


@pytest.mark.parametrize("body", BODIES, ids=[str(number) for number in range(len(BODIES))])
def test_a_body_that_is_not_what_was_declared_is_refused(read: Callable[..., list[int]], body: bytes) -> None:
    error, problem = BODIES[body]
    with pytest.raises(error, match=problem):
        read(lambda _: Answer(body))


def test_records_land_as_they_were_sent(server: HttpServer, tmp_path: Path) -> None:
    exact = '{"id":1.10, "n" : 12345678901234567890.123, "e":-0.0E+05, "t":"\\u00e4ä\\n", "d":1, "d":2, "x":NaN}'
    body = f'\ufeff {{"total": 1e2,\r\n "data" :[ {exact},\r\n{{"id":\n2}} ]}} \n'
    server.program = lambda _: Answer(body.encode())
    assert lines_of(reader(tmp_path, url=server.url, records="/data")) == [exact.encode(), b'{"id": 2}']
