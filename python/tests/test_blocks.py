"""Blocks of a pipeline function: conditions, fan-out, repetition, final steps."""

import pathlib

import pytest
from sdk_helpers import PRELUDE, document, step_named

from stoker import CompileError


def test_conditions_nest_and_reach_every_kind_of_step(tmp_path: pathlib.Path) -> None:
    made = document(
        tmp_path,
        """
score = evaluate(0.1)
with when((score > 1) | (score < 0)):
    with when(score != 5):
        publish(score)
    command(["true"])
    wait("5m")
""",
    )
    output = "steps.evaluate.outputs.output"
    assert step_named(made, "publish")["when"] == f"${{{{ ({output} > 1 || {output} < 0) && {output} != 5 }}}}"
    assert step_named(made, "command")["when"] == f"${{{{ {output} > 1 || {output} < 0 }}}}"
    assert step_named(made, "wait")["wait"] == {"duration": "5m"}


def test_map_over_constants_parameters_and_results(tmp_path: pathlib.Path) -> None:
    made = document(
        tmp_path,
        """
parts = split(numbers())
models = train.map(trees=[10, 20], data=parts.train)
train.options(name="pairs", parallelism=2).map(trees=[1, 2], rate=[0.1, 0.2], data=[5])
train.options(name="given").map(trees=grid, data=parts.train)
evaluate.map(model=models)
pick(models)
split.map(data=each([[1], [2]]))
""",
        "grid: List[int] = [1, 2]",
    )
    assert step_named(made, "train")["foreach"] == [10, 20]
    assert step_named(made, "train")["inputs"] == {
        "trees": "${{ item }}",
        "data": "${{ steps.split.outputs.train }}",
        "rate": 0.1,
    }
    assert step_named(made, "pairs")["foreach"] == {
        "items": [{"trees": 1, "rate": 0.1}, {"trees": 2, "rate": 0.2}],
        "parallelism": 2,
    }
    assert step_named(made, "pairs")["inputs"] == {
        "trees": "${{ item.trees }}",
        "rate": "${{ item.rate }}",
        "data": [5],
    }
    assert step_named(made, "given")["foreach"] == "${{ parameters.grid }}"
    assert step_named(made, "evaluate")["foreach"] == "${{ steps.train.outputs.output }}"
    assert step_named(made, "pick")["inputs"] == {"scores": "${{ steps.train.outputs.output }}"}
    assert step_named(made, "split_2")["foreach"] == [[1], [2]]


def test_lists_known_at_run_time_go_side_by_side(tmp_path: pathlib.Path) -> None:
    made = document(tmp_path, "train.map(trees=grid, rate=rates, data=[1])", "grid: List[int], rates: List[float]")
    step = step_named(made, "train")
    assert step["inputs"]["trees"] == "${{ item }}"
    assert step["inputs"]["rate"] == "${{ parameters.rates[index] }}"
    grid, rates = "parameters.grid", "parameters.rates"
    assert step["foreach"] == f"${{{{ size({grid}) == size({rates}) ? {grid} : {grid}[size({grid})] }}}}"


def test_outputs_of_a_mapped_step_with_several(tmp_path: pathlib.Path) -> None:
    body = """
all = split.map(data=each([[1], [2]]))
gather(collect(all, lambda p: p.train))
gather(all.test)
gather(all[0].train)
"""
    made = document(tmp_path, body, prelude=PRELUDE + "\n@step\ndef gather(parts: List[Any]) -> int: return 1\n")
    assert step_named(made, "gather")["inputs"] == {"parts": "${{ steps.split.outputs.train }}"}
    assert step_named(made, "gather_2")["inputs"] == {"parts": "${{ steps.split.outputs.test }}"}
    assert step_named(made, "gather_3")["inputs"] == {"parts": "${{ steps.split.outputs.train[0] }}"}


def test_a_list_of_results_is_no_text(tmp_path: pathlib.Path) -> None:
    with pytest.raises(CompileError, match="takes str for 'text', but"):
        document(tmp_path, "note(split.map(data=each([[1], [2]])).test)")


def test_repeat(tmp_path: pathlib.Path) -> None:
    prelude = (
        PRELUDE
        + """
class Tuned(NamedTuple):
    rate: float
    score: float
@step
def tune(rate: float, fixed: int = 1) -> Tuned: return Tuned(rate, 1.0)
"""
    )
    made = document(
        tmp_path,
        """
best = repeat(tune, until=lambda out: out.score > 0.9, at_most=10, rate=0.5)
publish(best.score)
repeat(evaluate, until=lambda out: out > 0.9, at_most=3, model=0.1)
repeat(tune, until=lambda out: out.score > 0.9, at_most=2, carry=lambda out: {"rate": out.rate / 2}, rate=rate)
""",
        "rate: float = 1.0",
        prelude,
    )
    assert step_named(made, "tune")["repeat"] == {
        "until": "${{ outputs.score > 0.9 }}",
        "atMost": 10,
        "carry": {"rate": "${{ outputs.rate }}"},
    }
    assert step_named(made, "publish")["inputs"] == {"score": "${{ steps.tune.outputs.score }}"}
    assert step_named(made, "evaluate")["repeat"]["carry"] == {"model": "${{ outputs.output }}"}
    assert step_named(made, "tune_2")["repeat"]["carry"] == {"rate": "${{ double(outputs.rate) / double(2) }}"}
    assert step_named(made, "tune_2")["inputs"] == {"rate": "${{ parameters.rate }}", "fixed": 1}


def test_finally_both_ways(tmp_path: pathlib.Path) -> None:
    made = document(
        tmp_path, "score = evaluate(0.1)\nfinally_(note, this_run.state)\nfinally_(publish(one_of(score, 0.0)))"
    )
    assert [step["name"] for step in made["steps"]] == ["evaluate"]
    assert [step["name"] for step in made["finally"]] == ["note", "publish"]
    assert made["finally"][0]["inputs"] == {"text": "${{ run.state }}"}
    assert made["finally"][1]["inputs"] == {"score": "${{ one_of(steps.evaluate.outputs.output, 0.0) }}"}


def test_a_final_step_that_others_use_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(CompileError, match="the final step 'evaluate' is used by 'publish'"):
        document(tmp_path, "score = evaluate(0.1)\npublish(score)\nfinally_(score)")
