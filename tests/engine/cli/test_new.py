from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.cli.new import spell, with_entry
from engine.cli.templates import Names
from engine.errors import ConfigError, FileError

Engine = Callable[..., Any]
NAMES = Names("my-idea", "my_idea", "MyIdea")


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("my-idea", NAMES),
        ("my_idea", NAMES),
        ("MyIdea", NAMES),
        ("my idea", NAMES),
        ("straddle", Names("straddle", "straddle", "Straddle")),
        ("EMACross9x21", Names("ema-cross9x21", "ema_cross9x21", "EmaCross9x21")),
        ("vwap2", Names("vwap2", "vwap2", "Vwap2")),
    ],
)
def test_a_name_is_spelt_as_an_id_a_module_and_a_class(name: str, names: Names) -> None:
    assert spell(name) == names


@pytest.mark.parametrize(
    "name",
    [
        "",
        "9lives",
        "my.idea",
        "../x",
        "a/b",
        "-x",
        "x-",
        "class",
        "random",
        "engine",
        "Brokers",
        "naïve",
        "x" * 41,
        "a--b",
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(FileError):
        spell(name)


def test_a_new_strategy_in_an_empty_folder_checks_and_passes_its_test(
    engine: Engine, recording: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    answer = engine("new", "my-idea", "--folder", folder, "--recording", recording)
    assert answer.code == 0, answer.err
    assert sorted(p.name for p in folder.iterdir()) == [
        "my_idea.py",
        "strategies.yaml",
        "test_my_idea.py",
    ]
    checked = engine("check", folder / "strategies.yaml")
    assert checked.code == 0, checked.err
    assert "my-idea: open_call" in checked.out
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
            "PATH": "",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_strategy_joins_the_first(engine: Engine, recording: Path, tmp_path: Path) -> None:
    assert engine("new", "one", "--folder", tmp_path, "--recording", recording).code == 0
    before = (tmp_path / "strategies.yaml").read_text()
    assert 'replay: "morning.arrow"' in before
    assert engine("new", "two", "--folder", tmp_path).code == 0
    after = (tmp_path / "strategies.yaml").read_text()
    assert after.startswith(before)
    assert list(yaml.safe_load(after)["strategies"]) == ["one", "two"]
    assert engine("check", tmp_path / "strategies.yaml").code == 0


@pytest.mark.parametrize("there", ["my_idea.py", "test_my_idea.py"])
def test_nothing_is_overwritten(
    engine: Engine, recording: Path, tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_text("mine")
    before = sorted(tmp_path.iterdir())
    answer = engine("new", "my-idea", "--folder", tmp_path, "--recording", recording)
    assert answer.code == 2
    assert f"{there} exists" in answer.err
    assert (tmp_path / there).read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("strategies:\n  my-idea: {uses: x:Y}\n", "strategies.yaml:2: strategies.my-idea exists"),
        ("strategies: {}\n", "no block of `strategies:`"),
        ("mode: paper\n", "no block of `strategies:`"),
        ("strategies:\n\ta: 1\n", "strategies.yaml:2: a tab"),
        ("", "the file is empty"),
    ],
)
def test_a_yaml_it_cannot_add_to_is_left_as_it_is(
    engine: Engine, tmp_path: Path, content: str, told: str
) -> None:
    (tmp_path / "strategies.yaml").write_text(content)
    answer = engine("new", "my-idea", "--folder", tmp_path)
    assert answer.code == 2
    assert told in answer.err
    assert [p.name for p in tmp_path.iterdir()] == ["strategies.yaml"]
    assert (tmp_path / "strategies.yaml").read_text() == content


@pytest.mark.parametrize(
    "text",
    [
        "strategies:\n  a: {uses: x:Y}\n",
        "strategies:\n  a: {uses: x:Y}",
        "strategies:\n  a:\n    uses: x:Y\n    # a remark\n\n\nseed: 3  # last\n",
        "strategies:\n    a:\n        uses: x:Y   # four blanks\nmode: paper\n",
        "seed: 1\nstrategies:\n  a:\n    uses: x:Y\n    params:\n      text: |\n        two\n        lines\nmode: paper\n",
        "strategies:\n  a:\n    uses: x:Y\n    params: {a: 1,\n      b: 2}\nmode: paper\n",
        "strategies:\n  a:\n    uses: 'x:Y'\n    params:\n      legs:\n      - a: 1\n      - b: 2\nmode: paper\n",
        "strategies:\n  a:\n    uses: x:Y\n    params:\nmode: paper\n",
    ],
)  # fmt: skip
def test_an_entry_is_added_wherever_strategies_stands_and_remarks_stay(text: str) -> None:
    added = with_entry(text, "x.yaml", NAMES, "NIFTY")
    data, before = yaml.safe_load(added), yaml.safe_load(text)
    assert list(data["strategies"]) == ["a", "my-idea"]
    assert data["strategies"].pop("my-idea")["uses"] == "./my_idea.py:MyIdea"
    assert data == before
    assert all(line in added.splitlines() for line in text.splitlines())


def test_a_folder_that_cannot_be_written_is_left_without_halves(
    engine: Engine, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if self.name.startswith(".strategies"):
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    answer = engine("new", "my-idea", "--folder", folder, "--recording", recording)
    assert answer.code == 2
    assert "No space left on device" in answer.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--recording", "gone.arrow"], "gone.arrow: no such recording"),
        (["--underlying", 'x"'], "is no underlying"),
    ],
)
def test_wrong_options_are_told(
    engine: Engine, tmp_path: Path, words: list[str], told: str
) -> None:
    answer = engine("new", "my-idea", "--folder", tmp_path / "mine", *words)
    assert answer.code == 2
    assert told in answer.err
    assert not (tmp_path / "mine").exists()


def test_a_broken_yaml_is_a_config_error() -> None:
    with pytest.raises(ConfigError):
        with_entry("a: [", "x.yaml", NAMES, "NIFTY")
