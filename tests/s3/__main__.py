"""`tests/s3 build`: makes sure that the server's program is there, and prints where. Run with the Python of the checkout's environment."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from go_programs import MissingProgram

from s3 import assets


def main(arguments: list[str]) -> int:
    if arguments != ["build"]:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(f"s3: the server of the tests is {assets.find()}")
    except MissingProgram as error:
        print(f"s3: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
