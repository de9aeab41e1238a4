"""The composition root: the one place that knows every part and joins them into a run."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from brokers.paper.broker import PaperBroker
from brokers.paper.config import PaperConfig
from brokers.registry import BROKERS
from brokers.replay.recording import Recording
from engine import __version__
from engine.author import is_unwritten
from engine.core.kernel import Kernel
from engine.core.kernel_config import KernelConfig
from engine.core.seat import SeatConfig
from engine.errors import FileError, RecordingError
from engine.model.arithmetic import exactly
from engine.model.effect import Say
from engine.model.record import SessionBooted
from engine.ports import DecisionLog, RecordSink
from engine.rules import RULES_VERSION
from engine.rules.changes import NO_CHANGES
from engine.rules.sessions import Sessions, shares_with_derivatives
from engine.runtime import loader
from engine.runtime.bus import Bus
from engine.runtime.clock import stopwatch_ns
from engine.runtime.config import Sections
from engine.runtime.effects import Effects
from engine.runtime.hot_path.choice import guarding, make_frame_loop, marking
from engine.runtime.loader import Loaded, LoadedStrategy
from engine.runtime.runner import ReplayRunner
from engine.runtime.silence import STALE_AFTER_S, Silence
from engine.sessionlog.format import Header
from risk.gate import Gate
from risk.kill_switch import KillSwitch
from risk.limits import AccountLimits, StrategyLimits, stricter
from risk.throttle import Governor

CONFIGURATION = "strategies.yaml"
"""What a session's folder calls its copy of the YAML."""
CALENDAR = "calendar.yaml"
"""What it calls its copy of the calendar file that the YAML names, if it names one."""
FRESHNESS_CADENCES = 2.5
"""No price and no feed is called old before this many times the recording's cadence."""
_SOURCES = (".py", ".c")

PaperLoaded = Loaded[AccountLimits, StrategyLimits, PaperConfig]
PaperStrategy = LoadedStrategy[AccountLimits, StrategyLimits]
SECTIONS: Sections[AccountLimits, StrategyLimits, PaperConfig] = Sections(
    risk=AccountLimits, strategy_risk=StrategyLimits, paper=PaperConfig, stricter=stricter
)


@dataclass(slots=True, kw_only=True)
class Parts:
    """A run, joined but not started."""

    kernel: Kernel
    broker: PaperBroker
    gate: Gate
    kill_switch: KillSwitch
    runner: ReplayRunner
    bus: Bus


def load(path: Path, *, live: bool = False) -> PaperLoaded:
    """Read a YAML file and everything it names. Raises ``ConfigError`` with all that is wrong."""
    return loader.load(path, SECTIONS, live=live)


def load_kept(session: Path, folder: Path) -> PaperLoaded:
    """Read what a session's folder kept of its configuration; raises as ``load``.

    ``folder`` is where the YAML lay, and its paths start from: strategies may have changed there.
    """
    return loader.load(
        session / CONFIGURATION, SECTIONS, folder=folder, calendar=session / CALENDAR
    )


def sessions_of(loaded: PaperLoaded, recording: Recording) -> Sessions:
    """Return the sessions of a run: the tables, its calendar file, its shares with derivatives."""
    calendar = loaded.configuration.calendar
    return Sessions(
        NO_CHANGES if calendar is None else calendar.changes,
        shares_with_derivatives(recording.catalogue),
    )


def open_recording(path: Path) -> Recording:
    """Open a recording with the decoder of the broker it came from. See ``brokers.replay``."""
    return Recording.open(path, BROKERS.decoder)


@cache
def engine_sha256() -> str:
    """Return the hash of every source file of the engine, the brokers and risk.

    Taken once a process, as the code was loaded once.
    """
    return sources_sha256(Path(__file__).parent.parent)


def sources_sha256(root: Path) -> str:
    """Return the hash of the sources under ``root``.

    It is the same whether the C in it was compiled or not, and so are the ticks.
    """
    # Strings, not paths: it is hundreds of files, at every start.
    above = f"{root}{os.sep}"
    found = [
        f"{folder}{os.sep}{name}".removeprefix(above).replace(os.sep, "/")
        for package in ("engine", "brokers", "risk")
        for folder, _, names in os.walk(root / package)
        for name in names
        if name.endswith(_SOURCES)
    ]
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(path.encode())
        with open(above + path, "rb") as source:  # noqa: PTH123
            digest.update(source.read())
    return digest.hexdigest()


def session_id(loaded: PaperLoaded, recording: Recording) -> str:
    """Return the id of a run: the same recording, configuration and strategies give the same."""
    digest = hashlib.sha256(recording.content_sha256.encode())
    digest.update(loaded.configuration.canonical())
    for strategy in loaded.strategies:
        digest.update(strategy.source_sha256.encode())
    return f"{recording.header.trading_date.isoformat()}-paper-{digest.hexdigest()[:8]}"


def booted(loaded: PaperLoaded, recording: Recording) -> SessionBooted:
    """Return the first record of a session's journal."""
    header = recording.header
    return SessionBooted(
        session_id=session_id(loaded, recording),
        trading_date=header.trading_date.isoformat(),
        mode="paper",
        recording=loaded.configuration.recording.name,
        recording_hash=recording.content_sha256,
        configuration_hash=loaded.configuration.sha256,
        engine_version=__version__,
        engine_hash=engine_sha256(),
        strategy_hashes={s.settings.strategy_id: s.source_sha256 for s in loaded.strategies},
        rules_version=RULES_VERSION,
        is_synthetic=header.is_synthetic,
        imported=header.made_from,
        tariff=loaded.configuration.charges,
    )


