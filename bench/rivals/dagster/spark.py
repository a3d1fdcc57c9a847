"""Dagster: the six steps of the breast-cancer example, a process and a session for each op."""

import steps
from dagster import Out, job, op


@op
def import_data() -> str:
    return steps.import_data(steps.CSV, steps.new_path("data"))


@op
def statistics(data: str) -> int:
    return steps.statistics(data)


@op(out={"first": Out(str), "second": Out(str)})
def split(data: str):
    train, test = steps.new_path("train"), steps.new_path("test")
    steps.split(data, train, test)
    return train, test


@op(out={"scaled_train": Out(str), "scaled_test": Out(str)})
def transform(first: str, second: str):
    scaled_train, scaled_test = steps.new_path("train"), steps.new_path("test")
    steps.transform(first, second, scaled_train, scaled_test, steps.new_path("scaler"))
    return scaled_train, scaled_test


@op
def train(scaled_train: str) -> str:
    return steps.train(scaled_train, steps.new_path("model"))


@op
def evaluate(model: str, scaled_test: str) -> float:
    return steps.evaluate(model, scaled_test, steps.new_path("report.png"))


@job
def spark():
    data = import_data()
    statistics(data)
    first, second = split(data)
    scaled_train, scaled_test = transform(first, second)
    evaluate(train(scaled_train), scaled_test)
