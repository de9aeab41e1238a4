"""Strategy classes, found by ``uses:`` and given the parameters that the YAML states.

``uses`` is ``module:Class`` or ``./file.py:Class``. Both are looked for from the folder of the YAML
first, so that a file beside it is found whatever the working folder is. What runs is what was
hashed: a file is compiled from the bytes that were read, never from a cached ``.pyc``.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import pkgutil
import sys
import traceback
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, get_args

from engine.errors import FileError
from engine.model.arithmetic import exactly
from engine.model.codec import encode
from engine.model.nearest import nearest
from engine.runtime import config, yaml_check
from engine.runtime.config import (
    Configuration,
    Paper,
    Risk,
    Sections,
    StrategyRisk,
    StrategySettings,
)
from engine.runtime.yaml_marks import Document
from engine.strategy import Params, State, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedStrategy(Generic[Risk, StrategyRisk]):
    """A strategy ready to be made: its class, its parameters and the hash of its source file."""

    settings: StrategySettings[Risk, StrategyRisk]
    strategy: type[Strategy[Any]]
    params: Params
    state: type[State]
    source_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[Risk, StrategyRisk, Paper]):
    """A configuration and its strategies, in the order of the YAML."""

    configuration: Configuration[Risk, StrategyRisk, Paper]
    strategies: tuple[LoadedStrategy[Risk, StrategyRisk], ...]


def load(
    path: Path,
    sections: Sections[Risk, StrategyRisk, Paper],
    *,
    live: bool = False,
    folder: Path | None = None,
    calendar: Path | None = None,
) -> Loaded[Risk, StrategyRisk, Paper]:
    """Read a YAML file and everything it names. Imports the strategies' modules.

    ``folder`` is where its paths start from, when that is not where the file itself is;
    ``calendar`` stands for the calendar file that it names, if it names one.

    Raises ``ConfigError`` with all that is wrong in the file, line by line, and ``FileError`` where
    live trading is asked for.
    """
    folder = path.parent if folder is None else folder
    reading = config.read(path, sections, live=live, folder=folder, calendar=calendar)
    found = [load_strategy(settings, folder, reading.document) for settings in reading.entries]
    configuration = reading.get()
    strategies = tuple(strategy for strategy in found if strategy is not None)
    return Loaded(configuration=configuration, strategies=strategies)


# Exactly: an author may well set a Decimal precision at import, or where parameters are judged.
@exactly
def load_strategy(
    settings: StrategySettings[Risk, StrategyRisk], folder: Path, document: Document
) -> LoadedStrategy[Risk, StrategyRisk] | None:
    """Find one strategy and judge its parameters; None after noting what is wrong with it."""
    try:
        found, source_sha256 = resolve(settings.uses, folder)
        state = state_type(found)
    except FileError as error:
        document.complain((*settings.path, "uses"), str(error))
        return None
    params = yaml_check.check(
        document, (*settings.path, "params"), settings.params, params_type(found)
    )
    if params is None:
        return None
    return LoadedStrategy(
        settings=settings,
        strategy=found,
        params=params,
        state=state,
        source_sha256=source_sha256,
    )


@exactly
def resolve(uses: str, folder: Path) -> tuple[type[Strategy[Any]], str]:
    """Return the class ``uses`` names and the sha256 of the file it stands in.

    Raises ``FileError`` when there is no such file, module or class, when importing it fails, and
    when what it names is not a strategy.
    """
    place, colon, name = uses.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise FileError(f"must be module:Class or ./file.py:Class; got {uses}")
    with _importing_from(folder):
        is_file = place.endswith(".py") or "/" in place
        module, source = _from_file(place, folder) if is_file else _from_module(place)
    found = getattr(module, name, None)
    if found is None:
        offered = [n for n, value in vars(module).items() if _is_strategy(value)]
        raise FileError(f"{place} has no {name}{nearest(name, offered)}")
    if not _is_strategy(found):
        raise FileError(f"{place}: {name} is not a strategy; it must subclass engine.Strategy")
    return found, hashlib.sha256(source).hexdigest()


def params_type(strategy: type[Strategy[Any]]) -> type[Params]:
    """Return ``P`` of ``class X(Strategy[P])``; ``Params``, which takes none, where not stated."""
    for ancestor in strategy.__mro__:
        for base in ancestor.__dict__.get("__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, Params):
                    return argument
    return Params


def state_type(strategy: type[Strategy[Any]]) -> type[State]:
    """Return the struct that ``state`` is annotated with.

    Raises ``FileError`` when the annotation is no subclass of ``State``, or one that cannot be made
    without values or written down: the engine makes the first, and journals it.
    """
    for ancestor in strategy.__mro__:
        annotation = inspect.get_annotations(ancestor).get("state")
        if annotation is None:
            continue
        if isinstance(annotation, str):
            try:
                annotation = typing.get_type_hints(ancestor)["state"]
            except NameError as error:
                raise FileError(f"{strategy.__name__}: the type of `state`: {error}") from None
        if isinstance(annotation, type) and issubclass(annotation, State):
            try:
                encode(annotation())
            except Exception as error:
                raise FileError(
                    f"{strategy.__name__}: {annotation.__name__} must have a default for every "
                    f"field, and of plain values: {type(error).__name__}: {error}"
                ) from error
            return annotation
        raise FileError(f"{strategy.__name__}: `state` must be annotated with a subclass of State")
    return State


def _is_strategy(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Look for modules in ``folder`` first, while the strategies are imported and no longer."""
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(entry)


