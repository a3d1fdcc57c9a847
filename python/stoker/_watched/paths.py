"""Which paths are asked about without being opened (`os.path.exists`, `Path.is_file`, `os.stat`, `os.readlink`): these
functions of `os` tell of it while somebody watches, since no audit event does.

A question is answered by what is at a path, not by what is in it; only sizes and times say something about the content.
Not seen: what native code and child processes ask. Standard library only, Python 3.8.
"""

import functools
import os
import stat
import sys
import threading
import time
from types import FrameType
from typing import Any, Callable, Dict, NamedTuple, Optional, Set, Tuple

from stoker._place import is_framework

# What `state_of` says of a path where nothing is.
ABSENT = "absent"
_NAMES = ("stat", "lstat", "readlink", "access")
# Through these somebody else asks.
_PASSING = frozenset({"os", "posixpath", "genericpath", "ntpath", "pathlib", "pathlib._local", "pathlib._abc", "glob"})
_OF_THE_CONTENT = frozenset({"getsize", "getmtime", "getatime", "getctime", "stat", "lstat"})
# What is made there, or goes, is no answer that the result depends on.
_MAKERS = frozenset({"makedirs", "mkdir", "rmtree", "_rmtree_safe_fd", "_rmtree_unsafe"})
# Those who look at source files and temporary folders on their own account, or at what they then open.
_SILENT = frozenset(
    {"importlib", "inspect", "linecache", "pkgutil", "runpy", "shutil", "site", "tempfile", "tokenize", "traceback",
     "warnings", "zipimport"}
)  # fmt: skip
# What has been told is remembered so far; what comes after may be told more than once.
_REMEMBERED = 100_000
# Times of files come from a clock that may be this much behind.
_CLOCK_SLACK = 0.02
_LONGEST_PATH = 4096  # nothing can be at a longer one


class Question(NamedTuple):
    path: str  # absolute
    of_the_content: bool  # its size or time was asked for
    resolving: bool  # asked for each folder above a path, to find links
    asker: str  # file of the code that asks


_active: "Optional[PathQuestions]" = None


class PathQuestions:
    """Tells `asked` of each question between `start` and `stop`, until it says that it took it. Not thread-safe in itself: a
    question that two threads ask at once may be told twice."""

    def __init__(self, asked: Callable[[Question], bool]) -> None:
        self._asked = asked
        self._seen: Set[Tuple[str, bool]] = set()
        self._busy: Optional[int] = None
        self._owner = os.getpid()

    def start(self) -> None:
        global _active
        _active = self
        for name, (plain, watched) in _FUNCTIONS.items():
            _replace(name, plain, watched)

    def stop(self) -> None:
        global _active
        if _active is self:
            _active = None
        for name, (plain, watched) in _FUNCTIONS.items():
            _replace(name, watched, plain)

    def ask(self, name: str, path: Any, options: Dict[str, Any]) -> None:
        if self._busy == threading.get_ident() or os.getpid() != self._owner:
            return
        self._busy = threading.get_ident()
        try:
            if isinstance(path, int) or options.get("dir_fd") is not None:
                return
            text = os.path.abspath(os.fsdecode(path))
            question = None if len(text) > _LONGEST_PATH else _question(name, text, sys._getframe(2))
            if question is None or (text, question.of_the_content) in self._seen:
                return
            # The same question of another asker may be one to take.
            if self._asked(question) and len(self._seen) < _REMEMBERED:
                self._seen.add((text, question.of_the_content))
        except Exception:  # never the user's problem
            pass
        finally:
            self._busy = None


def is_text(path: str) -> bool:
    """Whether a document can have the path: names on disk are bytes, which need not be text."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def now() -> float:
    """To be asked before something begins: what is made or saved from then on has a later time."""
    return time.time() - _CLOCK_SLACK


def made_since(began: float, path: str) -> bool:
    """Whether what is at the path is there, or has its name, only since then."""
    try:
        return os.lstat(path).st_ctime >= began
    except OSError:
        return False


def state_of(path: str) -> str:
    """`file`, `folder`, `other` or `absent`; of a link that of what it leads to, with where it points."""
    try:
        status = os.stat(path)
    except OSError:
        kind = ABSENT
    else:
        kind = "file" if stat.S_ISREG(status.st_mode) else "folder" if stat.S_ISDIR(status.st_mode) else "other"
    try:
        return f"link {kind} {os.readlink(path)}"
    except OSError:
        return kind


def _question(name: str, path: str, frame: Optional[FrameType]) -> Optional[Question]:
    through = ""
    while frame is not None and frame.f_globals.get("__name__") in _PASSING:
        through = frame.f_code.co_name
        if through in _MAKERS:
            return None
        frame = frame.f_back
    if frame is None or frame.f_code.co_name in _MAKERS:
        return None
    asker = frame.f_code.co_filename
    module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if module in _SILENT or is_framework(asker):
        return None
    of_the_content = name in ("stat", "lstat") and (not through or through in _OF_THE_CONTENT)
    if name == "lstat" and os.path.islink(path):
        of_the_content = False  # it asks for the link
    return Question(path, of_the_content, "realpath" in through or through == "resolve", asker)


class _Watched:
    """A function of `os` that tells the active questions. An object, since a function becomes a method where a class holds
    it (`class Accessor: stat = os.stat`), and built-in ones do not."""

    def __init__(self, name: str, plain: Any) -> None:
        functools.update_wrapper(self, plain)
        self.__module__ = "os"
        self.__qualname__ = name
        self._plain = plain

    def __call__(self, path: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return self._plain(path, *arguments, **options)
        finally:
            if _active is not None:
                _active.ask(self.__qualname__, path, options)

    def __reduce__(self) -> str:
        return self.__qualname__  # found in `os` where a function that holds it arrives


_FUNCTIONS: Dict[str, Tuple[Any, Any]] = {
    name: (getattr(os, name), _Watched(name, getattr(os, name))) for name in _NAMES if hasattr(os, name)
}


def _replace(name: str, before: Any, after: Any) -> None:
    if getattr(os, name) is before:
        setattr(os, name, after)
    # What these functions support is asked of the function itself.
    for kind in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids"):
        supporting = getattr(os, kind, None)
        if supporting is not None and before in supporting:
            supporting.add(after)
    # Pythons before 3.11 keep functions of their own.
    accessor = getattr(sys.modules.get("pathlib"), "_NormalAccessor", None)
    if accessor is not None and getattr(accessor, name, None) is before:
        setattr(accessor, name, after)
