"""One pass over a file's bytes: the hash, what makes it unreadable, its header, and a count that is never a guess."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.format import Format
from assay.text import Scan, Unreadable, compression, scan, split, stream

CSV = Format("csv")
BARE = Format("csv", header=False)
JSONL = Format("jsonl")


@pytest.fixture
def seen(tmp_path: Path):
    """Scan these bytes."""

    def _seen(content: bytes, form: Format = CSV) -> Scan:
        path = tmp_path / "file"
        path.write_bytes(content)
        return scan(path, form)

    return _seen


@pytest.fixture
def reason(seen):
    """Why a scan of these bytes is refused."""

    def _reason(content: bytes, form: Format = CSV) -> str:
        with pytest.raises(Unreadable) as caught:
            seen(content, form)
        return str(caught.value)

    return _reason


def test_the_hash_and_the_size_are_those_of_the_bytes_as_received(seen):
    content = gzip.compress(b"a,b\n1,2\n")
    result = seen(content)
    assert result.sha256 == hashlib.sha256(content).hexdigest()
    assert result.size == len(content)
    assert result.compression == "gzip"


def test_a_file_of_many_pieces_is_hashed_and_counted_as_a_whole(seen):
    content = b"id,name\n" + b"".join(b"%d,name %d\n" % (i, i) for i in range(200_000))
    result = seen(content)
    assert result.sha256 == hashlib.sha256(content).hexdigest()
    assert result.records == 200_000


@pytest.mark.parametrize(
    ("content", "records", "line_end"),
    [
        (b"a,b\n1,2\n3,4\n", 2, "\n"),
        (b"a,b\n1,2\n3,4", 2, "\n"),
        (b"a,b\n", 0, "\n"),
        (b"a,b", 0, "\n"),
        (b"a,b\r\n1,2\r\n3,4\r\n", 2, "\r\n"),
        (b"a,b\r\n1,2\r\n3,4", 2, "\r\n"),
        (b"a,b\r\n1,2\r\n3,4\r", 2, "\r\n"),
        (b"a,b\r1,2\r3,4\r", 2, "\r"),
        (b"a,b\r1,2\r3,4", 2, "\r"),
        (b"\xef\xbb\xbfa,b\n1,2\n", 1, "\n"),
        (b"\n\na,b\n\n1,2\n\n\n3,4\n\n", 2, "\n"),
        (b"a,b\r\n\r\n1,2\r\n", 1, "\r\n"),
        (b"a\n1\n\n2\n", 3, "\n"),
        (b"a\n1\n\n\n", 3, "\n"),
        (b"a\r\n\r\n1\r\n\r\n", 3, "\r\n"),
        (b"a\r\r1\r\r", 3, "\r"),
        (b"\n\na\n\n1", 2, "\n"),
        (b'a\n\n"x\n\ny"\n""\n', 3, "\n"),
        (b'a\n""\n2\n', 2, "\n"),
        (b'a,b\n"1","2"\n"3",4\n', 2, "\n"),
        (b'a,b\n"1,5","2"\n"","say ""hi"""\n', 2, "\n"),
        (b'a,b\n"x\ny\n\nz",1\n2,3\n', 2, "\n"),
        (b'a,b\r\n"x\ny\r\nz",1\r\n2,3\r\n', 2, "\r\n"),
        ("a,b\nä,€\n".encode(), 1, "\n"),
        (b"a,b\n ,  \n", 1, "\n"),
        (b"a,b\n,\n", 1, "\n"),
    ],
)
def test_plain_records_are_counted(seen, content, records, line_end):
    result = seen(content)
    assert (result.records, result.line_end) == (records, line_end)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n1,2\n3,4,\n", "DuckDB reads a delimiter too many as none"),
        (b"a,b\n1,2,\n3\n", "two wrong counts make a right sum"),
        (b"a,b\n1\n", "a field too few"),
        (b"a,b\n1,2\r3,4\n", "a lone return"),
        (b"a,b\n1,2\r\n3,4\n", "mixed line ends"),
        (b"a,b\r\n1,2\n", "mixed line ends"),
        (b'a,b\n1,2"\n3,"4"\n', "a quote inside a field"),
        (b'a,b\n1, "2"\n', "DuckDB drops a space before a quote"),
        (b'a,b\n1,"2" \n', "DuckDB drops a space after a quote"),
        (b'a,b\n1,"2\n3,4\n', "an open quote"),
        (b'a,b\n1,"2\n3,4"\n5,6,7\n', "another number of fields"),
        (b'a,b\n"1"2,3\n', "text after a closing quote"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
        (b"a,b\n1,\xc3\n\xa4,2\n", "a character cut in two by a line end"),
        (b"a,b\n" + b"1,2\n" * 20_000 + b"3,\0\n", "a NUL byte behind the first 64 KiB"),
        (b"a,b\n1," + b"x" * 3_000_000 + b"\n", "a line too long to keep"),
        (b'a,b\n1,"' + b"x\n" * 1_500_000 + b'"\n', "a record too long to keep"),
    ],
)
def test_what_is_in_doubt_is_not_counted(seen, content, why):
    assert seen(content).records is None, why


