"""What a compile depended on: project files loaded or opened, environment variables read, and what makes it unfit for
the compile cache.

An audit hook cannot be taken away again, so it looks at one global that is None outside a compile.
"""

import hashlib
import os
import stat
import sys
from types import FrameType
from typing import Any, Dict, Iterator, List, Optional, Tuple

from stoker._environment import packages_stamp
from stoker._place import PACKAGE
from stoker._project import is_library_file, is_own_file, project_modules

# What a compile's answer may depend on without leaving a file or variable behind.
_OUTSIDE = {
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.exec": "starts a process",
    "socket.connect": "opens a connection",
}
_LISTINGS = ("os.listdir", "os.scandir", "glob.glob", "glob.glob/2")
# Set by shells and terminals for every command: reading all variables does not mean these.
_VOLATILE = frozenset(
    {"_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "TERM", "COLORTERM", "WINDOWID", "TERM_SESSION_ID", "SSH_CLIENT",
     "SSH_CONNECTION", "SSH_TTY", "SSH_AUTH_SOCK", "XDG_SESSION_ID", "DBUS_SESSION_BUS_ADDRESS", "INVOCATION_ID",
     "JOURNAL_STREAM"}
)  # fmt: skip
_IGNORED = ("/proc/", "/dev/", "/sys/")

_active: "Optional[Recorder]" = None
_hooked = False


class Recorder:
    """Watches from `start` to `stop`."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(os.path.abspath(root), "")
        self.files: Dict[str, None] = {}
        self.variables: Dict[str, Optional[str]] = {}
        self.unfit: Dict[str, None] = {}
        self._plain: Any = None

    def start(self) -> None:
        global _active, _hooked
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked = True
        _active = self
        self._plain = type(os.environ)
        os.environ.__class__ = _watched(self._plain)

    def stop(self) -> None:
        global _active
        _active = None
        if self._plain is not None:
            os.environ.__class__ = self._plain

    def opened(self, path: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            return
        name = os.path.abspath(os.fsdecode(path))
        if name.endswith(".pyc") or name.startswith(_IGNORED) or is_library_file(name) or is_own_file(name):
            return
        # A library's own reading outside the project (font caches, certificates) is the library's affair.
        if name.startswith(self._root) or not _only_library_frames():
            self.files[name] = None

    def dependencies(self) -> Dict[str, Any]:
        """The document of the host protocol."""
        for module in project_modules():
            self.files[os.path.abspath(module.__file__)] = None
        stamp, folders = packages_stamp()
        python: Dict[str, Any] = {
            "executable": sys.executable,
            "version": f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]}",
            "packages_stamp": stamp,
        }
        if not self.unfit:
            # Without its folders an answer can never be found unchanged.
            python["packages"] = folders
        found: Dict[str, Any] = {
            "files": [entry for entry in map(_file_entry, sorted(self.files)) if entry is not None],
            "environment": {name: _digest_text(self.variables[name]) for name in sorted(self.variables)},
            "python": python,
            "cacheable": not self.unfit,
        }
        if self.unfit:
            found["reason"] = "; ".join(self.unfit)
        return found


def _file_entry(path: str) -> Optional[Dict[str, Any]]:
    """A file as it is; one that was looked for and is not there has no digest."""
    try:
        status = os.stat(path)
    except OSError:
        return {"path": path, "digest": None, "size": 0, "mtime_ns": 0}
    if not stat.S_ISREG(status.st_mode):
        return None
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return {"path": path, "digest": f"sha256:{digest.hexdigest()}", "size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _digest_text(value: Optional[str]) -> Optional[str]:
    return None if value is None else "sha256:" + hashlib.sha256(os.fsencode(value)).hexdigest()


def _hook(event: str, args: Tuple[Any, ...]) -> None:
    recorder = _active
    if recorder is None:
        return
    try:
        if event == "open":
            recorder.opened(args[0], args[2] if len(args) > 2 else 0)
        elif event in _LISTINGS:
            _listed(recorder, args)
        elif event in _OUTSIDE and not _only_library_frames():
            recorder.unfit[_OUTSIDE[event]] = None
    except Exception:  # never the user's problem
        pass


def _listed(recorder: Recorder, args: Tuple[Any, ...]) -> None:
    """A listing by project code: a new file there would change the answer, and no digest would tell."""
    if not _only_library_frames():
        recorder.unfit[f"lists the folder {args[0] or '.'}"] = None


def _only_library_frames() -> bool:
    """Whether the innermost frame that is not the standard library's is no project code either."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
        return True  # an import looks into folders; what it finds is recorded by itself
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(("<frozen", PACKAGE)):
            from stoker._project import is_standard_file

            if not is_standard_file(name):
                return is_library_file(name)
        elif name.startswith(PACKAGE) and not name.endswith("_record.py"):
            return True
        frame = frame.f_back
    return True


_watched_classes: Dict[Any, Any] = {}


def _watched(plain: Any) -> Any:
    """A class for `os.environ` that notes what is read."""
    if plain in _watched_classes:
        return _watched_classes[plain]

    class Watched(plain):  # type: ignore[misc]
        def __getitem__(self, key: Any) -> Any:
            if _active is not None and isinstance(key, str):
                _note(plain, self, key)
            return plain.__getitem__(self, key)

        def __contains__(self, key: Any) -> bool:
            if _active is not None and isinstance(key, str):
                _note(plain, self, key)
            return bool(plain.__contains__(self, key))

        def __iter__(self) -> Iterator[Any]:
            names: List[str] = list(plain.__iter__(self))
            if _active is not None:
                for name in names:
                    _note(plain, self, name)
            return iter(names)

    _watched_classes[plain] = Watched
    return Watched


def _note(plain: Any, environment: Any, key: str) -> None:
    assert _active is not None
    if key in _active.variables or key in _VOLATILE or key.startswith("STOKER_"):
        return
    try:
        _active.variables[key] = plain.__getitem__(environment, key)
    except KeyError:
        _active.variables[key] = None
