"""Importing any of our modules opens no socket, writes no file, reads none of ours, says nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LISTENER = textwrap.dedent(
    """
    import importlib, json, os, sys

    root, names = sys.argv[1], json.loads(sys.argv[2])
    heard = []
    code = (".py", ".pyc", ".so", ".pyd", ".pth")

    def listen(event, arguments):
        if event.startswith(("socket.", "subprocess.", "os.system", "os.mkdir", "os.rename",
                             "os.remove", "shutil.", "urllib.", "ftplib.", "http.")):
            if event != "socket.__new__" and event not in {"socket.gethostname"}:
                heard.append(event)
            elif event == "socket.__new__":
                heard.append(event)
        elif event == "open":
            path, mode, flags = arguments
            if not isinstance(path, (str, bytes)):
                return
            path = os.fsdecode(path)
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC)
            ours = os.path.abspath(path).startswith(root + os.sep) and not path.endswith(code)
            ours = ours and "site-packages" not in path
            if writes or ours:
                heard.append(f"open {path} {mode or flags}")

    sys.addaudithook(listen)
    threads = None
    for name in names:
        before = len(heard)
        importlib.import_module(name)
        heard[before:] = [f"{name}: {what}" for what in heard[before:]]
    sys.stderr.write(json.dumps(heard))
    """
)


def listen_to(names: list[str], root: Path, path: list[Path]) -> tuple[list[str], str]:
    """Import ``names`` in a process of their own; return what was heard, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-B", "-I", "-c", _with_path(path), str(root), json.dumps(names)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    heard: list[str] = json.loads(done.stderr.splitlines()[-1])
    return heard, done.stdout


def _with_path(path: list[Path]) -> str:
    return f"import sys\nsys.path[:0] = {[str(p) for p in path]!r}\n{LISTENER}"


def test_importing_every_module_is_quiet(root: Path, shipped: Mapping[str, Any]) -> None:
    names = sorted({source.module for source in shipped.values()} - {"engine.__main__"})
    heard, printed = listen_to(["engine.__main__", *names], root, [root])
    assert heard == []
    assert printed == ""


def test_the_listener_hears_a_socket_a_write_and_a_print(tmp_path: Path) -> None:
    (tmp_path / "loud_socket.py").write_text("import socket\nsocket.socket().close()\n")
    (tmp_path / "loud_write.py").write_text(f"open({str(tmp_path / 'x')!r}, 'w').close()\n")
    (tmp_path / "loud_read.py").write_text(f"open({str(tmp_path / 'x')!r}).close()\n")
    (tmp_path / "loud_print.py").write_text("print('hello')\n")
    names = ["loud_socket", "loud_write", "loud_read", "loud_print"]
    heard, printed = listen_to(names, tmp_path, [tmp_path])
    assert [line.split(":")[0] for line in heard] == ["loud_socket", "loud_write", "loud_read"]
    assert printed == "hello\n"
