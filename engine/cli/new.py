"""``engine new NAME``: a strategy, its test and its YAML entry. Overwrites nothing."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
import yaml

import engine
from engine.cli import templates
from engine.cli.output import JsonOption, write_json, write_lines
from engine.cli.templates import Names
from engine.errors import FileError
from engine.runtime import yaml_marks
from engine.runtime.config import MAX_STRATEGY_ID_CHARS

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_ ]?[A-Za-z0-9]+)*")
_UNDERLYING: Final = re.compile(r"[A-Z0-9][A-Z0-9&-]*")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+")
# Modules of these names would hide ours, or be hidden by them.
_TAKEN: Final = frozenset({"brokers", "engine", "risk", "strategies", "tests", "conftest"})


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it, e.g. my-idea.")],
    folder: Annotated[
        Path, typer.Option(help="Where to write; made when it does not exist.")
    ] = Path(),
    recording: Annotated[
        Path | None,
        typer.Option(help="What the new strategies.yaml runs on; default: the bundled morning."),
    ] = None,
    underlying: Annotated[str, typer.Option(help="What it trades options of.")] = "NIFTY",
    *,
    as_json: JsonOption = False,
) -> None:
    """Write a strategy that runs, its test and its YAML entry."""
    names = spell(name)
    source = folder / f"{names.module}.py"
    test = folder / f"test_{names.module}.py"
    config = folder / "strategies.yaml"
    for path in (source, test):
        if path.exists():
            raise FileError(f"{path} exists; choose another name or move it away")
    if not _UNDERLYING.fullmatch(underlying):
        raise FileError(f"{underlying!r} is no underlying: capital letters, digits, & and hyphens")
    exists = config.exists()
    if exists:
        if recording is not None:
            raise FileError(f"{config} exists and names its recording; leave --recording away")
        yaml_marks.read(config)
        after = with_entry(config.read_text(encoding="utf-8-sig"), str(config), names, underlying)
    else:
        after = templates.configuration(names, underlying, _recording(recording, folder))
    folder.mkdir(parents=True, exist_ok=True)
    _write(
        {
            source: templates.strategy(names, underlying),
            test: templates.test(names),
        },
        config,
        after,
    )
    if as_json:
        write_json({"strategy": source, "test": test, "config": config, "id": names.strategy_id})
        return
    did = "added" if exists else "written, with"
    write_lines(
        [
            f"{source}: the strategy",
            f"{test}: its test",
            f"{config}: {did} its entry, {names.strategy_id}",
            "",
            f"engine check {config}",
            f"engine run {config}",
            f"pytest {test}",
        ]
    )


def spell(name: str) -> Names:
    """Return ``name`` in its three spellings. Raises ``FileError`` for one that cannot be used."""
    if not _NAME.fullmatch(name):
        raise FileError(
            f"{name!r} cannot name a strategy: letters, digits and hyphens, a letter first"
        )
    words = [word.lower() for word in _WORD.findall(name)]
    names = Names("-".join(words), "_".join(words), "".join(word.capitalize() for word in words))
    taken = names.module in _TAKEN or names.module in sys.stdlib_module_names
    if taken or keyword.iskeyword(names.module) or len(names.strategy_id) > MAX_STRATEGY_ID_CHARS:
        raise FileError(f"{name!r} is taken by Python or the engine, or too long; choose another")
    return names


def with_entry(text: str, file: str, names: Names, underlying: str) -> str:
    """Return YAML ``text`` with the entry added under ``strategies``, comments and all kept.

    Raises ``ConfigError`` for text that is no configuration, and ``FileError`` when the id is
    there already or the place for it cannot be told.
    """
    document = yaml_marks.parse(text, file)
    document.problems.raise_any()
    known = document.data.get("strategies")
    if isinstance(known, dict) and names.strategy_id in known:
        where = document.where(("strategies", names.strategy_id))
        raise FileError(f"{where} exists; choose another name")
    added = templates.entry(names, underlying, 2)
    try_text = text
    block = _block(text)
    if block is not None:
        after_line, indent = block
        added = templates.entry(names, underlying, indent)
        lines = text.splitlines(keepends=True)
        if not lines[after_line - 1].endswith("\n"):
            lines[after_line - 1] += "\n"
        try_text = "".join([*lines[:after_line], added, *lines[after_line:]])
    wanted = {**document.data}
    wanted["strategies"] = {**(known if isinstance(known, dict) else {}), **yaml.safe_load(added)}
    if yaml_marks.parse(try_text, file).data != wanted:
        raise FileError(
            f"{file}: no block of `strategies:` to add to, so nothing was written; the entry is\n"
            f"{added}"
        )
    return try_text


def _block(text: str) -> tuple[int, int] | None:
    """Return the last line of what ``strategies`` holds, and how far it is indented."""
    root = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return None
    for key, value in root.value:
        if key.value == "strategies" and isinstance(value, yaml.MappingNode) and value.value:
            return _last_line(value), value.value[0][0].start_mark.column
    return None


def _last_line(node: yaml.Node) -> int:
    """Return the last line (from 1) that belongs to ``node``.

    The end mark of a block stands where the next thing begins, after blank lines and comments;
    those of flow collections and of plain and quoted text are their own.
    """
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    if is_block and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    mark = node.end_mark
    return mark.line if mark.column == 0 else mark.line + 1


def _recording(asked: Path | None, folder: Path) -> str:
    if asked is None:
        bundled = Path(engine.__file__).resolve().parent.parent / "recordings"
        found = sorted(bundled.glob("*.arrow"))
        if not found:
            raise FileError(
                "no recording at hand: `engine recordings generate --seed 7` makes one; then name "
                "it with --recording"
            )
        asked = found[0]
    if not asked.is_file():
        raise FileError(f"{asked}: no such recording")
    path, base = asked.resolve(), folder.resolve()
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def _write(new_files: dict[Path, str], config: Path, text: str) -> None:
    """Write all or nothing. The configuration comes last, and whole."""
    made: list[Path] = []
    draft = config.with_name(f".{config.name}.new")
    try:
        for path, content in new_files.items():
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(content)
        with draft.open("w", encoding="utf-8") as file:
            made.append(draft)
            file.write(text)
        draft.replace(config)
    except OSError:
        for path in made:
            path.unlink(missing_ok=True)
        raise
