"""An import into a folder of its own, and the market data it is tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from brokers.registry import BROKERS
from engine.app import open_recording
from engine.model.market import Tick
from engine.rules import RULES_VERSION
from engine.rules.sessions import Sessions
from engine.runtime.disk import FileDisk
from engine.runtime.import_map import read_map
from engine.runtime.instrument_lists import read_instrument_list
from engine.sessionlog.importing.contracts import Contracts, DerivedContracts, ListedContracts
from engine.sessionlog.importing.importer import ImportJob, ImportResult, run_import
from engine.sessionlog.importing.sorting import RUN_ROWS

MARKET = Path(__file__).resolve().parents[4] / ".." / "shared" / "data" / "market"

Run = Callable[..., ImportResult]


@pytest.fixture(scope="session")
def market() -> Path:
    if not MARKET.is_dir():
        pytest.skip("the market data is not beside this repository (../shared)")
    return MARKET


def import_into(
    out: Path,
    files: Sequence[Path],
    map_name: str,
    *,
    values: Mapping[str, str] | None = None,
    policies: Mapping[str, str] | None = None,
    listed: Path | None = None,
    dry_run: bool = False,
    force: bool = False,
    run_rows: int = RUN_ROWS,
) -> ImportResult:
    maker = BROKERS.frame_maker("angelone")
    found = read_map(map_name, values, policies)
    contracts: Contracts = DerivedContracts()
    if listed is not None:
        read = read_instrument_list(listed, maker.read_master)
        contracts = ListedContracts(read.listings, read.described)
    job = ImportJob(
        files=files,
        mapped=found.mapped,
        map_name=found.name,
        map_sha256=found.sha256,
        overridden=found.overridden,
        contracts=contracts,
        maker=maker,
        decoder="angelone",
        source="angel",
        sessions=Sessions(),
        rules_version=RULES_VERSION,
        created_by="the tests",
        make_disk=FileDisk.create,
        out=out,
        force=force,
        run_rows=run_rows,
    )
    return run_import(job, dry_run=dry_run)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Import files into the test's folder, under ``out``."""

    def call(*files: Path, map_name: str, out: str = "out.arrow", **more: Any) -> ImportResult:
        return import_into(tmp_path / out, files, map_name, **more)

    return call


@pytest.fixture(scope="session")
def importing() -> Run:
    """The same for fixtures that outlive a test: the first argument is where to."""
    return import_into


@pytest.fixture(scope="session")
def ticks_of() -> Callable[[Path], list[Tick]]:
    return decoded


def decoded(path: Path) -> list[Tick]:
    """Every tick of a recording, as a run decodes it."""
    recording = open_recording(path)
    found = []
    for batch in recording.frames():
        for at, payload in zip(batch.received_at, batch.payloads, strict=True):
            tick = recording.decoder.tick(payload, at)
            assert tick is not None
            found.append(tick)
    return found
