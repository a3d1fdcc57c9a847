"""Row counts out of parquet footers, read with the standard library: no Spark job, no JVM, no pyarrow.

A footer is a Thrift `FileMetaData` in the compact protocol; its third field is the number of rows. Only what stands
before it is walked.
"""

from __future__ import annotations

import os
from typing import Optional, Tuple

_MAGIC = b"PAR1"
_STRUCT, _LIST, _SET, _MAP, _BINARY, _DOUBLE, _BYTE = 12, 9, 10, 11, 8, 7, 3
_I16, _I32, _I64 = 4, 5, 6
_ROWS_FIELD = 3


class _Compact:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def varint(self) -> int:
        result = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def field(self, previous: int) -> Tuple[int, int]:
        """(id, type); type 0 ends the struct."""
        head = self.data[self.at]
        self.at += 1
        kind, delta = head & 0x0F, head >> 4
        if kind == 0:
            return 0, 0
        return (previous + delta if delta else self.zigzag()), kind

    def skip(self, kind: int) -> None:
        if kind in (1, 2):  # booleans live in the field's head
            return
        if kind == _BYTE:
            self.at += 1
        elif kind in (_I16, _I32, _I64):
            self.varint()
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            length = self.varint()
            self.at += length
        elif kind in (_LIST, _SET):
            head = self.data[self.at]
            self.at += 1
            size = head >> 4 if head >> 4 != 15 else self.varint()
            for _ in range(size):
                self._skip_element(head & 0x0F)
        elif kind == _MAP:
            size = self.varint()
            if size:
                types = self.data[self.at]
                self.at += 1
                for _ in range(size):
                    self._skip_element(types >> 4)
                    self._skip_element(types & 0x0F)
        elif kind == _STRUCT:
            field = 0
            while True:
                field, inner = self.field(field)
                if inner == 0:
                    return
                self.skip(inner)
        else:
            raise ValueError(f"unknown Thrift type {kind}")

    def _skip_element(self, kind: int) -> None:
        if kind in (1, 2):  # in a list a boolean is a byte
            self.at += 1
        else:
            self.skip(kind)


def row_count(path: str) -> int:
    """Rows of one parquet file. ValueError when it is none (or its footer is encrypted)."""
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size < 12:
            raise ValueError(f"{path} is no parquet file: {size} bytes")
        stream.seek(size - 8)
        tail = stream.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length > size - 8:
            raise ValueError(f"{path} is no parquet file, truncated, or has an encrypted footer")
        stream.seek(size - 8 - length)
        reader = _Compact(stream.read(length))
    field = 0
    try:
        while True:
            field, kind = reader.field(field)
            if kind == 0:
                raise ValueError(f"the footer of {path} has no row count")
            if field == _ROWS_FIELD and kind == _I64:
                return reader.zigzag()
            reader.skip(kind)
    except IndexError:
        raise ValueError(f"the footer of {path} is damaged") from None


def rows_of_directory(directory: str) -> Optional[int]:
    """Rows of all parquet files in it; None when one cannot be read."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            if name.endswith(".parquet") and not name.startswith((".", "_")):
                try:
                    total += row_count(os.path.join(folder, name))
                except (OSError, ValueError):
                    return None
    return total
