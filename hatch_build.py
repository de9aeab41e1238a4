"""Builds the compiled twin of Angel One's decoder where there is a C compiler.

hatchling calls this for every wheel (``tool.hatch.build.targets.wheel.hooks.custom``). Without a
compiler the wheel is one of pure Python, and ``engine --version`` says which decoder is in use.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import PlatformError

MODULE = "brokers.angelone.normalize.compiled"
SOURCE = Path("brokers/angelone/normalize/compiled.c")


class CompiledDecoder(BuildHookInterface[Any]):
    """Adds the extension module to a wheel; puts it beside its source for an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build. ``version`` is ``standard`` or ``editable``."""
        self._folder = tempfile.TemporaryDirectory(prefix="legwork-build-")
        built = self._build(Path(self._folder.name))
        if built is None:
            self.app.display_warning("no working C compiler: the decoder stays in Python")
            return
        if version == "editable":
            beside = Path(self.root) / SOURCE.with_name(built.name)
            # Renamed into place: a process that runs with the old one keeps it.
            fresh = beside.with_name(f".{beside.name}")
            fresh.write_bytes(built.read_bytes())
            fresh.replace(beside)
        else:
            build_data["force_include"][str(built)] = SOURCE.with_name(built.name).as_posix()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the temporary folder away."""
        del version, build_data, artifact_path
        self._folder.cleanup()

    def _build(self, folder: Path) -> Path | None:
        """Compile and link; return the extension module, None where this machine cannot."""
        source = Path(self.root) / SOURCE
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        extension = Extension(
            MODULE,
            [str(source)],
            define_macros=[("SOURCE_SHA256", f'"{digest}"')],
            optional=True,
        )
        command = build_ext(Distribution({"name": "legwork", "ext_modules": [extension]}))
        command.build_lib = command.build_temp = str(folder)
        command.ensure_finalized()
        try:
            command.run()
        except PlatformError as error:  # not even the idea of a compiler
            self.app.display_warning(str(error))
        built = folder / command.get_ext_filename(MODULE)
        return built if built.exists() else None
