"""Where imports look for modules: one that appears there, or before the place where it was found, changes what a file or
a step is. Standard library only, Python 3.8.
"""

import os
import sys
from types import FrameType
from typing import Any, Callable, Dict, Iterable, Optional, Tuple

from stoker._place import is_framework
from stoker._watched.paths import state_of

# Those who list the folders of sys.path on their own account.
_LISTERS = ("importlib", "importlib_metadata", "importlib_resources", "pkg_resources", "pkgutil", "site", "zipimport")


class ModuleSearches:
    """Between `start` and `stop` first on `sys.meta_path`: finds nothing, and notes in `paths` what is where the imports of
    project code look in the project. The import statement, `import_module` and `find_spec` all ask it, unless the module is
    loaded already."""

    def __init__(self, roots: Tuple[str, ...], is_library: Callable[[str], bool]) -> None:
        """`roots`: folders of the project, with a separator at the end."""
        self.paths: Dict[str, str] = {}  # path -> state
        self._roots = roots
        self._is_library = is_library

    def start(self) -> None:
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """`path`: of the package that the module would be in."""
        try:
            file = _importer()
            if file and not self._is_library(file):
                self._note(name.rpartition(".")[2], sys.path if path is None else path)
        except Exception:  # never the user's problem
            pass

    def _note(self, name: str, folders: Iterable[Any]) -> None:
        for folder in folders:
            # Python passes over entries that are no text, such as a variable that was not set.
            if not isinstance(folder, str):
                continue
            place = os.path.join(os.path.abspath(folder), name)
            if place.startswith(self._roots) and not self._is_library(place):
                for each in (place, place + ".py"):
                    self.paths.setdefault(each, state_of(each))


def lists_modules(is_library: Callable[[str], bool]) -> bool:
    """For an audit hook: whether the library code that lists a folder does it to find modules or distributions."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        if _package(frame) in _LISTERS or frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        if not is_framework(frame.f_code.co_filename) and not is_library(frame.f_code.co_filename):
            return False
        frame = frame.f_back
    return False


def _importer() -> str:
    """The file of the code that imports; empty where it has none, as frozen modules, or is ours."""
    frame: Optional[FrameType] = sys._getframe(2)
    while frame is not None and (
        frame.f_code.co_filename.startswith("<frozen importlib") or _package(frame) == "importlib"
    ):
        frame = frame.f_back
    file = "" if frame is None else frame.f_code.co_filename
    return "" if file.startswith("<") or is_framework(file) else file


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
