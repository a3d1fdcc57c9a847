"""ZenML: twenty steps and one behind them (it has no simple fan-in: the join only waits)."""

from zenml import pipeline, step


@step
def square(i: int) -> int:
    return i * i


@step
def join() -> int:
    return 0


@pipeline(enable_cache=False)
def fanout() -> None:
    names = []
    for i in range(20):
        square(i, id=f"square_{i}")
        names.append(f"square_{i}")
    join(after=names)


if __name__ == "__main__":
    fanout()
