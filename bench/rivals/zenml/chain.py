"""ZenML: the chain of five. BENCH_CACHE=1 switches its cache on."""

import os

from zenml import pipeline, step


@step
def increment(x: int) -> int:
    return x + 1


@pipeline(enable_cache=bool(os.environ.get("BENCH_CACHE")))
def chain(x: int = 0) -> None:
    for _ in range(5):
        x = increment(x)


if __name__ == "__main__":
    chain()
