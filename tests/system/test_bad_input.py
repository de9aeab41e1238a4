"""Bad files and full disks, through the real command line: one message, the documented exit code,
nothing half-written and nothing lost that was there before.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from brokers.angelone import wire
from engine.sessionlog.format import HEADER_KEY
from engine.sessionlog.reader import SessionLog


def _refused(project: Any, *words: str, code: int = 2) -> str:
    before = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    ended = project.cli(*(words or ("run", "strategies.yaml")))
    assert ended.code == code, (ended.code, ended.out, ended.err)
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert "bug in the engine" not in ended.err
    after = {path: path.read_bytes() for path in project.folder.rglob("*") if path.is_file()}
    compiled = {path for path in after if path.suffix == ".pyc"}
    assert {p: b for p, b in after.items() if p not in compiled} == before
    return str(ended.err)


# -- the configuration -----------------------------------------------------------------------------

WRONG_YAML = {
    "a misspelt key": ("seed: 7", "sead: 7", "strategies.yaml:2: sead: unknown key; nearest: seed"),
    "a misspelt section": ("paper:", "papr:", "papr: unknown key; nearest: paper"),
    "a misspelt limit": ("max_uncovered_short_lots", "max_uncoverd_short_lots", "nearest"),
    "a misspelt fault": (
        "{latency_ms: 40",
        "{faults: [{wen: {}, do: reject}], latency_ms: 40",
        "wen",
    ),
    "a wrong type": ("seed: 7", "seed: seven", "strategies.yaml:2: seed: must be a whole number"),
    "a figure that is none": ("latency_ms: 40", "latency_ms: .nan", ".nan"),
    "a negative latency": ("latency_ms: 40", "latency_ms: -1", "paper.latency_ms"),
    "no speed at all": ("speed: max", "speed: 0", "feed.speed"),
    "an unknown recording": ("tape.arrow", "tepa.arrow", "no such file"),
    "a folder as recording": ("tape.arrow", "'.'", "is a folder"),
    "an unknown strategy": ("own.py:One", "own.py:Uno", "own.py has no Uno"),
    "an unknown file": ("own.py:One", "won.py:One", "no file ./won.py"),
    "no strategy": ("own.py:One", "own.py:Params", "is not a strategy"),
    "an unknown parameter": ("own.py:One'", "own.py:One', params: {lot: 1}", "lot: unknown key"),
    "an unknown account weight": ("own.py:One'", "own.py:One', accounts: {a: 0}", "accounts"),
    "a looser limit": ("own.py:One'", "own.py:One', risk: {max_loss_inr: 1.0e+9}", "max_loss_inr"),
}


@pytest.mark.parametrize("what", list(WRONG_YAML))
def test_a_wrong_configuration_is_told_by_line_and_key(
    project: Any, morning: Path, what: str
) -> None:
    before, after, words = WRONG_YAML[what]
    path = project.write(project.STRADDLE, tape=morning)
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))
    assert words in _refused(project)


def test_an_unknown_instrument_starts_nothing(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE.replace('"NIFTY"', '"NIFTIE"'), tape=morning)
    said = _refused(project)
    assert said == "strategy one: no instrument 'NIFTIE'; nearest: NIFTY\n"


def test_a_strategy_file_that_does_not_compile_is_told_with_its_line(
    project: Any, morning: Path
) -> None:
    project.write("class One(Strategy[Params]:\n    pass\n", tape=morning)
    said = _refused(project)
    assert "own.py:4" in said
    assert "SyntaxError" in said


# -- the recording ---------------------------------------------------------------------------------


@pytest.fixture
def torn(project: Any, new_tape: Any) -> tuple[Any, bytes, bytes]:
    """A project, and its recording as a stream of two batches and compacted."""
    tape = new_tape(start="09:15:55")
    tape.walk("09:16:00")
    stream = tape.write(project.folder / "stream", stream=True, flush_rows=40).read_bytes()
    compacted = tape.write(project.folder / "compacted").read_bytes()
    (project.folder / "stream").unlink()
    (project.folder / "compacted").unlink()
    project.write("class One(Strategy[Params]):\n    pass\n", tape=tape)
    return project, stream, compacted


def _batch_starts(stream: bytes) -> list[int]:
    starts = []
    with pa.BufferReader(stream) as source:
        reader = pa.ipc.MessageReader.open_stream(source)
        while True:
            starts.append(source.tell())
            try:
                reader.read_next_message()
            except StopIteration:
                return starts


def test_a_stream_cut_at_any_byte_of_its_last_batch_runs_to_its_last_whole_one(
    torn: tuple[Any, bytes, bytes],
) -> None:
    project, stream, _ = torn
    path = project.folder / "tape.arrow"
    *_, last, end = _batch_starts(stream)
    assert end - last > 300
    for cut in range(last, end):
        path.write_bytes(stream[:cut])
        log = SessionLog.open(path)
        assert log.lost_bytes == cut - last
        assert log.frame_count > 0
    for cut in (last, last + 1, (last + end) // 2, end - 1):
        path.write_bytes(stream[:cut])
        ended = project.cli("run", "strategies.yaml")
        assert (ended.code, ended.err) == (0, ""), cut
        assert "recording: " in ended.out
        assert ("was killed" in ended.out) or ("not closed in order" in ended.out)
        assert project.cli("replay", "--verify").code == 0


def test_a_stream_cut_inside_its_header_is_refused(torn: tuple[Any, bytes, bytes]) -> None:
    project, stream, _ = torn
    path = project.folder / "tape.arrow"
    header = _batch_starts(stream)[1]
    for cut in (1, 4, 7, 8, 9, 100, header // 2, header - 1):
        path.write_bytes(stream[:cut])
        assert "tape.arrow" in _refused(project), cut


def test_a_compacted_recording_cut_anywhere_is_refused(torn: tuple[Any, bytes, bytes]) -> None:
    project, _, compacted = torn
    path = project.folder / "tape.arrow"
    cuts = [
        *range(1, 10),
        *range(10, len(compacted), 401),
        *range(len(compacted) - 40, len(compacted)),
    ]
    for cut in cuts:
        path.write_bytes(compacted[:cut])
        said = _refused(project)
        assert "tape.arrow" in said, cut
        assert said.count("\n") == 1


def test_a_recording_with_a_changed_byte_is_refused_or_changes_nothing(
    torn: tuple[Any, bytes, bytes],
) -> None:
    project, _, compacted = torn
    path = project.folder / "tape.arrow"
    for place in range(0, len(compacted), 307):
        path.write_bytes(
            compacted[:place] + bytes([compacted[place] ^ 0x55]) + compacted[place + 1 :]
        )
        ended = project.cli("run", "strategies.yaml")
        assert ended.code in (0, 2), (place, ended.err)
        assert "bug" not in ended.err


def _foreign(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)


def _arrow(folder: Path, metadata: dict[bytes, bytes] | None) -> bytes:
    schema = pa.schema([pa.field("price", pa.float64())], metadata=metadata)
    path = folder / "made"
    with path.open("wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_batch(pa.record_batch([pa.array([1.0])], schema=schema))
    return path.read_bytes()


FOREIGN: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda _: b"", "the file is empty"),
    "text": (lambda _: b"time,price\n09:15,24300\n", "not a recording"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(200), "not a recording"),
    "another Arrow file": (lambda folder: _arrow(folder, None), "not a Legwork recording"),
    "a broken header": (
        lambda folder: _arrow(folder, {HEADER_KEY: b"{nonsense"}),
        "header",
    ),
    "a newer format": (
        lambda folder: _arrow(folder, {HEADER_KEY: b'{"format":"legwork-session-log/9"}'}),
        "legwork-session-log/9",
    ),
    "another's columns": (
        lambda folder: _arrow(
            folder,
            {
                HEADER_KEY: msgspec.json.encode(
                    {
                        "created_by": "x",
                        "trading_date": "2026-08-19",
                        "cadence_s": 1.0,
                        "instruments": [],
                        "sources": [],
                        "rules_version": "x",
                        "format": "legwork-session-log/1",
                    }
                )
            },
        ),
        "columns",
    ),
}


@pytest.mark.parametrize("what", list(FOREIGN))
def test_a_file_that_is_no_recording_is_refused(project: Any, morning: Path, what: str) -> None:
    make, words = FOREIGN[what]
    project.write(project.STRADDLE, tape=morning)
    content = make(project.folder)
    (project.folder / "made").unlink(missing_ok=True)
    (project.folder / "tape.arrow").write_bytes(content)
    said = _refused(project)
    assert words in said
    assert said.count("\n") == 1


def test_a_recording_without_frames_is_refused(project: Any, new_tape: Any) -> None:
    project.write(project.STRADDLE, tape=new_tape())
    assert "holds no market data" in _refused(project)


def test_a_session_is_no_recording(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    shutil.copy(project.newest().log, project.folder / "tape.arrow")
    assert "holds no market data" in _refused(project)


# -- frames ----------------------------------------------------------------------------------------


def _bad_frames(tape: Any) -> list[bytes]:
    future = tape.catalogue.future("NIFTY")
    good = tape.frame(future, 24_310.0)
    stranger = wire.encode(wire.Ltp(wire.ExchangeType.NSE_FO, "99999", 1, tape.now // 10**6, 100))
    return [
        b"",
        b"\x00",
        good[:-1],
        good + b"\x00",
        b"\x07" + good[1:],
        good[:1] + b"\x0b" + good[2:],
        # A level whose flag is neither buy nor sell, behind those a tick looks at.
        good[:287] + b"\x05\x00" + good[289:],
        stranger,
        bytes(379),
        b"\xff" * 379,
    ]


def test_frames_that_cannot_be_read_are_counted_and_the_run_goes_on(
    project: Any, new_tape: Any
) -> None:
    tape = new_tape(start="09:15:55")
    tape.walk("09:16:20")
    bad = _bad_frames(tape)
    for frame in bad:
        tape.raw(frame)
        tape.seconds(0.01)
    tape.text("pong")
    tape.text('{"correlationID":"x","errorCode":"E1002","errorMessage":"Invalid Request."}')
    tape.walk("09:18:10")
    deep = "self.watch(self.future('NIFTY'), depth=True)"
    body = project.STRADDLE.replace('self.watch("NIFTY")', f'self.watch("NIFTY"); {deep}')
    project.write(body, tape=tape)
    ended = project.cli("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert f"{len(bad)} frames could not be read" in ended.out
    assert "token 99999" in ended.out
    assert project.cli("replay", "--verify").code == 0
    assert "FILLED" in project.cli("orders").out


def test_a_book_that_cannot_be_read_does_not_stop_what_rests_on_it(
    project: Any, new_tape: Any
) -> None:
    tape = new_tape(start="09:15:55")
    tape.walk("09:16:30")
    future = tape.catalogue.future("NIFTY")
    for _ in range(5):
        good = tape.frame(future, 24_310.0)
        tape.raw(good[:287] + b"\x05\x00" + good[289:])
        tape.seconds(1)
    tape.walk("09:17:00")
    project.write(
        """
        class One(Strategy[Params]):
            def on_start(self):
                self.watch(self.future("NIFTY"))
                self.at(time(9, 16, 10), self.go)

            def go(self):
                self.place(buy(self.future("NIFTY"), 1, limit=24200.0), name="low")
        """,
        tape=tape,
        risk="{max_order_value_inr: {futures_notional: 50000000}}",
    )
    ended = project.cli("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert "5 frames of" in ended.out
    assert "1 order still works at" in ended.out
    assert project.cli("replay", "--verify").code == 0


@pytest.mark.parametrize("paise", [0, -1, -(2**62), 2**62, 1])
def test_prices_that_cannot_be_are_lived_through(project: Any, new_tape: Any, paise: int) -> None:
    tape = new_tape(start="09:15:55")
    tape.walk("09:16:30")
    frames = []
    for number, (at, frame) in enumerate(tape.frames):
        if number > 100 and number % 5 == 0:
            frame = frame[:43] + paise.to_bytes(8, "little", signed=True) + frame[51:]  # noqa: PLW2901
        frames.append((at, frame))
    tape.frames = frames
    tape.walk("09:18:10")
    project.write(project.STRADDLE, tape=tape)
    ended = project.cli("run", "strategies.yaml")
    # A price beyond all reason breaks a loss limit, which is what such a limit is for.
    assert (ended.code, ended.err) == (3 if "loss limit broken" in ended.out else 0, "")
    assert "HALTED" not in ended.out
    assert project.cli("replay", "--verify").code == 0


# -- the disk --------------------------------------------------------------------------------------


def _limited(project: Any, most: int) -> Any:
    """Run where no file may grow beyond ``most`` bytes: what a full disk looks like."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.run(
        project.command("run", "strategies.yaml"),
        cwd=project.folder,
        env=project.environment(PYTHONDONTWRITEBYTECODE="1", TMPDIR=str(project.folder)),
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("most", [300, 1_500, 12_000, 20_000])
def test_a_disk_that_fills_up_ends_the_run_with_one_message(
    project: Any, morning: Path, most: int
) -> None:
    project.write(project.STRADDLE, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    (first,) = project.sessions()
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    ended = _limited(project, most)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "sessions/" in ended.stderr
    assert project.leftovers() == []
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    # What was written of the second run, if it came to trade at all, can be read.
    for folder in project.sessions()[1:]:
        assert SessionLog.open(folder / "session.arrow").summary is None
        assert project.cli("status", "--session", folder).code == 0
        assert project.cli("replay", folder, "--verify").code == 0


def test_a_folder_that_cannot_be_written_is_said(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE, tape=morning)
    (project.folder / "sessions").write_text("in the way")
    assert "sessions" in _refused(project)
    (project.folder / "sessions").unlink()
    if os.geteuid() == 0:
        return
    (project.folder / "sessions").mkdir(mode=0o500)
    assert "sessions" in _refused(project)


def test_two_runs_at_once_in_one_folder_keep_apart(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE, tape=morning)
    running = [project.start("run", "strategies.yaml") for _ in range(3)]
    said = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert len(project.sessions()) == 3
    for folder in project.sessions():
        assert project.cli("replay", folder, "--verify").code == 0
    assert project.leftovers() == []


def test_a_reader_that_goes_away_does_not_end_the_run(project: Any, morning: Path) -> None:
    project.write(project.STRADDLE, tape=morning)
    process = project.start("run", "strategies.yaml")
    process.stdout.close()
    process.wait(60)
    process.stderr.close()
    assert SessionLog.open(project.newest().log).is_closed
    assert project.cli("replay", "--verify").code == 0
