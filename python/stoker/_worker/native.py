"""Readers that open files in native code, where no audit event tells of it: they are wrapped to say which path they were given.

Only in the process of a step, only the functions below; a wrapped function behaves as before in all else.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

# Module -> names in it whose first argument is a path, or a list of paths. A class stands for its constructor, `C.m` for
# a method.
READERS: Dict[str, Tuple[str, ...]] = {
    "pyarrow.parquet": ("read_table", "read_pandas", "read_metadata", "read_schema", "ParquetFile", "ParquetDataset"),
    "pyarrow.dataset": ("dataset", "parquet_dataset"),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.json": ("read_json",),
    "pyarrow.orc": ("ORCFile", "read_table"),
    "polars": (
        *("read_parquet", "read_csv", "read_ipc", "read_ndjson", "read_json", "read_avro", "read_excel", "read_delta"),
        *("scan_parquet", "scan_csv", "scan_ipc", "scan_ndjson", "scan_delta"),
    ),
    "h5py": ("File",),
    "netCDF4": ("Dataset",),
    "cv2": ("imread", "VideoCapture"),
    "xgboost": ("DMatrix",),
    "lightgbm": ("Dataset",),
}
# What the plans of Spark's queries do not show: files of RDDs.
for _module in ("pyspark.context", "pyspark.core.context"):
    READERS[_module] = tuple(
        f"SparkContext.{name}"
        for name in ("textFile", "wholeTextFiles", "binaryFiles", "binaryRecords", "pickleFile", "sequenceFile")
    )

Note = Callable[[str], None]


def paths_of(argument: Any) -> List[str]:
    """The paths in a reader's first argument; none when it is data or an open file."""
    if isinstance(argument, (list, tuple, set)):
        return [path for item in argument for path in paths_of(item)]
    if isinstance(argument, (str, os.PathLike)):
        try:
            text = os.fspath(argument)
        except TypeError:  # a File that is a URI
            return []
        return [text] if isinstance(text, str) and len(text) < 4096 and "\n" not in text else []
    return []


class Wrapper:
    """Wraps the readers of modules that are loaded, and of those that will be."""

    def __init__(self) -> None:
        self.note: Optional[Note] = None
        self._installed = False

    def start(self, note: Note) -> None:
        self.note = note
        for name in READERS:
            if name in sys.modules:
                self.wrap_module(sys.modules[name])
        if not self._installed:
            sys.meta_path.insert(0, _Finder(self))
            self._installed = True

    def stop(self) -> None:
        self.note = None

    def wrap_module(self, module: Any) -> None:
        for name in READERS[module.__name__]:
            owner, _, method = name.partition(".")
            found = getattr(module, owner, None)
            if method:
                self._wrap_method(found, method)
            elif isinstance(found, type):
                self._wrap_method(found, "__init__")
            elif callable(found) and not hasattr(found, "_stoker_wrapped"):
                setattr(module, name, self.wrapped(found, 0))

    def _wrap_method(self, cls: Any, name: str) -> None:
        own = getattr(cls, "__dict__", {}).get(name)
        if own is None or hasattr(own, "_stoker_wrapped"):
            return
        try:
            setattr(cls, name, self.wrapped(own, 1))
        except TypeError:  # a class of an extension module
            pass

    def wrapped(self, function: Any, position: int) -> Any:
        @functools.wraps(function)
        def reader(*args: Any, **kwargs: Any) -> Any:
            note = self.note
            if note is not None:
                first = args[position] if len(args) > position else next(iter(kwargs.values()), None)
                for path in paths_of(first):
                    note(path)
            return function(*args, **kwargs)

        reader._stoker_wrapped = True  # type: ignore[attr-defined]
        return reader


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, wrapper: Wrapper) -> None:
        self.wrapper = wrapper

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in READERS:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    self._after(spec.loader)
                return spec
        return None

    def _after(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            self.wrapper.wrap_module(module)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            pass


WRAPPER = Wrapper()
