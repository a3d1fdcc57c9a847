"""Flyte: the six steps of the breast-cancer example, in one process, one after another."""

from typing import Tuple

import steps
from flytekit import task, workflow
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile


@task
def import_data(csv: FlyteFile) -> FlyteDirectory:
    return FlyteDirectory(steps.import_data(csv.path, steps.new_path("data")))


@task
def statistics(data: FlyteDirectory) -> int:
    return steps.statistics(data.download())


@task
def split(data: FlyteDirectory) -> Tuple[FlyteDirectory, FlyteDirectory]:
    train, test = steps.new_path("train"), steps.new_path("test")
    steps.split(data.download(), train, test)
    return FlyteDirectory(train), FlyteDirectory(test)


@task
def transform(train: FlyteDirectory, test: FlyteDirectory) -> Tuple[FlyteDirectory, FlyteDirectory]:
    scaled_train, scaled_test = steps.new_path("train"), steps.new_path("test")
    steps.transform(train.download(), test.download(), scaled_train, scaled_test, steps.new_path("scaler"))
    return FlyteDirectory(scaled_train), FlyteDirectory(scaled_test)


@task
def train(scaled_train: FlyteDirectory) -> FlyteDirectory:
    return FlyteDirectory(steps.train(scaled_train.download(), steps.new_path("model")))


@task
def evaluate(model: FlyteDirectory, scaled_test: FlyteDirectory) -> float:
    return steps.evaluate(model.download(), scaled_test.download(), steps.new_path("report.png"))


@workflow
def spark(csv: FlyteFile = steps.CSV) -> float:
    data = import_data(csv=csv)
    statistics(data=data)
    first, second = split(data=data)
    scaled_train, scaled_test = transform(train=first, test=second)
    return evaluate(model=train(scaled_train=scaled_train), scaled_test=scaled_test)
