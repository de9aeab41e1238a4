"""The same recording and configuration lead to the same decisions, byte by byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from brokers.angelone.normalize import TWIN
from engine.app import engine_sha256
from engine.runtime.journal_reader import canonical_hash
from engine.sessionlog.reader import SessionLog
from engine.sessionlog.row import Summary

HALTED = 3
"""One of the strategies raises on purpose, and the run says so by its exit code."""
TWO = """
  straddle: {uses: './own.py:One', params: {underlying: NIFTY}}
  breaker: {uses: './own.py:Two'}
"""
SOURCE = """
    class Wanted(Params):
        underlying: str
        notes: dict[str, int] = {}

    class Seen(State):
        ticks: int = 0
        words: list[str] = []

    class One(Strategy[Wanted]):
        state: Seen

        def on_start(self):
            self.watch(self.params.underlying)
            self.bars(self.future("NIFTY"), "15s")
            self.at(time(9, 16, 5), self.go)
            self.every(7, self.note)

        def go(self):
            call, put = self.chain("NIFTY").at_the_money()
            self.enter(sell(call, 1), sell(put, 1), name="pair")

        def note(self):
            self.state.words = [str(self.random.random())]
            self.background(self.think(self.state.ticks), self.thought)

        async def think(self, ticks):
            return {"ticks": ticks, "twice": 2 * ticks}

        def thought(self, result):
            self.log.info("thought", **result)

        def on_tick(self, tick):
            self.state.ticks += 1

        def on_bar(self, bar):
            if self.group("pair") and self.group("pair").is_held:
                self.exit("pair")

    class Two(Strategy[Params]):
        def on_start(self):
            self.watch("NIFTY")
            self.at(time(9, 17), self.fail)

        def fail(self):
            raise ValueError("on purpose")
"""


def _compare(folder: Path) -> dict[str, Any]:
    log = SessionLog.open(folder / "session.arrow")
    assert isinstance(log.summary, Summary)
    return {
        "id": folder.name[:-3],
        "journal": canonical_hash(folder / "journal.log"),
        "summary": msgspec.structs.asdict(log.summary),
    }


def test_two_processes_with_other_hash_seeds_decide_the_same(project: Any, morning: Path) -> None:
    project.write(SOURCE, tape=morning, entries=TWO)
    for seed in (0, 12345):
        ended = project.engine("run", "strategies.yaml", hash_seed=seed)
        assert (ended.code, ended.err) == (HALTED, "")
    first, *others = map(_compare, project.sessions())
    assert first["summary"]["effects"] > 20
    assert others == [first]
    ended = project.engine("replay", "--verify", hash_seed=99)
    assert (ended.code, ended.err) == (0, "")
    assert "note:" not in ended.out
    assert project.leftovers() == []


def test_both_decoders_lead_to_the_same_decisions_and_verify_each_other(
    project: Any, morning: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why := TWIN.why_not():
        pytest.skip(f"the compiled decoder is not here: {why}")
    project.write(SOURCE, tape=morning, entries=TWO)
    hashes = set()
    for decoder, other in (("compiled", "python"), ("python", "compiled")):
        monkeypatch.setenv("LEGWORK_HOT_PATH", decoder)
        assert project.cli("run", "strategies.yaml").code == HALTED
        hashes.add(
            SessionLog.open(project.sessions()[-1] / "session.arrow").header.hashes["engine"]
        )
        monkeypatch.setenv("LEGWORK_HOT_PATH", other)
        ended = project.cli("replay", "--verify")
        assert (ended.code, ended.err) == (0, "")
        assert "note:" not in ended.out
    assert hashes == {engine_sha256()}
    first, second = map(_compare, project.sessions())
    assert first["summary"]["effects"] > 20
    assert first == second


def test_the_speed_changes_no_decision(project: Any, morning: Path) -> None:
    project.write(SOURCE, tape=morning, entries=TWO)
    assert project.cli("run", "strategies.yaml").code == HALTED
    project.write(SOURCE, entries=TWO, speed="5000")
    assert project.cli("run", "strategies.yaml").code == HALTED
    first, second = map(_compare, project.sessions())
    assert (first["id"], first["journal"]) == (second["id"], second["journal"])
    assert first["summary"]["effects_chain"] == second["summary"]["effects_chain"]


def test_another_folder_changes_no_decision(project: Any, morning: Path, tmp_path: Path) -> None:
    project.write(SOURCE, tape=morning, entries=TWO)
    assert project.cli("run", "strategies.yaml").code == HALTED
    (first,) = map(_compare, project.sessions())
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    moved = type(project)(elsewhere)
    moved.write(SOURCE, tape=morning, entries=TWO)
    assert moved.cli("run", "strategies.yaml").code == HALTED
    (second,) = map(_compare, moved.sessions())
    assert (first["id"], first["journal"]) == (second["id"], second["journal"])


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("strategies.yaml", "seed: 7", "seed: 8"),
        ("strategies.yaml", "latency_ms: 40", "latency_ms: 41"),
        ("own.py", 'self.exit("pair")', 'self.exit("pair")  # the same'),
    ],
)
def test_another_configuration_or_source_is_another_session(
    project: Any, morning: Path, file: str, before: str, after: str
) -> None:
    project.write(project.STRADDLE, tape=morning)
    assert project.cli("run", "strategies.yaml").code == 0
    changed = project.folder / file
    assert before in changed.read_text()
    changed.write_text(changed.read_text().replace(before, after, 1))
    assert project.cli("run", "strategies.yaml").code == 0
    first, second = project.sessions()
    assert first.name[:-3] != second.name[:-3]


def test_the_bundled_morning_verifies(tmp_path: Path, project: Any) -> None:
    root = Path(__file__).resolve().parents[2]
    shutil.copy(root / "strategies.yaml", tmp_path / "strategies.yaml")
    (tmp_path / "recordings").mkdir()
    shutil.copy(root / "recordings" / "nifty-open.arrow", tmp_path / "recordings")
    ended = project.engine("run", "strategies.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert "UNWOUND nifty-" in ended.out
    assert "engine explain nifty-" in ended.out
    ended = project.engine("replay", "--verify", "--json")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert told["notes"] == []
    assert told["effects"] > 10
