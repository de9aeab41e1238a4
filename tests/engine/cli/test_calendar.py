from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Engine = Callable[..., Any]


def test_it_shows_the_phases_of_every_segment_with_their_sources(engine: Engine) -> None:
    answer = engine("calendar", "--on", "2026-09-08")
    assert answer.code == 0, answer.err
    for told in (
        "Tuesday 08 September 2026 (tables of ",
        "\nnse_cm, bse_cm  normal\n",
        "    15:20-15:25  closing auction: limit and market orders\n",
        "    15:25-15:30  closing auction: limit orders only (may end at random from 15:28)\n",
        "    source: NSE/CMTR/74466 of 29 May 2026",
        "\nnse_fo, bse_fo  normal\n",
        "    09:00-09:08  pre-open: limit and market orders (may end at random from 09:07)\n",
        "    09:15-15:40  continuous trading\n",
        "  about 15:15 the price range of stock futures is set anew",
        "\nmcx_fo  normal\n",
        "    09:00-23:30  continuous trading\n",
        "    22:55        be flat, 5 min before the first broker squares intraday positions off\n",
        "  next trading day: Wed 09 Sep 2026",
    ):
        assert told in answer.out


@pytest.mark.parametrize(
    ("day", "segment", "told"),
    [
        ("2026-11-21", "nse_fo", "nse_fo  closed: Saturday\n  next trading day: Mon 23 Nov 2026"),
        ("2026-11-24", "nse_cm", "nse_cm  closed: Guru Nanak Jayanti (NSE/FAOP/71777"),
        ("2026-11-24", "mcx_fo", "mcx_fo  evening only, Guru Nanak Jayanti\n"),
        ("2024-03-02", "nse_fo", "nse_fo  disaster recovery test\n"),
        ("2026-12-31", "nse_fo", "  next trading day: the tables end here"),
    ],
)
def test_it_says_what_kind_of_day_it_is_and_why(
    engine: Engine, day: str, segment: str, told: str
) -> None:
    answer = engine("calendar", "--on", day, "--segment", segment)
    assert answer.code == 0, answer.err
    assert told in answer.out


def test_a_day_whose_hours_nobody_published_says_what_to_write_and_takes_it_from_a_file(
    engine: Engine, tmp_path: Path
) -> None:
    answer = engine("calendar", "--on", "2026-11-08", "--segment", "nse_fo")
    assert answer.code == 2
    assert "nse_fo  hours unknown" in answer.out
    assert "give them in a calendar file" in answer.out
    path = tmp_path / "own.yaml"
    path.write_text(
        'days: [{day: "2026-11-08", segments: [nse_fo], trades: ["18:00-19:00"], why: Muhurat, '
        "source: NSE/FAOP/12345}]\n"
    )
    answer = engine("calendar", "--on", "2026-11-08", "--segment", "nse_fo", "--calendar", path)
    assert answer.code == 0, answer.err
    assert "nse_fo  Muhurat" in answer.out
    assert "    18:00-19:00  continuous trading" in answer.out
    assert "source: NSE/FAOP/12345" in answer.out
    # Nothing trades at the time at which the range of stock futures is set anew on other days.
    assert "price range" not in answer.out


def test_json_says_the_same(engine: Engine) -> None:
    answer = engine("calendar", "--on", "2026-09-14", "--json")
    assert answer.code == 0
    told = json.loads(answer.out)
    assert (told["day"], told["weekday"]) == ("2026-09-14", "Monday")
    segments = {entry["segment"]: entry for entry in told["segments"]}
    assert segments["nse_fo"]["trades"] is False
    assert segments["nse_fo"]["why"] == "Ganesh Chaturthi"
    assert segments["nse_fo"]["phases"] == []
    assert segments["nse_fo"]["next_trading_day"] == "2026-09-15"
    assert segments["mcx_fo"]["trades"] is True
    assert segments["mcx_fo"]["phases"][0] == {
        "contracts": "non_agri",
        "source": segments["mcx_fo"]["source"],
        "phase": "continuous",
        "begins": "17:00",
        "ends": "23:30",
        "random_end_from": None,
    }
    assert segments["mcx_fo"]["leave_by"] == {"non_agri": "22:55", "agri_international": "20:25"}


def test_without_a_day_it_is_about_today(engine: Engine) -> None:
    today = json.loads(engine("calendar", "--json", "--segment", "nse_fo").out)
    assert len(today["day"]) == 10
    assert [entry["segment"] for entry in today["segments"]] == ["nse_fo"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--on", "2027-01-04"), "the tables cover 2024-01-01 to 2026-12-31"),
        (("--on", "9999-12-31"), "the tables cover 2024-01-01 to 2026-12-31"),
        (("--on", "20.1.26"), "--on 20.1.26: must be a day like 2026-08-19"),
        (("--segment", "nfo"), "--segment nfo: no calendar of it; nearest: nse_fo"),
        (("--calendar", "nowhere.yaml"), "nowhere.yaml: no such file"),
    ],
)
def test_what_it_cannot_answer_is_one_message(
    engine: Engine, words: tuple[str, ...], message: str
) -> None:
    answer = engine("calendar", *words)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
