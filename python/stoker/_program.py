"""Where the `stoker` program is."""

import os
import sys
from typing import List

from stoker._errors import ProgramMissingError


def find_program() -> str:
    """STOKER_BIN when it is set, else beside the package or the interpreter, else on PATH."""
    given = os.environ.get("STOKER_BIN")
    if given:
        if not _runs(given):
            raise ProgramMissingError(f"STOKER_BIN names {given}, which is no program")
        return os.path.abspath(given)
    for candidate in _candidates():
        if _runs(candidate):
            return candidate
    raise ProgramMissingError(
        "the stoker program was not found beside the package, in STOKER_BIN or on PATH\n"
        "  pip install stoker brings it along; from a source tree set STOKER_BIN to the built program"
    )


def _candidates() -> List[str]:
    package = os.path.dirname(os.path.abspath(__file__))
    folders = [
        os.path.join(package, "bin"),
        os.path.dirname(os.path.abspath(sys.executable)),
        os.path.join(sys.prefix, "bin"),
        # site-packages/stoker -> the environment's bin
        os.path.normpath(os.path.join(package, "..", "..", "..", "..", "bin")),
        *os.environ.get("PATH", "").split(os.pathsep),
    ]
    return [os.path.join(folder, "stoker") for folder in folders if folder]


def _runs(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
