"""A small recording and a command line that runs in this process."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.cli import app
from engine.model.tokens import TokenRow
from engine.rules import RULES_VERSION
from engine.rules.clock_time import NS_PER_S, midnight_ns
from engine.runtime.memory_disk import MemoryDisk
from engine.sessionlog.format import Header, Source
from engine.sessionlog.writer import SessionLogWriter
from engine.testing import TRADING_DATE, nifty_chain


class Answer(NamedTuple):
    code: int
    out: str
    err: str


Engine = Callable[..., Answer]


@pytest.fixture
def engine(capsys: pytest.CaptureFixture[str]) -> Iterator[Engine]:
    """Run one command line; return its exit code and what it wrote."""
    contexts = (decimal.getcontext(), decimal.DefaultContext)
    before = [context.traps[decimal.FloatOperation] for context in contexts]

    def run(*words: str | Path) -> Answer:
        code = app.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    yield run
    for context, trapped in zip(contexts, before, strict=True):
        context.traps[decimal.FloatOperation] = trapped


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording of two hours with a frame at each end; nothing here decodes them."""
    catalogue = nifty_chain()
    tokens = tuple(TokenRow(i.segment, str(i.index + 1), i.key) for i in catalogue)
    header = Header(
        created_by="the tests",
        trading_date=TRADING_DATE,
        cadence_s=1.0,
        instruments=tuple(catalogue.facts()),
        sources=(Source(name="angelone", decoder="angelone", tokens=tokens),),
        rules_version=RULES_VERSION,
    )
    disk = MemoryDisk()
    writer = SessionLogWriter(disk, header, name="morning.arrow")
    opens = midnight_ns(TRADING_DATE) + (9 * 60 + 15) * 60 * NS_PER_S
    writer.frame("angelone", opens, b"first")
    writer.frame("angelone", opens + 7_200 * NS_PER_S, b"last")
    writer.close(opens + 7_200 * NS_PER_S, "the end")
    path = tmp_path / "morning.arrow"
    path.write_bytes(disk.read())
    return path
