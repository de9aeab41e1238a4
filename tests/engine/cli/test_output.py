from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from engine.cli.output import write_json, write_lines, write_table
from engine.model.order import Product
from engine.testing import nifty_chain


def test_json_keeps_every_digit_and_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    instrument = nifty_chain()[0]
    write_json(
        {
            "money": Decimal("0.10"),
            "day": date(2026, 8, 25),
            "at": time(9, 20),
            "product": Product.INTRADAY,
            "path": Path("a/b"),
            instrument: (instrument, None, True, 1.5),
            "facts": nifty_chain().facts()[0],
        }
    )
    told = json.loads(capsys.readouterr().out)
    facts = told.pop("facts")
    assert facts["underlying"] == "NIFTY"
    assert told == {
        "money": "0.10",
        "day": "2026-08-25",
        "at": "09:20:00",
        "product": "intraday",
        "path": "a/b",
        instrument.key: [instrument.key, None, True, 1.5],
    }


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_json_cannot_say_is_an_error(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_json({"x": value})


def test_a_table_in_a_pipe_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(["name", "qty"], [["x" * 300, "75"], ["[bold]y", "1,800"]], right={"qty"})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "x" * 300 in lines[1]
    assert "[bold]y" in lines[2]
    assert lines[1].rstrip().endswith("   75")


def test_lines_are_written_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(["a [b]", ""])
    assert capsys.readouterr().out == "a [b]\n\n"
