"""Every broker package answers to the same names (DESIGN.md, decision 12)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

SHARED = {"exchange", "paper", "replay", "transport"}
AT_THE_TOP = {"__init__.py", "registry.py", "checklist.py", "order_status.py"}
NAMES = {
    "__init__", "config", "session", "instruments", "wire", "protocol", "normalize", "feed",
    "orders", "errors", "simulator",
}  # fmt: skip
DATA = {"checklist.yaml"}


def violations(paths: Iterable[str]) -> list[str]:
    """``paths`` are relative to ``brokers/``."""
    wrong = []
    for path in paths:
        parts = path.split("/")
        if len(parts) == 1:
            if path not in AT_THE_TOP:
                wrong.append(f"brokers/{path}: not one of {', '.join(sorted(AT_THE_TOP))}")
        elif parts[0] not in SHARED:
            # A name may be a module or a package; what is inside a package is its own business.
            name = parts[1].removesuffix(".py")
            if name not in NAMES and parts[1] not in DATA:
                wrong.append(f"brokers/{path}: {name} is not one of {', '.join(sorted(NAMES))}")
    return wrong


def adapters(paths: Iterable[str]) -> set[str]:
    return {path.split("/")[0] for path in paths if "/" in path} - SHARED


def files(root: Path) -> list[str]:
    folder = root / "brokers"
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_broker_packages_hold_the_agreed_names_only(root: Path) -> None:
    assert violations(files(root)) == []


def test_every_broker_is_a_package_with_a_wire(root: Path) -> None:
    found = files(root)
    assert adapters(found)
    for adapter in adapters(found):
        assert f"{adapter}/__init__.py" in found
        assert {f"{adapter}/wire.py", f"{adapter}/wire/__init__.py"} & set(found)


@pytest.mark.parametrize(
    "path", ["zerodha/helpers.py", "zerodha/utils/x.py", "misc.py", "zerodha/a.csv"]
)
def test_the_checker_sees_another_name(path: str) -> None:
    assert len(violations([path])) == 1


@pytest.mark.parametrize(
    "path",
    ["zerodha/wire.py", "zerodha/wire/binary.py", "paper/faults.py", "zerodha/checklist.yaml"],
)
def test_the_checker_lets_the_agreed_names_pass(path: str) -> None:
    assert violations([path]) == []
