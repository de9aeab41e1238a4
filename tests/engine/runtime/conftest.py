"""A folder with a configuration that works, for tests to break."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from engine.errors import ConfigError
from engine.runtime.config import Sections


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    max_loss_inr: Decimal = Decimal(25_000)
    max_lots: dict[str, int] = {}


class OwnLimits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    max_loss_inr: Decimal | None = None


class Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str


class Paper(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_ms: float = 40.0
    faults: tuple[Fault, ...] = ()


def stricter(account: Limits, own: OwnLimits, strategy: str) -> Limits:
    if own.max_loss_inr is None:
        return account
    if own.max_loss_inr > account.max_loss_inr:
        raise ConfigError(f"strategies.{strategy}.risk.max_loss_inr: looser than the account's")
    return account.model_copy(update={"max_loss_inr": own.max_loss_inr})


STRATEGY = '''
"""A strategy for tests."""

from __future__ import annotations

from engine import Field, Params, State, Strategy, time


class CalmParams(Params):
    underlying: str = "NIFTY"
    lots: int = Field(default=1, gt=0)
    entry: time = time(9, 20)


class CalmState(State):
    entries: int = 0


class Calm(Strategy[CalmParams]):
    """Does nothing."""

    state: CalmState


class Calmer(Calm):
    """Takes what Calm takes."""


class Bare(Strategy[Params]):
    """Takes no parameters."""


NOT_ONE = 3
'''

YAML = """
mode: paper
seed: 7
feed:
  replay: morning.arrow
  speed: max
risk:
  max_loss_inr: 20000
paper:
  latency_ms: 10
strategies:
  calm:
    uses: ./calm.py:Calm
    params: {lots: 2, entry: "09:30"}
    risk: {max_loss_inr: 5000}
"""


@pytest.fixture
def sections() -> Sections[Limits, OwnLimits, Paper]:
    return Sections(risk=Limits, strategy_risk=OwnLimits, paper=Paper, stricter=stricter)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a YAML beside a strategy and a recording; the default one works."""

    def write(text: str = YAML, *, replace: tuple[str, str] | None = None) -> Path:
        if replace is not None:
            assert replace[0] in text, replace[0]
            text = text.replace(*replace)
        (tmp_path / "calm.py").write_text(textwrap.dedent(STRATEGY))
        (tmp_path / "morning.arrow").write_bytes(b"recorded")
        path = tmp_path / "strategies.yaml"
        path.write_text(text.lstrip("\n"))
        return path

    return write
