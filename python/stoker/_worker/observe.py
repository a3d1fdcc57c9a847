"""What a step used at run time: project modules imported and project files opened, by an audit hook, what it asked about
paths, and environment variables that its own code read (PIPELINES.md, cache key, dynamic part).

Seen is what this process opens through Python, and what the readers of `native` are given. Not seen: files that
other native code opens by itself. Data read from outside the project, listings of its folders and processes that the
step started are no dependencies that could be checked: they are noted, and the step is not reused without the user's
word.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import stat
import sys
import sysconfig
import threading
from typing import Any, Collection, Dict, List, Optional, Tuple

from stoker._place import PACKAGE
from stoker._watched.environment import EnvironmentReads
from stoker._watched.frames import is_users
from stoker._watched.imports import ModuleSearches, lists_modules
from stoker._watched.paths import ABSENT, PathQuestions, Question, is_text, made_since, now, state_of
from stoker._worker import native
from stoker._worker.children import PROCESS_EVENTS, started_process

_HASHED_BYTES = 1 << 30
_CHUNK = 1 << 20
# More than this many files are a data set, not a dependency list; the rest is named as one outside read.
FILE_LIMIT = 10_000
_LIBRARY_PARTS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_IGNORED_PARTS = (f"{os.sep}.git{os.sep}", f"{os.sep}__pycache__{os.sep}", f"{os.sep}.stoker{os.sep}")
# Outside the project these hold no data of the user's; nor do folders whose name begins with a dot.
_SYSTEM = (
    "/proc/",
    "/sys/",
    "/dev/",
    "/etc/",
    "/usr/",
    "/lib/",
    "/lib64/",
    "/bin/",
    "/run/",
    "/var/lib/",
    "/snap/",
    "/nix/",
)
_HOMES = ("SPARK_HOME", "JAVA_HOME", "HADOOP_HOME", "HADOOP_CONF_DIR", "SPARK_CONF_DIR", "CONDA_PREFIX", "VIRTUAL_ENV")
OUTSIDE_LIMIT = 100
# Set by whoever starts a step, to what the interpreter and its pyspark say, or anew for each lease of a JVM.
_SET_BY_RUNNERS = (
    "PYTHONPATH",
    "SPARK_HOME",
    "SPARK_LOCAL_IP",
    "PYSPARK_PYTHON",
    "PYSPARK_GATEWAY_PORT",
    "PYSPARK_GATEWAY_SECRET",
)
# Stands for the list of names.
ALL_VARIABLES = "*"


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
    if any(part in path for part in _LIBRARY_PARTS) or path.startswith((PACKAGE, "<frozen")):
        return True
    return path.startswith(STANDARD_LIBRARY)


class Observer:
    """Collects between `start` and `stop`. The digests are those of the content when it was first read."""

    def __init__(self, root: Optional[str], excluded: List[str], declared: Collection[str] = ()) -> None:
        """`declared`: environment variables that the step's declaration sets, secrets among them."""
        roots = {os.path.join(os.path.abspath(root), ""), os.path.join(os.path.realpath(root), "")} if root else set()
        self._roots = tuple(sorted(roots))
        self._excluded = tuple(os.path.join(os.path.abspath(path), "") for path in excluded if path)
        self._excluded_files = {os.path.abspath(path) for path in excluded if path}
        self._found: Dict[str, Tuple[str, str]] = {}  # path -> (digest, kind)
        self._paths: Dict[str, str] = {}  # path -> state, of those that were asked about
        self._written: Dict[str, None] = {}
        self._made: Dict[str, None] = {}  # files that were there only since it began, when they were first read
        self._busy: Optional[int] = None
        self._owner = os.getpid()
        self.outside: Dict[str, None] = {}
        self.overflow = False
        self._began = 0.0
        self._questions = PathQuestions(self.asked)
        self._searches = ModuleSearches(self._roots, is_library)
        self._variables = EnvironmentReads(lambda file: not is_library(file), (*declared, *_SET_BY_RUNNERS))
        homes = [sys.prefix, sys.base_prefix, *(os.environ.get(name, "") for name in _HOMES)]
        self._system = _SYSTEM + tuple(
            os.path.join(os.path.abspath(home), "") for home in homes if home and home != "/usr"
        )

    def start(self) -> None:
        global _active, _hooked
        self._began = now()
        native.WRAPPER.start(self.given)
        self._variables.start()
        self._questions.start()
        self._searches.start()
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked = True
        _active = self

    def stop(self) -> None:
        global _active
        native.WRAPPER.stop()
        self._variables.stop()
        self._questions.stop()
        self._searches.stop()
        if _active is self:
            _active = None

    def files(self) -> List[Dict[str, str]]:
        # What a file's content was says that it was there; one that was not there at first is the step's own.
        states = {**self._searches.paths, **self._paths}
        asked = {path: (state, "path") for path, state in states.items() if path not in self._found or state == ABSENT}
        # What the step made for itself and took away again is nobody's input.
        kept = {path: entry for path, entry in self._found.items() if path not in self._made or os.path.lexists(path)}
        found = sorted({**kept, **asked}.items())
        return [{"path": path, "digest": digest, "kind": kind} for path, (digest, kind) in found]

    def environment(self) -> Dict[str, Optional[str]]:
        """Name -> digest of its value, None where it was not set."""
        found = dict(sorted(self._variables.found.items()))
        return {ALL_VARIABLES: None, **found} if self._variables.listed_by else found

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

    def given(self, path: str) -> None:
        """A reader of data in native code was given a path."""
        if "://" in path and not path.startswith("file://"):
            self._note_outside(path)
            return
        path = path[len("file://") :] if path.startswith("file://") else path
        self._busy = threading.get_ident()
        try:
            if any(character in path for character in "*?[{,"):
                path = (
                    os.path.dirname(path.partition("*")[0]) or "."
                )  # a pattern, as Spark takes it: all that may match
            self._given(os.path.abspath(path))
        except Exception:
            pass
        finally:
            self._busy = None

    def _given(self, path: str) -> None:
        if not os.path.isdir(path):
            if os.path.exists(path):
                self._read(path)
        elif self.in_project(path + os.sep):
            self.listed_folder(path)
            for folder, _, names in os.walk(path):
                for name in names:
                    self._read(os.path.join(folder, name))
        elif not self._is_excluded(path) and os.stat(path).st_mtime < self._began:
            self._note_outside(f"file:{path}")

    def asked(self, question: Question) -> bool:
        path = question.path
        users = not is_library(question.asker) and not question.asker.startswith("<")
        if self._busy == threading.get_ident() or not self._may_be_asked(path, users and not question.resolving):
            return False
        self._busy = threading.get_ident()
        try:
            # Of a source file a library asks for its own reasons, to show lines or to load it.
            if question.of_the_content and os.path.isfile(path) and (users or not path.endswith(".py")):
                self._read(path)
            elif question.of_the_content and users and os.path.isdir(path):
                self.listed_folder(path)
            else:
                self._note_state(path)
            return True
        finally:
            self._busy = None

    def _may_be_asked(self, path: str, elsewhere: bool) -> bool:
        if path in self._written or self._is_excluded(path) or self._is_excluded(path + os.sep) or is_library(path):
            return False
        if self.in_project(path + os.sep):
            return not any(part in path + os.sep for part in _IGNORED_PARTS)
        return elsewhere and not os.path.join(path, "").startswith(self._system)

    def _note_state(self, path: str) -> None:
        if path in self._paths or path in self._found:
            return
        if not is_text(path):
            self._note_outside(f"file:{path}")
            return
        if len(self._paths) >= FILE_LIMIT:
            self.overflow = True
            return
        if not made_since(self._began, path):
            self._paths[path] = state_of(path)

    def _is_excluded(self, path: str) -> bool:
        return path in self._excluded_files or path.startswith(self._excluded)

    def listed_folder(self, path: str) -> None:
        """The names in a folder are an input that no file's digest stands for."""
        ours = self.in_project(path + os.sep) and not self._is_excluded(path)
        if ours and not any(part in path + os.sep for part in _IGNORED_PARTS) and os.stat(path).st_mtime < self._began:
            self._note_outside(f"file:{path} (its list of files)")

    def _note_outside(self, what: str) -> None:
        if len(self.outside) < OUTSIDE_LIMIT:
            self.outside[what.encode("utf-8", "replace").decode("utf-8")] = None

    def started(self, event: str, args: Tuple[Any, ...]) -> None:
        if os.getpid() == self._owner:
            process = started_process(event, args)
            if process is not None:
                self._note_outside(process)

    def _may_be_data(self, path: str) -> bool:
        """Whether what is outside the project is data that stood there before the step, or would be if it were there."""
        if path.startswith(self._system) or self._is_excluded(path):
            return False
        return not (is_library(path) or f"{os.sep}." in path or path in self._written)

    def listed(self, args: Tuple[Any, ...]) -> None:
        if self._busy == threading.get_ident() or os.getpid() != self._owner or isinstance(args[0], int):
            return
        self._busy = threading.get_ident()
        try:
            path = os.path.abspath(os.fsdecode(args[0] if args[0] is not None else "."))
            if not lists_modules(is_library):
                self._listed(path)
        except Exception:
            pass
        finally:
            self._busy = None

    def _listed(self, path: str) -> None:
        if not os.path.isdir(path):
            if self._may_be_asked(path, _is_the_users()):
                self._note_state(path)
        elif self.in_project(path + os.sep):
            self.listed_folder(path)
        elif self._may_be_data(path + os.sep) and _is_the_users() and os.stat(path).st_mtime < self._began:
            self._note_outside(f"file:{path} (its list of files)")

    def opened(self, args: Tuple[Any, ...]) -> None:
        if self._busy == threading.get_ident() or os.getpid() != self._owner:
            return
        path, flags = args[0], args[2] if len(args) > 2 and isinstance(args[2], int) else 0
        if isinstance(path, int):
            return
        self._busy = threading.get_ident()
        try:
            text = os.path.abspath(os.fsdecode(path))
            if flags & (os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
                if text not in self._found:
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
        elif kind == "file" and not self.in_project(path) and self._may_be_data(path):
            self._read_outside(path)

    def _read_outside(self, path: str) -> None:
        if not os.path.lexists(path):
            if not _is_no_file(path):
                self._note_state(path)
            return
        found = os.stat(path)
        if stat.S_ISREG(found.st_mode) and found.st_mtime < self._began:
            self._note_outside(f"file:{path}")

    def _wanted(self, path: str, kind: str) -> bool:
        if path in self._found:
            return False
        if path in self._written or self._is_excluded(path):
            return False
        if any(part in path for part in _IGNORED_PARTS) or is_library(path):
            return False
        return kind == "module" or self.in_project(path)

    def _record(self, path: str, kind: str) -> None:
        if len(self._found) >= FILE_LIMIT:
            self.overflow = True
            return
        digest = _digest(path)
        if not is_text(path):
            self._note_outside(f"file:{path}")
        elif digest is not None:
            self._found[path] = (digest, kind)
            if made_since(self._began, path):
                self._made[path] = None
        elif kind == "file" and not os.path.lexists(path) and not _is_no_file(path):
            self._note_state(path)


_active: Optional[Observer] = None
_hooked = False


def _hook(event: str, args: Tuple[Any, ...]) -> None:
    if event == "open":
        observer = _active
        if observer is not None:
            observer.opened(args)
    elif event in ("os.listdir", "os.scandir"):
        observer = _active
        if observer is not None:
            observer.listed(args)
    elif event == "sqlite3.connect":
        observer = _active
        if observer is not None and isinstance(args[0], (str, bytes, os.PathLike)):  # bytes: Python 3.9
            name = os.fsdecode(args[0])
            if name != ":memory:":
                observer.given(name)
    elif event in PROCESS_EVENTS:
        observer = _active
        if observer is not None:
            observer.started(event, args)


def _is_no_file(path: str) -> bool:
    """A name that stands for code without a file (`<string>`, `<unknown>`): who prints a traceback looks for it."""
    name = os.path.basename(path)
    return name.startswith("<") and name.endswith(">")


def _is_standard(path: str) -> bool:
    return path.startswith(STANDARD_LIBRARY) and not any(part in path for part in _LIBRARY_PARTS)


def _is_the_users() -> bool:
    return is_users(__file__, _is_standard, is_library)


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
        # Asked before it is opened: to open a pipe waits for a writer, and takes what the step came for.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as stream:
            found = os.fstat(stream.fileno())
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
