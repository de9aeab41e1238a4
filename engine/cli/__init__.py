"""The command line: one file per command, joined in ``engine.cli.app``."""
