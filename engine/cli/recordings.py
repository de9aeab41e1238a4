"""``engine recordings``: describe recordings, make them of real data or a seed, take data out."""

from __future__ import annotations

import typer

from engine.cli.recordings_export import export
from engine.cli.recordings_generate import generate
from engine.cli.recordings_import import import_
from engine.cli.recordings_info import info

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Describe recordings, make them, and take data out.",
)
app.command()(info)
app.command("import")(import_)
app.command()(export)
app.command()(generate)
