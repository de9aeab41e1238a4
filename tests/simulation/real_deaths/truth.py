"""What a real day left behind, held against the brokers' truth: the simulation's own invariants."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import msgspec

from engine.core.kernel import Kernel
from engine.live_parts import join_live
from engine.model.catalogue import Catalogue
from engine.model.order import Lifecycle
from engine.model.record import AlertRaised
from engine.runtime.journal import MAGIC
from engine.runtime.journal_reader import read_journal
from engine.runtime.memory_disk import MemoryDisk
from engine.testing.market import nifty_chain
from tests.simulation import invariants
from tests.simulation.adapter import SimExecution
from tests.simulation.broker import WORKING, Broker, Market
from tests.simulation.nemesis import Nemesis
from tests.simulation.network import MemoryHttp
from tests.simulation.price_feed import PriceFeed
from tests.simulation.real_deaths.life import Life, digest, setup_of
from tests.simulation.real_deaths.pace import PacedClock
from tests.simulation.world import ACCOUNTS, MAX_LEGS, START_NS

FRAME = struct.Struct("<II")
BEFORE_PAYLOAD = struct.Struct("<QIHqq")
HASH_BYTES = 16
ORDER_CHANGED = 4


class SendsOnDisk:
    """Reads a growing journal file on: the tags whose ``SENDING`` record stands in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = len(MAGIC)
        self._started: set[str] = set()

    def has(self, tag: str) -> bool:
        """Say whether the journal, as a process that dies leaves it, has the start of a send."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        place = 0
        while len(data) - place >= FRAME.size:
            length, crc = FRAME.unpack_from(data, place)
            end = place + FRAME.size + length
            body = data[place + FRAME.size : end]
            # Behind the last record is room, or one that is being written just now.
            if not length or end > len(data) or crc != crc32(body, crc32(data[place : place + 4])):
                break
            self._take(body)
            place = end
        self._offset += place
        return tag in self._started

    def _take(self, body: bytes) -> None:
        _, _, kind, _, _ = BEFORE_PAYLOAD.unpack_from(body)
        if kind == ORDER_CHANGED:
            said: dict[str, Any] = msgspec.json.decode(body[BEFORE_PAYLOAD.size : -HASH_BYTES])
            order = said["order"]
            if order["lifecycle"] == Lifecycle.SENDING.value:
                self._started.add(order["request"]["client_id"])


@dataclass
class Evidence:
    """What ``invariants`` asks for, of a day whose engines are all gone."""

    brokers: Mapping[str, Broker]
    catalogue: Catalogue
    disk: MemoryDisk
    early: Sequence[str]
    story: Sequence[str]
    said: list[AlertRaised] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)


def judge(
    life: Life,
    journal: Path,
    brokers: Mapping[str, Broker],
    early: Sequence[str],
    story: str,
    last_digest: str,
) -> Kernel:
    """Fold the journal and check everything. Raises ``Violated``; returns what was folded."""
    content = journal.read_bytes()
    kernel, catalogue = _fold(life, content, brokers)
    evidence = Evidence(brokers, catalogue, MemoryDisk(content), early, story.splitlines())
    for entry in read_journal(evidence.disk, catalogue):
        if isinstance(entry.record, AlertRaised):
            evidence.said.append(entry.record)
    for client_id, order in kernel.blotter.orders.items():
        row = next((b.by_tag[client_id] for b in brokers.values() if client_id in b.by_tag), None)
        is_over = order.lifecycle in {Lifecycle.CANCELLED, Lifecycle.REJECTED}
        if is_over and row is not None and row.status in WORKING:
            evidence.untrue.append(f"{client_id} is {order.lifecycle} here, {row.status} in truth")
    invariants.at_rest(evidence, kernel)
    invariants.require(
        "I11", digest(kernel) == last_digest, "a kernel folded from the journal knows otherwise"
    )
    return kernel


def _fold(life: Life, content: bytes, brokers: Mapping[str, Broker]) -> tuple[Kernel, Catalogue]:
    """Return a kernel made from the journal alone; nothing of it ever runs."""
    clock = PacedClock(START_NS, life.zero_ns, life.pace)
    catalogue = nifty_chain()
    executions = {
        account: SimExecution(
            MemoryHttp(brokers[name], Random(0), Nemesis(Random(0))),
            catalogue,
            clock,
            echoes_tag=name == "tagged",
            source=name,
            max_legs=MAX_LEGS[name],
        )
        for name, accounts in ACCOUNTS.items()
        for account in accounts
    }
    feed = PriceFeed(Market(Random(0), {}), {})
    setup = setup_of(life, clock, catalogue, executions, feed)
    return join_live(setup, MemoryDisk(content)).kernel, catalogue
