"""What a compile depended on: project files loaded or opened, paths asked about, environment variables read, and what
makes it unfit for the compile cache.

An audit hook cannot be taken away again, so it looks at one global that is None outside a compile.
"""

import hashlib
import os
import stat
import sys
from typing import Any, Dict, List, Optional, Tuple

from stoker._environment import packages_stamp
from stoker._project import is_library_file, is_own_file, is_project_file, is_standard_file, project_modules
from stoker._watched.environment import EnvironmentReads
from stoker._watched.frames import is_users
from stoker._watched.imports import ModuleSearches, lists_modules
from stoker._watched.paths import ABSENT, PathQuestions, Question, is_text, made_since, now, state_of

# What a compile's answer may depend on without leaving a file or variable behind.
_OUTSIDE = {
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.exec": "starts a process",
    "socket.connect": "opens a connection",
}
_LISTINGS = ("os.listdir", "os.scandir", "glob.glob", "glob.glob/2")
_IGNORED = ("/proc/", "/dev/", "/sys/")
# More than this are a walk through data, not a list of dependencies.
_PATH_LIMIT = 10_000

_active: "Optional[Recorder]" = None
_hooked = False


class Recorder:
    """Watches from `start` to `stop`."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(os.path.abspath(root), "")
        self.files: Dict[str, None] = {}
        self.paths: Dict[str, str] = {}  # path -> state
        self._written: Dict[str, None] = {}
        self._began = 0.0
        self._searches = ModuleSearches((self._root,), is_library_file)
        self._questions = PathQuestions(self.asked)
        # Libraries too: what one reads while it is imported can be in a value that the file computes.
        self.variables = EnvironmentReads(lambda file: True)
        self.unfit: Dict[str, None] = {}

    def start(self) -> None:
        global _active, _hooked
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked = True
        _active = self
        self._began = now()
        self.variables.start()
        self._questions.start()
        self._searches.start()

    def stop(self) -> None:
        global _active
        _active = None
        self.variables.stop()
        self._questions.stop()
        self._searches.stop()
        if any(is_project_file(file) for file in self.variables.listed_by):
            self.unfit["goes over all environment variables"] = None  # one that is new is no change of any digest

    def opened(self, path: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        name = os.path.abspath(os.fsdecode(path))
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            self._written[name] = None
            return
        if name.endswith(".pyc") or name.startswith(_IGNORED) or is_library_file(name) or is_own_file(name):
            return
        # A library's own reading outside the project (font caches, certificates) is the library's affair.
        if name.startswith(self._root) or _is_users():
            if not is_text(name):
                self.unfit["opens a file whose path is no text"] = None
            elif os.path.lexists(name):
                self.files[name] = None
            else:
                self.paths.setdefault(name, ABSENT)

    def asked(self, question: Question) -> bool:
        name = question.path
        if name in self._written or name.startswith(_IGNORED) or is_library_file(name) or is_own_file(name):
            return False
        elsewhere = question.resolving or is_library_file(question.asker) or question.asker.startswith("<")
        if not os.path.join(name, "").startswith(self._root) and elsewhere:
            return False
        if len(self.files) + len(self.paths) >= _PATH_LIMIT:
            self.unfit["asks about too many paths"] = None
        elif not is_text(name):
            self.unfit["asks about a path that is no text"] = None
        elif question.of_the_content and os.path.isfile(name):
            self.files[name] = None
        elif question.of_the_content and os.path.isdir(name) and not is_library_file(question.asker):
            self.unfit[f"asks for the time of the folder {name}"] = None
        elif name not in self.paths and not made_since(self._began, name):
            self.paths[name] = state_of(name)
        return True

    def found_files(self) -> List[str]:
        """Files that were read and not written by the code itself."""
        return [file for file in self.files if file not in self._written]

    def dependencies(self) -> Dict[str, Any]:
        """The document of the host protocol."""
        for module in project_modules().values():
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
            "paths": dict(sorted({**self._searches.paths, **self.paths}.items())),
            "environment": dict(sorted(self.variables.found.items())),
            "python": python,
            "cacheable": not self.unfit,
        }
        if self.unfit:
            found["reason"] = "; ".join(self.unfit)
        return found


def digest_of_file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def _file_entry(path: str) -> Optional[Dict[str, Any]]:
    """A file as it is; one that went meanwhile has no digest."""
    try:
        status = os.stat(path)
    except OSError:
        return {"path": path, "digest": None, "size": 0, "mtime_ns": 0}
    if not stat.S_ISREG(status.st_mode):
        return None
    return {
        "path": path,
        "digest": digest_of_file(path),
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
    }


def _hook(event: str, args: Tuple[Any, ...]) -> None:
    recorder = _active
    if recorder is None:
        return
    try:
        if event == "open":
            recorder.opened(args[0], args[2] if len(args) > 2 else 0)
        elif event in _LISTINGS:
            _listed(recorder, args)
        elif event in _OUTSIDE and _is_users():
            recorder.unfit[_OUTSIDE[event]] = None
    except Exception:  # never the user's problem
        pass


def _listed(recorder: Recorder, args: Tuple[Any, ...]) -> None:
    """A listing by project code: a new file there would change the answer, and no digest would tell."""
    if not isinstance(args[0], int) and not lists_modules(is_library_file) and _is_users():
        recorder.unfit[f"lists the folder {args[0] or '.'}"] = None


def _is_users() -> bool:
    return is_users(__file__, is_standard_file, is_library_file)
