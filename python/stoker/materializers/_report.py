"""What people look at: HTML and Markdown reports, images, matplotlib figures."""

from __future__ import annotations

import pathlib
import struct
from typing import Any, Optional, Union

from stoker.materializers._base import PREVIEW_TEXT, Materializer, Saved, shorten

_PNG = b"\x89PNG\r\n\x1a\n"
_FIGURE_DPI = 120


class Html(str):
    """A report as HTML: `return Html("<h1>…</h1>")`. Text in all other respects."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


class Markdown(str):
    """A report as Markdown: `return Markdown("# Result …")`. Text in all other respects."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


class Image:
    """A PNG image: what a figure is once it is an artifact. Notebooks draw it; `.data` has the bytes."""

    __slots__ = ("data",)

    def __init__(self, source: Union[bytes, str, pathlib.Path]) -> None:
        self.data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
        if not self.data.startswith(_PNG):
            raise ValueError("an Image is made from the bytes or the path of a PNG file")

    @property
    def width(self) -> int:
        return int(struct.unpack(">I", self.data[16:20])[0])

    @property
    def height(self) -> int:
        return int(struct.unpack(">I", self.data[20:24])[0])

    def _repr_png_(self) -> bytes:
        return self.data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and other.data == self.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"Image({self.width}x{self.height})"


class HtmlReport(Materializer):
    type = "html"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        (directory / "data.html").write_bytes(value.encode("utf-8"))
        return Saved(preview={"kind": "html", "path": "data.html"})

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        return Html((directory / "data.html").read_bytes().decode("utf-8"))


class MarkdownReport(Materializer):
    type = "markdown"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        (directory / "data.md").write_bytes(value.encode("utf-8"))
        return Saved(preview={"kind": "markdown", "text": shorten(value, PREVIEW_TEXT)})

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        return Markdown((directory / "data.md").read_bytes().decode("utf-8"))


class ImageFile(Materializer):
    type = "image"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        image = self.image(value)
        (directory / "data.png").write_bytes(image.data)
        return Saved(preview={"kind": "image", "path": "data.png", "width": image.width, "height": image.height})

    def image(self, value: Any) -> Image:
        return value  # type: ignore[no-any-return]

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        return Image(directory / "data.png")


class MatplotlibFigure(ImageFile):
    """A figure is kept as what it shows: it comes back as an `Image`."""

    type = "figure"

    def image(self, value: Any) -> Image:
        import io

        stream = io.BytesIO()
        # Without the metadata equal figures give equal files.
        value.savefig(stream, format="png", dpi=_FIGURE_DPI, bbox_inches="tight", metadata={"Software": None})
        return Image(stream.getvalue())
