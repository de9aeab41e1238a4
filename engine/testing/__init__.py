"""Test a strategy without an engine, a loop, a mock or a sleep.

    def test_it_sells_the_straddle_at_its_time() -> None:
        harness = StrategyHarness(ShortStraddle, underlying="NIFTY", stop_pct=25)
        harness.spot(24_312.0)
        harness.advance("09:20:05")
        assert harness.group("straddle").is_held

Behind it are the real kernel, risk gate and paper exchange, in virtual time, on a chain of options
priced by Black-76 around the spot. What the strategy placed is in ``orders``; the market moves when
the test says so.
"""

from engine.testing.harness import LIMITS, TRADING_DATE, StrategyHarness
from engine.testing.market import EXPIRY, nifty_chain

__all__ = ["EXPIRY", "LIMITS", "TRADING_DATE", "StrategyHarness", "nifty_chain"]
