"""A file is one noun. At 400 lines it must say why it is longer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_LINES = 400

# Longer files, each with its reason. Data tables and tests are exempt; a table says so here.
REASONS: dict[str, str] = {
    "brokers/angelone/normalize/compiled.c": "a third of it is what a type and a module take in C",
    "engine/runtime/hot_path/compiled.c": "a third of it is what types and a module take in C",
}


def violations(lines: Mapping[str, int], reasons: Mapping[str, str]) -> list[str]:
    too_long = [
        f"{path}: {count} lines; split it, or give its reason here"
        for path, count in lines.items()
        if count > MAX_LINES and not reasons.get(path)
    ]
    idle = [
        f"{path}: has a reason but is not longer than {MAX_LINES} lines; take it out"
        for path in reasons
        if lines.get(path, 0) <= MAX_LINES
    ]
    return too_long + idle


def test_files_are_short_or_have_a_reason(
    shipped: Mapping[str, Any], c_sources: Mapping[str, str]
) -> None:
    lines = {path: len(source.text.splitlines()) for path, source in shipped.items()}
    lines |= {path: len(text.splitlines()) for path, text in c_sources.items()}
    wrong = violations(lines, REASONS)
    assert not wrong, "\n".join(wrong)


def test_the_checker_sees_a_long_file_and_an_idle_reason() -> None:
    assert len(violations({"a.py": 401, "b.py": 400}, {})) == 1
    assert len(violations({"a.py": 401}, {"a.py": ""})) == 1
    assert len(violations({"a.py": 400}, {"a.py": "a table"})) == 1
    assert len(violations({}, {"gone.py": "a table"})) == 1
    assert violations({"a.py": 401}, {"a.py": "a table"}) == []
