"""A pure model exchange: recorded markets in, orders of ours against them, reports out.

Everything is in integer ticks and whole units; time is a parameter. It knows nothing of brokers,
replies, latency or accounts: ``brokers.paper`` and the simulators put those around it. What it
models, and what it leaves out, is written down in ``docs/paper-exchange.md``.
"""
