"""The Python environment as the cache sees it: versions of installed distributions, and a stamp that says whether it changed.

`importlib.metadata` would answer the first question, after reading every distribution's record: a tenth of a second
that each compile would pay.
Names of `*.dist-info` folders have the versions already.
"""

import hashlib
import os
import sys
from typing import Any, Dict, Iterator, List, Tuple

_names: Dict[Tuple[str, ...], Dict[str, str]] = {}
_tops: Dict[Tuple[str, ...], Dict[str, str]] = {}


def site_folders() -> List[str]:
    """The folders of `sys.path` that hold installed distributions."""
    found = []
    for entry in sys.path:
        if entry and os.path.basename(entry) in ("site-packages", "dist-packages") and os.path.isdir(entry):
            found.append(os.path.abspath(entry))
    return list(dict.fromkeys(found))


def packages_stamp() -> Tuple[str, List[Dict[str, Any]]]:
    """(stamp, folders): installing or removing anything changes a folder's mtime, so folders and mtimes stand for the content.

    The stamp is the SHA-256 of `<path>\\0<mtime_ns>\\n` for each folder in order; the program checks it without Python.
    """
    digest = hashlib.sha256()
    folders = []
    for path in site_folders():
        mtime = os.stat(path).st_mtime_ns
        digest.update(f"{path}\0{mtime}\n".encode())
        folders.append({"path": path, "mtime_ns": mtime})
    return digest.hexdigest(), folders


def version_of(top_level: str) -> str:
    """The version of the distribution that a top-level module comes from; its file stands for one that has none."""
    folders = tuple(site_folders())
    plain = normal(top_level)
    if folders not in _names:
        _names[folders] = {normal(name): version for _, name, version in _distributions(folders)}
    if plain in _names[folders]:
        return _names[folders][plain]
    if folders not in _tops:
        # Only for modules named otherwise than their distribution (sklearn, yaml): this reads a file of each.
        _tops[folders] = {normal(top): v for path, _, v in _distributions(folders) for top in _top_levels(path)}
    if plain in _tops[folders]:
        return _tops[folders][plain]
    module = sys.modules.get(top_level)
    stated = getattr(module, "__version__", None)
    if isinstance(stated, str):
        return stated
    file = getattr(module, "__file__", None)
    if isinstance(file, str) and os.path.isfile(file):
        status = os.stat(file)
        return f"file-{status.st_size}-{status.st_mtime_ns}"
    return "unknown"


def normal(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def _distributions(folders: Tuple[str, ...]) -> Iterator[Tuple[str, str, str]]:
    """(path of the metadata, name, version); what comes first on the path is yielded last, so that it wins in a dict."""
    for folder in reversed(folders):
        for entry in sorted(os.listdir(folder)):
            if entry.endswith((".dist-info", ".egg-info")):
                name, _, version = entry.rsplit(".", 1)[0].partition("-")
                yield os.path.join(folder, entry), name, version.split("-py")[0]


def _top_levels(path: str) -> List[str]:
    """Module names in `top_level.txt`, or the first parts of RECORD, which is read only up to a limit."""
    try:
        with open(os.path.join(path, "top_level.txt"), encoding="utf-8") as stream:
            return stream.read().split()
    except OSError:
        pass
    try:
        with open(os.path.join(path, "RECORD"), encoding="utf-8") as stream:
            head = stream.read(65536)
    except OSError:
        return []
    tops = set()
    for line in head.splitlines():
        first, slash, _ = line.partition("/")
        if slash and first.isidentifier():
            tops.add(first)
        elif not slash and line.partition(",")[0].endswith(".py"):
            tops.add(line.partition(",")[0][:-3])
    return sorted(tops)


_STANDARD = getattr(sys, "stdlib_module_names", None)


def is_standard(top_level: str) -> bool:
    if _STANDARD is not None:
        return top_level in _STANDARD
    if top_level in sys.builtin_module_names:
        return True
    module: Any = sys.modules.get(top_level)
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(top_level)
        file = getattr(spec, "origin", None)
    if not isinstance(file, str):
        return False
    from stoker._project import is_standard_file

    return is_standard_file(file)
