"""Calls that would make a run depend on the machine, the hour or chance; and where they may stand."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeGuard

import pytest

CLOCK = {"engine/runtime/clock.py"}
SCHEDULE = CLOCK | {"engine/paper_run.py"}
# Where tasks and threads are made, and kept: nowhere else can one be lost.
TASKS = {"engine/runtime/tasks.py", "engine/paper_run.py"}
LOOP = SCHEDULE | {"engine/runtime/runner.py", "engine/runtime/effects.py", "engine/runtime/bus.py"}

# Dotted name, as a pattern -> the files that may call it.
BANNED: dict[str, set[str]] = {
    "time.time": CLOCK,
    "time.time_ns": CLOCK,
    "time.monotonic": CLOCK,
    "time.monotonic_ns": CLOCK,
    "time.perf_counter": CLOCK,
    "time.perf_counter_ns": CLOCK,
    "time.process_time*": CLOCK,
    "time.localtime": set(),
    "time.gmtime": set(),
    "time.sleep": set(),
    "datetime.datetime.now": set(),
    "datetime.datetime.utcnow": set(),
    "datetime.datetime.today": set(),
    "datetime.date.today": set(),
    "random.[a-z]*": set(),
    "random.SystemRandom": set(),
    "numpy.random.*": set(),
    "uuid.uuid*": set(),
    "os.urandom": set(),
    "os.getrandom": set(),
    "secrets.*": set(),
    "asyncio.sleep": SCHEDULE,
    "asyncio.create_task": TASKS,
    "asyncio.ensure_future": set(),
    "asyncio.to_thread": set(),
    "print": set(),
    "eval": set(),
    "exec": set(),
    "__import__": set(),
    "pickle.*": set(),
    "marshal.*": set(),
    "shelve.*": set(),
    "os.system": set(),
    "os.popen": set(),
    "warnings.filterwarnings": set(),
    "warnings.simplefilter": set(),
}
# A lock is no thread: what is written on the loop and synced beside it needs one.
LOCKS = {"engine/runtime/disk.py", "engine/runtime/roomy_disk.py"}
# What must not even be imported -> the files that may.
BANNED_IMPORTS: dict[str, set[str]] = {
    "threading": TASKS | LOCKS,
    "_thread": set(),
    "multiprocessing": set(),
    "pickle": set(),
    "shelve": set(),
    "marshal": set(),
    "imp": set(),
}

# Where a run is decided: no order that differs from process to process.
DECIDES = (
    "engine/core/",
    "engine/model/",
    "engine/rules/",
    "risk/",
    "brokers/exchange/",
    "brokers/paper/",
)
UNORDERED_CALLS = {"hash", "vars", "globals"}
UNORDERED_KEYS = {"id", "hash"}


def names_in(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known


def dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    """The full name of what an expression refers to, None when it is no plain name."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = dotted(node.value, known)
        return f"{base}.{node.attr}" if base else None
    return None


def violations(path: str, text: str) -> list[str]:
    tree = ast.parse(text)
    known = names_in(tree)
    wrong = []
    yields = {id(node.func) for node in ast.walk(tree) if gives_way(node)}
    for node in ast.walk(tree):
        if id(node) in yields:
            continue
        if isinstance(node, ast.Import):
            tops = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            tops = [(node.module or "").split(".")[0]]
        else:
            tops = []
        wrong += [
            f"{path}:{node.lineno} imports {top}"
            for top in tops
            if path not in BANNED_IMPORTS.get(top, {path})
        ]
        # A reference counts, called or not: `default_factory=time.time` reads the clock as well.
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            name = dotted(node, known)
            imported = isinstance(node, ast.Attribute) or node.id in known
            builtin = isinstance(node, ast.Name) and node.id not in known
            for pattern, allowed in BANNED.items():
                is_builtin_rule = "." not in pattern
                if (builtin if is_builtin_rule else imported) and fnmatchcase(name or "", pattern):
                    if path not in allowed:
                        wrong.append(f"{path}:{node.lineno} uses {name}")
                    break
        if path.startswith(DECIDES):
            wrong += [f"{path}:{line} {what}" for line, what in unordered(node)]
    return wrong


def gives_way(node: ast.AST) -> TypeGuard[ast.Call]:
    """``asyncio.sleep(0)`` lets others run and waits for no clock."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "asyncio.sleep"
        and [ast.unparse(argument) for argument in node.args] == ["0"]
    )


def unordered(node: ast.AST) -> list[tuple[int, str]]:
    found = []
    iterated = []
    if isinstance(node, (ast.For, ast.AsyncFor)):
        iterated = [node.iter]
    elif isinstance(node, (ast.ListComp, ast.DictComp, ast.GeneratorExp)):
        iterated = [generator.iter for generator in node.generators]
    for source in iterated:
        is_set_call = (
            isinstance(source, ast.Call)
            and isinstance(source.func, ast.Name)
            and source.func.id in {"set", "frozenset"}
        )
        if is_set_call or isinstance(source, (ast.Set, ast.SetComp)):
            found.append((source.lineno, "iterates over a set"))
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in UNORDERED_CALLS
    ):
        found.append((node.lineno, f"calls {node.func.id}(), which differs between processes"))
    if (
        isinstance(node, ast.keyword)
        and node.arg == "key"
        and isinstance(node.value, ast.Name)
        and node.value.id in UNORDERED_KEYS
    ):
        found.append((node.value.lineno, f"orders by {node.value.id}"))
    return found


def test_nothing_that_is_banned_is_used(shipped: Mapping[str, Any]) -> None:
    wrong = [w for path, source in shipped.items() for w in violations(path, source.text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time as t\nt.time_ns()",
        "from time import monotonic\nmonotonic()",
        "from time import monotonic as m\nf(m)",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\ndatetime.utcnow()",
        "from datetime import date\ndate.today()",
        "import random\nrandom.random()",
        "from random import shuffle\nshuffle(x)",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid4\nuuid4()",
        "import os\nos.urandom(8)",
        "import asyncio\nasyncio.create_task(x)",
        "from asyncio import sleep\nsleep(1)",
        "import asyncio\nasyncio.sleep(1)",
        "import threading",
        "from multiprocessing import Pool",
        "import pickle",
        "print('x')",
        "eval('x')",
        "exec('x')",
        "for x in set(y): pass",
        "[x for x in {1, 2}]",
        "hash('x')",
        "sorted(x, key=id)",
        "field(default_factory=time.time)\nimport time",
    ],
)
def test_the_checker_sees_what_is_banned(text: str) -> None:
    assert len(violations("engine/core/kernel.py", text)) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("engine/core/x.py", "from random import Random\nRandom('seed').random()"),
        (
            "engine/core/x.py",
            "from datetime import time, datetime\ntime(9, 20)\ndatetime.fromtimestamp(0)",
        ),
        ("engine/core/x.py", "self.random.random()\nself.now.time()"),
        ("engine/core/x.py", "for x in sorted({1, 2}): pass"),
        ("engine/runtime/clock.py", "import time\ntime.time_ns()"),
        ("engine/runtime/x.py", "model.eval()"),
        ("engine/runtime/x.py", "import asyncio\nasyncio.sleep(0)"),
    ],
)
def test_the_checker_lets_the_rest_pass(path: str, text: str) -> None:
    assert violations(path, text) == []
