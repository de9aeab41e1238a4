from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angelone import wire
from brokers.angelone.wire import ErrorReply, Pong
from engine.errors import WireError

# The document's own sample (seed 001); the offline copy of the page lost a comma.
SAMPLE = """
{
     "correlationID": "abcde12345",
     "errorCode": "E1002",
     "errorMessage": "Invalid Request. Subscription Limit Exceeded"
}
"""


@pytest.mark.parametrize("frame", ["pong", b"pong"])
def test_pong_answers_ping(frame: str | bytes) -> None:
    assert wire.PING == "ping"
    assert wire.decode(frame) == Pong()


@pytest.mark.parametrize("frame", [SAMPLE, SAMPLE.strip().encode()])
def test_the_documents_error_reply_is_read(frame: str | bytes) -> None:
    assert wire.decode(frame) == ErrorReply("abcde12345", "E1002", wire.ERROR_TEXTS["E1002"])


def test_the_simulators_error_reply_has_the_documents_keys() -> None:
    reply = ErrorReply("abcde12345", wire.LIMIT_EXCEEDED, wire.ERROR_TEXTS[wire.LIMIT_EXCEEDED])
    assert json.loads(wire.encode(reply)) == json.loads(SAMPLE)


@pytest.mark.parametrize("stated", ['"correlationID": null, ', ""])
def test_a_request_without_an_id_is_answered_without_one(stated: str) -> None:
    text = "{" + stated + '"errorCode": "E1001", "errorMessage": "Invalid Request Payload."}'
    assert wire.decode(text) == ErrorReply(None, "E1001", wire.ERROR_TEXTS["E1001"])


@pytest.mark.parametrize(
    "frame",
    [
        "",
        b"",
        "ping",
        "pong ",
        b"PONG",
        "{}",
        "null",
        '{"errorCode": 1001, "errorMessage": "x"}',
        '{"correlationID": "abcde12345" "errorCode": "E1002"}',
        SAMPLE.strip()[:-1],
        b'{"errorCode": "E1001", "errorMessage": "\xff"}',
        b"\xc3\x28",
        "\ud800",
        "[" * 100_000,
        '{"x": ' + "[" * 100_000,
        "<html>Request Rejected</html>",
    ],
)
def test_any_other_text_is_refused(frame: str | bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(frame)


@given(st.text(max_size=60))
def test_random_text_is_a_wire_error(frame: str) -> None:
    if frame != "pong":
        with pytest.raises(WireError):
            wire.decode(frame)


@given(st.one_of(st.none(), st.text()), st.text(), st.text())
def test_an_encoded_reply_decodes_to_itself(correlation: str | None, code: str, text: str) -> None:
    reply = ErrorReply(correlation, code, text)
    try:
        frame = wire.encode(reply)
    except WireError:
        assert any("\ud800" <= letter <= "\udfff" for letter in f"{correlation}{code}{text}")
        return
    assert wire.decode(frame) == reply
    assert wire.decode(wire.encode(Pong())) == Pong()
