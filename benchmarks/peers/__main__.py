"""The same day through Legwork and through other engines, each in an environment of its own.

    python -m benchmarks.peers --rounds 5 --cache DIR
    python -m benchmarks.peers --only nautilus,vnpy --json

Every engine gets the same ticks and the same strategy and fills by the same rule; every run is a
process of its own; engines take turns, each round starting one engine further on; the first round
is not counted. What an engine's ticks, orders and fills should be is computed without any engine,
and each row says whether they were. NautilusTrader runs twice: its replay alone, and from file to
file as Legwork does. A peer that cannot be installed, or whose run fails, is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import day as days
from benchmarks.peers.contests import (
    CONTESTS,
    FILE_TO_FILE,
    OURS,
    PEERS,
    Contest,
    Figures,
    table,
    targets,
)
from benchmarks.peers.environment import CannotInstall, last_line, prepare
from benchmarks.peers.result import BadResult, Result
from benchmarks.peers.trading import expected

ROOT = Path(__file__).resolve().parents[2]
TICKS = 200_000
NOTES = """\
ticks/s and "times Legwork" count everything of Legwork (YAML, reading, hashing and decoding the
recording, risk, paper exchange, journal, session log, compaction) and only the replay of a peer;
"with its loading" adds what the peer takes to build its own objects from prices in memory. "From
file to file" is all that a peer does from reading its own files to having written what happened.
Importing is counted for nobody. Medians of the rounds; in brackets the least and the most."""


class Failed(Exception):
    """An engine's process did not end well."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Field:
    """The engines that could be made ready, and the folder they work in."""

    def __init__(self, folder: Path, cache: Path, peers: Sequence[str]) -> None:
        self.folder = folder
        self.pythons = {OURS: Path(sys.executable)}
        self.absent: dict[str, str] = {}
        for peer in peers:
            try:
                self.pythons[peer] = prepare(peer, cache, say)
            except CannotInstall as error:
                self.absent[peer] = str(error)
                say(f"{error}; it is left out")
        self.pythons |= {w: self.pythons[p] for w, p in FILE_TO_FILE.items() if p in self.pythons}

    def run(self, engine: str, contest: Contest) -> Result:
        """Run an engine once, in a process of its own. Raises ``Failed``."""
        out = self.folder / "result.json"
        out.unlink(missing_ok=True)
        module = f"{FILE_TO_FILE[engine]}.whole" if engine in FILE_TO_FILE else f"{engine}.run"
        command = self.command(engine, module, contest, out)
        if engine in {OURS, *FILE_TO_FILE}:
            command += ["--recording", str(self.recording(contest, engine))]
        # vn.py makes a folder in the home of whoever imports it.
        environment = {**os.environ, "HOME": str(self.folder), "USERPROFILE": str(self.folder)}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode or not out.exists():
            raise Failed(f"{engine}, {contest.title}: {last_line(done)}")
        try:
            return Result.of(out.read_text(encoding="utf-8"))
        except BadResult as error:
            raise Failed(f"{engine}, {contest.title}: {error}") from error

    def command(self, engine: str, module: str, contest: Contest, out: Path) -> list[str]:
        """Return how a module is called that makes ``out`` of a contest's day."""
        command = [str(self.pythons[engine]), "-m", f"benchmarks.peers.{module}"]
        command += [str(self.day_file(contest)), str(out)]
        return [*command, "--books"] if contest.books else command

    def day_file(self, contest: Contest) -> Path:
        return self.folder / f"{contest.name}.day"

    def recording(self, contest: Contest, engine: str) -> Path:
        """Return where a contest's day is, as an engine that reads it from disk has it."""
        return self.folder / f"{contest.name}.{engine}.arrow"

    def record(self, engine: str, contest: Contest) -> None:
        """Make a contest's day as an engine has it on disk. Raises ``Failed``."""
        module = f"{FILE_TO_FILE.get(engine, engine)}.recording"
        command = self.command(engine, module, contest, self.recording(contest, engine))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{engine}, the recording of {contest.title}: {last_line(done)}")

    def prepare_day(self, contest: Contest, ticks: int, seed: int) -> Figures:
        """Make a contest's day, and its recording for those who read one.

        Raises ``Failed`` where Legwork's cannot be made; without its own a peer does not run.
        """
        day = days.make(ticks, contest.instruments, seed)
        days.write(day, self.day_file(contest))
        self.record(OURS, contest)
        for engine in [w for w in FILE_TO_FILE if w in contest.peers and w in self.pythons]:
            try:
                self.record(engine, contest)
            except Failed as error:
                self.absent[engine] = str(error)
                del self.pythons[engine]
                say(f"{error}; it is left out")
        orders, fills = expected(day, books=contest.books)
        return Figures(contest, len(day), orders, fills)


