"""Metaflow: the chain of five."""

from metaflow import FlowSpec, step


class Chain(FlowSpec):
    @step
    def start(self):
        self.x = 1
        self.next(self.second)

    @step
    def second(self):
        self.x += 1
        self.next(self.third)

    @step
    def third(self):
        self.x += 1
        self.next(self.fourth)

    @step
    def fourth(self):
        self.x += 1
        self.next(self.end)

    @step
    def end(self):
        self.x += 1
        print(self.x)


if __name__ == "__main__":
    Chain()
