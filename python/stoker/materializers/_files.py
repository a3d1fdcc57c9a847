"""Files and directories as outputs: their content is copied into the artifact (moved, when it stands in the attempt's
scratch folder)."""

from __future__ import annotations

import os
import pathlib
import shutil
from typing import Any, List, Optional

from stoker._values import Directory, File
from stoker.materializers._base import PREVIEW_TEXT, Materializer, Preview, Saved, shorten

_TEXT_HEAD = 4096
_SHOWN_NAMES = 20


class PathOutput(Materializer):
    """`pathlib.Path`: a file or a directory, whatever stands there."""

    type = "path"

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        source = pathlib.Path(os.fspath(value))
        if not source.exists():
            raise FileNotFoundError(f"the output {source} does not exist")
        self.check(source)
        name = source.name or "content"
        data = directory / "data"
        data.mkdir()
        if source.is_dir():
            shutil.copytree(source, data / name, ignore_dangling_symlinks=True)
        elif self._may_move(source):
            shutil.move(str(source), str(data / name))
        else:
            shutil.copyfile(source, data / name)
            shutil.copymode(source, data / name)
        return Saved(details={"name": name}, preview=self._preview_of(data / name))

    def check(self, source: pathlib.Path) -> None:
        return

    def _may_move(self, source: pathlib.Path) -> bool:
        from stoker._context import context

        scratch = getattr(context(), "_scratch", None)
        return (
            scratch is not None
            and not source.is_symlink()
            and pathlib.Path(scratch).resolve() in source.resolve().parents
        )

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        return self.wrap(directory / "data" / saved.details["name"])

    def wrap(self, path: pathlib.Path) -> Any:
        return path

    def _preview_of(self, path: pathlib.Path) -> Preview:
        if path.is_dir():
            names: List[str] = []
            for folder, folders, files in os.walk(path):
                folders.sort()
                names += [os.path.relpath(os.path.join(folder, name), path) for name in sorted(files)]
                if len(names) > _SHOWN_NAMES:
                    break
            return {"kind": "files", "names": [shorten(name, 200) for name in names[:_SHOWN_NAMES]]}
        with open(path, "rb") as stream:
            head = stream.read(_TEXT_HEAD)
        try:
            text = head.decode("utf-8") if b"\0" not in head else None
        except UnicodeDecodeError as error:
            text = head[: error.start].decode("utf-8") if len(head) - error.start < 4 else None
        if text is None:
            return {"kind": "files", "names": [shorten(path.name, 200)]}
        return {"kind": "text", "text": shorten(text, PREVIEW_TEXT)}


class FileOutput(PathOutput):
    """`stoker.File`."""

    type = "file"

    def check(self, source: pathlib.Path) -> None:
        if source.is_dir():
            raise IsADirectoryError(f"the output {source} is a directory: declare it as stoker.Directory")

    def wrap(self, path: pathlib.Path) -> Any:
        return File(path)


class DirectoryOutput(PathOutput):
    """`stoker.Directory`."""

    type = "directory"

    def check(self, source: pathlib.Path) -> None:
        if not source.is_dir():
            raise NotADirectoryError(f"the output {source} is a file: declare it as stoker.File")

    def wrap(self, path: pathlib.Path) -> Any:
        return Directory(path)
