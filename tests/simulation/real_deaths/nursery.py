"""Forks engine processes and kills them: a parent that has imported everything and runs nothing.

One line of JSON asks, one answers: a ``Life`` is begun (its process id comes back); ``"kill"`` sends
SIGKILL and ``"wait"`` waits for its own end (the exit code comes back, negative for a signal). Being
the parent it can never hit a stranger's process. When whoever asks is gone, so are its children.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
import traceback

import msgspec

from engine.model.money import trap_float_mixing
from tests.simulation.real_deaths.life import Life, live
from tests.simulation.real_deaths.pace import paced

LOOKS_EVERY_S = 0.02


def main() -> None:
    """Serve until the input ends."""
    trap_float_mixing()
    gc.collect()
    gc.freeze()
    child = 0
    try:
        for line in sys.stdin.buffer:
            asked = msgspec.json.decode(line)
            if asked == "kill":
                os.kill(child, signal.SIGKILL)
                child = _answer(_exit_code(os.waitpid(child, 0)))
            elif asked == "wait":
                code = _wait(child)
                if code is None:
                    return
                child = _answer(code)
            else:
                child = _fork(msgspec.convert(asked, Life))
                _answer(child)
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _fork(life: Life) -> int:
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        signal.alarm(life.at_most_s)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        with asyncio.Runner(loop_factory=paced(life.pace)) as runner:
            runner.run(live(life))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it died of, whoever asked must read it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int | None:
    """Return the child's exit code; None when whoever asked is gone before it ends."""
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if select.select([0], [], [], LOOKS_EVERY_S)[0] and not os.read(0, 1):
            return None


def _exit_code(waited: tuple[int, int]) -> int:
    return os.waitstatus_to_exitcode(waited[1])


def _answer(number: int) -> int:
    """Write a number; return 0, which is no child."""
    sys.stdout.buffer.write(msgspec.json.encode(number) + b"\n")
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    main()
