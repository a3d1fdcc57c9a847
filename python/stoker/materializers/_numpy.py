"""NumPy arrays (`data.npy`) and scalars."""

from __future__ import annotations

import pathlib
import pickle
from typing import Any, Optional

from stoker.materializers._base import PREVIEW_TEXT, Materializer, Preview, Saved, shorten


class NumpyArray(Materializer):
    """Arrays and scalars without pickle; arrays of objects and subclasses (masked arrays, matrices) need it and say
    so."""

    type = "numpy"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        import numpy

        scalar = isinstance(value, numpy.generic)
        plain = numpy.asarray(value)
        if (type(value) is numpy.ndarray or scalar) and not plain.dtype.hasobject:
            numpy.save(directory / "data.npy", plain, allow_pickle=False)
            # Metadata of a dtype has no place in the file; the shape and type are for people.
            return Saved(
                details={"dtype": str(plain.dtype), "shape": list(plain.shape), **({"scalar": True} if scalar else {})}
            )
        with open(directory / "data.pickle", "wb") as stream:
            pickle.dump(value, stream, protocol=5)
        return Saved(
            details={"dtype": str(plain.dtype), "shape": list(plain.shape), "class": type(value).__name__}, pickle=True
        )

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        import numpy

        if saved.pickle:
            with open(directory / "data.pickle", "rb") as stream:
                return pickle.load(stream)
        array = numpy.load(directory / "data.npy", allow_pickle=False)
        return array[()] if saved.details.get("scalar") else array

    def preview(self, value: Any) -> Optional[Preview]:
        import numpy

        with numpy.printoptions(threshold=50, edgeitems=3):
            text = f"{getattr(value, 'shape', ())} {value.dtype}\n{value}"
        return {"kind": "text", "text": shorten(text, PREVIEW_TEXT)}
