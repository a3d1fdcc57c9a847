"""Search for the best depth of a decision tree: one step per candidate, the best kept only if it is good enough.

No Spark here: plain steps with scikit-learn, each in a process of its own.
"""

from typing import NamedTuple

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier
from stoker import Markdown, context, finally_, pipeline, step, when


class Candidate(NamedTuple):
    depth: int
    accuracy: float


@step
def score(depth: int, folds: int) -> Candidate:
    features, target = load_breast_cancer(return_X_y=True)
    accuracy = float(
        cross_val_score(DecisionTreeClassifier(max_depth=depth, random_state=7), features, target, cv=folds).mean()
    )
    context().log_metrics(accuracy=accuracy)
    return Candidate(depth, accuracy)


@step
def best(depths: list[int], accuracies: list[float]) -> Candidate:
    accuracy, depth = max(zip(accuracies, depths))
    context().log_metrics(depth=depth, accuracy=accuracy)
    return Candidate(depth, accuracy)


@step
def publish(depth: int) -> DecisionTreeClassifier:
    features, target = load_breast_cancer(return_X_y=True)
    model: DecisionTreeClassifier = DecisionTreeClassifier(max_depth=depth, random_state=7).fit(features, target)
    return model


@step
def give_up(accuracy: float, wanted: float) -> str:
    return f"the best tree reaches {accuracy:.3f}, wanted was {wanted:.3f}"


@step
def report(depths: list[int], accuracies: list[float]) -> Markdown:
    rows = "\n".join(f"| {depth} | {accuracy:.4f} |" for depth, accuracy in zip(depths, accuracies))
    return Markdown(f"# Depth against accuracy\n\n| depth | accuracy |\n|---|---|\n{rows}\n")


@pipeline
def model_search(depths: list[int] = [1, 2, 3, 5, 8], folds: int = 5, wanted: float = 0.9) -> None:  # noqa: B006
    candidates = score.map(depth=depths, folds=folds)
    winner = best(candidates.depth, candidates.accuracy)
    with when(winner.accuracy >= wanted):
        publish(winner.depth)
    with when(winner.accuracy < wanted):
        give_up(winner.accuracy, wanted)
    finally_(report(candidates.depth, candidates.accuracy))


if __name__ == "__main__":
    print(model_search.run())
