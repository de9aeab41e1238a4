from __future__ import annotations

import msgspec
import pytest

from engine.errors import RecordingError
from engine.sessionlog.format import (
    FORMAT,
    KIND_NAMES,
    Header,
    RowKind,
    Source,
    decode_header,
    encode_header,
)


def test_a_header_reads_back_as_it_was_written(header: Header) -> None:
    assert decode_header(encode_header(header), "x.arrow") == header


def test_the_same_header_gives_the_same_bytes(header: Header) -> None:
    other = msgspec.structs.replace(header, hashes={"b": "2", "a": "1"})
    same = msgspec.structs.replace(header, hashes={"a": "1", "b": "2"})
    assert encode_header(other) == encode_header(same)


def test_a_header_makes_its_catalogue_in_order_of_index(header: Header) -> None:
    catalogue = header.catalogue()
    assert [i.key for i in catalogue] == [facts.key for facts in header.instruments]


def test_a_header_makes_the_token_table_of_each_source(header: Header) -> None:
    catalogue = header.catalogue()
    table = header.tokens("angel", catalogue)
    assert table.token(catalogue[1]) == ("nse_fo", "49697")
    assert len(header.tokens("alice", catalogue)) == 0


def test_an_unknown_source_is_refused_and_the_known_ones_are_named(header: Header) -> None:
    with pytest.raises(RecordingError, match=r"'zerodha'.*angel, alice"):
        header.tokens("zerodha", header.catalogue())


def test_every_kind_has_the_name_that_its_code_stands_for() -> None:
    assert KIND_NAMES == (
        "frame",
        "text",
        "connection",
        "dispatch_frames",
        "dispatch_event",
        "effects",
        "closed",
    )
    assert [kind.value for kind in RowKind] == list(range(len(KIND_NAMES)))


def test_a_newer_format_is_refused_and_named(header: Header) -> None:
    newer = encode_header(header).replace(FORMAT.encode(), b"legwork-session-log/12")
    newer = newer.replace(b"legwork 0.1.0", b"legwork 9.9.9")
    with pytest.raises(RecordingError, match=r"x\.arrow.*session-log/12 by legwork 9\.9\.9"):
        decode_header(newer, "x.arrow")


def test_a_newer_format_is_named_even_when_its_header_has_another_shape() -> None:
    with pytest.raises(RecordingError, match="session-log/2 by an unknown version"):
        decode_header(b'{"format":"legwork-session-log/2","days":[1]}', "x.arrow")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "header is damaged"),
        (b"{", "header is damaged"),
        (b"[]", "header is damaged"),
        (b'{"format":"\xff"}', "header is damaged"),
        (b'{"format":"legwork-session-log/1"}', "header is damaged.*created_by"),
        (b'{"format":"parquet/1"}', "'parquet/1'.*not a Legwork recording"),
        (b'{"format":"legwork-session-log/"}', "not a Legwork recording"),
    ],
)
def test_a_damaged_header_is_one_clear_error(data: bytes, words: str) -> None:
    with pytest.raises(RecordingError, match=rf"x\.arrow: .*{words}"):
        decode_header(data, "x.arrow")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sources": (Source(name="engine", decoder="x"),)}, "'engine' is empty, twice"),
        ({"sources": (Source(name="", decoder="x"),)}, "'' is empty"),
        ({"sources": (Source(name="a", decoder="x"),) * 2}, "'a' is empty, twice"),
        (
            {"sources": tuple(Source(name=f"s{n}", decoder="x") for n in range(100))},
            "101 sources",
        ),
        ({"instruments": ()}, "not among the instruments"),
    ],
)
def test_a_header_that_contradicts_itself_is_neither_written_nor_read(
    header: Header, change: dict[str, object], words: str
) -> None:
    wrong = msgspec.structs.replace(header, **change)
    with pytest.raises(RecordingError, match=words):
        encode_header(wrong)
    with pytest.raises(RecordingError, match=words):
        decode_header(msgspec.json.encode(wrong), "x.arrow")


def test_an_instrument_listed_twice_is_refused(header: Header) -> None:
    twice = msgspec.structs.replace(header, instruments=header.instruments * 2)
    with pytest.raises(RecordingError, match="listed twice"):
        encode_header(twice)
