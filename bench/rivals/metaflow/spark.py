"""Metaflow: the six steps of the breast-cancer example, a process and a session for each."""

import steps
from metaflow import FlowSpec, step


class Spark(FlowSpec):
    @step
    def start(self):
        self.data = steps.import_data(steps.CSV, steps.new_path("data"))
        self.next(self.statistics)

    @step
    def statistics(self):
        self.rows = steps.statistics(self.data)
        self.next(self.split)

    @step
    def split(self):
        self.train_path, self.test_path = steps.new_path("train"), steps.new_path("test")
        steps.split(self.data, self.train_path, self.test_path)
        self.next(self.transform)

    @step
    def transform(self):
        self.scaled_train, self.scaled_test = steps.new_path("train"), steps.new_path("test")
        steps.transform(self.train_path, self.test_path, self.scaled_train, self.scaled_test, steps.new_path("scaler"))
        self.next(self.train)

    @step
    def train(self):
        self.model = steps.train(self.scaled_train, steps.new_path("model"))
        self.next(self.end)

    @step
    def end(self):
        print(steps.evaluate(self.model, self.scaled_test, steps.new_path("report.png")))


if __name__ == "__main__":
    Spark()
