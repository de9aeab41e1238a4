"""``strategies.yaml``: what it may say (DESIGN.md section 8), read once and then trusted.

All that is wrong in a file is told at once, each with file, line and key. Paths in it are taken
from the folder that the file is in. Secrets never stand in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import ConfigError, FileError, InvariantBroken
from engine.model.order import Product
from engine.model.tariff import Tariff
from engine.runtime import calendar_file, charges_config, yaml_check
from engine.runtime.calendar_file import CalendarFile
from engine.runtime.charges_config import ChargesSettings
from engine.runtime.yaml_marks import Document, KeyPath, dotted
from engine.runtime.yaml_marks import read as read_marked

Risk = TypeVar("Risk", bound=BaseModel)
StrategyRisk = TypeVar("StrategyRisk", bound=BaseModel)
Paper = TypeVar("Paper", bound=BaseModel)

PAPER_ACCOUNT: Final = "paper"

OnError = Literal["exit", "hold"]
OnMaxLoss = Literal["exit", "halt"]
AccountWeights = Annotated[
    dict[Annotated[str, Field(min_length=1)], Annotated[int, Field(ge=1)]], Field(min_length=1)
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeedSettings(_Section):
    """Where market data comes from. ``speed`` is in multiples of real time, or ``max``."""

    replay: str = Field(min_length=1)
    speed: Literal["max"] | Annotated[float, Field(gt=0)] = "max"


class BrokerSettings(_Section):
    """A broker connection, read in live mode.

    ``credentials`` names environment variables by their prefix (``env:ANGEL``).
    """

    adapter: str = Field(min_length=1)
    credentials: str = Field(pattern=r"^env:[A-Z][A-Z0-9_]*$")
    accounts: dict[str, dict[str, Any]] = Field(default_factory=dict)


class _Head(_Section):
    """The top of the file. What other packages own is passed on to their models as it stands."""

    mode: Literal["paper", "live"] = "paper"
    seed: Annotated[int, Field(ge=0)] = 0
    on_max_loss: OnMaxLoss = "exit"
    feed: FeedSettings
    calendar: Annotated[str, Field(min_length=1)] | None = None
    brokers: dict[str, BrokerSettings] = Field(default_factory=dict)
    risk: dict[str, Any] = Field(default_factory=dict)
    paper: dict[str, Any] = Field(default_factory=dict)
    charges: ChargesSettings = Field(default_factory=ChargesSettings)
    strategies: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


class _Strategy(_Section):
    uses: str = Field(min_length=1)
    feed: str | None = None
    execution: str | None = None
    accounts: AccountWeights = Field(default_factory=lambda: {PAPER_ACCOUNT: 1})
    product: Product = Product.INTRADAY
    on_error: OnError = "exit"
    on_max_loss: OnMaxLoss | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    risk: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections(Generic[Risk, StrategyRisk, Paper]):
    """The models of what other packages own; the composition root hands them in.

    ``stricter`` puts a strategy's own limits over the account's, and raises ``ConfigError`` with
    the dotted key first where they are looser.
    """

    risk: type[Risk]
    strategy_risk: type[StrategyRisk]
    paper: type[Paper]
    stricter: Callable[[Risk, StrategyRisk, str], Risk]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings(Generic[Risk, StrategyRisk]):
    """One entry of ``strategies``.

    ``accounts`` maps an account to its weight: lots are placed that many times. ``on_error`` is
    what becomes of its groups when a hook raises, ``on_max_loss`` when its loss limit is reached.
    ``params`` are as written; ``engine.runtime.loader`` judges them. ``feed`` and ``execution``
    name brokers and are read in live mode. ``risk`` is what the entry itself says, ``limits`` the
    account's limits with that in their place.
    """

    strategy_id: str
    uses: str
    feed: str | None
    execution: str | None
    accounts: dict[str, int]
    product: Product
    on_error: OnError
    on_max_loss: OnMaxLoss
    params: dict[str, Any]
    risk: StrategyRisk
    limits: Risk

    @property
    def path(self) -> KeyPath:
        """Where it stands in the document."""
        return ("strategies", self.strategy_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(Generic[Risk, StrategyRisk, Paper]):
    """A whole file, understood. ``document`` tells the line of anything in it.

    ``speed`` is in multiples of real time, None for as fast as it goes. ``on_max_loss`` is what
    becomes of all groups when the account's loss limit is reached. ``calendar`` is None where the
    file names none: the tables alone then say when exchanges trade.
    """

    document: Document
    folder: Path
    mode: Literal["paper"]
    recording: Path
    calendar: CalendarFile | None
    speed: float | None
    seed: int
    on_max_loss: OnMaxLoss
    brokers: dict[str, BrokerSettings]
    risk: Risk
    paper: Paper
    charges: Tariff
    strategies: tuple[StrategySettings[Risk, StrategyRisk], ...]

    def where(self, *path: str | int) -> str:
        """Return ``file:line: key`` for a message about ``path``."""
        return self.document.where(path)

    def canonical(self) -> bytes:
        """Return what can change a decision, as JSON that is equal for equal configurations.

        The recording (told apart by its content), the speed and the folder are not in it. The
        order of strategies is.
        """
        said = {
            "mode": self.mode,
            "seed": self.seed,
            "on_max_loss": self.on_max_loss,
            "risk": self.risk.model_dump(mode="json"),
            "paper": self.paper.model_dump(mode="json"),
            "charges": msgspec.to_builtins(self.charges),
            **({} if self.calendar is None else {"calendar": self.calendar.canonical}),
            "strategies": [
                {
                    "id": entry.strategy_id,
                    "uses": entry.uses,
                    "accounts": list(entry.accounts.items()),
                    "product": entry.product,
                    "on_error": entry.on_error,
                    "on_max_loss": entry.on_max_loss,
                    "params": entry.params,
                    "risk": entry.risk.model_dump(mode="json"),
                }
                for entry in self.strategies
            ],
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":"), default=str).encode()

    @property
    def sha256(self) -> str:
        """The hash of ``canonical``, hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[Risk, StrategyRisk, Paper]):
    """What could be understood of a file; all of it only where its document has no problems.

    ``entries`` are the strategies that are right in themselves.
    """

    document: Document
    entries: tuple[StrategySettings[Risk, StrategyRisk], ...]
    configuration: Configuration[Risk, StrategyRisk, Paper] | None

    def get(self) -> Configuration[Risk, StrategyRisk, Paper]:
        """Return the configuration. Raises ``ConfigError`` with everything that is wrong."""
        self.document.problems.raise_any()
        if self.configuration is None:
            raise InvariantBroken(f"{self.document.file}: not understood, yet without a problem")
        return self.configuration


