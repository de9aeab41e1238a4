"""A compiled twin is used where it was built of the source that is here, unless Python is asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

import pytest

from engine.errors import FileError
from engine.native import Implementation, Twin, why_not_loaded

COMPILED, PYTHON = Implementation.COMPILED, Implementation.PYTHON


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "compiled.c"
    path.write_text("int x;")
    return path


def built(source: Path, digest: str | None = None) -> Twin:
    module = ModuleType("compiled")
    module.SOURCE_SHA256 = digest or hashlib.sha256(source.read_bytes()).hexdigest()  # type: ignore[attr-defined]
    return Twin("decoder", module, source, "")


def missing(source: Path) -> Twin:
    return Twin("decoder", None, source, "it is not built")


def test_the_compiled_one_is_in_use_where_it_is(source: Path) -> None:
    twin = built(source)
    for environment in ({}, {"LEGWORK_HOT_PATH": ""}, {"LEGWORK_HOT_PATH": "compiled"}):
        assert twin.in_use(environment) == (COMPILED, "")
    assert str(twin.in_use({})) == "compiled"


def test_python_can_be_asked_for(source: Path) -> None:
    choice = built(source).in_use({"LEGWORK_HOT_PATH": "python"})
    assert choice == (PYTHON, "LEGWORK_HOT_PATH asks for it")


def test_without_a_compiled_one_python_is_in_use_and_says_why(source: Path) -> None:
    assert missing(source).in_use({}) == (PYTHON, "it is not built")
    assert str(missing(source).in_use({})) == "python, it is not built"


def test_one_of_another_source_is_not_used(source: Path) -> None:
    implementation, why = built(source, "0" * 64).in_use({})
    assert implementation is PYTHON
    assert why == "it was built from another compiled.c than this; install again to build it"


def test_to_insist_on_what_is_not_there_is_an_error(source: Path) -> None:
    for twin in (built(source, "0" * 64), missing(source)):
        with pytest.raises(FileError, match=r"asks for the compiled decoder, but it (is|was) "):
            twin.in_use({"LEGWORK_HOT_PATH": "compiled"})


@pytest.mark.parametrize("word", ["c", "Python", " python", "cython", "1"])
def test_an_unknown_word_is_an_error_and_never_a_default(word: str, source: Path) -> None:
    with pytest.raises(FileError, match="it may be compiled, python or unset"):
        built(source).in_use({"LEGWORK_HOT_PATH": word})


def test_why_a_module_is_not_there_says_what_would_bring_it() -> None:
    assert "takes a C compiler at installation" in why_not_loaded(ModuleNotFoundError("no"))
    assert why_not_loaded(ImportError("bad ELF")) == "it does not load: bad ELF"