def hold(
    field: Field, contests: Sequence[Contest], asked: argparse.Namespace
) -> dict[str, Figures]:
    """Run every engine of every contest once per round."""
    found = {c.name: field.prepare_day(c, asked.ticks, asked.seed) for c in contests}
    entries = [
        (c, engine) for c in contests for engine in (OURS, *c.peers) if engine in field.pythons
    ]
    for contest, engine in entries:
        found[contest.name].rounds[engine] = []
    for number in range(-1, asked.rounds):
        start = number % len(entries)
        for contest, engine in entries[start:] + entries[:start]:
            rounds = found[contest.name].rounds
            if engine not in rounds:
                continue
            try:
                result = field.run(engine, contest)
            except Failed as error:
                if engine == OURS:
                    raise
                del rounds[engine]
                field.absent[f"{engine}, {contest.title}"] = str(error)
                say(f"{error}; it is left out")
                continue
            if number >= 0:
                rounds[engine].append(result)
                say(f"round {number + 1}: {contest.title}: {engine} {result.run_s:.2f} s")
    return found


def machine() -> str:
    """Say what it was measured on."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def chosen(words: str) -> tuple[str, ...]:
    names = tuple(word.strip() for word in words.split(",") if word.strip())
    unknown = [name for name in names if name not in PEERS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{words!r}: may name {', '.join(PEERS)}")
    return names


def report(found: dict[str, Figures], absent: dict[str, str], rounds: int) -> dict[str, Any]:
    """Return everything as JSON's types."""
    return {
        "machine": machine(),
        "rounds": rounds,
        "contests": {
            name: {
                "title": figures.contest.title,
                "ticks": figures.ticks,
                "orders": figures.orders,
                "fills": len(figures.wanted),
                "engines": [figures.row(engine) for engine in figures.rounds],
            }
            for name, figures in found.items()
        },
        "left_out": absent,
        "targets": [
            {"what": t.what, "measured": round(t.measured, 2), "bound": t.bound, "met": t.is_met}
            for t in targets(found)
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ticks", type=int, default=TICKS, help="a multiple of 100")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", type=chosen, default=PEERS, help=f"peers, by comma: {', '.join(PEERS)}"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        help="keep the environments here (about 1.1 GB); else a temporary folder, taken away",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args(arguments)
    if asked.rounds < 1:
        parser.error("--rounds must be at least 1")
    contests = [c for c in CONTESTS if set(c.peers) & set(asked.only)]
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        folder = Path(name)
        cache = asked.cache.absolute() if asked.cache else folder / "environments"
        field = Field(folder, cache, asked.only)
        try:
            found = hold(field, contests, asked)
        except (Failed, ValueError) as error:
            sys.exit(f"nothing is compared: {error}")
    if asked.json:
        print(json.dumps(report(found, field.absent, asked.rounds), indent=1))
        return
    print(f"{machine()}; {asked.rounds} rounds\n")
    for figures in found.values():
        print(table(figures), end="\n\n")
    print(NOTES, end="\n\n")
    for target in targets(found):
        print(target)
    for why in field.absent.values():
        print(f"left out: {why}")


if __name__ == "__main__":
    main()
