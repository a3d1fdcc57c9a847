"""`python -m stoker …` is the `stoker` program."""

import os
import sys

from stoker._errors import ProgramMissingError
from stoker._program import find_program


def main() -> None:
    try:
        program = find_program()
    except ProgramMissingError as error:
        sys.exit(f"stoker: {error}")
    os.execv(program, ["stoker", *sys.argv[1:]])


if __name__ == "__main__":
    main()
