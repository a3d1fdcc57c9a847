"""Dagster: the chain of five, a process for each op."""

from dagster import job, op


@op
def first() -> int:
    return 1


@op
def increment(x: int) -> int:
    return x + 1


@job
def chain():
    x = first()
    for _ in range(4):
        x = increment(x)
