"""A recording's ticks, books and bars as typed columns: to Parquet and CSV, in bounded memory."""
