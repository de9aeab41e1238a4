"""The kernel syncs a file while the process goes on, and says how that ended."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import platform
import select
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.runtime import aio_sync
from engine.runtime.aio_sync import AioSync


def why_not() -> str:
    try:
        AioSync()
    except OSError as error:
        return f"this machine takes no syncs in: {error.strerror}"
    return ""


needs_aio = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture
def written(tmp_path: Path) -> Any:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        file.write(b"x" * 5000)
        yield file


def ended(aio: AioSync) -> int | None:
    """Wait, at most a minute, and return how it ended."""
    readable, _, _ = select.select([aio.fileno()], [], [], 60)
    return aio.ended() if readable else None


@needs_aio
def test_it_says_once_that_a_sync_has_ended(written: Any) -> None:
    aio = AioSync()
    for _ in range(3):
        assert aio.ended() is None
        aio.begin(written.fileno())
        assert ended(aio) == 0
        assert aio.ended() is None
        written.write(b"y" * 5000)


@needs_aio
def test_a_file_that_is_closed_meanwhile_is_synced_nevertheless(written: Any) -> None:
    aio = AioSync()
    aio.begin(written.fileno())
    written.close()
    assert ended(aio) == 0


@needs_aio
def test_what_cannot_be_synced_is_refused_at_once() -> None:
    aio = AioSync()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        aio.begin(-1)
    reading, writing = os.pipe()
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        aio.begin(writing)
    os.close(reading)
    os.close(writing)
    assert aio.ended() is None


@needs_aio
def test_an_error_is_told_by_its_number(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aio = AioSync()
    getevents = aio._getevents

    def fails(*asked: Any) -> int:
        got = getevents(*asked)
        asked[3][0].result = -errno.EIO
        return got

    monkeypatch.setattr(aio, "_getevents", fails)
    aio.begin(written.fileno())
    assert ended(aio) == errno.EIO


@needs_aio
def test_nothing_of_it_is_left_when_it_is_let_go_of(written: Any) -> None:
    aio = AioSync()
    aio.begin(written.fileno())
    descriptor = aio.fileno()
    del aio
    gc.collect()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(descriptor)


@pytest.mark.parametrize(("what", "value"), [("machine", "riscv64"), ("platform", "darwin")])
def test_elsewhere_there_is_none(what: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "machine":
        monkeypatch.setattr(platform, "machine", lambda: value)
    else:
        monkeypatch.setattr(sys, "platform", value)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSYS)):
        AioSync()


def test_it_speaks_of_things_where_the_kernel_looks_for_them() -> None:
    """The sizes and places of ``struct iocb`` and ``struct io_event`` (linux/aio_abi.h)."""
    assert ctypes.sizeof(aio_sync._Request) == 64
    assert ctypes.sizeof(aio_sync._Ended) == 32
    places = {
        "opcode": 16,
        "descriptor": 20,
        "buffer": 24,
        "bytes": 32,
        "offset": 40,
        "flags": 56,
        "result_descriptor": 60,
    }
    assert {name: getattr(aio_sync._Request, name).offset for name in places} == places
    assert aio_sync._Ended.result.offset == 16
