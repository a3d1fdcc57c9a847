"""Runs of documents with commands: order, values, branches, loops, retries, timeouts, exit codes, JSON events."""

from __future__ import annotations

import json

import pytest
from conftest import Stoker

HEAD = "apiVersion: stoker.dev/v1beta1\nkind: Pipeline\nname: {name}\n"


def write(stoker: Stoker, body: str, name: str = "demo") -> str:
    import textwrap

    (stoker.folder / f"{name}.yaml").write_text(HEAD.format(name=name) + textwrap.dedent(body))
    return f"{name}.yaml"


def test_values_flow_from_results_to_commands(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        steps:
          - name: count
            command: {script: 'echo rows=41 >> "$STOKER_RESULT"'}
            outputs: {rows: {from: result, type: integer}}
          - name: show
            command: {run: [echo, "there are ${{ steps.count.outputs.rows + 1 }} rows"]}
        outputs: {rows: "${{ steps.count.outputs.rows }}"}
        """,
    )
    done = stoker.run(file)
    assert done.code == 0, done.err
    assert done.finished["state"] == "succeeded"
    assert done.outputs == {"rows": 41}
    assert isinstance(done.finished["duration_ms"], int)
    assert "there are 42 rows" in stoker("runs", "logs", "latest", "show").out


@pytest.mark.parametrize("length", [0, 1, 1000])
def test_foreach_takes_a_length_known_only_at_run_time(stoker: Stoker, length: int) -> None:
    file = write(
        stoker,
        f"""
        steps:
          - name: list
            command: {{script: 'printf "items=[%s]\\n" "$(seq -s, 1 {length})" >> "$STOKER_RESULT"'}}
            outputs: {{items: {{from: result, type: list}}}}
          - name: each
            foreach: "${{{{ steps.list.outputs.items }}}}"
            command: {{script: 'echo "double=$((2 * ITEM))" >> "$STOKER_RESULT"'}}
            env: {{ITEM: "${{{{ item }}}}"}}
            outputs: {{double: {{from: result, type: integer}}}}
        outputs: {{total: "${{{{ sum(steps.each.outputs.double) }}}}", count: "${{{{ size(steps.each.outputs.double) }}}}"}}
        """,
    )
    done = stoker.run(file)
    assert done.code == 0, done.err + done.out[-2000:]
    assert done.outputs == {"total": length * (length + 1), "count": length}


def test_foreach_over_a_parameter_given_on_the_command_line(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        parameters: {items: {type: list, default: [a]}}
        steps:
          - name: each
            foreach: ${{ parameters.items }}
            command: {run: [echo, "${{ item }}"]}
        """,
    )
    assert sorted(stoker.run(file, "--set", "items=[x, y, z]").steps("step.succeeded")) == [
        "each",
        "each[0]",
        "each[1]",
        "each[2]",
    ]


def test_a_false_condition_skips_the_step_and_what_needs_it(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        parameters: {wanted: {type: boolean, default: false}}
        steps:
          - name: maybe
            when: ${{ parameters.wanted }}
            command: {run: [echo, yes]}
          - name: after
            needs: [maybe]
            command: {run: [echo, after]}
          - name: other
            command: {run: [echo, other]}
        """,
    )
    done = stoker.run(file)
    assert done.code == 0
    assert sorted(done.steps("step.skipped")) == ["after", "maybe"]
    assert done.steps("step.succeeded") == ["other"]
    assert sorted(stoker.run(file, "--set", "wanted=true").steps("step.succeeded")) == ["after", "maybe", "other"]


def test_repeat_goes_on_until_its_condition(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        steps:
          - name: grow
            repeat: {until: "${{ outputs.x >= 20 }}", atMost: 10}
            command: {script: 'echo "x=$((8 * X))" >> "$STOKER_RESULT"'}
            env: {X: "${{ iteration }}"}
            outputs: {x: {from: result, type: integer}}
        outputs: {x: "${{ steps.grow.outputs.x }}"}
        """,
    )
    done = stoker.run(file)
    assert done.code == 0, done.err + done.out
    assert done.outputs == {"x": 24}


