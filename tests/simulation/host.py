"""The machine an engine runs on: its clock is set, its process stopped, a second engine started."""

from __future__ import annotations

from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING
from weakref import finalize

from engine.errors import FileError
from engine.model.effect import Say
from engine.runtime.clock import DRIFT_TOLD_NS
from engine.runtime.state_folder import LOCK, StateFolder
from tests.simulation.invariants import require

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.world import World

STOPPED_S, BLOCKED_S = 30.0, 3.0
HOUR_NS = 3_600 * 10**9
A_WAIT_NS = 130 * 10**9
"""About as long as an order has to stay away to count as never placed."""
SECOND_INSTANCE = 0.003
"""How likely, every second, somebody starts the engine although it runs."""


class Host:
    """What befalls the process of a world from outside, besides its death.

    The state folder is a real one, since its lock is the system's own. Whoever starts a second
    engine has dice of their own: what it leaves undisturbed must not be another day without it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = Random(world.seed * 7919 + 5)
        place = mkdtemp(prefix="legwork-simulation-")
        self._path = Path(place) / "state"
        self._remove = finalize(self, rmtree, place)
        self._folder: StateFolder | None = None

    # -- the state folder ------------------------------------------------------------------------

    def take_folder(self) -> None:
        """Lock the state folder for a process that starts. Raises ``FileError`` when it is held."""
        self._folder = StateFolder.open(self._path)

    def leave_folder(self) -> None:
        """Let go of the lock, as the system does for a process that is gone."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def close(self) -> None:
        """Leave nothing on the real disk."""
        self.leave_folder()
        self._remove()

    # -- trouble ---------------------------------------------------------------------------------

    def trouble(self) -> None:
        """Stop or block the process, set the machine's clock, start a second engine."""
        world, nemesis = self._world, self._world.nemesis
        if world.life is not None and not world.loop.is_frozen:
            fault = nemesis.first("process_stopped", "loop_blocked")
            if fault:
                world.note(f"the process stands still: {fault}")
                world.loop.freeze(STOPPED_S if fault == "process_stopped" else BLOCKED_S)
        if nemesis.strikes("wall_steps"):
            self._step_wall(world.dice.choice((-HOUR_NS, HOUR_NS, -2 * 10**9, 3 * 10**9)))
        if nemesis.late and nemesis.strikes("wall_steps_while_late"):
            self._step_wall(world.dice.choice((HOUR_NS, A_WAIT_NS)))
            if world.life is not None:
                world.die("after the clock was set")
        if self._dice.random() < SECOND_INSTANCE * nemesis.scale and not nemesis.healed:
            self._start_second()

    def _step_wall(self, step_ns: int) -> None:
        """Set the machine's clock, an hour off at most."""
        wall = self._world.wall
        wall.skew_ns = max(-HOUR_NS, min(HOUR_NS, wall.skew_ns + step_ns))
        self._world.note(f"the machine's clock is {wall.skew_ns / 1e9:+.0f} s off")

    def tell_drift(self, life: Life) -> None:
        """Tell a person that the clock was set, as a live start does; untold it is a violation."""
        text = life.drift.look()
        if text:
            self._world.tell(Say("warning", "clock", text, life.clock.now()))
        told_ns, life.drift_ns = life.drift_ns, self._world.wall.skew_ns
        stepped = abs(life.drift_ns - told_ns) > DRIFT_TOLD_NS
        require("I14", text or not stepped, "the clock was set and nobody was told")

    def _start_second(self) -> None:
        """Start another engine on the same folder: it refuses, and the first is as it was."""
        world = self._world
        if world.life is None:
            return
        world.counts["second_instance"] += 1
        before = self._lock_text(), world.disk.read(), world.disk.synced_length
        try:
            second = StateFolder.open(self._path)
        except FileError:
            world.story.append("          a second engine is started, and refuses")
        else:
            second.close()
            require("I1", holds=False, text="a second engine was let in beside the first")
        after = self._lock_text(), world.disk.read(), world.disk.synced_length
        require("I1", before == after, "a second engine that refused left its mark")

    def _lock_text(self) -> str:
        return (self._path / LOCK).read_text()
