"""``fdatasync`` done by Linux while the process goes on, without a thread.

A thread that is to sync needs the interpreter's lock first, which whoever asked for it still holds.
Linux takes a sync in with ``io_submit`` (``IOCB_CMD_FDSYNC``) and says through an ``eventfd`` that
it has ended (io_submit(2), io_getevents(2); docs/decisions/0033). The C library has no function for
either, so they are called by their numbers.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import sys
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, Final

_FDSYNC: Final = 3
_FLAG_RESFD: Final = 1
_CALLS: Final = {"x86_64": (206, 207, 209, 208), "aarch64": (0, 1, 2, 4)}
"""The numbers of ``io_setup``, ``io_destroy``, ``io_submit`` and ``io_getevents``, by machine
(asm/unistd_64.h, asm-generic/unistd.h).
"""


class _Request(ctypes.Structure):
    """``struct iocb`` (linux/aio_abi.h), 64 bytes, little endian."""

    _fields_: ClassVar = [
        ("data", ctypes.c_uint64),
        ("key", ctypes.c_uint32),
        ("rw_flags", ctypes.c_int32),
        ("opcode", ctypes.c_uint16),
        ("priority", ctypes.c_int16),
        ("descriptor", ctypes.c_uint32),
        ("buffer", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("result_descriptor", ctypes.c_uint32),
    ]


class _Ended(ctypes.Structure):
    """``struct io_event`` (linux/aio_abi.h)."""

    _fields_: ClassVar = [
        ("data", ctypes.c_uint64),
        ("request", ctypes.c_uint64),
        ("result", ctypes.c_int64),
        ("result_2", ctypes.c_int64),
    ]


class AioSync:
    """One sync at a time. Raises ``OSError`` where this machine has no such thing.

    ``begin`` says that it is to be done and ``ended`` how it ended; the descriptor ``fileno``
    returns is readable once ``ended`` has something to say.
    """

    def __init__(self) -> None:
        numbers = _CALLS.get(platform.machine())
        if sys.platform != "linux" or numbers is None or sys.maxsize < 1 << 32:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        setup, destroy, submit, getevents = numbers
        # Not ``CDLL``, which would let go of the interpreter's lock for calls that return at once.
        library = ctypes.PyDLL(None, use_errno=True)
        context = ctypes.c_ulong(0)
        _made(library, setup, ctypes.c_long, ctypes.c_void_p)(1, ctypes.byref(context))
        self._submit = _made(library, submit, ctypes.c_ulong, ctypes.c_long, ctypes.c_void_p)
        self._getevents = _made(
            library, getevents, ctypes.c_ulong, *[ctypes.c_long] * 2, *[ctypes.c_void_p] * 2
        )
        self._context = context.value
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        forget = _made(ctypes.CDLL(None, use_errno=True), destroy, ctypes.c_ulong)
        weakref.finalize(self, _close, forget, self._context, self._descriptor)
        self._request = _Request(
            opcode=_FDSYNC, flags=_FLAG_RESFD, result_descriptor=self._descriptor
        )
        self._requests = (ctypes.c_void_p * 1)(ctypes.addressof(self._request))
        self._ended = (_Ended * 1)()

    def fileno(self) -> int:
        """Return the descriptor that is readable when a sync has ended."""
        return self._descriptor

    def begin(self, descriptor: int) -> None:
        """Have the file made durable. Raises ``OSError`` where that cannot be begun."""
        self._request.descriptor = descriptor
        self._submit(self._context, 1, self._requests)

    def ended(self) -> int | None:
        """Return the error number of the sync that has ended, 0 for none; None while it goes on."""
        try:
            os.eventfd_read(self._descriptor)
        except BlockingIOError:
            return None
        self._getevents(self._context, 1, 1, self._ended, None)
        return -int(self._ended[0].result)


def _made(library: ctypes.CDLL, number: int, *takes: Any) -> Callable[..., int]:
    """Return a system call as a function that raises ``OSError``."""
    call = library["syscall"]
    call.argtypes = (ctypes.c_long, *takes)
    call.restype = ctypes.c_long

    def make(*what: Any) -> int:
        result = int(call(number, *what))
        if result < 0:
            failed = ctypes.get_errno()
            raise OSError(failed, os.strerror(failed))
        return result

    return make


def _close(forget: Callable[..., int], context: int, descriptor: int) -> None:
    """Let go of the kernel's part. A sync that is under way is waited for."""
    # A process that was forked off has none of it.
    with contextlib.suppress(OSError):
        forget(context)
    os.close(descriptor)
