"""Materializers: how the values of a type become an artifact and come back. docs/reference/materializers.md has the
table.

Names load on first use; importing this package imports none of the libraries whose types it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from stoker.materializers._base import Materializer, Saved, qualified_name
from stoker.materializers._registry import (
    Choice,
    NoMaterializer,
    by_reference,
    for_annotation,
    for_class,
    for_value,
    register,
)

if TYPE_CHECKING:
    from stoker.materializers._files import DirectoryOutput as DirectoryOutput
    from stoker.materializers._files import FileOutput as FileOutput
    from stoker.materializers._files import PathOutput as PathOutput
    from stoker.materializers._numpy import NumpyArray as NumpyArray
    from stoker.materializers._pandas import PandasDataFrame as PandasDataFrame
    from stoker.materializers._pandas import PandasSeries as PandasSeries
    from stoker.materializers._pickle import PickleMaterializer as PickleMaterializer
    from stoker.materializers._pickle import SklearnEstimator as SklearnEstimator
    from stoker.materializers._plain import Bytes as Bytes
    from stoker.materializers._plain import JsonValue as JsonValue
    from stoker.materializers._plain import Text as Text
    from stoker.materializers._report import Html as Html
    from stoker.materializers._report import HtmlReport as HtmlReport
    from stoker.materializers._report import Image as Image
    from stoker.materializers._report import ImageFile as ImageFile
    from stoker.materializers._report import Markdown as Markdown
    from stoker.materializers._report import MarkdownReport as MarkdownReport
    from stoker.materializers._report import MatplotlibFigure as MatplotlibFigure
    from stoker.materializers._spark_frame import SparkDataFrame as SparkDataFrame
    from stoker.materializers._spark_ml import SparkML as SparkML

_HOME = {
    "Bytes": "_plain",
    "DirectoryOutput": "_files",
    "FileOutput": "_files",
    "Html": "_report",
    "HtmlReport": "_report",
    "Image": "_report",
    "ImageFile": "_report",
    "JsonValue": "_plain",
    "Markdown": "_report",
    "MarkdownReport": "_report",
    "MatplotlibFigure": "_report",
    "NumpyArray": "_numpy",
    "PandasDataFrame": "_pandas",
    "PandasSeries": "_pandas",
    "PathOutput": "_files",
    "PickleMaterializer": "_pickle",
    "SklearnEstimator": "_pickle",
    "SparkDataFrame": "_spark_frame",
    "SparkML": "_spark_ml",
    "Text": "_plain",
}

__all__ = [
    "Bytes",
    "Choice",
    "DirectoryOutput",
    "FileOutput",
    "Html",
    "HtmlReport",
    "Image",
    "ImageFile",
    "JsonValue",
    "Markdown",
    "MarkdownReport",
    "Materializer",
    "MatplotlibFigure",
    "NoMaterializer",
    "NumpyArray",
    "PandasDataFrame",
    "PandasSeries",
    "PathOutput",
    "PickleMaterializer",
    "Saved",
    "SklearnEstimator",
    "SparkDataFrame",
    "SparkML",
    "Text",
    "by_reference",
    "for_annotation",
    "for_class",
    "for_value",
    "qualified_name",
    "register",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'stoker.materializers' has no attribute '{name}'")
    value = getattr(__import__(f"stoker.materializers.{home}", fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(_HOME))
