"""One seed: a day of trading with faults and deaths, a rest, and the questions afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from engine.core.books import POLL_IDLE_S
from engine.core.kernel import Kernel
from engine.model.order import Lifecycle
from engine.runtime.journal import JournalBroken
from engine.runtime.journal_reader import read_journal
from tests.simulation import invariants, tombstones
from tests.simulation.disk import ProcessDied
from tests.simulation.exposure import worst_is_covered
from tests.simulation.groups import groups_hold_the_truth
from tests.simulation.loop import VirtualLoop, run_virtual
from tests.simulation.network import BEYOND_S
from tests.simulation.world import ACCOUNTS, RESTS_WITHIN_S, TRADES_FOR_S, World

RESTS_FOR_S = POLL_IDLE_S + 10.0

TURNS_OF_A_DAY = 12_000
"""About how often the loop turns in a day of trading."""

POINTS_OF_A_DAY = 4_000
"""About how many writes and syncs, each with a before and an after, a day has."""


@dataclass
class Outcome:
    """What one seed came to. ``violation`` is empty when everything held."""

    seed: int
    trace: str
    turns: int
    violation: str
    counts: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    trades: int = 0
    story: list[str] = field(default_factory=list)
    points: int = 0
    turns_of_trading: int = 0


def run(
    seed: int,
    *,
    scale: float = 1.0,
    deaths: int | None = None,
    dies_at_point: int = 0,
    dies_at_turn: int = 0,
    trades_for_s: float = TRADES_FOR_S,
    clock_off_s: float = 0,
    campaign: str = "ordinary",
) -> Outcome:
    """Run one seed from its start to its verdict.

    ``scale`` multiplies the share of every fault. ``deaths`` is how often the process is killed,
    each time before a random turn of the loop; None leaves that to the seed. ``dies_at_point``
    kills it at that point of the disk, ``dies_at_turn`` before that turn of the loop, both counted
    from 1. ``clock_off_s``: how wrong the machine's
    clock is when it starts. ``campaign``: which faults there are (``nemesis.CAMPAIGNS``).
    """

    async def main(loop: VirtualLoop) -> Outcome:
        world = World(loop, seed, scale, trades_for_s, campaign)
        world.wall.skew_ns = round(clock_off_s * 1e9)
        violation = ""
        try:
            await _day(world, deaths, dies_at_point, dies_at_turn)
        except invariants.Violated as violated:
            violation = str(violated)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this seed's finding
            violation = f"{type(error).__name__}: {error}"
        finally:
            world.close()
        counts = world.nemesis.counts + world.counts
        rows = [row for broker in world.brokers.values() for row in broker.rows.values()]
        return Outcome(
            seed,
            loop.trace,
            loop.turns,
            violation,
            counts,
            len(rows),
            sum(len(broker.trades) for broker in world.brokers.values()),
            world.story,
            world.point,
            world.traded_until_turn,
        )

    return run_virtual(main, seed)


async def _day(world: World, deaths: int | None, dies_at_point: int, dies_at_turn: int) -> None:
    dice = world.dice
    times = dice.choice((0, 0, 1, 1, 2, 3, 5)) if deaths is None else deaths
    world.dies_at_turns = sorted(dice.randrange(50, TURNS_OF_A_DAY) for _ in range(times))
    world.dies_at_turns += [dies_at_turn] if dies_at_turn else []
    world.dies_at_point = dies_at_point
    if times and dice.random() < 0.5:
        world.dies_at_point = dice.randrange(1, POINTS_OF_A_DAY)
    world.always += [invariants.reserve_is_exact, invariants.unwanted_is_asked_back]
    world.always.append(lambda kernel: worst_is_covered(world.brokers, kernel))
    world.start()
    await world.turn(world.trades_for_s)
    if world.campaign == "late":
        await _wait_for_late(world)
    world.dies_at_turns.clear()
    turns = world.loop.turns
    while world.life is None:
        # One that cannot be started again would be waited for without end.
        _raise_failures(world)
        await world.turn(1.0)
    _raise_failures(world)
    world.nemesis.heal()
    # One that failed while nothing was written has harmed nobody yet.
    world.disk.append_error = world.disk.sync_error = None
    world.note("everything works again")
    if world.campaign == "late":
        await _wait_for_late(world)
    await _rest(world)
    if world.life is None:
        # It died once more at the very end: it comes back, and comes to rest again.
        await _rest(world)
    world.traded_until_turn = turns
    disk = world.disk
    disk.on_point = lambda _: None
    # What filled in the last instant, as a stranger's order may, is told before the verdict.
    world.market.is_open = False
    await world.turn(1.0)
    life = world.life
    if life is None:
        raise invariants.Violated("I14", "the engine did not come back")
    kernel = life.parts.kernel
    _raise_failures(world)
    _judge(world, kernel)
    world.check_told(life)
    invariants.every_fill_told(world, world.witnesses)
    life.parts.runner.stop("the day is over")
    await asyncio.wait_for(life.tasks[1], 60)
    for task in life.tasks:
        task.cancel()
    await asyncio.gather(*life.tasks, return_exceptions=True)
    invariants.nothing_left_running(life.parts, world.loop)
    invariants.nothing_unhandled(life.parts)
    invariants.same_after_fold(world, kernel, world.fold())


async def _wait_for_late(world: World) -> None:
    """Let the day run on until nothing that was given up is still on its way to a broker.

    While there are faults, what is sent meanwhile may be late as well: it is not waited for then.
    """
    waited = 0.0
    while world.nemesis.late and waited <= BEYOND_S[1]:
        await world.turn(10.0)
        waited += 10.0


def _judge(world: World, kernel: Kernel) -> None:
    """Hold everything against the truth, now that the day has come to rest."""
    unknown, beyond = world.unknowable(kernel), world.nemesis.beyond
    strangers = tombstones.strangers(kernel, beyond, ACCOUNTS["untagged"])
    invariants.at_rest(world, kernel, unknown, beyond, strangers)
    groups_hold_the_truth(world.brokers, kernel, {*unknown, *strangers})
    records = [entry.record for entry in read_journal(world.disk, world.catalogue)]
    arrived = [tag for tag in strangers if world.sends.row_of(tag) is not None]
    world.counts += tombstones.were_handled(records, arrived)


async def _rest(world: World) -> None:
    """Let the day run on until nothing is under way, or for as long as that may take.

    For so long at least that the books were read once more: what a stranger's order did, and the
    stream lost, is only in them.
    """
    waited, quiet, lives = 0.0, 0, world.lives
    while waited < RESTS_WITHIN_S and (quiet < 3 or waited < RESTS_FOR_S):
        await world.turn(10.0)
        waited += 10.0
        quiet = quiet + 1 if _is_quiet(world) else 0
        if world.lives != lives:
            # It died once more, and begins every wait anew.
            waited, lives = 0.0, world.lives


def _is_quiet(world: World) -> bool:
    return world.life is not None and is_quiet(world.life.parts.kernel)


def is_quiet(kernel: Kernel) -> bool:
    """Say whether nothing is under way in a kernel, and nothing that could still move."""
    if kernel.reconcile.claims.held:
        return False
    return all(_has_ended(kernel, client_id) for client_id in kernel.blotter.live) and all(
        group.is_done or group.state in {"STUCK", "STRANDED", "KILLED"}
        for group in kernel.placement.groups.values()
    )


def _has_ended(kernel: Kernel, client_id: str) -> bool:
    return kernel.blotter.orders[client_id].lifecycle is Lifecycle.QUARANTINED


def _raise_failures(world: World) -> None:
    """Raise what a task of the engine died of."""
    for context in world.loop.failures:
        error = context.get("exception")
        if isinstance(error, ProcessDied | JournalBroken):
            continue
        raise error if isinstance(error, BaseException) else RuntimeError(context["message"])
    if world.life is not None:
        for task in world.life.tasks:
            if task.done() and not task.cancelled():
                error = task.exception()
                raise error if error is not None else RuntimeError(f"{task} ended")
