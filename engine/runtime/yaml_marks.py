"""A YAML document that remembers where every value stands, so that an error can name its line.

YAML 1.1 reads some things as nobody means them (``9:20`` is the number 560, ``010`` is 8); those
are problems here, with the spelling that works. So are duplicate keys, which YAML lets pass.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from engine.errors import ConfigError

# A path inside the document: mapping keys and list positions from the top.
KeyPath = tuple[str | int, ...]

MAX_BYTES: Final = 1_048_576
# Counted after aliases are followed, so that a few lines of anchors cannot grow without end.
MAX_VALUES: Final = 20_000
MAX_DEPTH: Final = 40

_CLOCK: Final = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9_]+")

_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset(
    _TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp")
)


def dotted(path: KeyPath) -> str:
    """Return ``path`` as a person writes it: ``strategies.straddle.legs[2]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a file, at a line."""

    line: int
    key: str
    text: str


@dataclass(slots=True)
class Problems:
    """Everything wrong in one file, gathered so that a person mends it in one go."""

    file: str
    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, path: KeyPath, text: str) -> None:
        """Note a problem, unless one is already noted for the same key."""
        problem = Problem(line, dotted(path), text)
        if all((known.line, known.key) != (problem.line, problem.key) for known in self.found):
            self.found.append(problem)

    def raise_any(self) -> None:
        """Raise one ``ConfigError`` that lists all problems by line; return when there are none."""
        if not self.found:
            return
        lines = [
            f"{self.file}:{p.line}: {p.key}: {p.text}"
            if p.key
            else f"{self.file}:{p.line}: {p.text}"
            for p in sorted(self.found)
        ]
        if len(lines) > 1:
            lines.insert(0, f"{len(lines)} problems in {self.file}:")
        raise ConfigError("\n".join(lines))


@dataclass(slots=True)
class Document:
    """The plain data of a YAML file, the line of each key, and how each scalar was written."""

    file: str
    data: dict[str, Any]
    problems: Problems
    lines: dict[KeyPath, int] = field(default_factory=dict)
    spellings: dict[KeyPath, str] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """Return the line of ``path``, or of the nearest thing around it that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path] if path else 1

    def where(self, path: KeyPath) -> str:
        """Return ``file:line: key``, the head of a message about ``path``."""
        return f"{self.file}:{self.line(path)}: {dotted(path)}"

    def complain(self, path: KeyPath, text: str) -> None:
        """Note a problem with the value at ``path``."""
        self.problems.add(self.line(path), path, text)


def read(path: Path) -> Document:
    """Read and mark a YAML file whose top is a mapping.

    What YAML itself can carry but a configuration may not is noted in ``Document.problems``, for
    the caller to raise with its own. Raises ``ConfigError`` where there is no document at all: a
    file that is missing, unreadable, empty, too large, not UTF-8, not YAML or not a mapping.
    """
    file = str(path)
    return parse(_text(path, file), file)


def parse(text: str, file: str) -> Document:
    """Mark YAML ``text``; ``file`` is its name in messages. Raises as ``read`` does."""
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax(error, file)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{file}:{line}: the character {error.character:#06x} cannot stand in YAML"
        ) from None
    except RecursionError:
        raise ConfigError(f"{file}: nested far too deeply to be a configuration") from None
    if root is None:
        raise ConfigError(f"{file}: the file is empty; `engine new NAME` writes one that runs")
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{file}:{root.start_mark.line + 1}: the top must be `key: value` lines")
    document = Document(file=file, data={}, problems=Problems(file))
    document.data = _Reader(loader, document).mapping(root, ())
    return document


def _text(path: Path, file: str) -> str:
    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{file}: is a folder; name the YAML file in it") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{file}: larger than {MAX_BYTES} bytes; is this the right file?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _syntax(error: yaml.MarkedYAMLError, file: str) -> str:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 1
    problem = error.problem or "not readable as YAML"
    if "'\\t'" in problem:
        problem = "a tab; YAML wants spaces"
    context = f" ({error.context})" if error.context else ""
    return f"{file}:{line}: {problem}{context}"


class _Reader:
    """Turns nodes into plain data, marking as it goes."""

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._problems = document.problems
        self._values = 0
        self._visited: set[int] = set()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        line = node.start_mark.line + 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            raise ConfigError(
                f"{self._document.file}:{line}: too much in one file (over {MAX_VALUES} values, or "
                f"nested deeper than {MAX_DEPTH}); check its anchors and aliases"
            )
        self._document.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.value(child, (*path, n)) for n, child in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return self._scalar(node, path)
        tag = node.tag.replace(_TAG, "!!")
        self._document.complain(path, f"a setting cannot be a {tag}; write it without the tag")
        return None

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        # A node that an alias reaches again has had its merge keys resolved, which may leave a
        # merged key beside the one that overrides it.
        if id(node) not in self._visited:
            self._visited.add(id(node))
            self._refuse_duplicates(node, path)
        try:
            self._loader.flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            raise ConfigError(_syntax(error, self._document.file)) from None
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if key_node.tag != _TAG + "str" or not isinstance(key, str):
                written = key if isinstance(key, str) else "?"
                self._problems.add(
                    line, (*path, written), f'a key must be text; write "{written}" in quotes'
                )
                continue
            self._document.lines[(*path, key)] = line
            data[key] = self.value(value_node, (*path, key))
        return data

    def _refuse_duplicates(self, node: yaml.MappingNode, path: KeyPath) -> None:
        first: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            line = key_node.start_mark.line + 1
            if key_node.value in first:
                text = f"a second time (first on line {first[key_node.value]}); keep one"
                self._problems.add(line, (*path, key_node.value), text)
            first.setdefault(key_node.value, line)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        written = str(node.value)
        self._document.spellings[path] = f'"{written}"' if node.style in ("'", '"') else written
        complain = self._document.complain
        if node.style is None and _CLOCK.fullmatch(written):
            complain(path, f'a time stands in quotes: "{written.zfill(5)}"')
            return written
        if node.tag == _TAG + "int" and _LEADING_ZERO.fullmatch(written):
            complain(path, f"{written} would be read as an octal number; drop the leading zero")
            return 0
        try:
            value = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            complain(path, f"{written!r} cannot be read as {node.tag.rpartition(':')[2]}")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            complain(path, f"{written} is not a figure that a setting can have")
            return 0.0
        return value
