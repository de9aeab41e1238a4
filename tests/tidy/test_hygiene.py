"""Nothing unfinished, nothing left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

import pytest

UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK)\b|\bfor now\b|\bplaceholder\b|\bnot (?:yet )?implemented\b"
    r"|\bcoming soon\b|\bquick(?:-and-| and )dirty\b|\bin a real (?:system|version)\b",
    re.IGNORECASE,
)
THIS_FILE = "tests/tidy/test_hygiene.py"


def unfinished(path: str, text: str) -> list[str]:
    return [
        f"{path}:{number} {found[0]!r}"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := UNFINISHED.search(line)) and path != THIS_FILE
    ]


def hollow(path: str, text: str) -> list[str]:
    """Functions that do nothing and do not say so: no body, or only a refusal to have one."""
    tree = ast.parse(text)
    wrong = []
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        body = [s for s in node.body if not is_docstring(s)]
        says = len(body) < len(node.body)
        only = body[0] if len(body) == 1 else None
        if isinstance(only, ast.Raise) and "NotImplemented" in ast.unparse(only):
            wrong.append(f"{path}:{node.lineno} {node.name} is not there")
        is_nothing = isinstance(only, ast.Pass) or (
            isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant)
        )
        if is_nothing and not says:
            wrong.append(f"{path}:{node.lineno} {node.name} has no body")
    return wrong


def swallowed(path: str, text: str) -> list[str]:
    """``except Exception: pass`` and its kin."""
    return [
        f"{path}:{node.lineno} swallows whatever happens"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(s, (ast.Pass, ast.Continue)) for s in node.body)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    ]


def is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def untidy(path: str, text: str) -> list[str]:
    wrong = [
        f"{path}:{number} ends in blanks"
        for number, line in enumerate(text.split("\n"), 1)
        if line != line.rstrip()
    ]
    if text and not text.endswith("\n"):
        wrong.append(f"{path}: does not end with a new line")
    if text.endswith("\n\n"):
        wrong.append(f"{path}: ends with empty lines")
    return wrong


def test_nothing_is_unfinished(texts: Mapping[str, str]) -> None:
    wrong = [w for path, text in texts.items() for w in unfinished(path, text)]
    assert not wrong, "\n".join(wrong)


def test_no_function_is_hollow(shipped: Mapping[str, Any]) -> None:
    wrong = [w for path, source in shipped.items() for w in hollow(path, source.text)]
    assert not wrong, "\n".join(wrong)


def test_no_error_is_swallowed(shipped: Mapping[str, Any]) -> None:
    wrong = [w for path, source in shipped.items() for w in swallowed(path, source.text)]
    assert not wrong, "\n".join(wrong)


def test_files_end_as_files_do(texts: Mapping[str, str]) -> None:
    wrong = [w for path, text in texts.items() for w in untidy(path, text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line", ["# TODO: x", "x = 1  # fixme", "good enough for now", "a placeholder"]
)
def test_the_checker_sees_the_unfinished(line: str) -> None:
    assert len(unfinished("x.py", line)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def f(): pass",
        "def f(): ...",
        "async def f():\n    raise NotImplementedError",
        'def f():\n    """x"""\n    raise NotImplementedError("no")',
    ],
)
def test_the_checker_sees_a_hollow_function(text: str) -> None:
    assert len(hollow("x.py", text)) == 1


def test_the_checker_lets_a_hook_that_says_so_pass() -> None:
    assert hollow("x.py", 'def on_tick(self):\n    """Run for every tick."""') == []


def test_the_checker_sees_a_swallowed_error() -> None:
    assert len(swallowed("x.py", "try:\n    f()\nexcept Exception:\n    pass")) == 1
    assert swallowed("x.py", "try:\n    f()\nexcept KeyError:\n    pass") == []


def test_the_checker_sees_loose_ends() -> None:
    assert len(untidy("x.py", "a \nb")) == 2
    assert len(untidy("x.py", "a\n\n")) == 1
