"""Values kept as Python pickles. Loading one runs code that the artifact brings along: its manifest says so, and
loading it from
another project's run needs trust=True."""

from __future__ import annotations

import pathlib
import pickle
import sys
from typing import Any, Optional

from stoker.materializers._base import PREVIEW_TEXT, Materializer, Preview, Saved, qualified_name, shorten

# Python 3.8 reads it.
_PROTOCOL = 5


class PickleMaterializer(Materializer):
    """For types of your own that nothing else fits: subclass it and name `types`. Weigh it: a pickle binds the artifact
    to the versions
    of the code that wrote it, and runs code when it is read."""

    type = "pickle"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        with open(directory / "data.pickle", "wb") as stream:
            pickle.dump(value, stream, protocol=_PROTOCOL)
        cls = type(value)
        library = sys.modules.get(cls.__module__.partition(".")[0])
        details = {"class": qualified_name(cls), "python": ".".join(map(str, sys.version_info[:2]))}
        version = getattr(library, "__version__", None)
        if isinstance(version, str):
            details["version"] = version
        return Saved(details=details, pickle=True)

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        with open(directory / "data.pickle", "rb") as stream:
            try:
                return pickle.load(stream)
            except (ImportError, AttributeError) as error:
                wrote = " ".join(filter(None, [saved.details.get("class"), saved.details.get("version")]))
                raise RuntimeError(f"the pickle of a {wrote} cannot be read here: {error}") from error

    def preview(self, value: Any) -> Optional[Preview]:
        return {"kind": "text", "text": shorten(repr(value), PREVIEW_TEXT)}


class SklearnEstimator(PickleMaterializer):
    """scikit-learn estimators, fitted or not, pipelines included; also XGBoost's and LightGBM's in that style."""

    type = "sklearn"

    def preview(self, value: Any) -> Optional[Preview]:
        parameters = {
            name: shorten(repr(item), 120) for name, item in sorted(value.get_params(deep=False).items())[:40]
        }
        return {"kind": "model", "class": qualified_name(type(value)), "parameters": parameters}
