"""What a server's log says is decoded to the letter, and what is no message of it is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from assay.connectors.postgres import pgoutput
from assay.connectors.postgres.pgoutput import (
    UNCHANGED,
    Begin,
    Change,
    Commit,
    Relation,
    RelationColumn,
    Truncate,
    UnknownMessage,
    decode,
    lsn_of,
    lsn_text,
    moment,
)
from tests import log_messages as log


def test_each_message_is_decoded() -> None:
    columns = [("id", log.INT4, True), ("Größe", log.TEXT, False)]
    assert decode(log.begin(0x1_0000_0002, -5, 9)) == Begin(0x1_0000_0002, -5, 9)
    assert decode(log.commit(2, 3, 4)) == Commit(2, 3, 4)
    assert decode(log.relation(columns)) == Relation(
        log.TABLE,
        "shop",
        "orders",
        "d",
        (RelationColumn("id", log.INT4, -1, True), RelationColumn("Größe", log.TEXT, -1, False)),
    )
    assert decode(log.insert(b"1", None)) == Change("I", log.TABLE, (b"1", None), None, False)
    assert decode(log.update(b"1", UNCHANGED)) == Change("U", log.TABLE, (b"1", UNCHANGED), None, False)
    changed = log.update(b"2", b"", key=log.row(b"1", None))
    assert decode(changed) == Change("U", log.TABLE, (b"2", b""), (b"1", None), False)
    whole = log.update(b"2", b"x", old=log.row(b"2", b"y"))
    assert decode(whole) == Change("U", log.TABLE, (b"2", b"x"), (b"2", b"y"), True)
    assert decode(log.delete(key=log.row(b"1", None))) == Change("D", log.TABLE, None, (b"1", None), False)
    assert decode(log.delete(old=log.row(b"1", b"x"))) == Change("D", log.TABLE, None, (b"1", b"x"), True)
    assert decode(log.truncate(7, log.TABLE)) == Truncate((7, log.TABLE))


def test_types_origins_and_messages_of_applications_say_nothing_of_a_table() -> None:
    texts = [
        b"Y" + bytes(4) + b"public\0mood\0",
        b"O" + bytes(8) + b"elsewhere\0",
        b"M\0" + bytes(8) + b"p\0" + bytes(4),
    ]
    assert [decode(text) for text in texts] == [None, None, None]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"S\0\0\0\1\1",  # a transaction that is streamed before it ends: version 2
        log.begin(1)[:-1],
        log.relation([("id", log.INT4, True)])[:-3],
        log.insert(b"1", b"text")[:-1],
        log.insert(b"1") + b"\0",
        log.insert(b"1").replace(b"N", b"X"),
        log.insert(b"1").replace(b"t", b"b"),
        log.delete(key=log.row(b"1"))[:5],
        log.truncate(1, 2)[:-1],
    ],
    ids=lambda message: message.hex()[:24] or "empty",
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(UnknownMessage):
        decode(message)


def test_positions_and_times_are_those_of_the_server() -> None:
    assert lsn_of("16/B374D848") == 0x16_B374_D848
    assert [lsn_text(lsn_of(text)) for text in ("0/0", "16/B374D848", "A/1")] == ["0/0", "16/B374D848", "A/1"]
    assert moment(0) == datetime(2000, 1, 1, tzinfo=UTC)
    assert moment(1).microsecond == 1
    assert pgoutput.relation_of(log.delete(key=log.row(b"1"), oid=77)) == 77
