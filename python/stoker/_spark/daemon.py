"""The daemon of Spark's Python workers, for a leased JVM that was started in another folder than the step's.

Workers are children of the JVM and stand in its working directory, which cannot be changed any more. With
`spark.python.daemon.module=stoker._spark.daemon` they go where the step stands first. Python 3.8, standard library and
pyspark only.
"""

import os


def enter_working_directory() -> None:
    folder = os.environ.get("STOKER_WORKING_DIRECTORY")
    if folder:
        os.chdir(folder)


if __name__ == "__main__":
    enter_working_directory()
    from pyspark.daemon import manager

    manager()  # type: ignore[no-untyped-call, unused-ignore]
