"""What type checkers must see. A line that ends in `# error` must be refused by each of them, no other may be."""

import sys
from typing import Any, Dict, List, NamedTuple

from pyspark.ml import Model
from pyspark.sql import DataFrame, SparkSession

from stoker import (
    Cache,
    File,
    Output,
    Resources,
    Retry,
    Spark,
    collect,
    command,
    finally_,
    not_,
    one_of,
    pipeline,
    repeat,
    spark_application,
    step,
    text,
    this_run,
    wait,
    when,
)

if sys.version_info >= (3, 11):
    from typing import assert_type
else:
    from typing_extensions import assert_type

spark = Spark()


class Parts(NamedTuple):
    train: DataFrame
    share: float


@step(spark=spark)
def load(session: SparkSession, path: File, header: bool = True) -> DataFrame:
    raise NotImplementedError


@step
def bare(session: SparkSession, rows: int) -> DataFrame:
    raise NotImplementedError


@step(spark=spark, retry=Retry(2, backoff="10s"), cache=Cache(max_age="7d"), resources=Resources(memory="1g"))
def split(data: DataFrame, share: float, seed: int = 7) -> Parts:
    raise NotImplementedError


@step
def score(model: Model, share: float) -> float:
    raise NotImplementedError


@step
def anything(value: Any, share: float) -> float:
    raise NotImplementedError


@step
def nothing() -> Dict[str, int]:
    raise NotImplementedError


@step
def publish(score: float) -> None:
    raise NotImplementedError


@step
def improve(rate: float) -> float:
    raise NotImplementedError


@pipeline
def inner(data: DataFrame, share: float = 0.5) -> Parts:
    return split(data, share)


@pipeline(parallelism=2)
def main(path: File, rows: int = 3) -> float:
    data = load(path)
    assert_type(data, DataFrame)
    assert_type(bare(rows), DataFrame)
    load(data)  # error
    load(path, headers=True)  # error
    load()  # error
    bare("x")  # error
    parts = split(data, 0.5)
    assert_type(parts, Parts)
    train, share = parts
    assert_type(share, float)
    split(train, "much")  # error
    score(data, 0.5)  # error
    anything(data, 0.5)
    assert_type(nothing(), Dict[str, int])
    nothing(1)  # error
    best = repeat(improve, until=lambda out: out > 0.9, at_most=3, rate=0.1)
    assert_type(best, float)
    with when((best > 0.9) & not_(share > 1)):
        publish(best)
    with when("yes"):  # error
        publish(best)
    many = split.map(data=data, share=[0.1, 0.2])
    assert_type(collect(many, lambda part: part.share), List[float])
    first: Parts = many[0]
    publish(first.share)
    joined = one_of(best, share)
    assert_type(joined, float)
    finally_(publish, joined)
    finally_(publish, "x")  # error
    assert_type(finally_(improve(joined)), float)
    text("{x}", x=joined).upper()
    again = inner(train)
    assert_type(again, Parts)
    inner(share=2)  # error
    ran = command(["sort", path], outputs={"n": Output.from_result(int)}, after=publish)
    publish(ran.n)
    command("sort")  # refused at compile: a str is a Sequence[object] to type checkers
    pi = spark_application({"kind": "SparkApplication"}, outputs={"pi": Output.from_log("([0-9.]+)", float)})
    publish(pi["pi"])
    wait("5m", after=[publish, parts])
    publish.options(name="last", after=[best], timeout="5m", retrys=2)(best)  # error
    assert_type(this_run.state, str)
    return best


main.run(File("x.csv"), rows=5)
main.run(File("x.csv"), row=5)  # error
main.run()  # error
assert_type(load.name, str)