@pytest.mark.parametrize(
    "form",
    [
        Format("csv", encoding="latin-1"),
        Format("csv", encoding="utf-16-le"),
        Format("csv", delimiter="§"),
    ],
)
def test_bytes_that_are_not_utf_8_or_delimiters_of_two_bytes_are_not_counted(seen, form):
    content = form.delimiter.join("ab") + "\n" + form.delimiter.join("12") + "\n"
    result = seen(content.encode(form.encoding), form)
    assert (result.header, result.records) == (("a", "b"), None)


def test_with_another_escape_only_a_file_without_quotes_is_counted(seen):
    form = Format("csv", escape="\\")
    assert seen(b"a,b\n1,x\\y\n", form).records == 1
    assert seen(b'a,b\n1,"x"\n', form).records is None


def test_without_a_quote_character_quotes_are_ordinary(seen):
    assert seen(b'a,b\n1,"x\n2,y"\n', Format("csv", quote="", escape="")).records == 2


def test_ascii_does_not_hold_umlauts(seen, tmp_path):
    form = Format("csv", encoding="ascii")
    assert seen(b"a,b\n1,2\n", form).records == 1
    assert seen("a,b\n1,ä\n".encode(), form).records is None
    assert [r.problem for r in split(tmp_path / "file", form, 2)] == ["byte 0xc3 at column 3 is not ascii"]


def test_line_ends_in_quotes_are_told_because_duckdb_must_then_read_on_one_thread(seen):
    assert not seen(b'a,b\n"1","2"\n').has_quoted_line_ends
    assert seen(b'a,b\n"1\n",2\n').has_quoted_line_ends
    assert seen(b'a,b\n"1\r",2\n').has_quoted_line_ends


@pytest.mark.parametrize("piece", [2, 3, 7, 64])
def test_where_the_pieces_of_a_file_are_cut_does_not_matter(seen, monkeypatch, piece):
    content = 'a,b\n1,"ä\n""x"""\n\n2,3\n"","\n"\n4,ö'.encode()
    monkeypatch.setattr(stream, "PIECE", piece)
    monkeypatch.setattr(compression, "PIECE", piece)
    assert seen(content).records == 4
    assert seen(gzip.compress(content)).records == 4


# The header


def test_the_header_is_read_in_its_dialect(seen):
    assert seen(b'a,"b, c","d ""e"""\n1,2,3\n').header == ("a", "b, c", 'd "e"')
    assert seen(b"a;'b;c'\n1;2\n", Format("csv", delimiter=";", quote="'", escape="'")).header == ("a", "b;c")


def test_a_header_may_go_over_two_lines_and_follow_blank_ones(seen, tmp_path):
    result = seen(b'\n\na,"b\nc"\n1,2\n')
    assert (result.header, result.records) == (("a", "b\nc"), 1)
    assert [record.line for record in split(tmp_path / "file", CSV, 2)] == [5]


