"""Twenty steps side by side, and one that joins them."""

from stoker import pipeline, step


@step
def square(i: int) -> int:
    return i * i


@step
def join(values: list[int]) -> int:
    return sum(values)


@pipeline
def fanout() -> None:
    join(square.map(i=list(range(20))))
