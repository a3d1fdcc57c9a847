"""pandas frames and series: `data.parquet` by pyarrow where that gives back exactly what was saved, else a pickle that
says so.

Parquet cannot hold a frame with mixed objects in a column, equal column names, or dtypes that pyarrow does not know;
and there may be no
pyarrow. Which way it went stands in the manifest (`pickle`).
"""

from __future__ import annotations

import pathlib
import pickle
from typing import Any, List, Optional

from stoker.materializers._base import PREVIEW_ROWS, Materializer, Preview, Saved, table


class PandasDataFrame(Materializer):
    """`pandas.DataFrame`, index, dtypes, time zones and categories included."""

    type = "pandas"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        frame = self.to_frame(value)
        details = self.details(value)
        saved = Saved(details=details, rows=len(frame), preview=self._table(frame))
        saved.schema = {
            "columns": [{"name": str(name), "type": str(of)} for name, of in zip(frame.columns, frame.dtypes)]
        }
        if not self._save_parquet(frame, directory / "data.parquet", saved):
            with open(directory / "data.pickle", "wb") as stream:
                pickle.dump(value, stream, protocol=5)
            saved.pickle = True
        return saved

    def _save_parquet(self, frame: Any, path: pathlib.Path, saved: Saved) -> bool:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            return False
        if type(frame).__module__.partition(".")[0] != "pandas":
            return False
        nulls = [position for position in range(frame.shape[1]) if _nulls_are_nan(frame.iloc[:, position])]
        try:
            arrow = pyarrow.Table.from_pandas(frame, preserve_index=None)
            same = _same(frame, _with_nan(arrow.to_pandas(), nulls))
        except Exception:
            return False
        if not same:
            return False
        pyarrow.parquet.write_table(arrow, path)
        # Some types change on their way through the file; its schema tells.
        written = pyarrow.parquet.ParquetFile(path).schema_arrow.empty_table().to_pandas()
        if _types(written) != _types(frame):
            path.unlink()
            return False
        if nulls:
            saved.details["nan"] = nulls
        return True

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        if saved.pickle:
            with open(directory / "data.pickle", "rb") as stream:
                return pickle.load(stream)
        try:
            import pyarrow.parquet
        except ImportError:
            raise RuntimeError(
                "this pandas frame is a parquet file; reading it needs pyarrow: pip install pyarrow"
            ) from None
        frame = _with_nan(
            pyarrow.parquet.read_table(directory / "data.parquet").to_pandas(), saved.details.get("nan", [])
        )
        return self.from_frame(frame, saved)

    def to_frame(self, value: Any) -> Any:
        return value

    def from_frame(self, frame: Any, saved: Saved) -> Any:
        return frame

    def details(self, value: Any) -> Any:
        return {}

    def _table(self, frame: Any) -> Preview:
        head = frame.head(PREVIEW_ROWS)
        rows = [[_scalar(item) for item in row] for row in head.itertuples(index=False, name=None)]
        return table(list(frame.columns), rows)


class PandasSeries(PandasDataFrame):
    """`pandas.Series`."""

    def to_frame(self, value: Any) -> Any:
        return value.to_frame(name="0" if value.name is None else value.name)

    def details(self, value: Any) -> Any:
        return {"series": True, "named": value.name is not None}

    def from_frame(self, frame: Any, saved: Saved) -> Any:
        series = frame.iloc[:, 0]
        if not saved.details["named"]:
            series.name = None
        return series


def _nulls_are_nan(column: Any) -> bool:
    """A column of objects whose missing values are NaN: pyarrow gives back None."""
    if column.dtype != object:
        return False
    missing = column[column.isna()]
    return len(missing) > 0 and all(type(item) is float for item in missing)


def _types(frame: Any) -> List[str]:
    return [str(of) for of in frame.dtypes]


def _with_nan(frame: Any, positions: List[int]) -> Any:
    for position in positions:
        name = frame.columns[position]
        frame[name] = frame[name].where(frame[name].notna(), float("nan")).astype(object)
    return frame


def _same(frame: Any, back: Any) -> bool:
    import pandas.testing

    # Objects that compare equal and are not of one class (a tuple come back as an array) count as different.
    for name, column in frame.items():
        if column.dtype == object and not set(map(type, column)) <= set(map(type, back[name])):
            return False
    try:
        pandas.testing.assert_frame_equal(frame, back, check_exact=True, check_freq=False)
        return bool(frame.attrs == back.attrs)
    except (AssertionError, ValueError, TypeError):
        return False


def _scalar(item: Any) -> Any:
    return item.item() if type(item).__module__ == "numpy" and getattr(item, "ndim", 1) == 0 else item
