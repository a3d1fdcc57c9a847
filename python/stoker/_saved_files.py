"""Project files that were saved after the pipeline was compiled: what an import finds there is not what the compiler saw.

The digests of a step's code are those of the compile. A process that imports the user's modules later may find other
code, or other data that they read; what it found is then a dependency of the step, like a file that the step reads while
it runs. State: one record per process, which the children of a fork server inherit. Standard library only, Python 3.8.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from typing import Any, Dict, Iterable, List

from stoker._project import is_project_module

# For a file that was saved while it was imported: nobody knows which of its contents ran.
UNKNOWN = "unknown"
# Times of files come from a clock that may be this much behind.
_CLOCK_SLACK = 0.01

_imported: Dict[str, float] = {}  # name of a module -> when the import began that loaded it, or one before
_saved_later: Dict[str, str] = {}  # path -> digest of the content that was imported, or UNKNOWN


def now() -> float:
    """To be asked before an import: what is saved from then on has a later time."""
    return time.time() - _CLOCK_SLACK


def look(since: float, began: float, opened: Iterable[str] = ()) -> Dict[str, str]:
    """Look at the modules that were imported since the last look, by an import that began then, and at files that it
    opened. Returns the files that were saved after `since`, those of earlier looks too, with a digest."""
    new = [name for name in list(sys.modules) if name not in _imported]
    _imported.update(dict.fromkeys(new, began))
    for path in [*_project_files(new), *opened]:
        saved = _saved(path)
        if saved >= began:
            _saved_later[path] = UNKNOWN
        elif saved >= since:
            _saved_later[path] = _digest(path)
    return dict(_saved_later)


def saved_since_imported() -> Dict[str, str]:
    """Files that have other code by now: a process that imports them by name, as Spark's Python workers do, may have had
    that, or ours."""
    last = max(_imported.values(), default=0.0)
    found = {}
    for name in list(sys.modules):
        for path in _project_files([name]):
            saved = _saved(path)
            if saved >= _imported.get(name, last):
                found[path] = UNKNOWN
    return found


def _project_files(modules: List[str]) -> List[str]:
    found = []
    for name in modules:
        module: Any = sys.modules.get(name)
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and is_project_module(module):
            found.append(os.path.abspath(path))
    return found


def _saved(path: str) -> float:
    """When the file's content or name changed last: unlike its mtime, nobody sets that back. 0 where there is none: an
    import looked for it in vain, or its module came from elsewhere (an archive, a generator)."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return "sha256:" + hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return UNKNOWN
