"""Finding a session by folder, file, id, the start of one, or as the latest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import FileError
from engine.runtime.sessions_on_disk import find_session, latest_session, sessions


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Three sessions, the middle one written to last."""
    base = tmp_path / "sessions"
    for name, at in (("2026-08-17-a-01", 100), ("2026-08-18-b-01", 300), ("2026-08-18-c-01", 200)):
        folder = base / name
        folder.mkdir(parents=True)
        (folder / "journal.log").write_bytes(b"")
        os.utime(folder / "journal.log", (at, at))
    (base / "no-session").mkdir()
    return base


def test_the_latest_is_the_one_written_to_last(base: Path) -> None:
    assert latest_session(base).name == "2026-08-18-b-01"
    assert [folder.name for folder in sessions(base)] == [
        "2026-08-18-b-01", "2026-08-18-c-01", "2026-08-17-a-01",
    ]  # fmt: skip


@pytest.mark.parametrize("asked", ["2026-08-17-a-01", "2026-08-17"])
def test_an_id_or_its_start_is_enough(base: Path, asked: str) -> None:
    assert find_session(asked, base).path == base / "2026-08-17-a-01"


def test_a_folder_or_a_file_in_it_is_the_session(base: Path) -> None:
    folder = base / "2026-08-18-c-01"
    assert find_session(str(folder), base).path == folder
    assert find_session(str(folder / "journal.log"), base).path == folder


def test_no_words_mean_the_latest(base: Path) -> None:
    assert find_session(None, base).name == "2026-08-18-b-01"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("2026-08-18", "may be any of 2026-08-18-b-01, 2026-08-18-c-01"),
        ("2026-09-18-b-01", "nearest: 2026-08-18-b-01"),
        ("zzz", "the latest are: 2026-08-18-b-01"),
    ],
)
def test_a_session_that_is_not_there_says_which_are(base: Path, asked: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        find_session(asked, base)


def test_a_folder_without_a_journal_is_no_session(base: Path) -> None:
    with pytest.raises(FileError, match=r"no-session: no session: it has no journal\.log"):
        find_session(str(base / "no-session"), base)


def test_without_any_session_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no session yet.*engine run strategies\.yaml"):
        find_session(None, tmp_path / "sessions")
    with pytest.raises(FileError, match="none has been run yet"):
        find_session("x", tmp_path / "sessions")
