"""Byte code that Python would wrongly take for current.

A `.pyc` names its source's mtime in whole seconds and its size. An edit within the same second that keeps the size
leaves both as they
were, and every process after that would run the old code, while digests are those of the new. The compile comes first
in a run, so
it removes such files as it imports; nobody later meets them.
"""

import os
import sys
from typing import Any, Optional, Sequence

from stoker._project import is_project_file


class StaleBytecode:
    """A finder that finds nothing: it looks at what is about to be imported from the project."""

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: Any = None) -> None:
        tail = name.rpartition(".")[2]
        for folder in sys.path[:2] if path is None else list(path):
            base = os.path.join(folder, tail)
            for source in (f"{base}.py", os.path.join(base, "__init__.py")):
                if os.path.isfile(source):
                    if is_project_file(source):
                        remove_if_stale(source)
                    return


def remove_if_stale(source: str) -> None:
    """Remove the byte code of a source that changed after it was written, as far as nanoseconds tell."""
    from importlib.util import cache_from_source

    cached = cache_from_source(source)
    try:
        if os.stat(source).st_ctime_ns >= os.stat(cached).st_mtime_ns:  # ctime: an older file may have been moved here
            os.unlink(cached)
    except OSError:
        pass


_finder = StaleBytecode()


def watch() -> None:
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def unwatch() -> None:
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
