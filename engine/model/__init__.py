"""What the engine talks about: instruments, market data, orders, groups, events and effects.

Every module here imports only the standard library and msgspec.
"""
