"""What belongs to the user's project, and how its files are imported.

A file is imported by its real name, as `python file.py` finds its neighbours: its folder (above any packages it is in)
comes first on
`sys.path`, the project root after it. Modules outside the standard library and site-packages are project code,
editable installs included.
"""

import os
import sys
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

ROOT_MARKS = ("pyproject.toml", ".stoker", ".git")
_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def project_root(file: str) -> str:
    """The nearest folder upwards with a mark of a project, else the file's folder."""
    start = folder = os.path.dirname(os.path.abspath(file))
    while True:
        if any(os.path.exists(os.path.join(folder, mark)) for mark in ROOT_MARKS):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return start
        folder = parent


class ImportName(NamedTuple):
    base: str  # the folder that goes on sys.path
    module: str


def import_name(file: str) -> ImportName:
    """The name under which a file is imported: packages above it count."""
    folder, name = os.path.split(os.path.abspath(file))
    parts = [] if name == "__init__.py" else [name[:-3] if name.endswith(".py") else name]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    return ImportName(folder, ".".join(parts))


def _library_folders() -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """(folders of installed code, folders of the standard library), with a separator at the end."""
    standard = {os.path.dirname(os.__file__)}
    for name in ("lib-dynload",):
        standard.add(os.path.join(os.path.dirname(os.__file__), name))
    installed = set()
    for entry in sys.path:
        if os.path.basename(entry) in ("site-packages", "dist-packages") or entry.endswith((".zip", ".egg")):
            installed.add(os.path.abspath(entry))
    for prefix in {sys.prefix, sys.base_prefix}:
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        installed.add(os.path.join(prefix, "lib", version, "site-packages"))
    ended = [tuple(sorted({real(p) for p in paths} | {p + os.sep for p in paths})) for paths in (installed, standard)]
    return ended[0], ended[1]


def real(path: str) -> str:
    return os.path.realpath(path) + os.sep


_folders: Optional[Tuple[Tuple[str, ...], Tuple[str, ...]]] = None


def is_library_file(path: str) -> bool:
    global _folders
    if _folders is None:
        _folders = _library_folders()
    return path.startswith(_folders[0]) or path.startswith(_folders[1])


def is_standard_file(path: str) -> bool:
    is_library_file(path)
    assert _folders is not None
    return path.startswith(_folders[1]) and not path.startswith(_folders[0])


def is_own_file(path: str) -> bool:
    return path.startswith(_PACKAGE + os.sep)


def is_project_file(path: Optional[str]) -> bool:
    """Whether a module's file is the user's: no library, no frozen or built-in code, not Stoker itself."""
    if not path or path.startswith("<"):
        return False
    path = os.path.abspath(path)
    return not is_library_file(path) and not is_own_file(path)


def is_project_module(module: Any) -> bool:
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return is_project_file(file)
    # A namespace package has folders but no file.
    paths: List[str] = list(getattr(module, "__path__", []))
    return bool(paths) and all(is_project_file(path) for path in paths)


def project_modules(names: Optional[Iterable[str]] = None) -> Dict[str, Any]:
    """Loaded modules of the project that have a file, by name; of these names only, when they are given."""
    found = {}
    for name in sorted(list(sys.modules) if names is None else names):
        module = sys.modules.get(name)
        if name != "__main__" and isinstance(getattr(module, "__file__", None), str) and is_project_module(module):
            found[name] = module
    return found


def put_on_path(file: str, root: str) -> ImportName:
    """Make `file` importable as a script would be: its base folder first, the root after it."""
    name = import_name(file)
    wanted = [name.base] + ([root] if root != name.base else [])
    sys.path[:] = wanted + [entry for entry in sys.path if entry and entry not in wanted]
    return name


def import_file(file: str, root: str) -> Any:
    """Import the user's file by its real name."""
    name = put_on_path(file, root)
    if _importable(name.module):
        loaded = sys.modules.get(name.module)
        if loaded is not None and not _same_file(loaded, file):
            # A library took the name first (a user's `queue.py`, say): as a script the file would win.
            del sys.modules[name.module]
        # Not importlib.import_module: it would stand in the user's traceback.
        __import__(name.module)
        module = sys.modules[name.module]
        if _same_file(module, file):
            return module
    return _import_by_path(file, name.module)


def _importable(module: str) -> bool:
    return all(part.isidentifier() for part in module.split("."))


def _same_file(module: Any, file: str) -> bool:
    found = getattr(module, "__file__", None)
    return isinstance(found, str) and os.path.realpath(found) == os.path.realpath(file)


def _import_by_path(file: str, module_name: str) -> Any:
    """For file names that no import statement can say, such as `my-pipeline.py`."""
    from importlib import util

    name = "".join(c if c.isalnum() or c in "_." else "_" for c in module_name)
    loaded = sys.modules.get(name)
    if loaded is not None and _same_file(loaded, file):
        return loaded
    spec = util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