_STRATEGY_ID: Final = "abcdefghijklmnopqrstuvwxyz0123456789-"
MAX_STRATEGY_ID_CHARS: Final = 40


def load(
    path: Path, sections: Sections[Risk, StrategyRisk, Paper], *, live: bool = False
) -> Configuration[Risk, StrategyRisk, Paper]:
    """Read a configuration and judge all of it but the strategies' own parameters.

    Raises ``ConfigError`` listing everything that is wrong, and ``FileError`` where live trading
    is asked for: this version has none.
    """
    return read(path, sections, live=live).get()


def read(
    path: Path,
    sections: Sections[Risk, StrategyRisk, Paper],
    *,
    live: bool = False,
    folder: Path | None = None,
    calendar: Path | None = None,
) -> Reading[Risk, StrategyRisk, Paper]:
    """Read as ``load`` does, but leave the problems in the document for the caller to add to.

    ``folder`` is where its paths start from, when that is not where the file itself is;
    ``calendar`` stands for the calendar file that it names, if it names one.
    """
    folder = path.parent if folder is None else folder
    document = read_marked(path)
    head = yaml_check.check(document, (), document.data, _Head)
    if head is not None:
        _refuse_live(document, head.mode, asked=live)
    risk = _section(document, ("risk",), sections.risk)
    entries = _strategies(document, head, risk, sections)
    paper = _section(document, ("paper",), sections.paper)
    recording = _recording(document, folder)
    own_calendar = _calendar(document, head, folder, calendar)
    if head is not None:
        traded = frozenset(account for entry in entries for account in entry.accounts)
        charges_config.complain(document, head.charges, traded)
    configuration = None
    if head is not None and risk is not None and paper is not None and recording is not None:
        configuration = Configuration(
            document=document,
            folder=folder,
            mode="paper",
            recording=recording,
            calendar=own_calendar,
            speed=None if head.feed.speed == "max" else head.feed.speed,
            seed=head.seed,
            on_max_loss=head.on_max_loss,
            brokers=head.brokers,
            risk=risk,
            paper=paper,
            charges=head.charges.tariff(),
            strategies=entries,
        )
    return Reading(document=document, entries=entries, configuration=configuration)


