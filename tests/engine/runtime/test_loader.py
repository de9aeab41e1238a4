from __future__ import annotations

import hashlib
import sys
import textwrap
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError, FileError
from engine.runtime import loader
from engine.runtime.config import Sections
from engine.strategy import Params, State

Write = Callable[..., Path]
AnySections = Sections[Any, Any, Any]


def test_a_strategy_in_a_file_is_loaded_with_its_parameters(
    write: Write, sections: AnySections
) -> None:
    path = write()
    loaded = loader.load(path, sections)
    (calm,) = loaded.strategies
    assert calm.strategy.__name__ == "Calm"
    assert calm.params.model_dump() == {"underlying": "NIFTY", "lots": 2, "entry": time(9, 30)}
    assert calm.source_sha256 == hashlib.sha256((path.parent / "calm.py").read_bytes()).hexdigest()
    assert calm.state.__name__ == "CalmState"


def test_paths_are_taken_from_the_folder_of_the_yaml(
    write: Write,
    sections: AnySections,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert loader.load(path, sections).strategies[0].strategy.__name__ == "Calm"


def test_a_module_beside_the_yaml_is_found(
    write: Write, sections: AnySections, tmp_path: Path
) -> None:
    (tmp_path / "beside_it").mkdir()
    (tmp_path / "beside_it" / "quiet.py").write_text(
        "from engine import Strategy, Params\n\nclass Quiet(Strategy[Params]):\n    pass\n"
    )
    path = write(
        replace=(
            'uses: ./calm.py:Calm\n    params: {lots: 2, entry: "09:30"}',
            "uses: beside_it.quiet:Quiet",
        )
    )
    before = list(sys.path)
    assert loader.load(path, sections).strategies[0].strategy.__name__ == "Quiet"
    assert sys.path == before


def test_a_changed_file_is_read_again_and_never_from_a_cache(tmp_path: Path) -> None:
    source = "from engine import Strategy, Params\n\nclass A(Strategy[Params]):\n    mark = {}\n"
    file = tmp_path / "same_size.py"
    file.write_text(source.format(1))
    first, first_hash = loader.resolve("./same_size.py:A", tmp_path)
    assert loader.resolve("./same_size.py:A", tmp_path)[0] is first
    file.write_text(source.format(2))
    second, second_hash = loader.resolve("./same_size.py:A", tmp_path)
    assert (vars(first)["mark"], vars(second)["mark"]) == (1, 2)
    assert first_hash != second_hash
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        ("./clam.py:Calm", "no file ./clam.py beside the YAML; nearest: calm.py"),
        ("./calm.py:Clam", "./calm.py has no Clam; nearest: Calm"),
        ("./calm.py:NOT_ONE", "./calm.py: NOT_ONE is not a strategy"),
        ("./calm.py:CalmParams", "./calm.py: CalmParams is not a strategy"),
        ("./calm.py:Strategy", "./calm.py: Strategy is not a strategy"),
        ("./calm.py", "must be module:Class or ./file.py:Class; got ./calm.py"),
        ("calm:", "must be module:Class or ./file.py:Class; got calm:"),
        ("./calm.py:Cal m", "must be module:Class"),
        ("no_such_module_here:X", "no module no_such_module_here"),
        ("engine.runtime.lodaer:X", "no module engine.runtime.lodaer; nearest: loader"),
        ("math:X", "math is a folder or a compiled module"),
        ("engine:Strategy", "engine: Strategy is not a strategy"),
    ],
)
def test_a_strategy_that_cannot_be_found_is_told_with_the_nearest(
    write: Write, tmp_path: Path, uses: str, told: str
) -> None:
    write()
    with pytest.raises(FileError) as error:
        loader.resolve(uses, tmp_path)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import os\n1/0\n", "at broken.py:2: ZeroDivisionError: division by zero"),
        ("def f(:\n", "at broken.py:1: SyntaxError"),
        ("import not_there_at_all\n", "at broken.py:1: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)\n", "at broken.py:1: SystemExit: 3"),
        ("def f():\n    raise ValueError('x')\n\nf()\n", "at broken.py:2: ValueError: x"),
        ("x = 1\x00\n", "broken.py"),
    ],
)
@pytest.mark.parametrize("form", ["./broken.py:X", "broken:X"])
def test_a_file_that_cannot_be_imported_is_told_with_its_line(
    tmp_path: Path, source: str, told: str, form: str
) -> None:
    (tmp_path / "broken.py").write_text(source)
    sys.modules.pop("broken", None)
    with pytest.raises(FileError) as error:
        loader.resolve(form, tmp_path)
    assert told in str(error.value)
    assert "broken" not in sys.modules
    assert str(tmp_path) not in sys.path


