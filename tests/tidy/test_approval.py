"""Only ``risk/gate.py`` makes ``Approved``: what can raise exposure has passed risk."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import pytest

MAKER = "risk/gate.py"


def violations(path: str, text: str) -> list[str]:
    """Any use of ``Approved`` but as a type: a call, a subclass, another name, a way round."""
    tree = ast.parse(text)
    names = {"Approved"}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {a.asname for a in node.names if a.asname and a.name == "Approved"}
    wrong = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            passed = [*node.args, *(keyword.value for keyword in node.keywords)]
            touches = any(is_approved(part, names) for part in (node.func, *passed))
            if touches and not is_a_check(node):
                wrong.append(f"{path}:{node.lineno} makes an Approved")
        elif isinstance(node, ast.ClassDef) and any(is_approved(b, names) for b in node.bases):
            wrong.append(f"{path}:{node.lineno} subclasses Approved")
        elif isinstance(node, ast.Assign) and is_approved(node.value, names):
            wrong.append(f"{path}:{node.lineno} gives Approved another name")
        elif isinstance(node, ast.Attribute) and is_approved(node.value, names):
            wrong.append(f"{path}:{node.lineno} reaches into Approved")
    return wrong


def is_approved(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Subscript):
        return is_approved(node.value, names)
    if isinstance(node, ast.Attribute):
        return node.attr == "Approved"
    return isinstance(node, ast.Name) and node.id in names


def is_a_check(node: ast.Call) -> bool:
    """``isinstance(x, Approved)`` asks and makes nothing."""
    return isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "issubclass"}


def test_only_the_gate_makes_approved(shipped: Mapping[str, Any]) -> None:
    made = {path: violations(path, source.text) for path, source in shipped.items()}
    assert made.pop(MAKER), f"{MAKER} makes none: has it moved?"
    others = [w for wrong in made.values() for w in wrong]
    assert not others, "\n".join(others)


@pytest.mark.parametrize(
    "text",
    [
        "Approved(order, ())",
        "Approved[Batch](order, ())",
        "approval.Approved(order, ())",
        "from engine.model.approval import Approved as A\nA(order, ())",
        "object.__new__(Approved)",
        "cast(Approved, order)",
        "class Mine(Approved): pass",
        "class Mine(Approved[Batch]): pass",
        "Yes = Approved",
        "make = Approved.__new__",
    ],
)
def test_the_checker_sees_another_maker(text: str) -> None:
    assert len(violations("engine/core/kernel.py", text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def place(batch: Approved[Batch]) -> None: ...",
        "isinstance(x, Approved)",
        "x: Approved[Batch] | Refusal = judge()",
    ],
)
def test_the_checker_lets_types_pass(text: str) -> None:
    assert violations("engine/core/kernel.py", text) == []
