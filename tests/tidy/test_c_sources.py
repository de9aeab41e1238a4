"""C is used in one way: short twins of Python, which gives them whatever they need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

HEADERS = {"Python.h", "structmember.h", "stdbool.h", "stdint.h", "string.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"](?P<header>[^>"]+)[>"]', re.MULTILINE)
# Imports and other ways back into the interpreter; clocks, dice, files; unbounded copies; memory
# that tracemalloc does not see; and giving up the lock that keeps the caches whole.
BANNED = re.compile(
    r"\b(?:PyImport_\w+|PyRun_\w+|PyEval_\w+|Py_CompileString\w*|PySys_\w+"
    r"|time|clock|clock_gettime|gettimeofday|rand|random|srand"
    r"|fopen|open|printf|fprintf|puts|system|getenv"
    r"|strcpy|strcat|sprintf|gets|alloca|malloc|calloc|realloc|free"
    r"|Py_BEGIN_ALLOW_THREADS|PyGILState_\w+|Py_MOD_GIL_NOT_USED)\s*(?=\(|\b)"
)
# The one clock in C, once and in these words: it stands in for the stopwatch around a hook, measures
# what our own work took, and decides nothing in a replay (docs/decisions/0025).
STOPWATCH_IN = "engine/runtime/hot_path/compiled.c"
STOPWATCH = ("#include <time.h>", "clock_gettime(CLOCK_MONOTONIC, &read);")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"')
MAX_COLUMNS = 120


def violations(path: str, text: str) -> list[str]:
    judged = text
    if path == STOPWATCH_IN:
        for words in STOPWATCH:
            judged = judged.replace(words, "", 1)
    code = LITERAL.sub('""', COMMENT.sub(lambda c: "\n" * c[0].count("\n"), judged))
    wrong = [
        f"{path}: includes {found['header']}"
        for found in INCLUDE.finditer(judged)
        if found["header"] not in HEADERS
    ]
    for number, line in enumerate(code.splitlines(), 1):
        calls = re.finditer(rf"(?:{BANNED.pattern})", line)
        wrong += [f"{path}:{number} uses {found[0].strip()}" for found in calls]
    wrong += [
        f"{path}:{number} has {len(line)} columns"
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > MAX_COLUMNS or "\t" in line
    ]
    if not text.startswith("/*"):
        wrong.append(f"{path}: does not say what it is")
    return wrong


def test_c_reaches_for_nothing_but_its_arguments(c_sources: Mapping[str, str]) -> None:
    assert c_sources
    wrong = [w for path, text in c_sources.items() for w in violations(path, text)]
    assert not wrong, "\n".join(wrong)


def test_every_compiled_module_has_a_stub_and_every_stub_a_module(
    c_sources: Mapping[str, str], stubs: Mapping[str, Any]
) -> None:
    assert {path.rpartition(".")[0] for path in c_sources} == {
        path.removesuffix(".pyi") for path in stubs
    }


@pytest.mark.parametrize(
    "line",
    [
        "#include <stdio.h>",
        '#include "own.h"',
        'PyObject *market = PyImport_ImportModule("engine.model.market");',
        "int64_t now = time(NULL);",
        "clock_gettime(CLOCK_REALTIME, &now);",
        "int dice = rand() % 6;",
        "FILE *log = fopen(name, mode);",
        "char *copy = malloc(27);",
        "sprintf(text, format, price);",
        "Py_BEGIN_ALLOW_THREADS",
        "{Py_mod_gil, Py_MOD_GIL_NOT_USED},",
        "\treturn NULL;",
        "x" * 121,
    ],
)
def test_the_checker_sees_what_c_must_not_do(line: str) -> None:
    assert len(violations("brokers/x/y.c", f"/* Something. */\n{line}\n")) == 1


def test_the_checker_sees_a_file_that_does_not_say_what_it_is() -> None:
    assert len(violations("brokers/x/y.c", "#include <Python.h>\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "#include <Python.h>",
        "PyMem_Free(self->slots);",
        "self->slots = PyMem_Calloc(SLOTS, sizeof(Slot));",
        "time_of(self, time_ms);",
        '#error "no time( here"',
        "/* the time (of day) */",
    ],
)
def test_the_checker_lets_the_rest_pass(line: str) -> None:
    assert violations("brokers/x/y.c", f"/* Something. */\n{line}\n") == []


def test_the_stopwatch_is_read_in_one_place_and_in_one_way() -> None:
    text = "/* Something. */\n" + "\n".join(STOPWATCH) + "\n"
    assert violations(STOPWATCH_IN, text) == []
    for words in STOPWATCH:
        assert violations("brokers/x/y.c", f"/* Something. */\n{words}\n")
    for words in (*STOPWATCH, "clock_gettime(CLOCK_REALTIME, &read);", "int64_t now = time(NULL);"):
        assert violations(STOPWATCH_IN, text + words + "\n")