def test_parameters_of_every_strategy_are_judged_at_their_lines(
    write: Write, sections: AnySections
) -> None:
    text = """
    feed: {replay: morning.arrow}
    strategies:
      a:
        uses: ./calm.py:Calm
        params:
          lotz: 1
          lots: 0
          entry: 9:20
      b: {uses: ./calm.py:Calmer, params: {lots: 1.5}}
      c: {uses: ./calm.py:Bare, params: {x: 1}}
      d: {uses: ./calm.py:Gone}
    """
    path = write(textwrap.dedent(text))
    with pytest.raises(ConfigError) as error:
        loader.load(path, sections)
    assert (
        str(error.value).replace(f"{path.parent}/", "").splitlines()
        == [
            "6 problems in strategies.yaml:",
            "strategies.yaml:6: strategies.a.params.lotz: unknown key; nearest: lots",
            "strategies.yaml:7: strategies.a.params.lots: must be greater than 0; got 0",
            'strategies.yaml:8: strategies.a.params.entry: a time stands in quotes: "09:20"',
            "strategies.yaml:9: strategies.b.params.lots: must be a whole number; got 1.5",
            "strategies.yaml:10: strategies.c.params.x: unknown key; there are none",
            "strategies.yaml:11: strategies.d.uses: ./calm.py has no Gone; known: Bare, Calm, Calmer",
        ]
        or len(str(error.value).splitlines()) == 7
    )


def test_the_types_of_parameters_and_state_come_from_the_class(
    write: Write, tmp_path: Path
) -> None:
    write()
    calmer, _ = loader.resolve("./calm.py:Calmer", tmp_path)
    bare, _ = loader.resolve("./calm.py:Bare", tmp_path)
    assert loader.params_type(calmer).__name__ == "CalmParams"
    assert loader.state_type(calmer).__name__ == "CalmState"
    assert loader.params_type(bare) is Params
    assert loader.state_type(bare) is State


def test_a_state_of_another_kind_is_refused(tmp_path: Path) -> None:
    source = "from engine import Strategy, Params\n\nclass A(Strategy[Params]):\n    state: dict\n"
    (tmp_path / "odd_state.py").write_text(source)
    found, _ = loader.resolve("./odd_state.py:A", tmp_path)
    with pytest.raises(FileError, match="must be annotated with a subclass of State"):
        loader.state_type(found)


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("tries: int", "TypeError: Missing required argument 'tries'"),
        ("seen: object = print", "TypeError: builtin_function_or_method has no written form"),
    ],
)
def test_a_state_that_cannot_be_begun_or_written_is_refused(
    tmp_path: Path, field: str, why: str
) -> None:
    source = f"""
from engine import State, Strategy, Params

class Counts(State):
    {field}

class A(Strategy[Params]):
    state: Counts
"""
    (tmp_path / "odd_state.py").write_text(source)
    found, _ = loader.resolve("./odd_state.py:A", tmp_path)
    with pytest.raises(FileError, match="Counts must have a default for every field") as error:
        loader.state_type(found)
    assert why in str(error.value)