def session_header(loaded: PaperLoaded, recording: Recording) -> Header:
    """Return the session log's header: the recording's, and what *Boot* adds to it."""
    theirs = recording.header
    configuration = loaded.configuration
    calendar = configuration.calendar
    return Header(
        created_by=f"legwork {__version__}",
        trading_date=theirs.trading_date,
        cadence_s=theirs.cadence_s,
        instruments=theirs.instruments,
        sources=theirs.sources,
        rules_version=RULES_VERSION,
        synthetic=theirs.synthetic,
        imported=theirs.imported,
        hashes={
            "recording": recording.content_sha256,
            "configuration": configuration.sha256,
            **({} if calendar is None else {"calendar": calendar.sha256}),
            "engine": engine_sha256(),
            **{f"strategy {s.settings.strategy_id}": s.source_sha256 for s in loaded.strategies},
        },
        boot={
            "session_id": session_id(loaded, recording),
            "mode": "paper",
            "recording": str(configuration.recording.resolve()),
            "folder": str(configuration.folder.resolve()),
            "seed": configuration.seed,
            "next_client_sequence": 1,
        },
    )


def join(
    loaded: PaperLoaded,
    recording: Recording,
    journal: RecordSink,
    log: DecisionLog,
    say: Callable[[Say], None],
) -> Parts:
    """Make every part of a run and join them. Nothing is started."""
    header = recording.header
    catalogue = recording.catalogue
    sessions = sessions_of(loaded, recording)
    configuration = loaded.configuration
    if not len(catalogue):
        raise RecordingError(f"{recording.log.path}: no instruments in this recording")
    gate = Gate(
        configuration.risk,
        {s.settings.strategy_id: s.settings.risk for s in loaded.strategies},
        sessions,
        header.trading_date,
    )
    subscribed, wants_depth = bytearray(len(catalogue)), bytearray(len(catalogue))
    broker = PaperBroker(
        catalogue,
        recording.decoder,
        configuration.paper,
        trading_date=header.trading_date,
        cadence_s=header.cadence_s,
        sessions=sessions,
    )
    governor = Governor.of(configuration.risk)
    bus = Bus()
    effects = Effects(journal, governor, broker, subscribed, wants_depth, say)
    kill_switch = KillSwitch()
    runners: list[ReplayRunner] = []
    kernel = Kernel(
        KernelConfig(
            trading_date=header.trading_date,
            cadence_s=header.cadence_s,
            price_wait_factor=FRESHNESS_CADENCES,
        ),
        catalogue,
        sessions,
        gate,
        kill_switch,
        frame_number=lambda: runners[0].newest_frame(),  # noqa: PLW0108 - made below
        stopwatch=stopwatch_ns,
        mark=marking(),
        guard=guarding(),
    )
    for strategy in loaded.strategies:
        _seat(kernel, strategy, configuration.seed)
    runner = ReplayRunner(
        kernel,
        broker,
        governor,
        effects,
        recording.decoder,
        log,
        bus,
        subscribed=subscribed,
        wants_depth=wants_depth,
        source=recording.source,
        silence=Silence(
            catalogue,
            kernel.desk.trading,
            broker.ticks,
            header.trading_date,
            max(STALE_AFTER_S, FRESHNESS_CADENCES * header.cadence_s),
        ),
        frame_loop=make_frame_loop(kernel, recording.decoder, broker, subscribed, wants_depth),
    )
    runners.append(runner)
    return Parts(
        kernel=kernel, broker=broker, gate=gate, kill_switch=kill_switch, runner=runner, bus=bus
    )


@exactly
def _seat(kernel: Kernel, loaded: PaperStrategy, seed: int) -> None:
    # Exactly: an author may set a precision in __init__ as well.
    settings = loaded.settings
    seat, context = kernel.seat(
        SeatConfig(
            strategy_id=settings.strategy_id,
            accounts=settings.accounts,
            product=settings.product,
            exits_on_error=settings.on_error == "exit",
            exits_on_max_loss=settings.on_max_loss == "exit",
            seed=seed,
        )
    )
    strategy: Any = loaded.strategy(loaded.params, loaded.state(), context)
    seat.sit(strategy, wants_ticks=not is_unwritten(strategy.on_tick))


def new_session_folder(root: Path, identity: str) -> Path:
    """Make a new folder for a run of ``identity``: ``root/identity-01``, ``-02``, ...

    Raises ``FileError`` when the folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, 10_000):
            folder = root / f"{identity}-{number:02}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise FileError(
            f"cannot make a session folder under {root}: {error.strerror}; "
            "run from a folder you may write to"
        ) from error
    raise FileError(f"{root} holds 9,999 runs of {identity}; delete some")


def keep_configuration(loaded: PaperLoaded, folder: Path) -> None:
    """Copy the YAML and its calendar file into the session's folder, to verify the run later."""
    shutil.copyfile(loaded.configuration.document.file, folder / CONFIGURATION)
    calendar = loaded.configuration.calendar
    if calendar is not None:
        shutil.copyfile(calendar.path, folder / CALENDAR)
