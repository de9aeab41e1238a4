"""Write the day as NautilusTrader keeps one: a catalog, Parquet files of instruments and quotes."""

from __future__ import annotations

import argparse
from pathlib import Path

from nautilus_trader.persistence.catalog import ParquetDataCatalog

from benchmarks.peers.day import read
from benchmarks.peers.nautilus.parts import instruments_of, quotes_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("day", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--books", action="store_true")
    given = parser.parse_args()
    day = read(given.day)
    instruments = instruments_of(day)
    quotes = quotes_of(day, instruments, books=given.books)
    catalog = ParquetDataCatalog(str(given.out))
    catalog.write_data(instruments)
    for index in range(day.instruments):  # It keeps a file an instrument.
        catalog.write_data(quotes[index :: day.instruments])


if __name__ == "__main__":
    main()
