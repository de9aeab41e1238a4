"""``engine explain``, ``orders``, ``positions`` and ``status`` on a session written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.model.legs import Leg
from engine.model.order import Lifecycle
from engine.model.side import Side

Engine = Callable[..., Any]


@pytest.fixture
def on_session(
    engine: Engine, rejected_leg: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Engine:
    """A command line where the latest session is one whose group was unwound."""
    monkeypatch.chdir(tmp_path)
    rejected_leg.write(tmp_path / "sessions" / "2026-08-19-paper-abc-01")
    return engine


# -- explain -------------------------------------------------------------------------------------


def test_the_story_of_a_rejected_leg_reads_from_top_to_bottom(on_session: Engine) -> None:
    answer = on_session("explain", "condor.wings.1")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].startswith("condor.wings.1  UNWOUND  net Rs -")
    assert lines[1].endswith("REJECTED: The price is out of the LPP range")
    assert "SYNTHETIC recording morning.arrow" in lines[2]
    assert "asked for by condor.open_wings at 09:20:00.000" in lines[3]
    wanted = [
        "09:20:00.000  +0.000  group       DRAFT      condor.open_wings asks for 'wings'",
        "    ok  session       09:20:00.000  09:15:00-15:30:00",
        "    ok  price collar  Rs 20.05      Rs 18 to Rs 22     leg 1",
        "09:20:00.000  +0.000  risk        passed     leg 1: 1 check, all passed with the figures",
        "09:20:00.080  +0.080  leg 1       FILLED     bought 65 at 20.05, 1 tick (Rs 3.25) worse",
        "09:20:00.160  +0.160  leg 2       REJECTED   rejected by the broker: 17070: The price is",
        "09:20:00.160  +0.160  group       UNWINDING  leg 2 SELL 65 NIFTY 25AUG26 24300 CE: REJECTED",
        "09:20:00.160  +0.160  alert       warning    unwinding: (as above)",
        "09:20:00.240  +0.240  leg 1 exit  FILLED     sold 65 at 19.90",
        "09:20:00.240  +0.240  group       UNWOUND    nothing is held any more",
        "  gross        -9.75  all of it realised",
        "  net ",
        "  uncovered  0.000 s  a sold option without its hedge; at most 5 s are allowed",
    ]
    place = 0
    for line in wanted:
        found = [n for n in range(place, len(lines)) if lines[n].startswith(line)]
        assert found, f"{line!r} is not in:\n{answer.out}"
        place = found[0] + 1


def test_a_check_with_the_same_figures_is_shown_once_unless_asked_for(on_session: Engine) -> None:
    once = on_session("explain", "condor.wings.1").out
    every = on_session("explain", "condor.wings.1", "--checks").out
    assert once.count("ok  session") == 1
    assert every.count("ok  session") == 2


def test_an_order_points_to_its_group(on_session: Engine) -> None:
    out = on_session("explain", "260819000000002").out
    assert out.startswith("LW0000000000A2  REJECTED\n")
    assert "the whole group: engine explain condor.wings.1\n" in out
    assert "the broker's id 260819000000002" in out
    assert "because 17070: The price is out of the LPP range" in out
    assert "Nothing was traded" in out


def test_a_recording_that_is_gone_does_not_spoil_the_story(on_session: Engine) -> None:
    answer = on_session("explain", "condor.wings.1")
    assert "frame 7: the recording morning.arrow is not here" in answer.out


def test_the_story_as_json_has_every_line_and_check(on_session: Engine) -> None:
    data = json.loads(on_session("explain", "condor.wings.1", "--json").out)
    assert data["kind"] == "group"
    assert data["group"]["policy"]["on_failure"] == "unwind"
    assert [line["what"] for line in data["lines"]][-1] == "UNWOUND"
    assert data["lines"][1]["checks"][0]["rule"] == "session"
    assert data["outcome"]["realised_inr"] == "-9.75"
    assert data["outcome"]["charges"]["brokerage"] == "40"
    assert data["frame"]["number"] == 7


def test_an_unknown_id_names_the_nearest_and_exits_2(on_session: Engine) -> None:
    answer = on_session("explain", "condor.wing.1")
    assert (answer.code, answer.out) == (2, "")
    assert "in session 2026-08-19-paper-abc-01; nearest: condor.wings.1" in answer.err


@pytest.mark.parametrize("command", [["explain", "x"], ["orders"], ["positions"], ["status"]])
def test_without_a_session_each_says_how_to_make_one(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = engine(*command)
    assert answer.code == 2
    assert "no session yet" in answer.err
    assert "engine run strategies.yaml" in answer.err
    assert list(tmp_path.iterdir()) == []


# -- orders --------------------------------------------------------------------------------------


def test_orders_are_listed_oldest_first_with_what_became_of_them(on_session: Engine) -> None:
    lines = on_session("orders").out.splitlines()
    assert lines[1].split() == [
        "time", "id", "group", "leg", "side", "qty", "instrument", "price", "state", "filled", "avg",
        "reason",
    ]  # fmt: skip
    assert [line.split()[1] for line in lines[2:]] == [
        "LW0000000000A1", "LW0000000000A2", "LW0000000000A3",
    ]  # fmt: skip
    assert lines[3].endswith("17070: The price is out of the LPP range")
    assert " 1 exit " in lines[4]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--state", "rejected"], ["LW0000000000A2"]),
        (
            ["--state", "REJECTED", "--state", "FILLED"],
            ["LW0000000000A1", "LW0000000000A2", "LW0000000000A3"],
        ),
        (["--strategy", "condor", "--state", "OPEN"], []),
        (["--group", "condor.wings.1"], ["LW0000000000A1", "LW0000000000A2", "LW0000000000A3"]),
    ],
)
def test_orders_are_filtered(on_session: Engine, filters: list[str], ids: list[str]) -> None:
    data = json.loads(on_session("orders", *filters, "--json").out)
    assert [order["client_id"] for order in data] == ids


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (["--state", "fillled"], "did you mean FILLED?"),
        (["--strategy", "kondor"], "nearest: condor"),
        (["--group", "condor.wings.9"], "nearest: condor.wings.1"),
    ],
)
def test_a_filter_that_names_nothing_is_an_error(
    on_session: Engine, filters: list[str], message: str
) -> None:
    answer = on_session("orders", *filters)
    assert answer.code == 2
    assert message in answer.err


def test_no_order_matching_is_said(on_session: Engine) -> None:
    assert "no order matches" in on_session("orders", "--state", "OPEN").out


# -- positions -----------------------------------------------------------------------------------


def test_positions_show_what_was_made_of_them(on_session: Engine) -> None:
    lines = on_session("positions").out.splitlines()
    assert lines[2].split()[:2] == ["condor", "paper"]
    assert " -9.75 " in lines[2]
    assert lines[-1].startswith("total")
    assert "nothing is held" in on_session("positions", "--open").out


def test_an_open_position_without_a_mark_is_unknown(
    engine: Engine, history: Any, tmp_path: Path
) -> None:
    history.boot()
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.fill(5, "LW0000000000B1", 65, "90")
    folder = history.write(tmp_path / "crashed").path
    answer = engine("positions", "--session", folder)
    assert "the session did not close in order" in answer.out
    data = json.loads(engine("positions", "--session", folder, "--json").out)
    assert (data[0]["quantity"], data[0]["mark"], data[0]["net_inr"]) == (-65, None, None)


# -- status --------------------------------------------------------------------------------------


def test_status_says_where_the_session_stands(on_session: Engine) -> None:
    answer = on_session("status")
    assert answer.code == 0
    out = answer.out
    assert out.startswith("session 2026-08-19-paper-abc-01: paper on SYNTHETIC recording")
    assert "closed at 11:00:00.000: the recording ended" in out
    assert "angel: feed FRESH: first frame (09:15:01.000)" in out
    assert "orders: 2 FILLED, 1 REJECTED" in out
    assert "brokerage" in out
    assert "UNWOUND condor.wings.1 in paper since 09:20:00.160: leg 2" in out
    assert "  engine explain condor.wings.1\n" in out


def test_status_puts_what_is_in_doubt_before_the_figures(
    engine: Engine, history: Any, tmp_path: Path
) -> None:
    history.boot()
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.send(0, "LW0000000000B1")
    history.change(9, "LW0000000000B1", "REPLY_AMBIGUOUS", lifecycle=Lifecycle.IN_DOUBT)
    folder = history.write(tmp_path / "doubt").path
    answer = engine("status", "--session", folder)
    assert answer.code == 0
    doubt = answer.out.index("IN_DOUBT: SELL 65 NIFTY 25AUG26 24300 CE, sent at 09:20:00.000")
    assert doubt < answer.out.index("strategy ")
    assert f"engine explain LW0000000000B1 --session {folder}" in answer.out
    assert "not closed" in answer.out
    assert "not in these figures: 1 order of unknown outcome" in answer.out


def test_a_story_says_which_leg_its_figures_leave_out(
    engine: Engine, history: Any, tmp_path: Path
) -> None:
    history.boot()
    history.plan(Leg(instrument=history.call(24_300), side=Side.SELL, lots=1))
    history.order(0, "LW0000000000B1", 1, Side.SELL, history.call(24_300), "90")
    history.send(0, "LW0000000000B1")
    history.change(9, "LW0000000000B1", "REPLY_AMBIGUOUS", lifecycle=Lifecycle.IN_DOUBT)
    folder = history.write(tmp_path / "doubt").path
    out = engine("explain", "condor.wings.1", "--session", folder).out
    assert "Not in these figures: leg 1, whose outcome is not known." in out


def test_status_as_json_has_the_sums(on_session: Engine) -> None:
    data = json.loads(on_session("status", "--json").out)
    assert data["orders"] == {"FILLED": 2, "REJECTED": 1}
    assert data["total"]["gross_inr"] == "-9.75"
    assert data["notable_groups"][0]["command"] == "engine explain condor.wings.1"
    assert data["feeds"] == {"angel": "feed FRESH: first frame"}
