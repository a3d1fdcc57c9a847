"""MLlib: estimators, transformers, models, pipelines and evaluators that can be written, a directory `model` in Spark's
own format."""

from __future__ import annotations

import atexit
import os
import pathlib
import re
import shutil
import tempfile
from typing import Any, Dict, Optional

from stoker import _json_values
from stoker.materializers._base import Materializer, Preview, Saved, qualified_name, shorten
from stoker.materializers._spark_frame import to_read, to_write

_SHOWN_PARAMETERS = 40
_SAFE_PATH = re.compile(r"[A-Za-z0-9_./-]+")


class SparkML(Materializer):
    """Any `pyspark.ml` object with `write()` and its class with `read()`: those of Spark, of libraries and your own
    (mix in `DefaultParamsWritable, DefaultParamsReadable`). It is loaded by the class that wrote it."""

    type = "mllib"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        cls = type(value)
        if not callable(getattr(value, "write", None)):
            raise TypeError(
                f"{qualified_name(cls)} cannot be written: it is no MLWritable; for a class of your own mix in "
                f"pyspark.ml.util.DefaultParamsWritable and DefaultParamsReadable"
            )
        if not callable(getattr(cls, "load", None)):
            raise TypeError(
                f"{qualified_name(cls)} can be written but not read back: it is no MLReadable (mix in DefaultParamsReadable)"
            )
        value.write().overwrite().save(to_write(pathlib.Path(_plain_path(directory), "model")))
        return Saved(details={"class": f"{cls.__module__}:{cls.__qualname__}"}, preview=self.preview(value))

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        from stoker import _spark

        _spark.session_for_loading()
        name = saved.details["class"]
        try:
            cls: Any = _json_values.find_class(name)
        except (ImportError, AttributeError) as error:
            raise RuntimeError(
                f"the model was written by {name.replace(':', '.')}, which cannot be imported here: {error}"
            ) from error
        if not callable(getattr(cls, "load", None)):
            raise RuntimeError(f"{name.replace(':', '.')} has no load()")
        return cls.load(to_read(pathlib.Path(_plain_path(directory), "model")))

    def preview(self, value: Any) -> Optional[Preview]:
        parameters: Dict[str, str] = {}
        try:
            for param, setting in sorted(value.extractParamMap().items(), key=lambda pair: pair[0].name)[
                :_SHOWN_PARAMETERS
            ]:
                parameters[param.name] = shorten(str(setting), 120)
        except Exception:  # parameters of somebody's class; a preview is never worth a failure
            pass
        return {"kind": "model", "class": qualified_name(type(value)), "parameters": parameters}


def _plain_path(directory: pathlib.Path) -> str:
    """A path of the artifact's directory that every writer and reader of MLlib takes.

    Some URI-encode a path with a space or a bracket (a foreach step's) and then take that for the path, so they get a
    link. It stays until the process ends: some models read on later.
    """
    path = os.path.abspath(directory)
    if _SAFE_PATH.fullmatch(path):
        return path
    folder = tempfile.mkdtemp(prefix="stoker-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = os.path.join(folder, "artifact")
    os.symlink(path, link)
    return link
