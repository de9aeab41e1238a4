"""The composition root: what a session is called, what it says of itself, and where it is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import __version__, app
from engine.errors import FileError, RecordingError
from engine.rules import RULES_VERSION
from engine.sessionlog.format import encode_header
from engine.testing import TRADING_DATE


@pytest.fixture
def loaded(project: Any, morning: Path) -> Any:
    path = project.write(project.STRADDLE, tape=morning)
    return app.load(path), app.open_recording(project.folder / "tape.arrow")


class _Forgets:
    def append(self, *_: object) -> int:
        return 0

    def dispatched_frames(self, *_: object) -> None: ...

    def dispatched_event(self, *_: object) -> None: ...

    def effects(self, *_: object) -> None: ...


def _join(loaded: Any, recording: Any) -> app.Parts:
    return app.join(loaded, recording, _Forgets(), _Forgets(), lambda _: None)


def test_an_id_names_the_day_and_hashes_what_decides(loaded: Any) -> None:
    identity = app.session_id(*loaded)
    assert re.fullmatch(rf"{TRADING_DATE}-paper-[0-9a-f]{{8}}", identity)
    assert app.session_id(*loaded) == identity


def test_the_first_record_says_what_runs_on_what(loaded: Any) -> None:
    configuration, recording = loaded
    record = app.booted(configuration, recording)
    assert record.session_id == app.session_id(*loaded)
    assert record.trading_date == TRADING_DATE.isoformat()
    assert (record.mode, record.recording) == ("paper", "tape.arrow")
    assert record.recording_hash == recording.content_sha256
    assert list(record.strategy_hashes) == ["one"]
    assert (record.engine_version, record.rules_version) == (__version__, RULES_VERSION)
    assert record.engine_hash == app.engine_sha256()
    assert record.is_synthetic


def test_the_log_holds_what_a_verification_needs(loaded: Any, project: Any) -> None:
    header = app.session_header(*loaded)
    assert header.instruments == loaded[1].header.instruments
    assert header.sources == loaded[1].header.sources
    assert header.synthetic == loaded[1].header.synthetic
    assert set(header.hashes) == {"recording", "configuration", "engine", "strategy one"}
    assert header.boot["session_id"] == app.session_id(*loaded)
    assert Path(header.boot["recording"]) == (project.folder / "tape.arrow").resolve()
    assert Path(header.boot["folder"]) == project.folder.resolve()
    assert header.boot["seed"] == 7
    encode_header(header)


def test_the_engines_hash_is_of_its_sources() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", app.engine_sha256())
    assert app.engine_sha256() == app.engine_sha256()


def test_the_engines_hash_covers_its_c_and_not_what_was_built_from_it(
    tmp_path: Path,
) -> None:
    for name in ("engine/app.py", "brokers/angelone/x.c", "risk/gate.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("one")
    before = app.sources_sha256(tmp_path)
    (tmp_path / "brokers" / "angelone" / "x.cpython-311-x86_64-linux-gnu.so").write_bytes(b"built")
    assert app.sources_sha256(tmp_path) == before
    (tmp_path / "brokers" / "angelone" / "x.c").write_text("two")
    assert app.sources_sha256(tmp_path) != before


def test_the_parts_are_joined_and_nothing_has_started(loaded: Any) -> None:
    parts = _join(*loaded)
    assert list(parts.kernel.seats) == ["one"]
    assert parts.kernel.desk.kseq == 0
    assert parts.broker.open_orders() == ()
    assert parts.runner.progress.frames == 0


def test_strategies_sit_in_the_order_of_the_yaml(project: Any, morning: Path) -> None:
    names = ["zeta", "alpha", "mid"]
    entries = "\n".join(f"  {name}: {{uses: './own.py:One'}}" for name in names)
    path = project.write(project.STRADDLE, tape=morning, entries=entries)
    parts = _join(app.load(path), app.open_recording(project.folder / "tape.arrow"))
    assert list(parts.kernel.seats) == names


def test_a_recording_without_instruments_is_refused(
    loaded: Any, monkeypatch: pytest.MonkeyPatch, new_tape: Any, tmp_path: Path
) -> None:
    tape = new_tape()
    tape.print_all()
    header = msgspec.structs.replace(
        tape.header(),
        instruments=(),
        sources=tuple(msgspec.structs.replace(s, tokens=()) for s in tape.header().sources),
    )
    monkeypatch.setattr(tape, "header", lambda: header)
    recording = app.open_recording(tape.write(tmp_path / "bare.arrow"))
    with pytest.raises(RecordingError, match="no instruments in this recording"):
        _join(loaded[0], recording)


def test_each_run_has_a_folder_of_its_own(tmp_path: Path) -> None:
    made = [app.new_session_folder(tmp_path / "sessions", "day-paper-x").name for _ in range(3)]
    assert made == ["day-paper-x-01", "day-paper-x-02", "day-paper-x-03"]
    (tmp_path / "sessions" / "day-paper-x-02").rmdir()
    assert app.new_session_folder(tmp_path / "sessions", "day-paper-x").name == "day-paper-x-02"
    assert app.new_session_folder(tmp_path / "sessions", "other").name == "other-01"


def test_a_place_where_no_folder_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileError, match="cannot make a session folder under"):
            app.new_session_folder(root, "x")


def test_the_configuration_is_kept_as_it_was_written(
    loaded: Any, project: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    app.keep_configuration(loaded[0], folder)
    assert (folder / app.CONFIGURATION).read_bytes() == project.yaml.read_bytes()
