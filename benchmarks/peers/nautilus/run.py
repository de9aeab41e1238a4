"""The day through NautilusTrader's ``BacktestEngine``, as quote ticks that are in memory.

Logging, analysis and risk checks are off, and nothing is written.
"""

from __future__ import annotations

from nautilus_trader import __version__
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, RiskEngineConfig

from benchmarks.peers.nautilus.parts import EmaCross, add_market, instruments_of, quotes_of
from benchmarks.peers.result import Asked, Finish, Run, deliver


def load(asked: Asked) -> Run:
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(bypass=True),
            run_analysis=False,
        )
    )
    instruments = instruments_of(asked.day)
    add_market(engine, instruments)
    engine.add_data(quotes_of(asked.day, instruments, books=asked.books))
    strategy = EmaCross(instruments)
    engine.add_strategy(strategy)

    def run() -> Finish:
        engine.run()
        return strategy.done

    return run


if __name__ == "__main__":
    deliver(f"nautilus_trader {__version__}", load)
