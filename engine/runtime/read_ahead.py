"""Reads a recording one batch ahead, in a thread: unpacking and hashing cost the run no time.

Both leave the interpreter to others while they work, so on a second core they are free.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from functools import partial
from typing import TypeVar

from engine.runtime.tasks import beside, in_thread

T = TypeVar("T")


async def read_ahead(batches: Iterator[T]) -> AsyncGenerator[T, None]:
    """Yield what ``batches`` yields; each is asked for when the one before it is handed out.

    What ``batches`` raises comes where its batch would have come. Left early, it returns once the
    thread has: nobody reads a file that was closed.
    """
    read = partial(next, batches, None)
    reading = beside(in_thread(read))
    try:
        while (batch := await reading) is not None:
            reading = beside(in_thread(read))
            yield batch
    finally:
        with suppress(Exception):
            await asyncio.shield(reading)
