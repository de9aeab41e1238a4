from __future__ import annotations

import decimal
import errno
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Never

import pytest

from engine import __version__
from engine.cli import app
from engine.errors import (
    BrokerRefused,
    ConfigError,
    FileError,
    Halted,
    InvariantBroken,
    LegworkError,
    LoginRequired,
    OffGrid,
    OutcomeUnknown,
    RecordingError,
    RetryLater,
    VerificationFailed,
    WireError,
)

Engine = Callable[..., Any]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[BaseException], None]:
    """Add the command ``fail``, which raises what it is told to; crash files go to ``tmp_path``."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail_with(error: BaseException) -> None:
        def fail() -> Never:
            raise error

        monkeypatch.setitem(sys.modules, "engine.cli.fail", SimpleNamespace(fail=fail))
        monkeypatch.setattr(app, "COMMANDS", (*app.COMMANDS, "fail"))

    return fail_with


@pytest.mark.parametrize("words", [(), ("recordings",)])
def test_the_list_of_commands_cuts_no_summary_short(engine: Engine, words: tuple[str, ...]) -> None:
    code, out, _ = engine(*words, "--help")
    _, _, listed = out.partition("Commands:\n")
    assert (code, "..." in listed) == (0, False)
    assert len(listed.splitlines()) > 3


def test_the_version_is_that_of_the_package_and_names_the_hot_paths(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEGWORK_HOT_PATH", raising=False)
    code, out, err = engine("--version")
    parts = r"\(frame loop: (compiled|python, it .+); angelone decoder: (compiled|python, it .+)\)"
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"legwork {re.escape(__version__)} {parts}\n", out)
    monkeypatch.setenv("LEGWORK_HOT_PATH", "python")
    out = engine("--version").out
    assert out.count(": python, LEGWORK_HOT_PATH asks for it") == 2


def test_a_hot_path_nobody_has_is_a_wrong_argument(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGWORK_HOT_PATH", "fast")
    answer = engine("--version")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "LEGWORK_HOT_PATH is 'fast'; it may be compiled, python or unset\n"


def test_every_command_has_help(engine: Engine) -> None:
    for command in ("", *app.COMMANDS, *app.GROUPS):
        answer = engine(*command.split(), "--help")
        assert answer.code == 0
        assert f"Usage: engine {command}".rstrip() in answer.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("chek x.yaml", "No such command 'chek'. Did you mean 'check'?"),
        ("check", "Missing argument"),
        ("check x.yaml --jsno", "No such option: --jsno"),
        ("check x.yaml y.yaml", "unexpected extra argument"),
    ],
)
def test_a_wrong_command_line_is_2_and_says_what(engine: Engine, words: str, told: str) -> None:
    answer = engine(*words.split())
    assert answer.code == 2
    assert told in answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileError("x"), 2),
        (ConfigError("x"), 2),
        (RecordingError("x"), 2),
        (Halted("x"), 3),
        (BrokerRefused("AB1010", "x"), 4),
        (LoginRequired("x"), 4),
        (VerificationFailed("x"), 5),
    ],
)
def test_an_error_for_a_person_is_one_message_and_its_code(
    engine: Engine, failing: Callable[[BaseException], None], error: LegworkError, code: int
) -> None:
    failing(error)
    assert engine("fail") == (code, "", f"{error}\n")


@pytest.mark.parametrize(
    "error",
    [
        InvariantBroken("x"), OutcomeUnknown("x"), WireError("x"), OffGrid("x"),
        RetryLater("x", 1.0), ValueError("x"), KeyError("x"), ZeroDivisionError("x"),
        RecursionError("x"), MemoryError("x"), OSError(errno.EBADF, "x"), NotImplementedError("x"),
    ],
)  # fmt: skip
def test_anything_else_is_our_bug_and_keeps_its_traceback(
    engine: Engine, failing: Callable[[BaseException], None], tmp_path: Path, error: Exception
) -> None:
    failing(error)
    answer = engine("fail")
    assert answer.code == 70
    assert answer.out == ""
    head, where = answer.err.splitlines()
    assert f"this is a bug in the engine, please report it: {type(error).__name__}" in head
    (crash,) = tmp_path.iterdir()
    assert str(crash) in where
    story = crash.read_text()
    assert "Traceback" in story
    assert type(error).__name__ in story


def test_debug_shows_the_traceback_wherever_it_stands(
    engine: Engine, failing: Callable[[BaseException], None], tmp_path: Path
) -> None:
    for error, code in ((ValueError("odd"), 70), (FileError("odd"), 2)):
        failing(error)
        for words in (("--debug", "fail"), ("fail", "--debug")):
            answer = engine(*words)
            assert answer.code == code
            assert "Traceback" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_crash_that_cannot_be_written_is_shown(
    engine: Engine,
    failing: Callable[[BaseException], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    failing(ValueError("odd"))
    answer = engine("fail")
    assert answer.code == 70
    assert "Traceback" in answer.err


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EFBIG, "File too large"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_a_disk_that_refuses_is_2_and_named(
    engine: Engine, failing: Callable[[BaseException], None], number: int, words: str
) -> None:
    failing(OSError(number, words, "sessions/x"))
    assert engine("fail") == (2, "", f"sessions/x: {words}\n")


def test_an_interruption_is_130(engine: Engine, failing: Callable[[BaseException], None]) -> None:
    failing(KeyboardInterrupt())
    answer = engine("fail")
    assert (answer.code, answer.out, answer.err.strip()) == (130, "", "interrupted")


def test_a_secret_is_in_no_message_and_in_no_traceback(
    engine: Engine, failing: Callable[[BaseException], None], tmp_path: Path
) -> None:
    token = "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    for error in (FileError(f"got {token}"), ValueError(f"wss://x/y?feedToken={token[:9]}&a=1")):
        failing(error)
        for words in (["fail"], ["fail", "--debug"]):
            assert token[:9] not in engine(*words).err
    assert all(token[:9] not in crash.read_text() for crash in tmp_path.iterdir())


def test_decimals_refuse_floats_while_the_engine_runs(engine: Engine) -> None:
    engine("--version")
    with pytest.raises(decimal.FloatOperation):
        bool(decimal.Decimal("100.05") <= 100.05)


def test_python_m_engine_is_the_same_command(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "check", "no-such.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "no-such.yaml: no such file\n"


@pytest.fixture
def root() -> Path:
    return Path(__file__).resolve().parents[3]


def test_the_exit_codes_are_documented_where_they_are_made() -> None:
    documented = set(re.findall(r"^\| (\d+) \|", app.__doc__ or "", re.MULTILINE))
    assert documented == {"0", "2", "3", "4", "5", "70", "130"}
