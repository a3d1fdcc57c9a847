"""ZenML: the six steps of the breast-cancer example, in one process, one after another."""

from typing import Annotated, Tuple

import steps
from zenml import pipeline, step


@step
def import_data(csv: str) -> str:
    return steps.import_data(csv, steps.new_path("data"))


@step
def statistics(data: str) -> int:
    return steps.statistics(data)


@step
def split(data: str) -> Tuple[Annotated[str, "train"], Annotated[str, "test"]]:
    train, test = steps.new_path("train"), steps.new_path("test")
    steps.split(data, train, test)
    return train, test


@step
def transform(train: str, test: str) -> Tuple[Annotated[str, "scaled_train"], Annotated[str, "scaled_test"]]:
    scaled_train, scaled_test = steps.new_path("train"), steps.new_path("test")
    steps.transform(train, test, scaled_train, scaled_test, steps.new_path("scaler"))
    return scaled_train, scaled_test


@step
def train(scaled_train: str) -> str:
    return steps.train(scaled_train, steps.new_path("model"))


@step
def evaluate(model: str, scaled_test: str) -> float:
    return steps.evaluate(model, scaled_test, steps.new_path("report.png"))


@pipeline(enable_cache=False)
def spark(csv: str) -> None:
    data = import_data(csv)
    statistics(data)
    first, second = split(data)
    scaled_train, scaled_test = transform(first, second)
    evaluate(train(scaled_train), scaled_test)


if __name__ == "__main__":
    spark(steps.CSV)
