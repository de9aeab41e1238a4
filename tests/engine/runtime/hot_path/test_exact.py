"""The compiled parts round as Python does, whatever the processor could do in one go."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.core.ledger import mark
from engine.model.market import Tick
from engine.testing import nifty_chain

ROOT = Path(__file__).parents[4]
SOURCE = ROOT / "engine/runtime/hot_path/compiled.c"
CC = shutil.which("cc")
CPU = Path("/proc/cpuinfo")
CAN_FUSE = CPU.exists() and " fma " in CPU.read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(
    CC is None or not CAN_FUSE,
    reason="no compiler, or no x86-64 that multiplies and adds in one go",
)


def exact() -> list[str]:
    """What ``hatch_build.py`` hands the compiler; it cannot be imported without hatchling."""
    tree = ast.parse((ROOT / "hatch_build.py").read_text(encoding="utf-8"))
    (value,) = (
        n.value
        for n in tree.body
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "EXACT"
    )
    found: list[str] = eval(ast.unparse(value), {"sys": sys})
    return found


def built(folder: Path, *flags: str) -> Any:
    """Compile the source for a processor that fuses, and import it."""
    assert CC is not None
    out = folder / "compiled.so"
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    include = sysconfig.get_path("include")
    subprocess.run(
        [CC, "-O2", "-mfma", "-fPIC", "-shared", *flags, f'-DSOURCE_SHA256="{digest}"',
         f"-I{include}", str(SOURCE), "-o", str(out)],
        check=True,
    )  # fmt: skip
    spec = importlib.util.spec_from_file_location("compiled", out)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def differing(module: Any) -> int:
    """How many of a thousand valuations are not Python's."""
    dice, catalogue = Random(7), nifty_chain()
    wrong = 0
    for _ in range(1000):
        ticks: list[Tick | None] = [
            Tick(i, "test", round(dice.uniform(1, 900), 2), 0, 0) for i in list(catalogue)[:6]
        ]
        held = [
            (n, dice.randrange(-650, 650, 65), dice.uniform(-1e5, 1e5)) for n in range(len(ticks))
        ]
        wrong += module.mark(held, ticks) != mark(held, ticks)
    return wrong


def test_what_is_built_for_a_processor_that_fuses_values_as_python_does(tmp_path: Path) -> None:
    assert not differing(built(tmp_path, *exact()))


def test_without_what_the_build_says_it_would_not(tmp_path: Path) -> None:
    assert differing(built(tmp_path))
