"""What a strategy raised is told in words that no machine and no stack changes."""

from __future__ import annotations

import asyncio

import pytest

from engine.core.failure import describe, writable


def _raised(call: object, *args: object) -> BaseException:
    try:
        call(*args)  # type: ignore[operator]
    except BaseException as error:  # noqa: BLE001 - any of them
        return error
    raise AssertionError("it did not raise")


def _recurse(depth: int = 0) -> int:
    return _recurse(depth + 1) + 1


def _from_below(depth: int) -> BaseException:
    return _from_below(depth - 1) if depth else _raised(_recurse)


def test_the_line_names_the_error_and_what_it_says() -> None:
    assert describe(_raised(int, "x")).text.startswith("ValueError: invalid literal")
    assert describe(_raised(asyncio.run, None)).text
    assert describe(SystemExit(0)).text == "SystemExit: 0"
    assert describe(KeyError()).text == "KeyError"


def test_the_trace_names_files_without_their_folders() -> None:
    trace = describe(_raised(lambda: int("x"))).trace
    assert 'File "test_failure.py", line ' in trace
    assert __file__ not in trace
    assert trace.endswith("ValueError: invalid literal for int() with base 10: 'x'\n")


def test_what_led_to_an_error_comes_before_it() -> None:
    def both() -> None:
        try:
            int("x")
        except ValueError:
            raise KeyError("first") from None
        finally:
            raise RuntimeError("second")

    def cause() -> None:
        raise KeyError("outer") from ValueError("inner")

    assert describe(_raised(both)).trace.count("which led to") == 1
    first, second = describe(_raised(cause)).trace.split("which led to\n")
    assert first == "ValueError: inner\n"
    assert second.endswith("KeyError: 'outer'\n")


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = ValueError("round")
    other = KeyError("about")
    error.__context__, other.__context__ = other, error
    assert describe(error).trace == "KeyError: 'about'\nwhich led to\nValueError: round\n"


def test_a_recursion_is_told_the_same_from_any_depth() -> None:
    shallow, deep = describe(_from_below(1)), describe(_from_below(40))
    assert shallow.text == deep.text == "RecursionError: it calls itself without end"
    assert shallow.trace == deep.trace
    assert len(shallow.trace) < 2_000


@pytest.mark.parametrize("words", ["\ud800", "a\udfffb"])
def test_what_cannot_be_written_is_escaped(words: str) -> None:
    assert describe(ValueError(words)).text.encode().startswith(b"ValueError: ")
    assert writable(words).isascii()
    assert writable("₹ 5 · ok") == "₹ 5 · ok"


def test_an_error_that_cannot_speak_is_named() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert describe(Mute()).text == "Mute: (it cannot say what)"