def test_a_header_in_another_encoding_is_decoded(seen):
    assert seen("größe,maß\n1,2\n".encode("latin-1"), Format("csv", encoding="latin-1")).header == ("größe", "maß")
    assert seen("größe,maß\n1,2\n".encode("utf-16"), Format("csv", encoding="utf-16")).header == ("größe", "maß")
    assert seen("\ufeffgröße,maß\n".encode("utf-16-be"), Format("csv", encoding="utf-16-be")).header == ("größe", "maß")


def test_without_a_header_the_first_record_tells_the_number_of_fields(seen):
    result = seen(b'\n1,"x\ny",3\n4,5,6\n', BARE)
    assert (result.header, result.records) == (None, 2)
    assert seen(b"\n\n", BARE).records is None
    assert seen(b'1,"2\n', BARE).records is None


@pytest.mark.parametrize("content", [b"1\n2,3\n4,5\n", b"1,2,3\n4,5\n", b"1\n2\n", b'1,"2\n3,4\n'])
def test_without_a_header_the_number_of_columns_is_told_and_a_first_record_of_another_is_in_doubt(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert scan(path, BARE, 2).records is None


@pytest.mark.parametrize(
    ("header", "reason_part"),
    [
        (b"id,a,,b", "1 of 4 columns without a name, at position 3:"),
        (b"id,a,b,", "1 of 4 columns without a name, at position 4:"),
        (b",id", "1 of 2 columns without a name, at position 1:"),
        (b'id,""', "1 of 2 columns without a name, at position 2:"),
        (b"id,  ,b,\t", "2 of 4 columns without a name, at position 2, 4:"),
        (b'id," ",b', "1 of 3 columns without a name, at position 2:"),
        ("id,\u00a0".encode(), "1 of 2 columns without a name, at position 2:"),
        (b'""', "1 of 1 columns without a name, at position 1:"),
        (b"id" + b"," * 9_000, "9,000 of 9,001 columns without a name, at position 2, 3, 4, 5, 6 and 8,995 more:"),
    ],
)
def test_a_header_that_leaves_a_column_without_a_name_refuses_the_file(reason, tmp_path, header, reason_part):
    content = header + b"\n" + b"1," * header.count(b",") + b"2\n"
    assert reason_part in reason(content)
    with pytest.raises(Unreadable, match="without a name"):
        list(split(tmp_path / "file", CSV, 2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n\r\n\n", "the header is missing"),
        (b'a,"b\n1,2\n', "a quote in it is never closed"),
        (b"a,b,a\n1,2,3\n", "two columns alike: 'a' and 'a'"),
        (b"id,Id\n1,2\n", "two columns alike: 'id' and 'Id'"),
        (b"a,,\n1,2,3\n", "2 of 3 columns without a name, at position 2, 3"),
        (b"a,\xff\n1,2\n", "byte 0xff at column 3 is not utf-8"),
        (b'a,"b"c\n1,2\n', "text after a closing quote"),
        (b'a, "b"\n1,2\n', "a space before an opening quote"),
        (b"a,b\rc\n1,2\n", "a carriage return outside of quotes"),
        (b"a" * 3_000_000 + b"\n1\n", "no end within"),
        (b"\n" * 3_000_000 + b"a\n1\n", "no end within"),
    ],
)
def test_a_header_that_cannot_be_trusted_refuses_the_file(reason, tmp_path, content, message):
    assert message in reason(content)
    with pytest.raises(Unreadable, match="header"):
        list(split(tmp_path / "file", CSV, 2))


# The file as a whole


def test_an_empty_file_is_refused(reason):
    assert reason(b"") == "the file is empty"
    assert reason(b"\xef\xbb\xbf") == "the file is empty"
    assert reason(gzip.compress(b"")) == "the file is empty"
    assert reason(b"", JSONL) == "the file is empty"


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        ("a,b\n".encode("utf-16"), CSV, "byte-order mark of utf-16-le, not of utf-8"),
        ("a,b\n".encode("utf-32"), CSV, "byte-order mark of utf-32-le, not of utf-8"),
        (b"\xfe\xff\0a", JSONL, "byte-order mark of utf-16-be"),
        (b"\xef\xbb\xbfa,b\n", Format("csv", encoding="latin-1"), "byte-order mark of utf-8, not of iso8859-1"),
        (b"\xef\xbb\xbfa,b\n", Format("csv", encoding="utf-16"), "byte-order mark of utf-8, not of utf-16"),
        ("\ufeffa".encode("utf-16-le"), Format("csv", encoding="utf-16-be"), "mark of utf-16-le, not of utf-16-be"),
        ("a,b\n1,2\n".encode("utf-16-le"), CSV, "NUL bytes (the first at byte 1)"),
        (b"a,b\n1,\0\n", Format("csv", encoding="latin-1"), "it is not iso8859-1 text"),
        (gzip.compress("a,b\n".encode("utf-16-le"), mtime=0), CSV, "NUL bytes"),
    ],
)
def test_a_file_in_another_encoding_as_a_whole_is_refused(reason, tmp_path, content, form, message):
    assert message in reason(content, form)
    with pytest.raises(Unreadable):
        list(split(tmp_path / "file", form, 2))


