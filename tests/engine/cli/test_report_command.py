"""``engine report``: formats, places, and what is wrong with the words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Engine = Callable[..., Any]


@pytest.fixture
def on_session(
    engine: Engine, rejected_leg: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    """A command line where the latest session was written by hand, without a recording."""
    monkeypatch.chdir(tmp_path)
    rejected_leg.write(tmp_path / "sessions" / "2026-08-19-paper-abc-01")
    return engine


def test_the_page_goes_into_the_sessions_folder(on_session: Engine) -> None:
    answer = on_session("report")
    assert answer.code == 0
    first, note, *_ = answer.out.splitlines()
    assert first == "sessions/2026-08-19-paper-abc-01/report.html"
    assert "does not say which recording it ran on" in note
    page = Path(first).read_text(encoding="utf-8")
    assert "SYNTHETIC recording" in page
    assert "The price is out of the LPP range" in page
    assert "-9.75" in page


@pytest.mark.parametrize("words", [("--format", "json"), ("--json",)])
def test_data_goes_to_standard_output(on_session: Engine, words: tuple[str, ...]) -> None:
    data = json.loads(on_session("report", *words).out)
    assert data["total"]["orders"] == 3
    assert [order["state"] for order in data["orders"]] == ["FILLED", "REJECTED", "FILLED"]
    assert data["orders"][1]["reason"] == "17070: The price is out of the LPP range"
    (group,) = data["groups"]
    assert (group["state"], group["naked_s"], group["held_s"]) == ("UNWOUND", 0.0, 0.16)


def test_out_names_another_place(on_session: Engine) -> None:
    assert on_session("report", "--json", "--out", "day.json").out.startswith("day.json\n")
    assert json.loads(Path("day.json").read_bytes())["format"] == "legwork-report/1"
    assert on_session("report", "--format", "csv", "--out", "day").code == 0
    assert Path("day/fills.csv").is_file()


def test_tables_go_into_the_sessions_folder(on_session: Engine) -> None:
    on_session("report", "--format", "csv")
    assert Path("sessions/2026-08-19-paper-abc-01/report-csv/orders.csv").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no session 'nowhere'"),
        (("2026", "--session", "2026"), "name one"),
        (("--out", "sessions"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_one_message(
    on_session: Engine, words: tuple[str, ...], said: str
) -> None:
    answer = on_session("report", *words)
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert answer.out == ""
