"""Five trivial steps in a chain, and twenty of them."""

from stoker import pipeline, step


@step
def increment(x: int) -> int:
    return x + 1


@pipeline
def chain() -> None:
    x = increment(0)
    for _ in range(4):
        x = increment(x)


@pipeline
def chain20() -> None:
    x = increment(0)
    for _ in range(19):
        x = increment(x)