def test_the_byte_order_mark_of_the_declared_encoding_is_welcome(seen):
    for encoding in ("utf-8", "utf-8-sig", "ascii"):
        assert seen(b"\xef\xbb\xbfa,b\n1,2\n", Format("csv", encoding=encoding)).header == ("a", "b")


def test_a_directory_a_pipe_and_a_socket_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    for path, kind in (
        (tmp_path, "a directory"),
        (tmp_path / "pipe", "a named pipe"),
        (tmp_path / "socket", "a socket"),
        (Path(os.devnull), "a device"),
    ):
        for read in (lambda p: scan(p, CSV), lambda p: list(split(p, CSV, 2))):
            with pytest.raises(Unreadable, match=f"^not a regular file but {kind}$"):
                read(path)
    server.close()


def test_a_pipe_that_takes_the_place_of_a_file_after_the_look_at_it_does_not_block(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"a\n")
    looked_at = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda _: looked_at)
    with pytest.raises(Unreadable, match="a named pipe"):
        scan(tmp_path / "pipe", CSV)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "file").write_bytes(b"a\n")
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unreadable, match="permission denied"):
        scan(tmp_path / "file", CSV)


def test_a_file_that_is_gone_is_no_bad_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "gone", CSV)


def test_a_format_that_is_no_text_or_no_encoding_is_an_error_of_ours(seen):
    with pytest.raises(ValueError, match="parquet"):
        seen(b"PAR1", Format("parquet"))
    with pytest.raises(LookupError):
        seen(b"a\n", Format("csv", encoding="utf-9"))
    with pytest.raises(ValueError, match="one ASCII character"):
        seen(b"a\n", Format("csv", quote="«"))


# gzip

ROWS = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * 7919) for i in range(2_000))


def test_gzip_is_known_by_its_first_bytes_and_not_by_a_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(gzip.compress(ROWS))
    (tmp_path / "b.csv.gz").write_bytes(ROWS)
    assert (scan(tmp_path / "a.csv", CSV).compression, scan(tmp_path / "a.csv", CSV).records) == ("gzip", 2_000)
    assert (scan(tmp_path / "b.csv.gz", CSV).compression, scan(tmp_path / "b.csv.gz", CSV).records) == ("none", 2_000)


def test_several_gzip_members_are_one_file_and_zeros_behind_them_are_padding(seen, tmp_path):
    content = gzip.compress(ROWS[:1000]) + gzip.compress(b"") + b"\0" * 10 + gzip.compress(ROWS[1000:]) + b"\0" * 511
    assert seen(content).records == 2_000
    assert sum(1 for _ in split(tmp_path / "file", CSV, 2)) == 2_000


