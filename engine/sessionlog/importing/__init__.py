"""Real data in: candles and snapshots of files become the frames of a recording.

``mapping`` says what a source's columns mean; ``source`` reads its files in batches; ``batch`` and
``identity`` turn a batch into rows, ``sieve`` counts what cannot be used; ``sorting`` puts rows of
any number of files in order without holding them; ``days`` checks them in order and parts them into
trading days; ``prints`` expands candles; ``recording`` writes frames; ``importer`` joins it all.
"""
