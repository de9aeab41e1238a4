"""What a command imports is what it needs: start-up is time and memory of every run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = textwrap.dedent(
    """
    import json, sys
    from engine.cli import app

    code = app.main(sys.argv[1:])
    print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
    """
)


def imported_by(words: list[str], folder: Path) -> set[str]:
    """Run a command line in a process of its own; return the top-level modules it imported."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return set(modules)


def test_the_version_costs_no_library_of_the_engine(tmp_path: Path) -> None:
    heavy = {"numpy", "pandas", "pyarrow", "structlog", "aiohttp", "rich", "yaml"}
    assert imported_by(["--version"], tmp_path) & heavy == set()


def test_a_run_imports_no_pandas_where_there_is_one(morning: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed, so pyarrow cannot import it")
    (tmp_path / "quiet.py").write_text(
        "from engine import Params, Strategy\n\n\nclass Quiet(Strategy[Params]):\n    pass\n"
    )
    (tmp_path / "strategies.yaml").write_text(
        f"mode: paper\nfeed: {{replay: {json.dumps(str(morning))}, speed: max}}\n"
        'strategies: {quiet: {uses: "./quiet.py:Quiet"}}\n'
    )
    modules = imported_by(["run", "strategies.yaml"], tmp_path)
    assert "pyarrow" in modules
    assert "pandas" not in modules
