"""Spark DataFrames: a parquet directory `data`.

The schema is kept in the manifest and given to the reader, so that loading starts no Spark job; rows and bytes come
from the parquet
footers, the preview from the first file through the JVM's own reader. What parquet cannot hold as it is (equal column
names, columns
of type void) is renamed or cast on the way and restored when loading.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Dict, Iterator, List, Optional

from stoker import _parquet_footer
from stoker.materializers._base import PREVIEW_COLUMNS, PREVIEW_ROWS, Materializer, Preview, Saved, table

# Set while a frame with dates or timestamps is written. Dates before 1582 make Spark 3 refuse unless it is told how
# (4.0 made this the
# default); INT96, the default for timestamps, is deprecated and misread by others.
_TIME_SETTINGS = {
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}


class SparkDataFrame(Materializer):
    """`pyspark.sql.DataFrame`."""

    type = "spark.DataFrame"
    # Equal frames give files of other names and orders; the identity is the step run that made it.
    hashed = False

    def save(self, value: Any, directory: pathlib.Path) -> Optional[Saved]:
        if getattr(getattr(value.sparkSession, "_sc", None), "_jsc", self) is None:
            raise RuntimeError(
                "the frame cannot be written: the step stopped the Spark session that the frame belongs to"
            )
        fields = value.schema.fields
        details: Dict[str, Any] = {}
        frame = self._storable(value, fields, details)
        data = directory / "data"
        schema = json.loads(value.schema.json())
        text = json.dumps(schema)
        self._write(frame, data, timed='"date"' in text or '"timestamp' in text)
        rows = _parquet_footer.rows_of_directory(str(data))
        return Saved(schema=schema, rows=rows, details=details, preview=self._preview(frame, data, schema))

    def _storable(self, value: Any, fields: List[Any], details: Dict[str, Any]) -> Any:
        if not fields:
            raise ValueError("the frame has no columns: parquet cannot hold it")
        names = [field.name for field in fields]
        folded = {name.casefold() for name in names}
        if len(folded) != len(names) or "" in folded:
            details["names"] = "positions"
            value = value.toDF(*(f"c{index}" for index in range(len(names))))
        voids = [index for index, field in enumerate(fields) if field.dataType.typeName() == "void"]
        if voids:
            from pyspark.sql import functions

            details["void"] = voids
            columns = value.columns
            picked = [functions.col(_quoted(name)) for name in columns]
            for index in voids:
                picked[index] = picked[index].cast("string").alias(columns[index])
            value = value.select(*picked)
        return value

    def _write(self, frame: Any, data: pathlib.Path, timed: bool) -> None:
        session = frame.sparkSession
        restore: Dict[str, Optional[str]] = {}
        try:
            for key, wanted in _TIME_SETTINGS.items() if timed else ():
                restore[key] = session.conf.get(key, None)
                session.conf.set(key, wanted)
            frame.write.mode("overwrite").parquet(to_write(data))
        finally:
            for key, before in restore.items():
                session.conf.unset(key) if before is None else session.conf.set(key, before)

    def load(self, directory: pathlib.Path, saved: Saved) -> Any:
        from stoker import _spark

        session = _spark.session_for_loading()
        schema = json.loads(json.dumps(saved.schema))
        names = [field["name"] for field in schema["fields"]]
        if saved.details.get("names") == "positions":
            for index, field in enumerate(schema["fields"]):
                field["name"] = f"c{index}"
        voids = saved.details.get("void", [])
        for index in voids:
            schema["fields"][index]["type"] = "string"
        frame = self._read(session, schema, to_read(directory / "data"))
        if voids:
            from pyspark.sql import functions

            columns = [functions.col(_quoted(field["name"])) for field in schema["fields"]]
            for index in voids:
                columns[index] = functions.lit(None).alias(schema["fields"][index]["name"])
            frame = frame.select(*columns)
        return frame if saved.details.get("names") != "positions" else frame.toDF(*names)

    def _read(self, session: Any, schema: Dict[str, Any], path: str) -> Any:
        java = getattr(session, "_jsparkSession", None)
        if java is None:  # Spark Connect
            from pyspark.sql.types import StructType

            return session.read.schema(StructType.fromJson(schema)).parquet(path)
        # By the JVM's own parser: no Python class of a user-defined type is needed.
        from pyspark.sql import DataFrame

        jvm = session._jvm
        struct = jvm.org.apache.spark.sql.types.DataType.fromJson(json.dumps(schema))
        paths = session.sparkContext._gateway.new_array(jvm.java.lang.String, 1)
        paths[0] = path
        return DataFrame(java.read().schema(struct).parquet(paths), session)

    def _preview(self, frame: Any, data: pathlib.Path, schema: Dict[str, Any]) -> Preview:
        names = [field["name"] for field in schema["fields"]]
        try:
            rows = list(_first_rows(frame, data))
        except Exception:  # a preview is never worth a failure: this Spark's reader may have moved
            rows = []
        return table(names, rows)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def to_write(path: pathlib.Path) -> str:
    """A path as Spark takes it literally: a URI, since a colon would end a scheme."""
    return "file://" + os.path.abspath(path)


def to_read(path: pathlib.Path) -> str:
    """The same for reading, where Spark takes `[3]` (the path of a foreach step has it) for a pattern."""
    return "".join("\\" + character if character in _GLOB else character for character in to_write(path))


_GLOB = "[]{}*?\\^"


def _first_rows(frame: Any, data: pathlib.Path) -> Iterator[List[Any]]:
    """The first rows of the first non-empty file, read in the driver without a job by the reader that scans use."""
    part = next(
        (path for path in sorted(data.glob("part-*.parquet")) if _parquet_footer.row_count(str(path)) > 0), None
    )
    if part is None:
        return
    jvm = frame.sparkSession._jvm
    struct = frame._jdf.schema()
    converters = jvm.org.apache.spark.sql.catalyst.CatalystTypeConverters
    reader = jvm.org.apache.spark.sql.execution.datasources.parquet.VectorizedParquetRecordReader(False, PREVIEW_ROWS)
    try:
        reader.initialize(str(part), None)
        batch = reader.resultBatch()
        reader.enableReturningBatches()
        if not reader.nextBatch():
            return
        for index in range(min(batch.numRows(), PREVIEW_ROWS)):
            row = converters.convertToScala(batch.getRow(index), struct)
            names = list(struct.fieldNames())[:PREVIEW_COLUMNS]
            try:
                content = json.loads(row.json())
                yield [_shown(content.get(name)) for name in names]
            except Exception:  # types that Spark cannot say as JSON: intervals
                yield [_text_of(row.get(position)) for position in range(len(names))]
    finally:
        reader.close()


def _text_of(value: Any) -> Any:
    return value.toString() if hasattr(value, "_target_id") else value


def _shown(value: Any) -> Any:
    if isinstance(value, dict) and list(value) == ["type", "size", "indices", "values"]:  # a vector of MLlib
        return str(value["values"]) if value["type"] == 1 else f"({value['size']},{value['indices']},{value['values']})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
