#!/usr/bin/env python3
"""Pack the SDK's sources into one archive, the same bytes for the same sources. Usage: sdk_archive.py PYTHON_FOLDER OUTPUT

The format is what src/app/embedded_sdk.cc reads: per file `<path length> <size>\\n<path><bytes>`, paths relative and sorted.
"""

import pathlib
import sys

root, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
files = sorted(path for path in (root / "stoker").rglob("*") if path.suffix == ".py" or path.name == "py.typed")
archive = bytearray()
for path in files:
    name = path.relative_to(root).as_posix().encode()
    body = path.read_bytes()
    archive += b"%d %d\n" % (len(name), len(body)) + name + body
output.write_bytes(archive)
