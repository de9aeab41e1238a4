"""The project's own files, as the tidy tests read them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("engine", "brokers", "risk", "strategies")
OURS = (*SHIPPED, "tests", "benchmarks", "docs", ".ci")


class Source(NamedTuple):
    """A Python file: its module name, its text and its tree."""

    module: str
    text: str
    tree: ast.Module


def _python(folders: tuple[str, ...], kind: str = "*.py") -> dict[str, Source]:
    found = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(kind)):
            relative = path.relative_to(ROOT)
            parts = list(relative.with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            text = path.read_text(encoding="utf-8")
            found[relative.as_posix()] = Source(".".join(parts), text, ast.parse(text, str(path)))
    return found


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shipped() -> Mapping[str, Source]:
    """What a user installs, by path."""
    return _python(SHIPPED)


@pytest.fixture(scope="session")
def stubs() -> Mapping[str, Source]:
    """What compiled modules look like to Python, by path."""
    return _python(SHIPPED, "*.pyi")


@pytest.fixture(scope="session")
def c_sources() -> Mapping[str, str]:
    """What a user's compiler may be given, by path."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for folder in SHIPPED
        for kind in ("*.c", "*.h", "*.pyx", "*.pxd")
        for path in sorted((ROOT / folder).rglob(kind))
    }


@pytest.fixture(scope="session")
def python_files() -> Mapping[str, Source]:
    """All Python of the project, by path."""
    return _python(OURS)


@pytest.fixture(scope="session")
def texts() -> Mapping[str, str]:
    """Everything a person reads: code, documents, configuration; by path."""
    kinds = ("*.py", "*.pyi", "*.c", "*.md", "*.yaml", "*.yml", "*.toml", "run")
    paths = {path for folder in OURS for kind in kinds for path in (ROOT / folder).rglob(kind)}
    paths |= {path for kind in kinds for path in ROOT.glob(kind)}
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(paths)
        if path.is_file()
    }
