"""One account's folder: private, held by one process, and a kill in it outlives every process."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import FileError
from engine.model.event import KillMode
from engine.runtime.state_folder import LATCH, Latch, StateFolder

REPOSITORY = Path(__file__).resolve().parents[3]
SECOND = """
import sys
from pathlib import Path
from engine.errors import FileError
from engine.runtime.state_folder import StateFolder
try:
    StateFolder.open(Path(sys.argv[1]))
except FileError as error:
    print(error)
    sys.exit(2)
"""


def second(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SECOND, str(path)],
        capture_output=True, text=True, cwd=REPOSITORY, check=False,
    )  # fmt: skip


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    folder = StateFolder.open(tmp_path / "angel-A1")
    holder = (folder.path / "lock").read_text().strip()
    refused = second(folder.path)
    assert refused.returncode == 2
    assert f"another engine (process {holder}) trades this account" in refused.stdout
    folder.close()
    assert second(folder.path).returncode == 0


def test_a_process_that_died_leaves_no_lock(tmp_path: Path) -> None:
    assert second(tmp_path / "a").returncode == 0
    StateFolder.open(tmp_path / "a").close()


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o707, 0o777])
def test_a_folder_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(FileError, match=rf"{mode:04o}.*chmod 700"):
        StateFolder.open(path)
    assert list(path.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(FileError, match="the state folder cannot be used"):
        StateFolder.open(tmp_path / "a")


def test_a_new_folder_and_what_is_in_it_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = StateFolder.open(tmp_path / "a" / "b")
    folder.journal_disk(date(2026, 8, 18)).close()
    folder.write_latch(Latch(scope="all", mode=KillMode.FLATTEN, who="w", why="y", at=1))
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / "journal-2026-08-18.log").stat().st_mode & 0o777 == 0o600
    folder.close()


def test_a_kill_is_read_back_until_it_is_cleared(tmp_path: Path) -> None:
    folder = StateFolder.open(tmp_path / "a")
    assert folder.read_latch() is None
    latch = Latch(scope="all", mode=KillMode.FLATTEN, who="asha", why="a drill", at=7)
    folder.write_latch(latch)
    assert folder.read_latch() == latch
    assert [p.name for p in folder.path.iterdir() if p.name.startswith(".")] == []
    folder.clear_latch()
    folder.clear_latch()
    assert folder.read_latch() is None
    folder.close()


@given(noise=st.binary(max_size=60))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_latch_that_cannot_be_read_stops_everything(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "a"
    folder = StateFolder.open(path)
    (path / LATCH).write_bytes(noise)
    latch = folder.read_latch()
    folder.close()
    assert latch is not None
    assert (latch.scope, latch.mode) == ("all", KillMode.BLOCK_NEW)
    assert "cannot be read" in latch.why


@pytest.mark.parametrize("noise", [b'{"scope":"\xff\xfe"}', b"{}", b"null", b'{"scope":"all"'])
def test_a_latch_of_broken_text_stops_everything(tmp_path: Path, noise: bytes) -> None:
    folder = StateFolder.open(tmp_path / "a")
    (folder.path / LATCH).write_bytes(noise)
    latch = folder.read_latch()
    assert latch is not None
    assert latch.scope == "all"
    folder.close()
