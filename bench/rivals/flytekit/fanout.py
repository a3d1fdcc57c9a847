"""Flyte: twenty side by side and a join."""

from typing import List

from flytekit import task, workflow


@task
def square(i: int) -> int:
    return i * i


@task
def join(values: List[int]) -> int:
    return sum(values)


@workflow
def fanout() -> int:
    return join(values=[square(i=i) for i in range(20)])
