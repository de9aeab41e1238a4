"""The runs that are pinned: what the shipped strategies do on a recording that never changes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tests.baselines.result import refusal, result
from tests.conftest import REPOSITORY, Ended, Project

CHAIN: Final = (
    REPOSITORY / ".." / "shared" / "data" / "market" / "option_chain"
    / "nifty_option_chain_20260819.parquet"
)  # fmt: skip
"""NIFTY's option chain, 102 minutes of 19 August 2026; test data that stands beside us."""

CHAIN_YAML: Final = """\
mode: paper
seed: 7
feed: {replay: chain.arrow, speed: max}
risk:
  max_loss_inr: 25000
  max_order_value_inr: {premium: 1000000, futures_notional: 5000000, cash: 1000000}
  max_uncovered_short_lots: 2
paper: {latency_ms: 40, reply_latency_ms: 40, slippage_ticks: 1}
strategies:
  nifty-straddle:
    uses: strategies.short_straddle:ShortStraddle
    params: {underlying: NIFTY, lots: 1, enter_at: "11:30", leave_at: "13:00", last_entry_at: "12:45", stop_pct: 25}
    risk: {max_loss_inr: 6000}
  nifty-condor:
    uses: strategies.iron_condor:IronCondor
    params: {underlying: NIFTY, lots: 1, enter_at: "11:30", leave_at: "13:00", last_entry_at: "12:45", short_delta: 0.20, wing_strikes: 2}
"""
"""The shipped straddle and condor, with their appointments moved into those 102 minutes."""

BREAKOUT_YAML: Final = """\
  nifty-breakout:
    uses: strategies.opening_range:OpeningRange
    params: {underlying: NIFTY, lots: 1, opens_at: "11:27", range_until: "11:42", trail_points: 60}
"""
"""It trades the future, of which the chain holds none."""


class RunFailed(Exception):
    """A run that is pinned did not come to its end."""


def bundled(folder: Path) -> dict[str, Any]:
    """Run ``strategies.yaml`` as it is shipped."""
    project = Project(folder)
    shutil.copy(REPOSITORY / "strategies.yaml", folder)
    (folder / "recordings").mkdir()
    shutil.copy(REPOSITORY / "recordings" / "nifty-open.arrow", folder / "recordings")
    return _run(project)


def real_chain(folder: Path) -> dict[str, Any]:
    """Import the real chain, run the straddle and the condor, and try the breakout."""
    project = Project(folder)
    import_chain(project)
    project.yaml.write_text(CHAIN_YAML)
    pinned = _run(project)
    project.yaml.write_text(CHAIN_YAML + BREAKOUT_YAML)
    sessions = len(project.sessions())
    ended = project.cli("run", "strategies.yaml")
    pinned["strategies"]["nifty-breakout"] = refusal(ended)
    if len(project.sessions()) != sessions:
        raise RunFailed("the breakout was refused and yet left a session behind")
    return pinned


def import_chain(project: Project) -> None:
    """Make ``chain.arrow`` of the real chain, as docs/importing.md shows it."""
    _done(
        project.cli(
            "recordings", "import", CHAIN, "--map", "nse-option-chain-snapshots",
            "--instruments", "derive", "--out", "chain.arrow",
        )
    )  # fmt: skip


def _run(project: Project) -> dict[str, Any]:
    _done(project.cli("run", "strategies.yaml"))
    return result(project.newest())


def _done(ended: Ended) -> None:
    if ended.code:
        raise RunFailed(f"exit code {ended.code}: {ended.err or ended.out}")


RUNS: Final[Mapping[str, Callable[[Path], dict[str, Any]]]] = MappingProxyType(
    {"bundled": bundled, "real-chain": real_chain}
)
"""Each by the name of the file beside this one that pins it."""


def why_not(name: str) -> str:
    """Say why a run is not possible here; empty where it is."""
    if name == "real-chain" and not CHAIN.is_file():
        return "the real option chain is not beside this repository (../shared)"
    return ""
