"""Every example, run as its README says."""

from __future__ import annotations

import json
import shutil

import pytest
from conftest import ROOT, Stoker


def copied(stoker: Stoker, name: str) -> None:
    """The example in a project of the test's own, so that runs leave nothing in the checkout."""
    shutil.copytree(ROOT / "examples" / name, stoker.folder, dirs_exist_ok=True)


def metrics(stoker: Stoker, step: str) -> dict[str, float]:
    shown = json.loads(stoker("runs", "show", "--json").out)
    return next(row["metrics"] for row in shown["steps"] if row["step"] == step)


def test_breast_cancer_is_reproducible_and_cached(spark: Stoker) -> None:
    copied(spark, "breast_cancer")
    first = spark.run("pipeline.py")
    assert first.code == 0, first.err + first.out[-3000:]
    steps = ["import_data", "statistics", "split", "transform", "train", "evaluate"]
    assert sorted(first.steps("step.succeeded")) == sorted(steps)
    found = metrics(spark, "evaluate")
    assert found["auc"] > 0.95 and found["accuracy"] > 0.9

    cached = spark.run("pipeline.py")
    assert cached.code == 0
    assert all(cached.step(step)["cached"] for step in steps)

    again = spark.run("pipeline.py", "--no-cache")
    assert again.code == 0, again.err
    assert metrics(spark, "evaluate") == found, "the same seed gives the same metrics"
    assert not any(again.step(step)["cached"] for step in steps)

    shown = spark("artifacts", "show", "import_data")
    assert "569" in shown.out, "rows are counted without a job"
    rows = shown.out.partition("\npreview\n")[2].splitlines()
    assert rows[0].split()[:2] == ["mean_radius", "mean_texture"] and rows[1].split()[:2] == ["17.99", "10.38"]
    assert spark("artifacts", "path", "evaluate/report").out.strip()


def test_breast_cancer_runs_only_what_a_parameter_touches(spark: Stoker) -> None:
    copied(spark, "breast_cancer")
    assert spark.run("pipeline.py").code == 0
    changed = spark.run("pipeline.py", "--set", "trees=5")
    assert changed.code == 0
    ran = [step for step in changed.steps("step.succeeded") if not changed.step(step)["cached"]]
    assert ran == ["train", "evaluate"]
    why = spark("cache", "explain", "train").out
    assert "trees" in why


def test_spark_pi_gives_pi_as_an_output(spark: Stoker) -> None:
    copied(spark, "spark_pi")
    done = spark.run("pipeline.yaml")
    assert done.code == 0, done.err + done.out[-3000:]
    assert 3.0 < done.outputs["pi"] < 3.3
    assert "Spark says that Pi is 3." in spark("runs", "logs", "latest", "message").out


def test_spark_pi_failure_and_retry_map_to_states(spark: Stoker) -> None:
    copied(spark, "spark_pi")
    text = (spark.folder / "spark-pi.yaml").read_text()
    broken = text.replace("onFailureRetries: 3", "onFailureRetries: 1").replace(
        "onFailureRetryInterval: 10", "onFailureRetryInterval: 1"
    )
    # pi.py takes the number of partitions; a word makes it raise.
    broken = broken.replace("  sparkVersion:", "  arguments: [many]\n  sparkVersion:", 1)
    (spark.folder / "spark-pi.yaml").write_text(broken)
    done = spark.run("pipeline.yaml")
    assert done.code == 1
    assert len(done.steps("step.retrying")) == 1
    assert done.step("pi")["type"] == "step.failed" and done.step("pi")["class"] == "userCode"
    assert done.step("message")["type"] == "step.skipped"


@pytest.mark.parametrize(("wanted", "ran", "skipped"), [("0.9", "publish", "give_up"), ("0.999", "give_up", "publish")])
def test_model_search_takes_the_branch_that_its_best_model_deserves(
    stoker: Stoker, wanted: str, ran: str, skipped: str
) -> None:
    copied(stoker, "model_search")
    done = stoker.run("pipeline.py", "--set", f"wanted={wanted}", "--set", "depths=[1, 3]", "--set", "folds=3")
    assert done.code == 0, done.err + done.out[-3000:]
    assert done.step(ran)["type"] == "step.succeeded"
    assert done.step(skipped)["type"] == "step.skipped"
    assert done.step("report")["type"] == "step.succeeded"


def test_etl_passes_files_between_commands_and_a_jar(spark: Stoker) -> None:
    copied(spark, "etl")
    done = spark.run("pipeline.yaml", "--set", "lines=500")
    assert done.code == 0, done.err + done.out[-3000:]
    assert done.outputs == {"lines": 500, "words": 4500}
    assert "the," in spark("runs", "logs", "latest", "top", "--stream", "stdout").out
    again = spark.run("pipeline.yaml", "--set", "lines=500")
    assert again.step("build")["cached"] and again.step("text")["cached"]


def test_big_join_trains(spark: Stoker) -> None:
    copied(spark, "big_join")
    done = spark.run("pipeline.py", "--set", "rows=20000")
    assert done.code == 0, done.err + done.out[-3000:]
    assert "r2" in metrics(spark, "train")
