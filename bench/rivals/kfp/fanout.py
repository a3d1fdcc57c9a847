"""Kubeflow Pipelines, local: twenty side by side and a join. Integers in a list arrive as floats there."""

import os
from typing import List

from kfp import dsl, local


@dsl.component
def square(i: int) -> int:
    return i * i


@dsl.component
def join(values: List[int]) -> int:
    return int(sum(values))


@dsl.pipeline
def fanout() -> int:
    with dsl.ParallelFor(list(range(20))) as i:
        one = square(i=i)
    return join(values=dsl.Collected(one.output)).output


if __name__ == "__main__":
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=os.path.expanduser("~/kfp"))
    print(fanout().output)
