"""Arrows point inward: who may import whom (DESIGN.md section 4), as a table."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

OURS = {"engine", "brokers", "risk", "strategies"}
EVERYTHING = OURS | {"*"}
MODEL = {"engine.model", "engine.errors"}
SHELL = {
    "engine.model", "engine.errors", "engine.rules", "engine.ports", "engine.author", "engine.core",
    "engine.sessionlog", "engine.strategy", "engine.runtime", "engine.asking", "engine.native", "*",
}  # fmt: skip
NUMERIC = {"numpy", "pandas", "polars", "scipy", "talib"}
INPUT_OUTPUT = {
    "asyncio", "concurrent", "http", "logging", "multiprocessing", "selectors", "socket", "ssl",
    "subprocess", "threading", "urllib.request",
}  # fmt: skip


class Rule(NamedTuple):
    """What a part of the tree may import: our packages by prefix, other libraries by name.

    ``*`` is any library. The standard library is free but for ``banned``.
    """

    may: set[str]
    banned: set[str] = frozenset()  # type: ignore[assignment]
    exactly: bool = False


# A rule holds for a module and what is below it; the longest prefix wins.
RULES: dict[str, Rule] = {
    "engine": Rule(MODEL | {"engine.asking", "engine.author", "engine.strategy", "pydantic"}),
    "engine.errors": Rule(set(), INPUT_OUTPUT),
    "engine.model": Rule(MODEL | {"msgspec"}, INPUT_OUTPUT),
    # numpy: option mathematics over whole chains (docs/decisions/0018-option-mathematics.md).
    "engine.rules": Rule(MODEL | {"engine.rules", "msgspec", "numpy"}, INPUT_OUTPUT),
    "engine.ports": Rule(MODEL, INPUT_OUTPUT),
    # Which compiled twins are used: asked wherever there is one (docs/decisions/0024).
    "engine.native": Rule(MODEL, INPUT_OUTPUT),
    "engine.asking": Rule(MODEL, INPUT_OUTPUT),
    "engine.author": Rule(MODEL, INPUT_OUTPUT),
    "engine.core": Rule(
        MODEL | {"engine.core", "engine.rules", "engine.ports", "engine.author", "msgspec"},
        INPUT_OUTPUT,
    ),
    "engine.sessionlog": Rule(
        MODEL | {"engine.sessionlog", "engine.ports", "pyarrow", "msgspec"},
        INPUT_OUTPUT,
    ),
    # An import is held against sessions and contract rules; its map is a file a person writes.
    "engine.sessionlog.importing": Rule(
        MODEL
        | {"engine.sessionlog", "engine.ports", "engine.rules", "pyarrow", "msgspec", "pydantic"},
        INPUT_OUTPUT,
    ),
    # Bars are built by the kernel's own builder, or they would not be the bars a strategy saw.
    "engine.sessionlog.exporting": Rule(
        MODEL | {"engine.sessionlog", "engine.ports", "engine.rules", "engine.core", "pyarrow"},
        INPUT_OUTPUT,
    ),
    "engine.strategy": Rule(MODEL | {"engine.author", "pydantic", "msgspec"}, INPUT_OUTPUT),
    "engine.runtime": Rule(SHELL),
    # The kernel's own ledger, book and greeks, or the report would show other figures than it saw.
    "engine.report": Rule(
        MODEL
        | {
            "engine.report",
            "engine.rules",
            "engine.core",
            "engine.ports",
            "engine.runtime",
            "engine.sessionlog",
            "msgspec",
        },
        INPUT_OUTPUT,
    ),
    "engine.testing": Rule(SHELL | {"engine.testing", "risk", "brokers"}),
    "engine.app": Rule(EVERYTHING),
    # What the composition root joins, run once and run again to compare.
    "engine.paper_run": Rule(EVERYTHING),
    "engine.dry_run": Rule(EVERYTHING),
    "engine.live_parts": Rule(EVERYTHING),
    "engine.verify": Rule(EVERYTHING),
    "engine.day_report": Rule(EVERYTHING),
    "engine.cli": Rule(EVERYTHING),
    "engine.__main__": Rule(EVERYTHING),
    "risk": Rule(
        MODEL | {"risk", "engine.rules", "engine.ports", "pydantic", "msgspec"}, INPUT_OUTPUT
    ),
    "strategies": Rule({"engine"} | NUMERIC, INPUT_OUTPUT, exactly=True),
    "brokers": Rule(set()),
    "brokers.registry": Rule(MODEL | {"brokers", "engine.native", "engine.ports"}),
    "brokers.order_status": Rule(MODEL, INPUT_OUTPUT),
    "brokers.exchange": Rule(MODEL | {"brokers.exchange", "engine.rules"}, INPUT_OUTPUT),
    "brokers.paper": Rule(
        MODEL | {"brokers.paper", "brokers.exchange", "engine.rules", "engine.ports", "pydantic"},
        INPUT_OUTPUT,
    ),
    # yarl is aiohttp's own word for a URL.
    "brokers.transport": Rule(
        MODEL
        | {
            "brokers.transport",
            "engine.ports",
            "engine.rules",
            "aiohttp",
            "yarl",
            "msgspec",
        }
    ),
    "brokers.replay": Rule(
        MODEL | {"brokers.replay", "engine.sessionlog", "engine.ports"}, INPUT_OUTPUT
    ),
}
SHARED_BROKER_PARTS = {"registry", "order_status", "exchange", "paper", "replay", "transport"}
# Bytes and state machines: no I/O of any kind, the standard library's included.
PURE_BROKER_PARTS = {"wire", "protocol", "normalize"}


def rule_for(module: str) -> Rule:
    parts = module.split(".")
    if parts[0] == "brokers" and len(parts) > 1 and parts[1] not in SHARED_BROKER_PARTS:
        return adapter_rule(parts)
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in RULES:
            return RULES[prefix]
    raise AssertionError(f"{module}: no rule says what it may import")


def adapter_rule(parts: list[str]) -> Rule:
    """The rule of one broker's package: never another broker."""
    own = f"brokers.{parts[1]}"
    file = parts[2] if len(parts) > 2 else ""
    may = MODEL | {own, "engine.native", "engine.ports", "engine.rules", "msgspec"}
    if file in PURE_BROKER_PARTS:
        return Rule(may, INPUT_OUTPUT)
    may |= {"brokers.registry", "aiohttp", "pydantic"}
    if file == "simulator":
        may |= {"brokers.exchange", "engine.sessionlog"}
    return Rule(may)