def test_a_failure_ends_what_depends_on_it_and_finally_still_runs(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        steps:
          - name: bad
            command: {script: 'echo broken >&2; exit 7'}
          - name: after
            needs: [bad]
            command: {run: [echo, no]}
          - name: independent
            command: {run: [echo, yes]}
        finally:
          - name: report
            command: {run: [echo, "state ${{ run.state }}"]}
        """,
    )
    done = stoker.run(file)
    assert done.code == 1
    assert done.finished["state"] == "failed"
    assert done.step("bad")["class"] == "userCode"
    assert done.step("after")["type"] == "step.skipped"
    assert done.step("independent")["type"] == "step.succeeded"
    assert done.step("report")["type"] == "step.succeeded"
    assert "state failed" in stoker("runs", "logs", "latest", "report").out


def test_a_failed_run_ends_in_few_lines_and_resume_finishes_it(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        steps:
          - name: once
            command: {script: 'echo ran >> "$MARK"'}
            env: {MARK: "${{ parameters.mark }}"}
          - name: fragile
            needs: [once]
            command: {script: 'test -e "$MARK.ready"'}
            env: {MARK: "${{ parameters.mark }}"}
        parameters: {mark: {type: string}}
        """,
    )
    mark = stoker.folder / "mark"
    done = stoker("run", file, "--set", f"mark={mark}")
    assert done.code == 1
    assert len(done.err.splitlines()) < 15
    assert "fragile" in done.err and "stoker runs resume" in done.err and ".log" in done.err
    (stoker.folder / "mark.ready").touch()
    again = stoker("runs", "resume", "--json")
    assert again.code == 0, again.err
    assert mark.read_text() == "ran\n"
    assert again.steps("step.succeeded") == ["fragile"]


def test_a_resume_takes_the_flags_of_a_run(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        steps:
          - {name: a, command: {script: 'test -e "$READY"'}, env: {READY: "${{ parameters.ready }}"}}
          - {name: b, command: {script: 'test -e "$READY"'}, env: {READY: "${{ parameters.ready }}"}}
        parameters: {ready: {type: string}}
        """,
    )
    assert stoker("run", file, "--set", f"ready={stoker.folder / 'ready'}").code == 1
    (stoker.folder / "ready").touch()
    done = stoker("runs", "resume", "--no-cache", "--parallelism", "1", "--json")
    assert done.code == 0, done.err
    moves = [event["type"] for event in done.events if event["type"] in ("step.started", "step.succeeded")]
    assert moves == ["step.started", "step.succeeded"] * 2


def test_retries_follow_the_policy(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        steps:
          - name: flaky
            command: {script: 'echo x >> "$MARK"; test $(wc -l < "$MARK") -ge 3'}
            env: {MARK: "${{ parameters.mark }}"}
            retry: {attempts: 3, backoff: 1ms}
        parameters: {mark: {type: string}}
        """,
    )
    done = stoker.run(file, "--set", f"mark={stoker.folder / 'mark'}")
    assert done.code == 0, done.out
    assert len(done.steps("step.retrying")) == 2
    assert done.step("flaky")["attempt"] == 3


def test_a_sub_pipeline_under_foreach_gives_its_outputs_in_order(stoker: Stoker) -> None:
    file = write(
        stoker,
        """
        steps:
          - name: clean
            foreach: [3, 1, 2]
            pipeline: cleaning
            inputs: {x: "${{ item }}"}
        pipelines:
          cleaning:
            parameters: {x: {type: integer}}
            steps:
              - name: square
                command: {script: 'echo "y=$((X * X))" >> "$STOKER_RESULT"'}
                env: {X: "${{ parameters.x }}"}
                outputs: {y: {from: result, type: integer}}
            outputs: {y: "${{ steps.square.outputs.y }}"}
        outputs: {ys: "${{ steps.clean.outputs.y }}"}
        """,
    )
    done = stoker.run(file)
    assert done.code == 0, done.err + done.out
    assert done.outputs == {"ys": [9, 1, 4]}
    assert "clean[0]/square" in done.steps("step.succeeded")


def test_json_lines_are_versioned_and_numbered(stoker: Stoker) -> None:
    file = write(stoker, "steps: [{name: a, command: {run: [echo, hi]}}]\n")
    events = [event for event in stoker.run(file).events if "seq" in event]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["version"] for event in events} == {1}
    run = events[-1]["run"]
    assert json.loads(stoker("runs", "show", run, "--json").out)["state"] == "succeeded"
    stored = [json.loads(line) for line in stoker("runs", "show", run, "--events").out.splitlines()]
    assert [event["type"] for event in stored] == [event["type"] for event in events]


def test_runs_are_listed_shown_and_deleted(stoker: Stoker) -> None:
    file = write(stoker, "steps: [{name: a, command: {run: [echo, hi]}}]\n")
    first = stoker.run(file).finished["run"]
    second = stoker.run(file).finished["run"]
    assert [run["run"] for run in json.loads(stoker("runs", "list", "--json").out)] == [second, first]
    assert second in stoker("runs", "show").out
    assert first in stoker("runs", "show", first[-4:]).out
    assert stoker("runs", "delete", first).code == 2, "deleting asks"
    assert stoker("runs", "delete", first, "--yes").code == 0
    assert [run["run"] for run in json.loads(stoker("runs", "list", "--json").out)] == [second]
    wrong = stoker("runs", "show", "nonsense")
    assert wrong.code == 2 and "nonsense" in wrong.err
