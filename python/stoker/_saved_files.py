"""Project files that were saved after the pipeline was compiled: what an import finds there is not what the compiler saw.

The digests of a step's code are those of the compile. A process that imports the user's modules later may find other
code, or other data that they read; what it found is then a dependency of the step, like a file that the step reads while
it runs. State: one record per process, which the children of a fork server inherit. Standard library only, Python 3.8.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Dict, Iterable, Iterator, Optional

from stoker._project import project_modules
from stoker._record import Recorder, digest_of_file
from stoker._watched.paths import now

# For a file that was saved while it was imported: nobody knows which of its contents ran.
UNKNOWN = "unknown"

_imported: Dict[str, float] = {}  # name of a module -> when the import began that loaded it, or one before
_saved_later: Dict[str, str] = {}  # path -> digest of the content that was imported, or UNKNOWN


@contextlib.contextmanager
def watched_import(root: str, since: Optional[float]) -> Iterator[None]:
    """Around an import of the user's code by a process that did not compile it; then `saved_later` tells."""
    began, recorder = now(), Recorder(root)
    recorder.start()
    try:
        yield
    finally:
        recorder.stop()
    if since is not None:
        look(since, began, recorder.found_files())


def saved_later() -> Dict[str, str]:
    """Files with a digest, or UNKNOWN, that an import of this process or its parent found saved after the compile."""
    return dict(_saved_later)


def look(since: float, began: float, opened: Iterable[str] = ()) -> Dict[str, str]:
    """Look at the modules that were imported since the last look, by an import that began then, and at files that it
    opened. Returns the files that were saved after `since`, those of earlier looks too, with a digest."""
    new = [name for name in list(sys.modules) if name not in _imported]
    _imported.update(dict.fromkeys(new, began))
    for path in [*(os.path.abspath(module.__file__) for module in project_modules(new).values()), *opened]:
        saved = _saved(path)
        if saved >= since:
            _saved_later[path] = UNKNOWN
            if saved < began:
                with contextlib.suppress(OSError):  # it went just now
                    _saved_later[path] = digest_of_file(path)
    return saved_later()


def saved_since_imported() -> Dict[str, str]:
    """Files that have other code by now: a process that imports them by name, as Spark's Python workers do, may have had
    that, or ours."""
    last = max(_imported.values(), default=0.0)
    files = {name: os.path.abspath(module.__file__) for name, module in project_modules().items()}
    return {path: UNKNOWN for name, path in files.items() if _saved(path) >= _imported.get(name, last)}


def _saved(path: str) -> float:
    """When the file's content or name changed last: unlike its mtime, nobody sets that back. 0 where there is none: an
    import looked for it in vain, or its module came from elsewhere (an archive, a generator)."""
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0.0
