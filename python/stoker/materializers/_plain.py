"""Plain values: what JSON can hold exactly (with the tags of `_json_values`), text and bytes."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Optional

from stoker import _json_values
from stoker.materializers._base import PREVIEW_TEXT, Materializer, Preview, Saved, shorten


class JsonValue(Materializer):
    """None, numbers, text, lists, tuples, maps, sets, dates, decimals, enums, dataclasses, NamedTuples and what is made
    of them.

    Small ones live in the manifest; this class writes only those above 64 KiB.
    """

    type = "json"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        text = _json_values.compact(_json_values.encode(value))
        (directory / "data.json").write_text(text, encoding="utf-8")
        return None

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        return _json_values.decode(json.loads((directory / "data.json").read_text(encoding="utf-8")))

    def preview(self, value: Any) -> Optional[Preview]:
        try:
            text = repr(value)
        except ValueError:  # Python does not write integers of more than 4,300 digits
            text = _json_values.compact(_json_values.encode(value))
        return {"kind": "value", "text": shorten(text, PREVIEW_TEXT)}


class Text(JsonValue):
    """`str`. Above 64 KiB a file that any editor reads."""

    type = "text"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        (directory / "data.txt").write_bytes(value.encode("utf-8", "surrogatepass"))
        return None

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        return (directory / "data.txt").read_bytes().decode("utf-8", "surrogatepass")

    def preview(self, value: Any) -> Optional[Preview]:
        return {"kind": "text", "text": shorten(value, PREVIEW_TEXT)}


class Bytes(Materializer):
    """`bytes` and `bytearray`: one file."""

    type = "bytes"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        (directory / "data").write_bytes(value)
        return Saved(details={"mutable": True} if isinstance(value, bytearray) else None)

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        content = (directory / "data").read_bytes()
        return bytearray(content) if saved.details.get("mutable") else content

    def preview(self, value: Any) -> Optional[Preview]:
        return {
            "kind": "text",
            "text": f"{len(value)} bytes: {bytes(value[:32]).hex(' ')}{' …' if len(value) > 32 else ''}",
        }
