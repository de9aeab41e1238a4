from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import environment
from benchmarks.peers.contests import CONTESTS, FILE_TO_FILE, OURS, PEERS, Figures, table, targets
from benchmarks.peers.result import BadResult, Done, Result
from benchmarks.peers.trading import Fill

HUNDRED, BOOKS, ONE = CONTESTS
FILLS = [Fill(5, 1, 65, 100), Fill(9, -1, 65, 110)]


def result(run_s: float, load_s: float = 0.0, *, fills: Sequence[Fill] = FILLS) -> Result:
    return Result("engine 1.0", "3.11.7", load_s, run_s, run_s, 100.0, Done(1000, 2, list(fills)))


def figures(**rounds: list[Result]) -> Figures:
    return Figures(HUNDRED, 1000, 2, FILLS, dict(rounds))


def test_a_result_is_read_as_it_was_written() -> None:
    written = result(1.5, 0.25)
    assert Result.of(written.to_json()) == written


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.pop("run_s"),
        lambda raw: raw.update(run_s=0),
        lambda raw: raw.update(run_s="nan"),
        lambda raw: raw.update(cpu_s=-1),
        lambda raw: raw.update(peak_mb=None),
        lambda raw: raw["done"].update(fills=[[1, 2, 3]]),
        lambda raw: raw["done"].pop("ticks"),
    ],
)
def test_what_is_no_result_is_refused(change: Callable[[dict[str, object]], object]) -> None:
    raw = json.loads(result(1.0).to_json())
    change(raw)
    with pytest.raises(BadResult):
        Result.of(json.dumps(raw))


@pytest.mark.parametrize("text", ["", "[]", "Traceback (most recent call last):"])
def test_output_that_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(BadResult, match="not a result"):
        Result.of(text)


def test_a_ratio_is_taken_inside_each_round() -> None:
    found = figures(legwork=[result(1.0), result(4.0)], nautilus=[result(5.0), result(8.0)])
    assert found.ratio("nautilus", with_loading=False) == [5.0, 2.0]


def test_loading_counts_for_us_always_and_for_a_peer_in_its_own_column() -> None:
    found = figures(legwork=[result(1.0, 1.0)], nautilus=[result(4.0, 2.0)])
    assert found.ratio("nautilus", with_loading=False) == [2.0]
    assert found.ratio("nautilus", with_loading=True) == [3.0]
    assert found.row(OURS)["ticks_per_s"] == 500
    assert found.row("nautilus")["ticks_per_s"] == 250


def test_a_row_has_medians_and_says_whether_the_fills_are_the_same() -> None:
    found = figures(
        legwork=[result(1.0), result(1.0), result(1.0)],
        nautilus=[result(9.0), result(2.0, fills=FILLS), result(4.0)],
    )
    row = found.row("nautilus")
    assert (row["run_s"], row["times_legwork"]) == (4.0, 4.0)
    assert (row["times_legwork_least"], row["times_legwork_most"]) == (2.0, 9.0)
    assert row["agreement"] == "same"


def test_a_row_names_ticks_orders_and_fills_that_are_not_the_same() -> None:
    other = Result("e", "3", 0.0, 1.0, 1.0, 1.0, Done(900, 1, [FILLS[0]]))
    found = figures(legwork=[result(1.0)], nautilus=[other])
    assert found.agreement("nautilus") == "900 ticks of 1,000; 1 orders of 2; 1 missing of 2"
    restless = figures(legwork=[result(1.0), result(1.0, fills=FILLS[:1])])
    assert restless.agreement(OURS) == "other fills in other rounds; 1 missing of 2"


def test_the_table_shows_every_engine_beside_legwork() -> None:
    text = table(figures(legwork=[result(0.5)], nautilus=[result(2.5, 0.5)]))
    lines = text.splitlines()
    assert lines[0].startswith("**100 instruments, last prices**: 1,000 ticks, 2 orders, 2 fills (")
    columns = [line.count("|") for line in lines[2:]]
    assert len(set(columns)) == 1
    assert lines[4] == "| engine 1.0 | 2,000 | 1 |  | 0.00 | 0.50 | 0.50 | 100 | same |"
    assert (
        lines[5]
        == "| engine 1.0 | 400 | 5.0 (5.0 to 5.0) | 6.0 | 0.50 | 2.50 | 2.50 | 100 | same |"
    )


def test_the_targets_are_those_of_the_contests_that_were_held() -> None:
    met = figures(legwork=[result(1.0)], nautilus=[result(5.0)])
    assert [(t.measured, t.is_met) for t in targets({"hundred": met})] == [(5.0, True)] * 2
    missed = Figures(ONE, 1000, 2, FILLS, {OURS: [result(1.0)], "vnpy": [result(0.5, 0.75)]})
    assert [(t.measured, t.is_met) for t in targets({"one": missed})] == [
        (0.5, False),
        (1.25, True),
    ]
    assert targets({"books": met, "hundred": figures(legwork=[result(1.0)])}) == []


def test_who_goes_from_file_to_file_has_no_loading_beside_it() -> None:
    found = figures(legwork=[result(0.5, 0.5)], nautilus_whole=[result(6.0)])
    assert found.ratio("nautilus_whole", with_loading=False) == [6.0]
    assert "| 167 | 6.0 (6.0 to 6.0) |  | 0.00 |" in table(found)
    (target,) = targets({"hundred": found})
    assert (target.measured, target.is_met) == (6.0, True)
    assert str(target).startswith("met     nautilus, from file to file / Legwork whole, 100")


