"""Reports on the disk: whole, and never in place of anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import FileError
from engine.report.written import write_file, write_files

PAGE = b'<!doctype html>\n<html><head><meta charset="utf-8"><meta name="generator" content="legwork day report">'


def test_a_report_takes_the_place_of_a_report(tmp_path: Path) -> None:
    target = tmp_path / "day.html"
    write_file(target, PAGE)
    write_file(target, PAGE + b"new")
    assert target.read_bytes() == PAGE + b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "strategies.yaml"
    target.write_text("mode: paper\n")
    with pytest.raises(FileError, match="is no report and is not overwritten"):
        write_file(target, PAGE)
    assert target.read_text() == "mode: paper\n"


def test_a_place_that_does_not_exist_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="name another place with --out"):
        write_file(tmp_path / "gone" / "day.html", PAGE)


def test_tables_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    write_files(tmp_path / "day", {"orders.csv": b"a\n", "curves.csv": b"b\n"})
    write_files(tmp_path / "day", {"orders.csv": b"c\n"})
    assert {p.name: p.read_bytes() for p in (tmp_path / "day").iterdir()} == {"orders.csv": b"c\n"}


def test_a_folder_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("mine")
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(FileError, match=r"holds thesis\.doc, which no report writes"):
        write_files(tmp_path, {"orders.csv": b"a\n"})
    assert (tmp_path / "orders.csv").read_text() == "mine"
