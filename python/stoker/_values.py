"""File, Directory, Table and Secret: values that a step takes by reference. Runs on Python 3.8, because workers import it."""

import os
import re
from typing import IO, Any, Optional, Union

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_uri(path: str) -> bool:
    return _URI.match(path) is not None


class _Location:
    """A path or URI. Two locations are equal when they are of one kind and name the same place."""

    __slots__ = ("_path", "digest")

    def __init__(self, path: Union[str, "os.PathLike[str]"], *, digest: Optional[str] = None) -> None:
        text = os.fspath(path)
        if not isinstance(text, str) or not text:
            raise TypeError(f"{type(self).__name__} takes a path or URI as text, not {text!r}")
        self._path = text
        self.digest = digest

    @property
    def path(self) -> str:
        """The path or URI as given."""
        return self._path

    @property
    def name(self) -> str:
        return self._path.rstrip("/").rsplit("/", 1)[-1]

    @property
    def is_uri(self) -> bool:
        return is_uri(self._path)

    def __fspath__(self) -> str:
        if self.is_uri and not self._path.startswith("file://"):
            raise TypeError(
                f"{self._path} is a URI, not a local path: hand str() of it to a library that reads such URIs"
            )
        return self._path[len("file://") :] if self._path.startswith("file://") else self._path

    def __str__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._path!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._path == self._path

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._path))

    def __reduce__(self) -> Any:
        return (type(self), (self._path,))


class File(_Location):
    """A file as a pipeline parameter or a step's input or output: hashed by content, `os.PathLike` in the step.

    A relative path counts from the file that declares it.
    """

    __slots__ = ()

    def open(self, mode: str = "r", **options: Any) -> IO[Any]:
        return open(self, mode, **options)

    def read_text(self, encoding: str = "utf-8") -> str:
        with open(self, encoding=encoding) as stream:
            return stream.read()

    def read_bytes(self) -> bytes:
        with open(self, "rb") as stream:
            return stream.read()


class Directory(_Location):
    """A directory as a pipeline parameter or a step's input or output: hashed by content."""

    __slots__ = ()

    def __truediv__(self, child: str) -> str:
        return os.path.join(os.fspath(self), child)


class Table:
    """A table of a catalog, by name: `session.table(str(orders))` reads it.

    `version` says what its content is known by: a snapshot, a commit, a date of loading. Steps that take a table without one are
    not cached, since nothing tells whether it changed.
    """

    __slots__ = ("name", "version")

    def __init__(self, name: str, *, version: Union[str, int, None] = None) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"Table takes the name of a table as text, not {name!r}")
        self.name = name
        # Text, since the command line has nothing else; what stands for a value of the run stays as it is.
        self.version: Optional[str] = str(version) if type(version) is int else version  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Table({self.name!r})" if self.version is None else f"Table({self.name!r}, version={self.version!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and (other.name, other.version) == (self.name, self.version)

    def __hash__(self) -> int:
        return hash(("Table", self.name, self.version))

    def __reduce__(self) -> Any:
        return (_table, (self.name, self.version))


def _table(name: str, version: Optional[str]) -> Table:
    return Table(name, version=version)


class Secret:
    """A secret by name. In a pipeline it only names the secret; in a step `.value` has it.

    The value is in no document, key, event or log, nor in the text of this object.
    """

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: Optional[str] = None) -> None:
        self.name = name
        self._value = value

    @property
    def value(self) -> str:
        if self._value is None:
            raise ValueError(f"the secret '{self.name}' has a value only inside a step that takes it")
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.name == self.name

    def __hash__(self) -> int:
        return hash(("Secret", self.name))
