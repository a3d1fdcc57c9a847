"""What a materializer is: the class that writes and reads the values of some types."""

from __future__ import annotations

import pathlib
from typing import Any, ClassVar, Dict, List, Optional, Tuple, Union

# Parts of a preview: enough for a person, small enough for a manifest.
PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 40
PREVIEW_TEXT = 2000
PREVIEW_CELL = 120

TypeName = Union[str, type]
Preview = Dict[str, Any]


class Saved:
    """What `save` says beside the files, and what `load` gets back: it lives in the artifact's manifest.

    `details` is the materializer's own (JSON); `pickle` says that loading runs code that the artifact brings along.
    """

    def __init__(
        self,
        *,
        details: Optional[Dict[str, Any]] = None,
        schema: Optional[Dict[str, Any]] = None,
        rows: Optional[int] = None,
        pickle: bool = False,
        preview: Optional[Preview] = None,
        expected: Any = None,
    ) -> None:
        self.details = details or {}
        self.schema = schema
        self.rows = rows
        self.pickle = pickle
        self.preview = preview
        # When loading: the class that the reader's annotation names, if any. A hint: what is loaded is
        # decided by what was saved.
        self.expected = expected


class Materializer:
    """Subclass this to make a type of your own an output of steps.

        class PolarsFrame(Materializer):
            type = "polars"                      # shown to people
            types = ("polars.DataFrame",)        # classes, or their qualified names so that nothing is imported before
            it is needed

            def save(self, value, directory):
                value.write_parquet(directory / "data.parquet")

            def load(self, directory, saved):
                import polars
                return polars.read_parquet(directory / "data.parquet")

        register(PolarsFrame)

    A class of your own can name its materializer itself (`__stoker_materializer__ = PolarsFrame`), and a single
    annotation can
    (`-> Annotated[Frame, PolarsFrame]`). The materializer must be importable by the steps that load: put it into a
    module.
    """

    type: ClassVar[str] = ""
    types: ClassVar[Tuple[TypeName, ...]] = ()
    # Whether the content is hashed to be the artifact's identity in cache keys. Turn it off where equal values do
    # not give equal files
    # and hashing would cost: the identity is then the step run that made it.
    hashed: ClassVar[bool] = True

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        """Write `value` as files below `directory` (by custom `data` or `model`)."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to save")

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        """The value that `save` wrote. The files must not be changed."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to load")

    def preview(self, value: Any) -> Optional[Preview]:
        """A few lines for people: `{"kind": "text", "text": …}` or `{"kind": "table", "columns": […], "rows":
        [[…]]}`."""
        return None

    @classmethod
    def reference(cls) -> str:
        """`module:Class`, as manifests name it."""
        module = "stoker.materializers" if cls.__module__.startswith("stoker.materializers.") else cls.__module__
        return f"{module}:{cls.__qualname__}"


def qualified_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def cell(value: Any) -> Any:
    """One value of a preview table: JSON scalars stay, all else is short text."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    if type(value) is float:
        return value if value == value and abs(value) != float("inf") else str(value)
    return shorten(str(value), PREVIEW_CELL)


def shorten(text: str, limit: int) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def table(columns: List[Any], rows: List[List[Any]]) -> Preview:
    shown = [shorten(str(name), PREVIEW_CELL) for name in columns[:PREVIEW_COLUMNS]]
    preview: Preview = {
        "kind": "table",
        "columns": shown,
        "rows": [[cell(item) for item in row[:PREVIEW_COLUMNS]] for row in rows],
    }
    if len(columns) > PREVIEW_COLUMNS:
        preview["more_columns"] = len(columns) - PREVIEW_COLUMNS
    return preview
