from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angelone.wire import (
    QUOTA,
    Action,
    Mode,
    encode_request,
    parse_request,
    request,
    requests,
)
from engine.errors import FileError, WireError
from engine.model.instrument import Segment

SAMPLE_TOKENS = [
    (Segment.NSE_CM, "10626"),
    (Segment.NSE_CM, "5290"),
    (Segment.MCX_FO, "234230"),
    (Segment.MCX_FO, "234235"),
    (Segment.MCX_FO, "234219"),
]


def many(count: int, segment: Segment = Segment.NSE_FO) -> list[tuple[Segment, str]]:
    return [(segment, str(40_000 + n)) for n in range(count)]


def test_the_documents_request_is_built(angel_data: Path) -> None:
    sample = (angel_data / "docs_samples" / "10-websocket-streaming-2-0__01_Sample.txt").read_text()
    built = request(Action.SUBSCRIBE, Mode.LTP, SAMPLE_TOKENS, "abcde12345")
    assert json.loads(encode_request(built)) == json.loads(sample)


def test_the_documents_request_is_parsed(angel_data: Path) -> None:
    sample = (angel_data / "docs_samples" / "10-websocket-streaming-2-0__01_Sample.txt").read_text()
    for frame in (sample, sample.encode()):
        parsed = parse_request(frame)
        assert parsed == request(Action.SUBSCRIBE, Mode.LTP, SAMPLE_TOKENS, "abcde12345")
        assert parsed.tokens == SAMPLE_TOKENS


def test_unsubscribing_is_action_0() -> None:
    built = request(Action.UNSUBSCRIBE, Mode.SNAP_QUOTE, SAMPLE_TOKENS, "abcde12345")
    written = json.loads(encode_request(built))
    assert (written["action"], written["params"]["mode"]) == (0, 3)


@pytest.mark.parametrize(
    "correlation", ["", "abcde1234", "abcde123456", "abcde-1234", "äbcde12345"]
)
def test_a_correlation_id_is_ten_letters_and_digits(correlation: str) -> None:
    with pytest.raises(WireError, match="ten letters and digits"):
        request(Action.SUBSCRIBE, Mode.LTP, SAMPLE_TOKENS, correlation)


@pytest.mark.parametrize("token", ["", "1" * 26, "12é", "1\n2"])
def test_a_token_that_no_packet_could_carry_is_not_asked_for(token: str) -> None:
    with pytest.raises(WireError, match="token"):
        request(Action.SUBSCRIBE, Mode.LTP, [(Segment.NSE_CM, token)], "abcde12345")


def test_many_tokens_are_asked_for_in_numbered_requests_of_fifty() -> None:
    made = requests(Action.SUBSCRIBE, Mode.SNAP_QUOTE, many(120), "paperA")
    assert [len(one.tokens) for one in made] == [50, 50, 20]
    assert [one.correlation_id for one in made] == ["paperA0001", "paperA0002", "paperA0003"]
    assert [token for one in made for token in one.tokens] == many(120)


def test_a_token_named_twice_is_asked_for_once() -> None:
    made = requests(Action.SUBSCRIBE, Mode.LTP, [*many(3), *many(3)], "paperA")
    assert [one.tokens for one in made] == [many(3)]


def test_the_quota_is_a_thousand_pairs_of_token_and_mode() -> None:
    assert len(requests(Action.SUBSCRIBE, Mode.LTP, many(QUOTA), "paperA")) == 20
    assert requests(Action.SUBSCRIBE, Mode.LTP, many(400), "paperA", held=600)
    with pytest.raises(FileError, match="1001 instruments asked in mode LTP with 0 held"):
        requests(Action.SUBSCRIBE, Mode.LTP, many(QUOTA + 1), "paperA")
    with pytest.raises(FileError, match="401 instruments asked in mode LTP with 600 held"):
        requests(Action.SUBSCRIBE, Mode.LTP, many(401), "paperA", held=600)


def test_unsubscribing_is_bound_by_no_quota() -> None:
    assert len(requests(Action.UNSUBSCRIBE, Mode.LTP, many(QUOTA + 1), "paperA", held=QUOTA)) == 21


def test_depth_20_carries_fifty_tokens_of_nse_cash() -> None:
    assert requests(Action.SUBSCRIBE, Mode.DEPTH_20, many(50, Segment.NSE_CM), "paperA")
    with pytest.raises(FileError, match="carries 50"):
        requests(Action.SUBSCRIBE, Mode.DEPTH_20, many(51, Segment.NSE_CM), "paperA")
    with pytest.raises(FileError, match="nse_cm only"):
        requests(Action.SUBSCRIBE, Mode.DEPTH_20, many(1), "paperA")


def test_a_stem_is_six_letters_and_digits() -> None:
    with pytest.raises(WireError, match="six letters and digits"):
        requests(Action.SUBSCRIBE, Mode.LTP, many(1), "paper")


def body(**changed: object) -> str:
    params = {"mode": 1, "tokenList": [{"exchangeType": 1, "tokens": ["10626"]}]}
    return json.dumps({"action": 1, "params": params | changed})


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "ping",
        "{}",
        b"\xff\xfe",
        body(mode=5),
        body(mode="1"),
        body(tokenList=[]),
        body(tokenList=[{"exchangeType": 6, "tokens": ["1"]}]),
        body(tokenList=[{"exchangeType": 1, "tokens": "10626"}]),
        body(tokenList=[{"exchangeType": 1, "tokens": [10626]}]),
        body(tokenList=[{"exchangeType": 1, "tokens": []}]),
        body(tokenList=[{"exchangeType": 1, "tokens": [""]}]),
        body().replace('"action": 1', '"action": 2'),
        "[" * 100_000,
    ],
)
def test_what_the_server_answers_with_e1001_is_a_wire_error(frame: str | bytes) -> None:
    with pytest.raises(WireError):
        parse_request(frame)


def test_the_correlation_id_is_optional() -> None:
    assert parse_request(body()).correlation_id is None


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_random_input_is_a_wire_error(frame: str | bytes) -> None:
    with pytest.raises(WireError):
        parse_request(frame)


@given(
    st.sampled_from(Action),
    st.sampled_from(Mode),
    st.lists(
        st.tuples(st.sampled_from(Segment), st.text("0123456789", min_size=1, max_size=9)),
        min_size=1,
        max_size=8,
    ),
    st.text("abcXYZ0189", min_size=10, max_size=10),
)
def test_a_request_survives_the_wire(
    action: Action, mode: Mode, tokens: list[tuple[Segment, str]], correlation: str
) -> None:
    asked = request(action, mode, tokens, correlation)
    assert parse_request(encode_request(asked)) == asked
    assert sorted(asked.tokens) == sorted(tokens)
