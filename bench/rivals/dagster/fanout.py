"""Dagster: twenty side by side and a join."""

from typing import List

from dagster import job, op


def make(i: int):
    @op(name=f"square_{i}")
    def square() -> int:
        return i * i

    return square


@op
def join(values: List[int]) -> int:
    return sum(values)


@job
def fanout():
    join([make(i)() for i in range(20)])