def _from_module(name: str) -> tuple[ModuleType, bytes]:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    except (ImportError, ValueError) as error:
        raise FileError(f"cannot find {name}: {error}") from None
    if spec is None:
        raise FileError(f"no module {name}{_near_module(name)}")
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise FileError(f"{name} is a folder or a compiled module; name the .py module in it")
    try:
        return importlib.import_module(name), Path(spec.origin).read_bytes()
    except (Exception, SystemExit) as error:
        raise FileError(_why(error, Path(spec.origin))) from error


def _near_module(name: str) -> str:
    package, _, leaf = name.rpartition(".")
    try:
        spec = importlib.util.find_spec(package) if package else None
    except (ImportError, ValueError):
        return ""
    if spec is None or spec.submodule_search_locations is None:
        return ""
    siblings = [m.name for m in pkgutil.iter_modules(list(spec.submodule_search_locations))]
    return nearest(leaf, siblings) if siblings else ""


class _FreshLoader(importlib.machinery.SourceFileLoader):
    """Compiles the bytes it was given: no cache is read, none is written."""

    def __init__(self, fullname: str, path: str, source: bytes) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> Any:
        """Return the compiled module."""
        return self.source_to_code(self._source, self.get_filename(fullname))


def _from_file(place: str, folder: Path) -> tuple[ModuleType, bytes]:
    path = folder / place
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        beside = [p.name for p in sorted(path.parent.glob("*.py"))]
        raise FileError(f"no file {place} beside the YAML{nearest(path.name, beside)}") from None
    except OSError as error:
        raise FileError(f"{place} cannot be read: {error.strerror}") from None
    path = path.resolve()
    # The name holds the content and the place, so that two files never share a module and the
    # same file, named twice, is one.
    mark = hashlib.sha256(str(path).encode() + b"\0" + source).hexdigest()[:12]
    name = f"legwork_strategy_{path.stem}_{mark}"
    if name in sys.modules:
        return sys.modules[name], source
    loader = _FreshLoader(name, str(path), source)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise FileError(f"{place} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise FileError(_why(error, path)) from error
    return module, source


def _why(error: BaseException, path: Path) -> str:
    """Say what went wrong while importing ``path``, at its last line in that file."""
    line = 0
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno or 0
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(path):
            line = frame.lineno or 0
    at = f"{path.name}:{line}" if line else path.name
    return f"importing it failed at {at}: {type(error).__name__}: {error}"
