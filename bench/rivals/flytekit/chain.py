"""Flyte: the chain of five. BENCH_CACHE=1 switches its cache on."""

import os

from flytekit import task, workflow

caching = {"cache": True, "cache_version": "1"} if os.environ.get("BENCH_CACHE") else {}


@task(**caching)
def increment(x: int) -> int:
    return x + 1


@workflow
def chain(x: int = 0) -> int:
    for _ in range(5):
        x = increment(x=x)
    return x
