"""Which environment variables are read, by whom: `os.environ` gets a class that tells of it, since no audit event does.

A compile wants every reader; a step only the project's own code, since what libraries look at is the same for all steps.
Not seen: what native code and child processes read.
"""

import copyreg
import hashlib
import os
import sys
from types import FrameType
from typing import Any, Callable, Collection, Dict, Iterator, List, Optional

# Set by shells and terminals for every command: reading all variables does not mean these.
VOLATILE = frozenset(
    {"_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "TERM", "COLORTERM", "WINDOWID", "TERM_SESSION_ID", "SSH_CLIENT",
     "SSH_CONNECTION", "SSH_TTY", "SSH_AUTH_SOCK", "XDG_SESSION_ID", "DBUS_SESSION_BUS_ADDRESS", "INVOCATION_ID",
     "JOURNAL_STREAM"}
)  # fmt: skip
# Through these somebody else reads: `os.getenv`, `os.environ.get`, `os.path.expandvars`.
_PASSING = frozenset({__name__, "os", "_collections_abc", "collections.abc", "posixpath", "ntpath"})

_active: "Optional[EnvironmentReads]" = None


class EnvironmentReads:
    """What is read between `start` and `stop`. No value is kept, only its digest.

    A variable that the process has set itself is in `written`: what is read of it later is none of its inputs."""

    def __init__(self, is_reader: Callable[[str], bool], ignored: Collection[str] = ()) -> None:
        self.found: Dict[str, Optional[str]] = {}  # name -> digest of the first value seen; None: it was not set
        self.written: Dict[str, None] = {}
        self.listed_by: List[str] = []  # files of code that went over all names
        self._is_reader = is_reader  # of the file of the code that reads
        self._ignored = frozenset(ignored)
        self._plain: Any = None

    def start(self) -> None:
        global _active
        _active = self
        self._plain = type(os.environ)
        for environment in _environments():
            environment.__class__ = _watched(self._plain)

    def stop(self) -> None:
        global _active
        if _active is self:
            _active = None
        if self._plain is not None:
            for environment in _environments():
                environment.__class__ = self._plain

    def read(self, key: Any) -> None:
        name = _name(key)
        if (
            name in self.found
            or name in self.written
            or name in VOLATILE
            or name in self._ignored
            or name.startswith("STOKER_")
        ):
            return
        if self._is_reader(_reader()):
            self.found[name] = digest_text(_current(name))

    def listed(self, names: List[Any]) -> None:
        reader = _reader()
        if self._is_reader(reader):
            self.listed_by.append(reader)
            for name in names:
                self.read(name)

    def wrote(self, key: Any) -> None:
        if not _name(key).startswith("STOKER_"):
            self.written[_name(key)] = None


def digest_text(value: Optional[str]) -> Optional[str]:
    return None if value is None else "sha256:" + hashlib.sha256(os.fsencode(value)).hexdigest()


def digest_of(name: str) -> Optional[str]:
    """Of the variable as it is now."""
    return digest_text(_current(name))


def _current(name: str) -> Optional[str]:
    # Past the watched methods, and the same for os.environ and os.environb.
    data: Any = os.environ._data  # type: ignore[attr-defined]
    value = data.get(os.fsencode(name))
    return None if value is None else os.fsdecode(value)


def _environments() -> List[Any]:
    return [os.environ, os.environb] if hasattr(os, "environb") else [os.environ]


def _name(key: Any) -> str:
    return os.fsdecode(key) if isinstance(key, (str, bytes)) else ""


def _reader() -> str:
    """The file of the innermost code that does not only read for another."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") in _PASSING:
        frame = frame.f_back
    return "" if frame is None else frame.f_code.co_filename


_watched_classes: Dict[Any, Any] = {}


def _watched(plain: Any) -> Any:
    """A class for `os.environ` that tells the active reads."""
    if plain in _watched_classes:
        return _watched_classes[plain]

    class Watched(plain):  # type: ignore[misc]
        def __getitem__(self, key: Any) -> Any:
            if _active is not None:
                _active.read(key)
            return plain.__getitem__(self, key)

        def __contains__(self, key: Any) -> bool:
            if _active is not None:
                _active.read(key)
            return bool(plain.__contains__(self, key))

        def __iter__(self) -> Iterator[Any]:
            names: List[Any] = list(plain.__iter__(self))
            if _active is not None:
                _active.listed(names)
            return iter(names)

        def __setitem__(self, key: Any, value: Any) -> None:
            plain.__setitem__(self, key, value)
            if _active is not None:
                _active.wrote(key)

        def __delitem__(self, key: Any) -> None:
            plain.__delitem__(self, key)
            if _active is not None:
                _active.wrote(key)

        def __reduce_ex__(self, protocol: Any) -> Any:
            # A function that travels by value may hold `os.environ`: where it arrives, nobody watches.
            return (copyreg._reconstructor, (plain, object, None), dict(self.__dict__))  # type: ignore[attr-defined]

    _watched_classes[plain] = Watched
    return Watched