def _recording(document: Document, folder: Path) -> Path | None:
    feed = document.data.get("feed")
    replay = feed.get("replay") if isinstance(feed, dict) else None
    if not isinstance(replay, str):
        return None
    path = folder / replay
    if path.is_file():
        return path
    problem = "is a folder" if path.is_dir() else "no such file"
    document.complain(
        ("feed", "replay"),
        f"{problem}: {path}; `engine recordings generate` makes one to try things on",
    )
    return None


def _calendar(
    document: Document, head: _Head | None, folder: Path, kept: Path | None
) -> CalendarFile | None:
    if head is None or head.calendar is None:
        return None
    try:
        return calendar_file.load(folder / head.calendar if kept is None else kept)
    except ConfigError as error:
        document.complain(("calendar",), str(error))
        return None


def _refuse_live(document: Document, mode: str, *, asked: bool) -> None:
    where = document.where(("mode",))
    if mode == "live" and not asked:
        raise ConfigError(
            f"{where}: live trades real money, so it also needs --live on the command line"
        )
    if mode == "paper" and asked:
        raise ConfigError(
            f"{where}: --live was given, but this file says paper; nothing was started"
        )
    if mode == "live":
        raise FileError(
            f"{where}: live trading is not part of this version, which trades on paper only; "
            "write `mode: paper` and leave --live away. Nothing was sent to any broker"
        )


def _section(document: Document, path: KeyPath, model: type[Risk]) -> Risk | None:
    """Judge a section another package owns; one that is left out is its model's defaults."""
    raw: Any = document.data
    for part in path:
        raw = raw.get(part, {}) if isinstance(raw, dict) else {}
    if not isinstance(raw, dict):
        document.complain(path, "must be `key: value` lines")
        return None
    return yaml_check.check(document, path, raw, model)


def _strategies(
    document: Document,
    head: _Head | None,
    account: Risk | None,
    sections: Sections[Risk, StrategyRisk, Paper],
) -> tuple[StrategySettings[Risk, StrategyRisk], ...]:
    """Judge each entry by itself, so that a problem in one does not hide those of another."""
    raw = document.data.get("strategies")
    if not isinstance(raw, dict):
        return ()
    made = []
    for strategy_id, entry in raw.items():
        path: KeyPath = ("strategies", strategy_id)
        if not _is_id(strategy_id):
            document.complain(
                path,
                "a strategy's name is small letters, digits and hyphens, begins with a letter and "
                f"has at most {MAX_STRATEGY_ID_CHARS} characters",
            )
        if not isinstance(entry, dict):
            document.complain(path, "must be `key: value` lines, at least `uses: ...`")
            continue
        checked = yaml_check.check(document, path, entry, _Strategy)
        risk = _section(document, (*path, "risk"), sections.strategy_risk)
        if checked is None or risk is None or account is None:
            continue
        try:
            limits = sections.stricter(account, risk, strategy_id)
        except ConfigError as error:
            _complain_at(document, str(error))
            continue
        default = head.on_max_loss if head is not None else "exit"
        made.append(
            StrategySettings(
                strategy_id=strategy_id,
                uses=checked.uses,
                feed=checked.feed,
                execution=checked.execution,
                accounts=checked.accounts,
                product=checked.product,
                on_error=checked.on_error,
                on_max_loss=checked.on_max_loss or default,
                params=checked.params,
                risk=risk,
                limits=limits,
            )
        )
    return tuple(made)


def _complain_at(document: Document, message: str) -> None:
    """Note a message that begins with its dotted key at that key's line."""
    key, _, text = message.partition(": ")
    for path in document.lines:
        if dotted(path) == key:
            document.complain(path, text)
            return
    document.complain((), message)


def _is_id(text: str) -> bool:
    return (
        0 < len(text) <= MAX_STRATEGY_ID_CHARS
        and text[0].isalpha()
        and all(character in _STRATEGY_ID for character in text)
    )