def test_a_gzip_stream_cut_off_anywhere_is_refused(reason, tmp_path):
    content = gzip.compress(ROWS)
    for size in (2, 3, 9, 10, 11, 20, len(content) // 2, len(content) - 9, len(content) - 8, len(content) - 1):
        assert reason(content[:size]) == "the gzip stream ends in the middle: the file is cut off", size
        with pytest.raises(Unreadable, match="cut off"):
            list(split(tmp_path / "file", CSV, 2))


def test_the_second_member_cut_off_is_refused(reason):
    first, second = gzip.compress(ROWS[:1000]), gzip.compress(ROWS[1000:])
    assert "cut off" in reason(first + second[:-4])
    assert "cut off" in reason(first + second[:1])


@pytest.mark.parametrize("back", [1, 5])
def test_a_wrong_checksum_or_length_is_refused(reason, back):
    content = bytearray(gzip.compress(ROWS))
    content[-back] ^= 1
    assert reason(bytes(content)) == "the gzip checksum does not match: the content is damaged"


def test_a_damaged_middle_is_refused(reason):
    content = bytearray(gzip.compress(ROWS))
    middle = len(content) // 2
    content[middle : middle + 40] = b"\xff" * 40
    assert "damaged" in reason(bytes(content))


@pytest.mark.parametrize("rest", [b"x", b"a,b\n1,2\n", b"\0\0x", b"\x1f\x9d\x90"])
def test_something_else_behind_the_gzip_stream_is_refused(reason, rest):
    message = reason(gzip.compress(ROWS) + rest)
    assert message == "something that is not gzip follows the end of the gzip stream"


def test_a_damaged_first_member_is_not_taken_for_a_damaged_end(reason):
    assert "damaged (unknown compression method)" in reason(b"\x1f\x8b\x07" + gzip.compress(ROWS)[3:])


def test_a_small_gzip_file_of_huge_content_is_decompressed_in_pieces():
    bomb = gzip.compress(b"1,2\n" * 5_000_000)
    largest = 0
    for piece in compression.gunzip(iter([bomb])):
        largest = max(largest, len(piece))
    assert len(bomb) < 100_000
    assert largest <= stream.PIECE


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_no_flipped_bit_in_a_gzip_file_changes_what_is_read(at, bit):
    content = bytearray(gzip.compress(ROWS[:3_000], mtime=0))
    content[at % len(content)] ^= 1 << bit
    try:
        output = b"".join(compression.plain(iter([bytes(content)])))
    except Unreadable:
        return
    assert output in (ROWS[:3_000], bytes(content)), "read something else, or what is no longer marked as gzip"


@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=4), size=st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_gunzip_gives_back_what_was_compressed_however_it_arrives(parts, size):
    content = b"".join(gzip.compress(part) for part in parts)
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    assert b"".join(compression.gunzip(pieces)) == b"".join(parts)


def test_a_member_without_compression_is_verified_too():
    packer = zlib.compressobj(0, wbits=31)
    content = bytearray(packer.compress(ROWS) + packer.flush())
    content[content.index(b"7919")] ^= 1
    with pytest.raises(Unreadable, match="checksum"):
        list(compression.gunzip(iter([bytes(content)])))


# JSON lines


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b'{"a":1}\n{"a":2}\n', 2),
        (b'{"a":1}\r\n{"a":2}', 2),
        (b'{"a":1}\r{"a":2}\r', 2),
        (b'\n{"a":1}\n\n \t\r\n{"a":2}\n   ', 2),
        (b"1\n[]\nnull\n", 3),
        (b"\n\n", 0),
        (b'{"a":"\xff"}\n', None),
        (b'{"a":1}\n' * 10_000 + b"\0\n", None),
        (b'{"a":"' + b"x" * 3_000_000 + b'"}\n', None),
        (b"x" * 3_000_000 + b'\r{"a":1}\r', None),
    ],
)
def test_json_lines_are_counted(seen, content, records):
    result = seen(content, JSONL)
    assert (result.header, result.records) == (None, records)


@given(
    st.lists(st.sampled_from([b'{"a":1}', b" ", b"\t", b"\n", b"\n", b"\r", b"\r\n", b"1", b"{", b"\xff"]), max_size=30)
)
@settings(max_examples=300, deadline=None)
def test_counted_json_lines_are_as_many_as_the_careful_way_finds(tmp_path_factory, parts):
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    path.write_bytes(b"".join(parts) or b"\n")
    counted = scan(path, JSONL).records
    assert counted in (None, sum(1 for _ in split(path, JSONL, 1)))
