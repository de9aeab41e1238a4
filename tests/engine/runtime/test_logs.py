from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.clock import VirtualClock
from engine.runtime.logs import HIDDEN, Redactor, configure, is_secret_key

CANARY = "c4n4ry/+&=secret"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers = list(logging.getLogger().handlers)
    yield io.StringIO()
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


def told(stream: io.StringIO, *, json_lines: bool = True) -> tuple[structlog.BoundLogger, Redactor]:
    redactor = Redactor()
    redactor.learn(CANARY)
    configure(stream=stream, clock=VirtualClock(0), redactor=redactor, json_lines=json_lines)
    return structlog.get_logger(), redactor


@pytest.mark.parametrize(
    "key",
    [
        "authorization", "Authorization", "jwt", "jwtToken", "token", "totp", "password", "pin",
        "api_key", "apiKey", "X-PrivateKey", "feedToken", "feed_token", "refreshToken", "etoken",
        "susertoken", "orderToken", "cookie", "Set-Cookie", "api_jwt", "X-API-Token",
    ],
)  # fmt: skip
def test_keys_that_name_a_secret_are_hidden_in_any_spelling(key: str) -> None:
    assert is_secret_key(key)
    assert Redactor().clean({"a": [{key: "anything at all"}]}) == {"a": [{key: HIDDEN}]}


@pytest.mark.parametrize(
    "key", ["tokens", "spinner", "symboltoken", "instrument", "opinion", "keys"]
)
def test_keys_that_only_look_like_it_are_not(key: str) -> None:
    assert Redactor().clean({key: "26009"}) == {key: "26009"}


@pytest.mark.parametrize("json_lines", [True, False])
def test_the_canary_is_in_no_line_whatever_way_it_takes(
    stream: io.StringIO, *, json_lines: bool
) -> None:
    log, _ = told(stream, json_lines=json_lines)
    plain = f"plain {CANARY}"
    log.info(plain, password="other-one", nested={"deep": [CANARY, (CANARY,)]})
    log.info("encoded", url=f"wss://x/y?feed={quote(CANARY, safe='')}&n=1", raw=CANARY.encode())
    log.info("basic", header=base64.b64encode(f"user:{CANARY}".encode()).decode())
    log.info("query", url="wss://x/y?clientCode=A1&feedToken=abc123&apiKey=k1#top")
    log.info("bearer", text="Authorization: Bearer abcdef123456")
    log.info("jwt", text="got eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl there")
    log.info("body", text='{"refreshToken": "abc123", "state": "live"}')
    log.info(CANARY, **{f"key-{CANARY}": 1})
    try:
        int(f"refused {CANARY}")
    except ValueError:
        log.exception("failed")
    logging.getLogger("library").warning("from a library: %s", CANARY)
    text = stream.getvalue()
    for form in (
        CANARY,
        quote(CANARY, safe=""),
        "abc123",
        "k1#",
        "abcdef123456",
        "eyJzdWI",
        "other-one",
    ):
        assert form not in text
    assert base64.b64encode(CANARY.encode()).decode()[2:-4] not in text
    for kept in ("plain", "clientCode=A1", "#top", "n=1", "live", "refused", "from a library"):
        assert kept in text


@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_hides_the_secret_wherever_it_starts(before: bytes, after: bytes) -> None:
    redactor = Redactor()
    redactor.learn(CANARY)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded = encode(before + CANARY.encode() + after).decode()
        assert HIDDEN in redactor.text(coded)


def test_a_secret_too_short_to_be_told_from_a_figure_is_not_learnt() -> None:
    with pytest.raises(ValueError, match="hides by key only"):
        Redactor().learn("1234")


def test_ordinary_values_are_left_alone() -> None:
    line = {
        "price": 100.05,
        "n": 3,
        "ok": True,
        "none": None,
        "text": "NIFTY 24000 CE",
        "l": [1, "a"],
    }
    redactor = Redactor()
    redactor.learn(CANARY)
    assert redactor.clean(line) == line


def test_a_line_has_its_level_and_its_time(stream: io.StringIO) -> None:
    log, _ = told(stream)
    log.warning("odd", strategy="a")
    log.debug("too quiet")
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "odd", "strategy": "a", "level": "warning", "at": "1970-01-01T00:00:00.000+00:00"}
    ]


def test_configuring_twice_does_not_say_everything_twice(stream: io.StringIO) -> None:
    told(stream)
    told(stream)
    logging.getLogger("library").warning("once")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("json_lines", [False, True])
def test_what_a_broker_says_steers_no_terminal_and_forges_no_line(*, json_lines: bool) -> None:
    stream = io.StringIO()
    log, _ = told(stream, json_lines=json_lines)
    log.warning("RMS\x1b[2J\nforged\u202e", reason="\x9b1m\r\nforged")
    assert len(stream.getvalue().splitlines()) == 1
    assert not any(c in stream.getvalue() for c in "\x1b\x9b\r\u202e")
