"""Nothing that others wrote steers a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import show
from engine.cli.output import write_json, write_lines, write_table
from engine.model.visible import visible

HOSTILE = "RMS\x1b[2J\x9b1m\r\nFILLED\u202eok\u2066\x07"


def is_quiet(text: str) -> bool:
    return not any(c in text for c in "\x1b\x9b\r\u202e\u2066\x07")


@pytest.mark.parametrize("text", ["", "plain ₹ 1,00,000.00 नमस्ते", "a\tb"])
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_what_steers_is_written_out_and_lines_where_they_are_not_ours() -> None:
    assert visible(HOSTILE) == r"RMS\u001b[2J\u009b1m\u000d\u000aFILLED\u202eok\u2066\u0007"
    assert visible("a\nb\r\n", keeps_lines=True) == "a\nb\\u000d\n"


@given(st.text())
def test_every_text_is_one_line_and_stays_so(text: str) -> None:
    assert len(visible(text).splitlines()) <= 1
    assert visible(visible(text)) == visible(text)


def test_no_command_writes_it_raw(capsys: pytest.CaptureFixture[str]) -> None:
    show.say(HOSTILE)
    show.table(("why",), [[HOSTILE], [show.Cell(HOSTILE, "red")]])
    write_lines([HOSTILE])
    write_table(("why",), [[HOSTILE]])
    told = capsys.readouterr().out
    assert is_quiet(told)
    assert len(told.splitlines()) == 7
    write_json({"why": HOSTILE})
    told = capsys.readouterr().out
    assert is_quiet(told)
    assert json.loads(told) == {"why": HOSTILE}
