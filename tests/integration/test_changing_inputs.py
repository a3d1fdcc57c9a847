"""Input files and folders of cached steps that are linked, circular, large, or change while a step runs."""

from __future__ import annotations

import signal
import subprocess

import pytest
from conftest import Stoker

PIPELINE = """
    import os
    from stoker import Directory, File, pipeline, step

    @step
    def total(data: Directory) -> int:
        numbers = 0
        for folder, _, files in os.walk(data, followlinks=True):
            for file in files:
                numbers += int(open(os.path.join(folder, file)).read())
        return numbers

    @pipeline
    def totals(data: Directory = Directory("data")) -> int:
        return total(data)

    @step
    def reads(file: File) -> str:
        if os.path.exists("next.txt"):
            os.replace("next.txt", file)
        return open(file).read()

    @pipeline
    def text(file: File = File("in.txt")) -> str:
        return reads(file)
"""


@pytest.fixture(autouse=True)
def project(stoker: Stoker) -> None:
    stoker.write("changing.py", PIPELINE)
    (stoker.folder / "data").mkdir()
    stoker.write("data/x", "1")


def link_elsewhere(stoker: Stoker, name: str, text: str) -> None:
    """`data/sub` leads to a folder outside, which holds the file."""
    (stoker.folder / "elsewhere").mkdir()
    stoker.write(f"elsewhere/{name}", text)
    (stoker.folder / "data/sub").symlink_to(stoker.folder / "elsewhere")


def run(stoker: Stoker, pipeline: str, step: str) -> tuple[object, bool]:
    done = stoker.run("changing.py", "-p", pipeline)
    assert done.code == 0, done.err + done.out
    return done.outputs["output"], done.step(step)["cached"]


def test_a_folder_behind_a_link_is_part_of_the_input(stoker: Stoker) -> None:
    link_elsewhere(stoker, "y", "10")
    assert run(stoker, "totals", "total") == (11, False)
    assert run(stoker, "totals", "total") == (11, True)
    stoker.write("elsewhere/y", "500")
    assert run(stoker, "totals", "total") == (501, False)


@pytest.mark.parametrize(("name", "target"), [("loop", "loop"), ("up", "../data"), ("nothing", "not there")])
def test_links_in_a_circle_or_to_nothing_end_no_run(stoker: Stoker, name: str, target: str) -> None:
    (stoker.folder / "data" / name).symlink_to(target)
    done = stoker.run("changing.py", "-p", "totals")
    assert done.events[-1]["type"] == "run.finished", done.err
    assert done.code in (0, 1), done.err  # the step's own walk may not bear it


@pytest.mark.parametrize("restored", [True, False])
def test_what_was_made_of_a_changed_file_is_not_found_again(stoker: Stoker, restored: bool) -> None:
    stoker.write("in.txt", "before")
    stoker.write("next.txt", "after")
    assert run(stoker, "text", "reads") == ("after", False)
    if restored:
        stoker.write("in.txt", "before")
        assert run(stoker, "text", "reads") == ("before", False)
    else:
        assert "in.txt changed while the step ran" in stoker("cache", "explain", "reads").out
        assert run(stoker, "text", "reads") == ("after", False)
    assert run(stoker, "text", "reads")[1] is True


def test_an_interrupt_does_not_wait_for_what_is_left_to_hash(stoker: Stoker) -> None:
    stoker.write(
        "large.yaml",
        """
        apiVersion: stoker.dev/v1beta1
        kind: Pipeline
        name: large
        parameters: {data: {type: directory, default: huge}}
        steps:
          - {name: a, command: {script: "true"}, cache: true, inputs: {data: "${{ parameters.data }}"}}
        """,
    )
    huge = stoker.folder / "huge"
    huge.mkdir()
    for i in range(64):
        with open(huge / str(i), "wb") as file:
            file.truncate(8 << 30)  # half a terabyte of nothing
    program = stoker.start("run", "large.yaml", "--json", stdout=subprocess.PIPE)
    assert program.stdout is not None
    for line in program.stdout:
        if '"run.started"' in line:
            break
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=60)
    assert program.returncode == 130


SPARK = """
    import os
    from pyspark.sql import SparkSession
    from stoker import Directory, pipeline, step

    @step
    def counted(spark: SparkSession, data: Directory) -> int:
        return spark.read.csv(os.path.join(data, "sub")).count()

    @pipeline
    def text(data: Directory = Directory("data")) -> int:
        return counted(data)
"""


def test_spark_reads_through_a_linked_folder_of_an_input(spark: Stoker) -> None:
    spark.write("changing.py", SPARK)
    link_elsewhere(spark, "a.csv", "1\n2\n")
    assert run(spark, "text", "counted") == (2, False)
    assert run(spark, "text", "counted") == (2, True)
    spark.write("elsewhere/a.csv", "1\n2\n3\n")
    assert run(spark, "text", "counted") == (3, False)
