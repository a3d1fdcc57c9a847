"""Kubeflow Pipelines, local: the chain of five, a process for each step."""

import os

from kfp import dsl, local


@dsl.component
def increment(x: int) -> int:
    return x + 1


@dsl.pipeline
def chain(x: int = 0) -> int:
    out = increment(x=x)
    for _ in range(4):
        out = increment(x=out.output)
    return out.output


if __name__ == "__main__":
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=os.path.expanduser("~/kfp"),
        enable_caching=bool(os.environ.get("BENCH_CACHE")),
    )
    print(chain(x=0).output)