class Field(command.Field):
    """Engines that are there, and do nothing. ``asked`` are the commands; ``failing`` ends badly."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str = "") -> None:
        self.asked: list[list[str]] = []
        self.failing = failing
        monkeypatch.setattr(command, "prepare", lambda peer, *_: Path(f"/{peer}/bin/python"))
        monkeypatch.setattr(command.subprocess, "run", self.called)
        super().__init__(folder, folder, ("nautilus", "vnpy"))

    def called(self, asked: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.asked.append(asked)
        if ".run" in asked[2] or ".whole" in asked[2]:
            Path(asked[4]).write_text(result(1.0).to_json(), encoding="utf-8")
        failed = bool(self.failing) and self.failing in asked[2]
        return subprocess.CompletedProcess(asked, int(failed), "", "no such thing\n")


def test_whoever_reads_the_day_from_disk_has_it_there_in_his_own_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = Field(tmp_path, monkeypatch)
    field.prepare_day(BOOKS, 200, 1)
    for engine in (OURS, *BOOKS.peers):
        field.run(engine, BOOKS)
    day, out = str(tmp_path / "books.day"), str(tmp_path / "result.json")
    ours, theirs = (str(tmp_path / f"books.{name}.arrow") for name in (OURS, "nautilus_whole"))
    python, module = "/nautilus/bin/python", "benchmarks.peers.nautilus"
    assert [asked[1:] for asked in field.asked if asked[0] != python] == [
        ["-m", "benchmarks.peers.legwork.recording", day, ours, "--books"],
        ["-m", "benchmarks.peers.legwork.run", day, out, "--books", "--recording", ours],
    ]
    assert [asked[1:] for asked in field.asked if asked[0] == python] == [
        ["-m", f"{module}.recording", day, theirs, "--books"],
        ["-m", f"{module}.run", day, out, "--books"],
        ["-m", f"{module}.whole", day, out, "--books", "--recording", theirs],
    ]


def test_a_peer_without_its_recording_is_left_out_and_legwork_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = Field(tmp_path, monkeypatch, failing="nautilus.recording")
    field.prepare_day(HUNDRED, 200, 1)
    assert set(field.pythons) == {OURS, "nautilus", "vnpy"}
    assert "no such thing" in field.absent["nautilus_whole"]
    with pytest.raises(command.Failed, match=f"{OURS}, the recording of 100 instruments"):
        Field(tmp_path, monkeypatch, failing="legwork.recording").prepare_day(HUNDRED, 200, 1)


def test_every_peer_is_in_a_contest_and_vnpy_only_where_there_is_one_instrument() -> None:
    assert {peer for contest in CONTESTS for peer in contest.peers} == {*PEERS, *FILE_TO_FILE}
    assert set(FILE_TO_FILE.values()) <= set(PEERS)
    assert all(c.instruments == 1 for c in CONTESTS if "vnpy" in c.peers)


@pytest.mark.parametrize("words", ["", ",", "nautilus,zipline"])
def test_only_peers_that_are_there_may_be_named(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--only", words])
    assert "may name nautilus, vnpy, basana, backtrader" in capsys.readouterr().err


@pytest.mark.parametrize("peer", PEERS)
def test_the_requirements_of_a_peer_are_pinned_and_name_no_index(peer: str) -> None:
    text = (environment.HERE / peer / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        name, _, version = line.partition("==")
        assert name, line
        assert version[0].isdigit(), line
        assert not set(line) & set(" @/:"), line


class Installer:
    """Runs nothing; makes the folder that ``venv`` would make, and fails where it is told to."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(list(command))
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True)
        failed = bool(self.failing) and self.failing in command
        said = "looking\nERROR: no matching distribution\n" if failed else ""
        return subprocess.CompletedProcess(list(command), int(failed), "", said)


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    installer = Installer()
    said: list[str] = []
    first = environment.prepare("basana", tmp_path, said.append, installer)
    again = environment.prepare("basana", tmp_path, said.append, installer)
    assert first == again
    assert len(installer.commands) == 2
    assert "--no-deps" in installer.commands[1]
    assert len(said) == 1


def test_an_environment_that_was_not_finished_is_made_again(tmp_path: Path) -> None:
    installer = Installer()
    python = environment.prepare("basana", tmp_path, str, installer)
    (python.parents[1] / environment.READY).unlink()
    environment.prepare("basana", tmp_path, str, installer)
    assert len(installer.commands) == 4


@pytest.mark.parametrize("failing", ["venv", "install"])
def test_what_cannot_be_installed_says_why_and_leaves_nothing(tmp_path: Path, failing: str) -> None:
    with pytest.raises(
        environment.CannotInstall,
        match="basana cannot be installed: ERROR: no matching distribution",
    ):
        environment.prepare("basana", tmp_path, str, Installer(failing))
    assert list(tmp_path.iterdir()) == []


def test_other_requirements_or_another_python_make_another_environment() -> None:
    names = {
        environment.identity("a", "x==1", "3.11"),
        environment.identity("a", "x==2", "3.11"),
        environment.identity("a", "x==1", "3.12"),
        environment.identity("b", "x==1", "3.11"),
    }
    assert len(names) == 4
