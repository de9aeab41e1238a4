"""``engine recordings``: a synthetic session is made whole or not at all, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from brokers.exchange.listings import MarketTerms
from engine.cli import synthetic
from engine.rules.clock_time import NS_PER_S, at_ns, clock_text
from engine.sessionlog.reader import SessionLog

Engine = Callable[..., Any]

BRIEF = ("--to", "09:16", "--strikes", "2", "--next-strikes", "1")


def generate(engine: Engine, out: Path, *words: str) -> Any:
    return engine("recordings", "generate", "--seed", "3", "--out", out, *BRIEF, *words)


def test_a_session_is_made_and_says_that_it_is_synthetic(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "new" / "brief.arrow"
    answer = generate(engine, out)
    assert (answer.code, answer.err) == (0, "")
    assert "made until 09:15:30, 50%" in answer.out
    assert "SYNTHETIC: no exchange printed these prices" in answer.out
    assert "seed 3" in answer.out
    assert [path.name for path in out.parent.iterdir()] == ["brief.arrow"]
    log = SessionLog.open(out)
    assert log.header.is_synthetic
    assert log.header.cadence_s == 1.0
    assert log.header.sources[0].name == "angel"
    assert log.header.sources[0].decoder == "angelone"
    first = next(log.frames())
    assert clock_text(first.received_at, 0) == "09:15:00"


def test_the_same_seed_makes_the_same_content_and_another_another(
    engine: Engine, tmp_path: Path
) -> None:
    for name, words in (("a", ()), ("b", ()), ("c", ("--seed", "4"))):
        assert generate(engine, tmp_path / f"{name}.arrow", *words).code == 0
    content = [SessionLog.open(tmp_path / f"{n}.arrow").require_intact() for n in "abc"]
    assert content[0] == content[1] != content[2]


def test_json_is_one_document_and_info_says_the_same(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "brief.arrow"
    made = json.loads(generate(engine, out, "--json").out)
    assert made["is_synthetic"] is True
    assert made["synthetic"]["seed"] == 3
    assert made["synthetic"]["parameters"]["ends"] == "09:16:00"
    assert made["is_intact"] is True
    assert json.loads(engine("recordings", "info", out, "--json").out) == made
    shown = engine("recordings", "info", out)
    assert shown.code == 0
    assert "SYNTHETIC" in shown.out
    assert "as it was recorded" in shown.out


def test_a_file_that_is_there_is_replaced_only_when_forced(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "brief.arrow"
    out.write_bytes(b"mine")
    refused = generate(engine, out)
    assert refused.code == 2
    assert refused.err == f"{out}: exists already; --force replaces it, --out takes another name\n"
    assert out.read_bytes() == b"mine"
    assert generate(engine, out, "--force").code == 0
    assert SessionLog.open(out).frame_count > 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--date", "2026-08-15"), "--date 2026-08-15: the exchange is closed on that Saturday"),
        (("--date", "2026-09-14"), "--date 2026-09-14: the exchange is closed on that Monday"),
        (("--date", "tomorrow"), "--date 'tomorrow': not a date; write YYYY-MM-DD"),
        (("--from", "9.15"), "--from '9.15': not a time; write HH:MM"),
        (("--to", "10:00+02:00"), "--to '10:00+02:00': times are of India"),
        (("--from", "09:16"), "--from 09:16:00 must be before --to 09:16:00"),
        (("--from", "08:00"), "--from 08:00:00: not within the session of 2026-08-17"),
        (("--strikes", "99"), "--strikes 99: from 1 to 40"),
    ],
)
def test_a_wrong_argument_is_2_names_itself_and_leaves_nothing(
    engine: Engine, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    answer = generate(engine, tmp_path / "brief.arrow", *words)
    assert answer.code == 2
    assert told in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file_to_write(engine: Engine, tmp_path: Path) -> None:
    answer = generate(engine, tmp_path)
    assert answer.code == 2
    assert f"{tmp_path}: is a folder" in answer.err


def test_an_interrupted_session_leaves_nothing_and_the_old_file_alone(tmp_path: Path) -> None:
    out = tmp_path / "brief.arrow"
    out.write_bytes(b"mine")
    opens = at_ns(date(2026, 8, 17), time(9, 15))

    def interrupt(at: int) -> None:
        if at > opens + 5 * NS_PER_S:
            raise KeyboardInterrupt

    terms = MarketTerms(seed=3, trading_date=date(2026, 8, 17), strikes=2, next_strikes=1)
    with pytest.raises(KeyboardInterrupt):
        synthetic.make_recording(terms, out, force=True, tell=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["brief.arrow"]
    assert out.read_bytes() == b"mine"


def test_a_file_that_is_no_recording_is_2(engine: Engine, tmp_path: Path) -> None:
    foreign = tmp_path / "notes.arrow"
    foreign.write_text("not a recording")
    answer = engine("recordings", "info", foreign)
    assert answer.code == 2
    assert str(foreign) in answer.err
    assert engine("recordings", "info", tmp_path / "absent.arrow").code == 2