def imported(module: str, tree: ast.Module, *, is_package: bool) -> list[tuple[int, str]]:
    """Every import in a file, wherever it stands, as (line, dotted name)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = module.split(".")[: -(node.level - is_package) or None]
                base = ".".join([*here, base] if base else here)
            if base in OURS:
                found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, base))
    return found


def is_under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def violations(module: str, text: str, *, is_package: bool = False) -> list[str]:
    rule = rule_for(module)
    wrong = []
    for line, name in imported(module, ast.parse(text), is_package=is_package):
        top = name.split(".")[0]
        if top == "__future__":
            continue
        if top in sys.stdlib_module_names:
            allowed = not any(is_under(name, banned) for banned in rule.banned)
        elif rule.exactly and top in OURS:
            # Names of the package itself; a module below it has a file or a folder of its name.
            allowed = name.count(".") <= 1 and top in rule.may and not is_module(name)
        elif top in OURS:
            allowed = any(is_under(name, prefix) for prefix in rule.may)
        else:
            allowed = "*" in rule.may or top in rule.may
        if not allowed:
            wrong.append(f"{module}:{line} imports {name}")
    return wrong


def is_module(name: str) -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - only here

    try:
        return "." in name and find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_every_import_is_allowed_by_the_table(
    shipped: Mapping[str, Any], stubs: Mapping[str, Any]
) -> None:
    wrong = [
        line
        for path, source in (*shipped.items(), *stubs.items())
        for line in violations(source.module, source.text, is_package=path.endswith("__init__.py"))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_table_has_no_rule_for_what_does_not_exist(shipped: Mapping[str, Any]) -> None:
    modules = {source.module for source in shipped.values()}
    packages = {m.rsplit(".", n)[0] for m in modules for n in range(m.count(".") + 1)}
    idle = [prefix for prefix in RULES if prefix not in modules | packages]
    assert not idle, "\n".join(idle)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("engine.core.kernel", "import asyncio"),
        ("engine.core.kernel", "import pydantic"),
        ("engine.core.kernel", "from engine.runtime import clock"),
        ("engine.core.kernel", "from engine import runtime"),
        ("engine.core.kernel", "from ..runtime.clock import SystemClock"),
        ("engine.core.kernel", "def f():\n    import structlog"),
        ("engine.model.order", "from engine.ports import Clock"),
        ("engine.runtime.runner", "import engine.cli.app"),
        ("engine.runtime.runner", "from engine.app import build"),
        ("engine.runtime.runner", "from risk.gate import Gate"),
        ("engine.runtime.runner", "from brokers.paper import broker"),
        ("risk.gate", "from brokers.paper import broker"),
        ("risk.gate", "import urllib.request"),
        ("strategies.x", "from engine.core.kernel import Kernel"),
        ("strategies.x", "from engine import core"),
        ("strategies.x", "import socket"),
        ("brokers.angelone.feed", "from brokers.quantsapp import wire"),
        ("brokers.angelone.wire", "import aiohttp"),
        ("brokers.angelone.wire", "import socket"),
        ("brokers.angelone.orders", "from brokers.exchange import matching"),
    ],
)
def test_the_checker_sees_a_wrong_import(module: str, text: str) -> None:
    assert len(violations(module, text)) == 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("engine.core.kernel", "from engine.model.order import Order\nimport heapq, msgspec"),
        ("engine.core.kernel", "from . import book\nfrom .book import Book"),
        ("engine.runtime.runner", "import asyncio\nimport structlog"),
        ("strategies.x", "from engine import Strategy, buy\nimport numpy as np\nimport math"),
        ("brokers.angelone.simulator", "from brokers.exchange import matching\nimport aiohttp"),
        ("brokers.angelone.feed", "from brokers.angelone import wire"),
        ("engine.app", "import brokers.paper, risk.gate, strategies"),
    ],
)
def test_the_checker_lets_a_right_import_pass(module: str, text: str) -> None:
    assert violations(module, text) == []
