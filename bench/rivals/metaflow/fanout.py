"""Metaflow: twenty side by side and a join; it needs a start and an end."""

from metaflow import FlowSpec, step


class Fanout(FlowSpec):
    @step
    def start(self):
        self.items = list(range(20))
        self.next(self.square, foreach="items")

    @step
    def square(self):
        self.value = self.input * self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(each.value for each in inputs)
        self.next(self.end)

    @step
    def end(self):
        print(self.total)


if __name__ == "__main__":
    Fanout()
