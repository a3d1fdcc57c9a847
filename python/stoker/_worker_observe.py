"""What a step used at run time: project modules imported and project files opened, by an audit hook (PIPELINES.md,
cache key, dynamic part).

Seen is what this process opens through Python. Not seen: files that native code opens by itself, and what child
processes read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import sys
import sysconfig
import threading
from typing import Any, Dict, List, Optional, Tuple

_HASHED_BYTES = 1 << 30
_CHUNK = 1 << 20
# More than this many files are a data set, not a dependency list; the rest is named as one outside read.
FILE_LIMIT = 10_000
_LIBRARY_PARTS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_IGNORED_PARTS = (f"{os.sep}.git{os.sep}", f"{os.sep}__pycache__{os.sep}", f"{os.sep}.stoker{os.sep}")
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _standard_library() -> Tuple[str, ...]:
    folders = {
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("platstdlib"),
        os.path.dirname(os.path.abspath(os.__file__)),
    }
    found = {folder for folder in folders if folder}
    return tuple(sorted(os.path.join(folder, "") for folder in found | {os.path.realpath(folder) for folder in found}))


STANDARD_LIBRARY = _standard_library()


def is_library(path: str) -> bool:
    """Whether a source file belongs to Python, an installed distribution or this SDK: not the user's."""
    if any(part in path for part in _LIBRARY_PARTS) or path.startswith((_OWN_FOLDER, "<frozen")):
        return True
    return path.startswith(STANDARD_LIBRARY)


class Observer:
    """Collects between `start` and `stop`. The digests are those of the content when it was first read."""

    def __init__(self, root: Optional[str], excluded: List[str]) -> None:
        roots = {os.path.join(os.path.abspath(root), ""), os.path.join(os.path.realpath(root), "")} if root else set()
        self._roots = tuple(sorted(roots))
        self._excluded = tuple(os.path.join(os.path.abspath(path), "") for path in excluded if path)
        self._excluded_files = {os.path.abspath(path) for path in excluded if path}
        self._found: Dict[str, Tuple[str, str]] = {}  # path -> (digest, kind)
        self._written: Dict[str, None] = {}
        self._busy: Optional[int] = None
        self._owner = os.getpid()
        self.overflow = False

    def start(self) -> None:
        global _active, _hooked
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked = True
        _active = self

    def stop(self) -> None:
        global _active
        if _active is self:
            _active = None

    def files(self) -> List[Dict[str, str]]:
        return [{"path": path, "digest": digest, "kind": kind} for path, (digest, kind) in sorted(self._found.items())]

    def in_project(self, path: str) -> bool:
        return path.startswith(self._roots) if self._roots else False

    def knows(self, path: str) -> bool:
        return os.path.abspath(path) in self._found

    def note(self, path: str, kind: str = "file") -> bool:
        """Record a file that was read by other means; whether it is one to record."""
        path = os.path.abspath(path)
        if not self._wanted(path, kind) or not os.path.isfile(path):
            return False
        self._record(path, kind)
        return True

    def opened(self, args: Tuple[Any, ...]) -> None:
        if self._busy == threading.get_ident() or os.getpid() != self._owner:
            return
        path, flags = args[0], args[2] if len(args) > 2 and isinstance(args[2], int) else 0
        if isinstance(path, int):
            return
        self._busy = threading.get_ident()
        try:
            text = os.path.abspath(os.fsdecode(path))
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                if text not in self._found and self.in_project(text) and not flags & os.O_RDWR:
                    self._written[text] = None
                return
            self._read(text)
        except Exception:  # never the user's problem
            pass
        finally:
            self._busy = None

    def _read(self, path: str) -> None:
        if path.endswith(".pyc"):
            source = _source_of(path)
            if source is not None and self._wanted(source, "module"):
                self._record(source, "module")
            return
        kind = "file"
        if path.endswith(".py"):
            opener = _opener()
            if opener == "linecache":
                return
            kind = "module" if opener == "importlib" else "file"
        if self._wanted(path, kind):
            self._record(path, kind)

    def _wanted(self, path: str, kind: str) -> bool:
        if path in self._found:
            return False
        if path in self._written or path in self._excluded_files or path.startswith(self._excluded):
            return False
        if any(part in path for part in _IGNORED_PARTS) or is_library(path):
            return False
        return kind == "module" or self.in_project(path)

    def _record(self, path: str, kind: str) -> None:
        if len(self._found) >= FILE_LIMIT:
            self.overflow = True
            return
        digest = _digest(path)
        if digest is not None:
            self._found[path] = (digest, kind)


_active: Optional[Observer] = None
_hooked = False


def _hook(event: str, args: Tuple[Any, ...]) -> None:
    if event == "open":
        observer = _active
        if observer is not None:
            observer.opened(args)


def _source_of(cached: str) -> Optional[str]:
    try:
        source = importlib.util.source_from_cache(cached)
    except (ValueError, NotImplementedError):
        return None
    return source if os.path.exists(source) else None


def _opener() -> str:
    """Who opens a source file: the import system, somebody who shows source lines, or the user's code."""
    frame = sys._getframe(1)
    for _ in range(12):
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib") or name.endswith(
            ("importlib/_bootstrap_external.py", "importlib/_bootstrap.py")
        ):
            return "importlib"
        if name.endswith((f"{os.sep}linecache.py", f"{os.sep}traceback.py", f"{os.sep}inspect.py")):
            return "linecache"
        if frame.f_back is None:
            break
        frame = frame.f_back
        if not is_library(frame.f_code.co_filename) and not frame.f_code.co_filename.startswith("<"):
            break
    return "code"


def _digest(path: str) -> Optional[str]:
    try:
        with open(path, "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > _HASHED_BYTES:
                return f"stat:{found.st_size}:{found.st_mtime_ns}"
            digest = hashlib.sha256()
            while True:
                chunk = stream.read(_CHUNK)
                if not chunk:
                    return "sha256:" + digest.hexdigest()
                digest.update(chunk)
    except OSError:
        return None
