"""The user saves a file while a run goes on. A result must be found again for the code that made it, and for no other.

The first step of each pipeline is the user: it puts `next.py` in the place of `helper.py`, when there is one."""

from __future__ import annotations

import pytest
from conftest import Stoker

PIPELINE = """
    import os
    import helper
    import other
    from stoker import pipeline, step

    @step(cache=False)
    def user() -> str:
        if os.path.exists("next.py"):
            os.replace("next.py", "helper.py")
        return "has saved"

    @step
    def uses(sentence: str) -> str:
        return helper.text() + other.text()

    @step
    def does_not(sentence: str) -> str:
        return "the same"

    @pipeline
    def saved() -> str:
        sentence = user()
        does_not(sentence)
        return uses(sentence)
"""
UNSAFE_TO_FORK = """
    import threading
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


def write(stoker: Stoker, top: str = "") -> None:
    stoker.write("saved.py", top + PIPELINE)
    stoker.write("other.py", "def text(): return '!'\n")
    stoker.write("helper.py", "def text(): return 'old'\n")


def save_later(stoker: Stoker, text: str) -> None:
    stoker.write("next.py", f"def text(): return {text!r}\n")


def result(stoker: Stoker, *more: str) -> tuple[str, bool]:
    """What `uses` returned, and whether that was found again."""
    done = stoker.run("saved.py", *more)
    assert done.code == 0, done.err + done.out
    return done.outputs["output"], done.step("uses")["cached"]


# More arguments, lines on top of the file, and what the run that is disturbed returns.
WAYS = [
    pytest.param((), "", "old!", id="forked"),
    pytest.param(("--isolated",), "", "new!", id="isolated"),
    pytest.param((), UNSAFE_TO_FORK, "new!", id="unsafe to fork"),
]


@pytest.mark.parametrize(("more", "top", "disturbed"), WAYS)
def test_a_result_is_found_for_the_code_that_made_it(
    stoker: Stoker, more: tuple[str, ...], top: str, disturbed: str
) -> None:
    write(stoker, top)
    save_later(stoker, "new")
    assert result(stoker, *more) == (disturbed, False)
    # The new code: what it made serves it, whatever it was filed under.
    assert result(stoker, *more)[0] == "new!"
    # The code of before.
    stoker.write("helper.py", "def text(): return 'old'\n")
    assert result(stoker, *more)[0] == "old!"


@pytest.mark.parametrize(("more", "top", "disturbed"), WAYS)
def test_what_does_not_use_the_file_is_found_again(
    stoker: Stoker, more: tuple[str, ...], top: str, disturbed: str
) -> None:
    write(stoker, top)
    save_later(stoker, "new")
    assert stoker.run("saved.py", *more).step("does_not")["cached"] is False
    assert stoker.run("saved.py", *more).step("does_not")["cached"]


COMMAND_FIRST = """
    import helper
    from stoker import command, pipeline, step

    @step
    def uses(times: int) -> str:
        return helper.text() * times

    @pipeline
    def saved(times: int = 1) -> str:
        user = command(name="user", script="cd FOLDER; if [ -e next.py ]; then mv next.py helper.py; fi", cache=False)
        return uses.options(after=user)(times)
"""


def test_a_compile_that_was_found_again_does_not_vouch_for_a_later_import(stoker: Stoker) -> None:
    """Nothing is imported before the first Python step, which comes after the file was saved."""
    stoker.write("helper.py", "def text(): return 'old'\n")
    stoker.write("saved.py", COMMAND_FIRST.replace("FOLDER", str(stoker.folder)))
    assert result(stoker) == ("old", False)
    save_later(stoker, "new")
    assert result(stoker, "--set", "times=2") == ("newnew", False)
    stoker.write("helper.py", "def text(): return 'old'\n")
    assert result(stoker, "--set", "times=2")[0] == "oldold"
    assert result(stoker) == ("old", True)


READS_ON_IMPORT = "def text(): return TEXT\nTEXT = open('text').read()\n"


def test_data_that_an_import_reads_counts_too(stoker: Stoker) -> None:
    write(stoker)
    stoker.write("helper.py", READS_ON_IMPORT)
    (stoker.folder / "text").write_text("old")
    stoker.write("saved.py", PIPELINE.replace("next.py", "next").replace("helper.py", "text"))
    (stoker.folder / "next").write_text("new")
    assert result(stoker, "--isolated") == ("new!", False)
    assert result(stoker, "--isolated")[0] == "new!"
    (stoker.folder / "text").write_text("old")
    assert result(stoker, "--isolated")[0] == "old!"


LOOKS_IN_VAIN = """
    import os
    import sys
    import types
    try:
        open("settings")
    except OSError:
        pass
    with open("made", "a+") as made:
        made.write("x")
    open("made").close()
    sys.modules["generated"] = types.ModuleType("generated")
    sys.modules["generated"].__file__ = os.path.abspath("generated.py")
"""


@pytest.mark.parametrize("more", [(), ("--isolated",)])
def test_what_an_import_looks_for_in_vain_or_makes_itself_is_not_saved_by_anybody(
    stoker: Stoker, more: tuple[str, ...]
) -> None:
    write(stoker, LOOKS_IN_VAIN)
    assert result(stoker, *more) == ("old!", False)
    assert result(stoker, *more) == ("old!", True)


def test_a_compiled_document_does_not_vouch_for_its_files(stoker: Stoker) -> None:
    write(stoker)
    assert stoker("compile", "saved.py", "-o", "saved.json").code == 0
    assert stoker.run("saved.json").outputs["output"] == "old!"
    stoker.write("helper.py", "def text(): return 'new'\n")
    again = stoker.run("saved.json")
    assert again.outputs["output"] == "new!"
    assert "compiled document" in again.step("uses")["cache"]["why"]
    stoker.write("helper.py", "def text(): return 'old'\n")
    assert result(stoker)[0] == "old!"


SPARK = """
    import contextlib, os
    import helper
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import udf
    from stoker import pipeline, step

    @step
    def uses(spark: SparkSession) -> str:
        with contextlib.suppress(FileNotFoundError):  # to ask whether it is there would be a dependency
            os.replace("next.py", "helper.py")
        if COUNTS:
            return str(spark.range(3).count())
        return spark.range(1).select(udf(helper.text)()).collect()[0][0]

    COUNTS = False

    @pipeline
    def saved() -> str:
        return uses()
"""


def test_functions_on_spark_workers_may_be_of_either_code(spark: Stoker) -> None:
    """They are imported there, by name, when the first row comes."""
    spark.write("helper.py", "def text(): return 'old'\n")
    spark.write("saved.py", SPARK)
    save_later(spark, "new")
    first = spark.run("saved.py")
    assert first.code == 0, first.err + first.out
    assert "helper.py was saved while the step used it" in first.step("uses")["cache"]["note"], first.out
    spark.write("helper.py", "def text(): return 'old'\n")
    again = spark.run("saved.py")
    assert again.outputs["output"] == "old" and not again.step("uses")["cached"]
    last = spark.run("saved.py").step("uses")
    assert last["cached"], last


def test_a_spark_step_without_such_functions_is_not_concerned(spark: Stoker) -> None:
    spark.write("helper.py", "def text(): return 'old'\n")
    spark.write("saved.py", SPARK.replace("COUNTS = False", "COUNTS = True"))
    save_later(spark, "new")
    first = spark.run("saved.py")
    assert first.outputs["output"] == "3" and "note" not in first.step("uses")["cache"], first.out
    spark.write("helper.py", "def text(): return 'old'\n")
    assert spark.run("saved.py").step("uses")["cached"]
