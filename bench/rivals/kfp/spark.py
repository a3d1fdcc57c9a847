"""Kubeflow Pipelines, local: the six steps of the breast-cancer example, a process and a session for each."""

import os

from kfp import dsl, local
from kfp.dsl import Dataset, Input, Model, Output


@dsl.component
def import_data(csv: str, data: Output[Dataset]):
    import steps

    steps.import_data(csv, data.path)


@dsl.component
def statistics(data: Input[Dataset]) -> int:
    import steps

    return steps.statistics(data.path)


@dsl.component
def split(data: Input[Dataset], train: Output[Dataset], test: Output[Dataset]):
    import steps

    steps.split(data.path, train.path, test.path)


@dsl.component
def transform(
    train: Input[Dataset],
    test: Input[Dataset],
    scaled_train: Output[Dataset],
    scaled_test: Output[Dataset],
    scaler: Output[Model],
):
    import steps

    steps.transform(train.path, test.path, scaled_train.path, scaled_test.path, scaler.path)


@dsl.component
def train(scaled_train: Input[Dataset], model: Output[Model]):
    import steps

    steps.train(scaled_train.path, model.path)


@dsl.component
def evaluate(model: Input[Model], scaled_test: Input[Dataset]) -> float:
    import steps

    return steps.evaluate(model.path, scaled_test.path, steps.new_path("report.png"))


@dsl.pipeline
def spark(csv: str) -> float:
    data = import_data(csv=csv).outputs["data"]
    statistics(data=data)
    parts = split(data=data)
    scaled = transform(train=parts.outputs["train"], test=parts.outputs["test"])
    model = train(scaled_train=scaled.outputs["scaled_train"])
    return evaluate(model=model.outputs["model"], scaled_test=scaled.outputs["scaled_test"]).output


if __name__ == "__main__":
    import steps

    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=os.environ["BENCH_OUT"])
    print(spark(csv=steps.CSV).output)
