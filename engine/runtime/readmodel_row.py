"""What every row of the read model is."""

from __future__ import annotations

import msgspec


class Row(msgspec.Struct):
    """One row of a table: its class is the table, its fields are the columns."""
