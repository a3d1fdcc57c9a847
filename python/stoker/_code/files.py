"""The project's files as a whole: what a step depends on when its code could reach anything."""

import hashlib
import os
from typing import List

PROJECT_SUFFIXES = (".py", ".pyi", ".sh", ".bash", ".sql", ".r", ".R", ".pl")
_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "site-packages", "dist-packages", "venv", "env", "build", "dist"}
)


def file_digest(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return "missing"


def file_status(file: str) -> str:
    try:
        status = os.stat(file)
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"


def project_files(root: str) -> List[str]:
    found: List[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED_FOLDERS
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        found += [os.path.join(folder, name) for name in sorted(files) if name.endswith(PROJECT_SUFFIXES)]
    return found
