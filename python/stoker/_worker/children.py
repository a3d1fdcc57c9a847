"""Whether a step started a process on the user's behalf. What a child reads no audit hook of this process sees, so such
a step is not reused without the user's word.

A library that starts one for itself (pyspark its JVM, platform its uname) is the library's affair, unless it is one that
carries the user's functions into other processes.
"""

import os
import sys
from types import FrameType
from typing import Any, Optional, Tuple

from stoker._project import is_own_file, is_project_file, is_standard_file

PROCESS_EVENTS = frozenset(
    {"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.spawn", "os.fork", "os.forkpty", "import"}
)
# Starting by these raises no event of its own; each is imported when it is first used.
_STARTERS = (".popen_spawn_posix", ".popen_forkserver", ".popen_loky_posix")
_OBSERVER = (__name__, "stoker._worker.observe")
_CARRIERS = frozenset(
    {"joblib", "loky", "torch", "dask", "distributed", "ray", "multiprocess", "pathos", "mpire", "billiard"}
)


def started_process(event: str, args: Tuple[Any, ...]) -> Optional[str]:
    """What to call the process that this audit event starts for the user; None when it is none."""
    if event == "import":
        if not str(args[0]).endswith(_STARTERS):
            return None
        program = "a worker process"
    elif event in PROCESS_EVENTS:
        program = _program(event, args)
    else:
        return None
    return f"{program} (what it reads is not seen)" if _is_users() else None


def _program(event: str, args: Tuple[Any, ...]) -> str:
    """The program's name without its arguments, which may hold a secret."""
    if event in ("os.fork", "os.forkpty"):
        return "a worker process"
    if event == "os.system":
        return "the process sh"
    path = args[1] if event == "os.spawn" else args[0]
    return f"the process {os.path.basename(os.fsdecode(path))}"


def _is_users() -> bool:
    """Whether the innermost frame that neither the standard library nor a carrier owns is the user's."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") in _OBSERVER:
        frame = frame.f_back
    while frame is not None:
        name = frame.f_code.co_filename
        carrier = str(frame.f_globals.get("__name__", "")).partition(".")[0] in _CARRIERS
        if is_own_file(name):
            return False
        if not (carrier or name.startswith("<frozen") or is_standard_file(name)):
            return is_project_file(name) or name.startswith("<")
        frame = frame.f_back
    return True
