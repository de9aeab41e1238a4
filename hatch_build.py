"""Builds the compiled twins of the hot paths where there is a C compiler.

hatchling calls this for every wheel (``tool.hatch.build.targets.wheel.hooks.custom``). Without a
compiler the wheel is one of pure Python, and ``engine --version`` says what is in use.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import PlatformError

SOURCES = (
    Path("brokers/angelone/normalize/compiled.c"),
    Path("engine/runtime/hot_path/compiled.c"),
)
# A product and a sum rounded once, as some processors can, differ from Python's, rounded twice.
EXACT = [] if sys.platform == "win32" else ["-ffp-contract=off"]


class CompiledTwins(BuildHookInterface[Any]):
    """Adds the extension modules to a wheel; puts each beside its source for an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build. ``version`` is ``standard`` or ``editable``."""
        self._folder = tempfile.TemporaryDirectory(prefix="legwork-build-")
        for source in SOURCES:
            built = self._build(source, Path(self._folder.name))
            if built is None:
                self.app.display_warning(f"no working C compiler: {source} is left to its Python")
                continue
            if version == "editable":
                beside = Path(self.root) / source.with_name(built.name)
                # Renamed into place: a process that runs with the old one keeps it.
                fresh = beside.with_name(f".{beside.name}")
                fresh.write_bytes(built.read_bytes())
                fresh.replace(beside)
            else:
                build_data["force_include"][str(built)] = source.with_name(built.name).as_posix()
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the temporary folder away."""
        del version, build_data, artifact_path
        self._folder.cleanup()

    def _build(self, source: Path, folder: Path) -> Path | None:
        """Compile and link; return the extension module, None where this machine cannot."""
        module = ".".join(source.with_suffix("").parts)
        text = Path(self.root) / source
        digest = hashlib.sha256(text.read_bytes()).hexdigest()
        extension = Extension(
            module,
            [str(text)],
            define_macros=[("SOURCE_SHA256", f'"{digest}"')],
            extra_compile_args=EXACT,
            optional=True,
        )
        command = build_ext(Distribution({"name": "legwork", "ext_modules": [extension]}))
        command.build_lib = command.build_temp = str(folder)
        command.ensure_finalized()
        try:
            command.run()
        except PlatformError as error:  # not even the idea of a compiler
            self.app.display_warning(str(error))
        built = folder / command.get_ext_filename(module)
        return built if built.exists() else None
