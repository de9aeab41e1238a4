"""The day report: numbers first (``build``: a typed ``DayReport``), then one page in one file."""
