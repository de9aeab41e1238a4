"""The day through NautilusTrader as Legwork goes through it: from a file to a file.

The quotes are read from a catalog, orders pass its risk engine, and their events are streamed to
disk as they happen. Logging and analysis are off; of what it streams, only the orders are taken.
"""

from __future__ import annotations

import shutil

import pyarrow as pa
from nautilus_trader import __version__
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, StreamingConfig
from nautilus_trader.model import events
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from benchmarks.peers.nautilus.parts import EmaCross, add_market
from benchmarks.peers.result import Asked, Done, Finish, Run, deliver

KEPT = [
    events.OrderInitialized,
    events.OrderDenied,
    events.OrderSubmitted,
    events.OrderAccepted,
    events.OrderRejected,
    events.OrderFilled,
]


def load(asked: Asked) -> Run:
    source = asked.recording
    if source is None:
        raise SystemExit("needs the day as a catalog: --recording")
    target = source.with_name(f"{source.name}-run")
    shutil.rmtree(target, ignore_errors=True)

    def run() -> Finish:
        catalog = ParquetDataCatalog(str(source))
        engine = BacktestEngine(
            BacktestEngineConfig(
                logging=LoggingConfig(bypass_logging=True),
                run_analysis=False,
                streaming=StreamingConfig(catalog_path=str(target), include_types=KEPT),
            )
        )
        # The strategy counts them in the order of the day, which their names have.
        instruments = sorted(catalog.instruments(), key=lambda one: int(one.id.symbol.value[1:]))
        add_market(engine, instruments)
        engine.add_data(catalog.quote_ticks())
        strategy = EmaCross(instruments)
        engine.add_strategy(strategy)
        engine.run()
        engine.dispose()

        def finish() -> Done:
            done = strategy.done()
            (streamed,) = target.rglob("order_filled_*.feather")
            rows = pa.ipc.open_stream(streamed.read_bytes()).read_all()
            # Each is there twice: it is published as an order's event and as a fill.
            orders = set(rows["client_order_id"].to_pylist())
            if orders != set(strategy.sent):
                raise SystemExit(f"{len(done.fills)} fills, of {len(orders)} orders on disk")
            return done

        return finish

    return run


if __name__ == "__main__":
    deliver(f"nautilus_trader {__version__}, from file to file", load)
