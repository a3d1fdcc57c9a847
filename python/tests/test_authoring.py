"""What pipeline functions may say, and what each thing becomes in the document."""

import json
import pathlib
import pickle
from typing import Any, List, Optional, Union

import pytest
from sdk_helpers import PRELUDE, compiled, document, loaded, step_named

import stoker
from stoker import CompileError, File
from stoker._types import never_fits


def test_a_chain_with_a_named_tuple_and_a_condition(tmp_path: pathlib.Path) -> None:
    made = document(
        tmp_path,
        """
parts = split(numbers(rows))
score = evaluate(train(parts.train, trees))
with when(score > 0.95):
    publish(score)
""",
        "rows: int = 10, trees: int = 20",
    )
    assert [step["name"] for step in made["steps"]] == ["numbers", "split", "train", "evaluate", "publish"]
    assert made["parameters"] == {
        "rows": {"type": "integer", "default": 10},
        "trees": {"type": "integer", "default": 20},
    }
    assert step_named(made, "numbers")["inputs"] == {"count": "${{ parameters.rows }}"}
    assert step_named(made, "split")["inputs"] == {"data": "${{ steps.numbers.outputs.output }}", "seed": 7}
    assert list(step_named(made, "split")["outputs"]) == ["train", "test"]
    assert step_named(made, "train")["inputs"]["data"] == "${{ steps.split.outputs.train }}"
    assert step_named(made, "publish")["when"] == "${{ steps.evaluate.outputs.output > 0.95 }}"
    assert "outputs" not in step_named(made, "publish")
    assert step_named(made, "train")["python"] == {
        "module": "pipeline",
        "file": "pipeline.py",
        "function": "train",
        "interfaces": {"data": "List[int]", "trees": "int", "rate": "float"},
    }


def test_unpacking_and_indexing_a_named_tuple(tmp_path: pathlib.Path) -> None:
    made = document(tmp_path, "a, b = split(numbers())\ntrain(b, 1)\ntrain(split(a)[1], 2)")
    assert step_named(made, "train")["inputs"]["data"] == "${{ steps.split.outputs.test }}"
    assert step_named(made, "train_2")["inputs"]["data"] == "${{ steps.split_2.outputs.test }}"


def test_names_count_up_and_options_give_names(tmp_path: pathlib.Path) -> None:
    made = document(tmp_path, "numbers()\nnumbers()\nnumbers.options(name='big')(9)\nnumbers()")
    assert [step["name"] for step in made["steps"]] == ["numbers", "numbers_2", "big", "numbers_3"]


def test_a_taken_name_is_stepped_over(tmp_path: pathlib.Path) -> None:
    made = document(tmp_path, "numbers.options(name='numbers_2')()\nnumbers()\nnumbers()")
    assert [step["name"] for step in made["steps"]] == ["numbers_2", "numbers", "numbers_3"]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("score > 0.95", "S > 0.95"),
        ("score >= 1", "S >= 1"),
        ("1 < score", "S > 1"),
        ("score == other", "S == T"),
        ("score != None", "S != null"),
        ("(score > 1) & (other < 2)", "S > 1 && T < 2"),
        ("(score > 1) | (other < 2) & (other > 0)", "S > 1 || T < 2 && T > 0"),
        ("((score > 1) | (other < 2)) & (other > 0)", "(S > 1 || T < 2) && T > 0"),
        ("~(score > 1)", "!(S > 1)"),
        ("not_(score > 1)", "!(S > 1)"),
        ("score + other * 2 > 1", "S + T * 2 > 1"),
        ("(score + other) * 2 > 1", "(S + T) * 2 > 1"),
        ("score - (other - 1) > 1", "S - (T - 1) > 1"),
        ("score - other - 1 > 1", "S - T - 1 > 1"),
        ("1 - score > 1", "1 - S > 1"),
        ("-score > 1", "-S > 1"),
        ("score / 2 > 1", "double(S) / double(2) > 1"),
        ("score % 3 == 1", "(S % 3 + 3) % 3 == 1"),
        ("(score > 1) == (other > 1)", "(S > 1) == (T > 1)"),
        ("m['a'] > 1", 'M["a"] > 1'),
        ("m.get('a', 0) > 1", '("a" in M ? M["a"] : 0) > 1'),
        ("l[0] > 1", "L[0] > 1"),
        ("l[-1] > 1", "L[size(L) - 1] > 1"),
        ("size(l) > 1", "size(L) > 1"),
        ("in_(3, l)", "3 in L"),
        ("in_('a', m)", '"a" in M'),
        ("one_of(score, other) > 1", "one_of(S, T) > 1"),
        ("one_of(score, 0.0) > 1", "one_of(S, 0.0) > 1"),
        ("m['text'] == 'a \"quote\" ä'", 'M["text"] == "a \\"quote\\" ä"'),
        ("m['colour'] == Colour.RED", 'M["colour"] == "red"'),
        ("m['list'] == [1, score]", 'M["list"] == [1, S]'),
        ("score > 1e30", "S > 1e+30"),
        ("flag", "parameters.flag"),
        ("state_of(evaluate) == 'failed'", 'steps["evaluate"].state == "failed"'.replace('["evaluate"]', ".evaluate")),
        ("this_run.state == 'failed'", 'run.state == "failed"'),
    ],
)
def test_expressions(tmp_path: pathlib.Path, expression: str, text: str) -> None:
    made = document(
        tmp_path,
        f"score = evaluate(0.1)\nother = train([1], 2)\nm = info()\nl = numbers()\nwith when({expression}):\n    publish(score)",
        "flag: bool = True",
    )
    names = {"S": "steps.evaluate.outputs.output", "T": "steps.train.outputs.output", "M": "steps.info.outputs.output"}
    names["L"] = "steps.numbers.outputs.output"
    for short, long in names.items():
        text = __import__("re").sub(rf"\b{short}\b(?!\w)", long, text)
    assert step_named(made, "publish")["when"] == f"${{{{ {text} }}}}"


REFUSED = [
    ("if score > 1:\n    publish(score)", "`if` needs it now", "with when(condition):"),
    ("publish(1) if score > 1 else None", "`a if condition else b`", "one_of(a, b)"),
    ("while score > 1:\n    pass", "`while` needs it now", "repeat(step"),
    ("with when(score > 1 and score < 2):\n    publish(score)", "`and`/`or` need it now", "write `&`"),
    ("x = (score > 1) or (score < 2)", "`and`/`or` need it now", "`|`"),
    ("x = not (score > 1)", "`not` needs it now", "not_(condition)"),
    ("with when(0.5 < score < 0.9):\n    publish(score)", "a chained comparison", "(low < it) & (it < high)"),
    ("assert score > 1", "`assert` needs it now", "inside a step"),
    ("x = [n for n in [1] if score > n]", "comprehension", "filter inside a step"),
    ("bool(score)", "bool() needs it now", "when(condition)"),
    ("for n in score:\n    pass", "cannot be iterated", "step.map("),
    ("a, b = score", "cannot be iterated or unpacked", "NamedTuple"),
    ("len(score)", "len() cannot be taken", "size("),
    ("1 in numbers()", "`in` cannot be answered", "in_(item, collection)"),
    ("note(f'score {score}')", "f-string", "text('score {score}'"),
    ("note('score {}'.format(score))", "f-string", "text('score {score}'"),
    ("note('score %s' % score)", "has no text", "text("),
    ("note(str(score))", "has no text", "repr("),
    ("{score: 1}", "cannot be hashed", "under names of your own"),
    ("set([score])", "cannot be hashed", "list"),
    ("int(score)", "int cannot take it", "inside a step"),
    ("float(score)", "float cannot take it", "inside a step"),
    ("range(score)", "range()", "inside a step"),
    ("round(score)", "round cannot take it", "inside a step"),
    ("abs(score)", "abs cannot take it", "inside a step"),
    ("score // 2", "no operator //", "inside a step"),
    ("score ** 2", "no operator **", "inside a step"),
    ("score.fit()", "no attribute 'fit'", "inside a step"),
    ("info().a", "no attribute 'a'", "write ['a']"),
    ("score()", "cannot be called", "inside a step"),
    ("numbers()[0:2]", "cannot be sliced", "step"),
    ("info()['a'] = 1", "cannot be changed", "returns the changed value"),
    ("import copy\ncopy.deepcopy(score)", "cannot be pickled or copied", "references as arguments"),
    ("publish(publish(score))", "returns nothing; it cannot be an argument", "after=[…]"),
    ("with score:\n    pass", "no context manager", "with when(…):"),
    ("with when(3):\n    publish(score)", "when() takes a condition", "when(score > 0.95)"),
    ("publish()", "publish() lacks 'score'", ""),
    ("publish(scor=1)", "no argument 'scor', did you mean 'score'?", "it takes score"),
    ("publish(1, 2)", "takes 1 arguments, 2 were given", ""),
    ("publish(1, score=2)", "two values for 'score'", ""),
    ("note(score)", "note() takes str for 'text', but 'evaluate' (result of a step) is float", "convert it"),
    ("publish(object())", "cannot be written into the pipeline document", "another step's result"),
    ("publish(float('nan'))", "nan cannot be an argument", ""),
    ("publish(2 ** 70)", "outside 64 bits", ""),
    ("note({1: 2})", "key 1 of a map is not text", ""),
    ("numbers.options(name='a b')()", "cannot name a step", "letters"),
    ("numbers.options(name='x')()\nnumbers.options(name='x')()", "two steps are named 'x'", ""),
    ("publish.options(after=['nubers'])(1)", "there is no step 'nubers' before this", ""),
    ("numbers()\npublish.options(after=['nubers'])(1)", "did you mean 'numbers'?", ""),
    ("publish.options(after=[note])(1)", "was not called in this pipeline before", ""),
    ("publish.options(timeout='soon')(1)", "'soon' is not a duration", "30m"),
    ("publish.options(retry=Retry(1, on={'user_kode': 1}))(1)", "no class of failure", "user_code"),
    ("train.map(trees=3, data=[1])", "got no list to map over", "each(items)"),
    ("train.map(trees=[3, 4], rate=[0.1], data=[1])", "different lengths (trees 2, rate 1)", "side by side"),
    ("repeat(evaluate, until=lambda out: True, at_most=3, model=1.0)", "not a condition", "lambda out:"),
    ("repeat(evaluate, until=lambda out: out > 1, at_most=0, model=1.0)", "at_most=0 is not a number of times", ""),
    ("repeat(publish(1), until=lambda out: out > 1, at_most=2)", "takes a step or a pipeline", ""),
    ("main()", "calls itself", "repeat"),
    ("wait()", "wait() takes one of", ""),
    ("command('ls -l')", "a list of arguments, not one text", "script="),
    ("command(['x'], outputs={'a': int})", "declared as", "Output.from_log"),
    ("command(['x'], outputs={'a': Output.from_result()}).b", "declares no output 'b'", "it declares a"),
    ("finally_(score + 1)", "one step call", ""),
]


@pytest.mark.parametrize(("body", "message", "hint"), REFUSED, ids=[body.splitlines()[0] for body, _, _ in REFUSED])
def test_refusals_name_the_line_and_what_to_write(tmp_path: pathlib.Path, body: str, message: str, hint: str) -> None:
    lines = "\n".join(f"    {line}" for line in f"score = evaluate(0.1)\n{body}".splitlines())
    source = f"{PRELUDE}\n@pipeline\ndef main():\n{lines}\n"
    with pytest.raises(CompileError) as caught:
        compiled(tmp_path, source)
    error = caught.value
    assert message in str(error)
    assert hint in str(error)
    assert error.file is not None and error.file.endswith("pipeline.py")
    first = source.splitlines().index("    score = evaluate(0.1)") + 1
    assert error.line is not None and first < error.line <= first + len(body.splitlines()), str(error)


FRAME, MODEL, PANDAS = (
    type(name, (), {"__module__": module})
    for name, module in (("DataFrame", "pyspark.sql.dataframe"), ("Model", "pyspark.ml.base"), ("DataFrame", "pandas"))
)
NEVER_FIT = [(FRAME, str), (FRAME, PANDAS), (str, FRAME), (List[int], FRAME), (str, int), (float, str), (dict, list),
             (Optional[FRAME], Optional[str])]  # fmt: skip
MAY_FIT = [(FRAME, FRAME), (FRAME, MODEL), (FRAME, object), (Any, str), (str, Any), (List[int], list), (int, float),
           (float, int), (bool, int), (str, pathlib.Path), (File, str), (Union[int, str], FRAME)]  # fmt: skip


@pytest.mark.parametrize(("produced", "wanted"), NEVER_FIT)
def test_results_that_never_fit_an_argument(produced: Any, wanted: Any) -> None:
    assert never_fits(produced, wanted)


@pytest.mark.parametrize(("produced", "wanted"), MAY_FIT)
def test_results_that_may_fit_an_argument(produced: Any, wanted: Any) -> None:
    assert not never_fits(produced, wanted)


def test_an_artifact_has_no_value_in_expressions(tmp_path: pathlib.Path) -> None:
    prelude = PRELUDE + "\nimport pathlib\n@step\ndef files() -> pathlib.Path: return pathlib.Path('x')\n"
    with pytest.raises(CompileError, match="is a Path, which has no value in expressions"):
        document(tmp_path, "with when(files() == 'x'):\n    publish(1)", prelude=prelude)


def test_order_without_data(tmp_path: pathlib.Path) -> None:
    made = document(
        tmp_path,
        "first = publish(1)\nnote.options(after=[first])('a')\nnote.options(after=publish)('b')\n"
        "note.options(after=['note', split([1])])('c')",
    )
    assert step_named(made, "note")["needs"] == ["publish"]
    assert step_named(made, "note_2")["needs"] == ["publish"]
    assert step_named(made, "note_3")["needs"] == ["note", "split"]


def test_options_of_decorator_and_call(tmp_path: pathlib.Path) -> None:
    prelude = (
        PRELUDE
        + """
from datetime import timedelta
@step(name="heavy", retry=2, timeout="30m", cache=False, env={"A": "1"}, labels={"team": "x"})
def work(x: int) -> int: return x
"""
    )
    made = document(
        tmp_path,
        """
work(1)
work.options(
    name="other", retry=Retry(3, backoff="10s", maximum_backoff=90, on={"out_of_memory": 1}), timeout=timedelta(seconds=1.5),
    cache=Cache(max_age="7d", key="k"), resources=Resources(memory="2Gi", cpus=0.5), secrets={"PASSWORD": Secret("db")},
    env={"B": text("x {y}", y=x), "C": True}, continue_on_failure=True,
)(2)
""",
        "x: int = 1",
        prelude,
    )
    heavy = step_named(made, "heavy")
    assert (heavy["retry"], heavy["timeout"], heavy["cache"], heavy["env"], heavy["labels"]) == (
        2,
        "30m",
        False,
        {"A": "1"},
        {"team": "x"},
    )
    assert heavy["python"]["function"] == "work"
    other = step_named(made, "other")
    assert other["retry"] == {"attempts": 3, "backoff": "10s", "maximumBackoff": "90s", "on": {"outOfMemory": 1}}
    assert other["timeout"] == "1500ms"
    assert other["cache"] == {"maxAge": "7d", "key": "k"}
    assert other["resources"] == {"memory": "2Gi", "cpus": 0.5}
    assert other["secrets"] == {"PASSWORD": "db"}
    assert other["env"] == {"B": "x ${{ parameters.x }}", "C": "true"}
    assert other["continueOnFailure"] is True


def test_text_and_literals_that_look_like_templates(tmp_path: pathlib.Path) -> None:
    made = document(
        tmp_path,
        """
score = evaluate(0.1)
note(text("score {s} of {n} {{x}}", s=score, n=3))
note("literal ${{ x }}")
note(text("{s}", s=score))
note(text("plain {a}", a=1))
with when(text("a{s}", s=score) == "a1"):
    note("x")
""",
    )
    output = "steps.evaluate.outputs.output"
    assert step_named(made, "note")["inputs"]["text"] == f"score ${{{{ {output} }}}} of 3 {{x}}"
    assert step_named(made, "note_2")["inputs"]["text"] == "literal $${{ x }}"
    assert step_named(made, "note_3")["inputs"]["text"] == f"${{{{ string({output}) }}}}"
    assert step_named(made, "note_4")["inputs"]["text"] == "plain 1"
    assert step_named(made, "note_5")["when"] == f'${{{{ "a" + string({output}) == "a1" }}}}'


def test_parameters_of_every_type(tmp_path: pathlib.Path) -> None:
    prelude = PRELUDE + "\nfrom typing import Annotated\n"
    made = document(
        tmp_path,
        "numbers()",
        """
        a: str, b: int = 1, c: float = 1, d: bool = False, e: Optional[int] = None, f: List[int] = [1],
        g: Dict[str, int] = {"$a": 1}, h: Literal["x", "y"] = "x", i: Colour = Colour.RED, j: File = File("data/in.csv"),
        k: Directory = Directory("/abs"), l: Secret = Secret("db"), m: File = File("s3://bucket/x"), n="text",
        o: Annotated[int, Parameter("how many", minimum=1, maximum=500)] = 5, p: Annotated[str, "a note"] = "${{ x }}"
        """,
        prelude,
    )
    assert made["parameters"] == {
        "a": {"type": "string"},
        "b": {"type": "integer", "default": 1},
        "c": {"type": "number", "default": 1.0},
        "d": {"type": "boolean", "default": False},
        "e": {"type": "integer", "required": False},
        "f": {"type": "list", "default": [1]},
        "g": {"type": "map", "default": {"$a": 1}},
        "h": {"type": "enum", "values": ["x", "y"], "default": "x"},
        "i": {"type": "enum", "values": ["red", "blue"], "default": "red"},
        "j": {"type": "file", "default": "data/in.csv"},
        "k": {"type": "directory", "default": "/abs"},
        "l": {"type": "secret", "default": "db"},
        "m": {"type": "file", "default": "s3://bucket/x"},
        "n": {"type": "string", "default": "text"},
        "o": {"type": "integer", "default": 5, "description": "how many", "minimum": 1, "maximum": 500},
        "p": {"type": "string", "default": "${{ x }}", "description": "a note"},
    }


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("x", "parameter 'x' has no type"),
        ("x: complex", "has the type complex"),
        ("x: pathlib.Path", "write File or Directory"),
        ("x: int = 'a'", "the default 'a' of parameter 'x' is no integer"),
        ("x: int = None", "the default None but not the type"),
        ("x: Literal['a'] = 'b'", "is no enum"),
        ("x: Nowhere", "'Nowhere' is not understood"),
        ("*x: int", "takes *args"),
        ("**x: int", "**kwargs"),
        ("x: int, /", "positional-only"),
    ],
)
def test_parameters_that_are_refused(tmp_path: pathlib.Path, signature: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        document(tmp_path, "numbers()", signature, PRELUDE + "\nimport pathlib\n")
    assert message in str(caught.value)
    assert "pipeline.py:" in str(caught.value)


def test_a_file_of_another_module_keeps_its_place(tmp_path: pathlib.Path) -> None:
    source = PRELUDE + "\nfrom shared.inputs import TABLE\n@pipeline\ndef main(path: File = TABLE):\n    note('x')\n"
    project = loaded(tmp_path, source, **{"shared/inputs": "from stoker import File\nTABLE = File('table.csv')\n"})
    try:
        # The location was declared by a file of its own, but a plain path says nothing of that: it counts from the function that
        # declares the parameter.
        assert project.compile()["parameters"]["path"]["default"] == "table.csv"
    finally:
        project.close()


def test_sub_pipelines_are_compiled_once(tmp_path: pathlib.Path) -> None:
    prelude = (
        PRELUDE
        + """
@pipeline(parallelism=2, timeout="1h")
def clean(data: List[int], seed: int = 3) -> Parts:
    \"\"\"Clean it.\"\"\"
    return split(data, seed)
@pipeline
def score(data: List[int]) -> float:
    return evaluate(train(data, 1))
"""
    )
    made = document(
        tmp_path,
        "parts = clean(numbers())\nclean.options(name='again')(parts.train, seed=5)\n"
        "scores = score.map(data=each([[1], [2]]))\nreturn pick(scores)",
        prelude=prelude,
    )
    assert list(made["pipelines"]) == ["clean", "score"]
    sub = made["pipelines"]["clean"]
    assert sub["outputs"] == {"train": "${{ steps.split.outputs.train }}", "test": "${{ steps.split.outputs.test }}"}
    assert (sub["parallelism"], sub["timeout"], sub["description"]) == (2, "1h", "Clean it.")
    assert sub["steps"][0]["inputs"] == {"data": "${{ parameters.data }}", "seed": "${{ parameters.seed }}"}
    assert step_named(made, "clean") == {
        "name": "clean",
        "pipeline": "clean",
        "inputs": {"data": "${{ steps.numbers.outputs.output }}"},
    }
    assert step_named(made, "again")["inputs"] == {"data": "${{ steps.clean.outputs.train }}", "seed": 5}
    assert made["pipelines"]["score"]["outputs"] == {"output": "${{ steps.evaluate.outputs.output }}"}
    assert step_named(made, "pick")["inputs"] == {"scores": "${{ steps.score.outputs.output }}"}
    assert made["outputs"] == {"output": "${{ steps.pick.outputs.output }}"}


def test_a_reference_of_another_pipeline_is_refused(tmp_path: pathlib.Path) -> None:
    body = """
x = numbers()
@pipeline
def inner() -> float:
    return train(x, 1)
inner()
"""
    with pytest.raises(CompileError, match="belongs to the pipeline 'main'"):
        document(tmp_path, body)


def test_other_kinds_of_step(tmp_path: pathlib.Path) -> None:
    made = document(
        tmp_path,
        """
pi = spark_application(
    {"spec": {"arguments": [n]}}, name="pi", outputs={"pi": Output.from_log("Pi is ([0-9.]+)", float)}, retry=1
)
spark_application("app.yaml", after=pi)
ran = command(["sort", "-u", path, 3], name="sort", outputs={"out": Output.from_file("out.txt"), "n": Output.from_result(int)})
command(script=text("cat {f}", f=ran.out), interpreter=["bash", "-eu"], stdin="x", working_directory="sub")
wait(until="2026-01-01T00:00:00Z", name="until")
wait(file="ready.txt", name="file", after=[pi])
wait(90)
resource({"kind": "ConfigMap"}, name="apply")
with when((pi.pi > 3) & (ran["n"] == 2)):
    note("x")
""",
        "n: int, path: File",
    )
    assert step_named(made, "pi")["spark"] == {"manifest": {"spec": {"arguments": ["${{ parameters.n }}"]}}}
    assert step_named(made, "pi")["outputs"] == {"pi": {"from": "log", "pattern": "Pi is ([0-9.]+)", "type": "number"}}
    assert step_named(made, "spark_application") == {
        "name": "spark_application",
        "spark": {"manifest": "app.yaml"},
        "needs": ["pi"],
    }
    assert step_named(made, "sort")["command"] == {"run": ["sort", "-u", "${{ parameters.path }}", "3"]}
    assert step_named(made, "sort")["outputs"]["out"] == {"from": "file", "path": "out.txt", "type": "file"}
    assert step_named(made, "command")["command"] == {
        "script": "cat ${{ steps.sort.outputs.out }}",
        "interpreter": ["bash", "-eu"],
        "workingDirectory": "sub",
        "stdin": "x",
    }
    assert step_named(made, "until")["wait"] == {"until": "2026-01-01T00:00:00Z"}
    assert step_named(made, "file") == {"name": "file", "wait": {"file": "ready.txt"}, "needs": ["pi"]}
    assert step_named(made, "wait")["wait"] == {"duration": "90s"}
    assert step_named(made, "note")["when"] == "${{ steps.pi.outputs.pi > 3 && steps.sort.outputs.n == 2 }}"


def test_tables(tmp_path: pathlib.Path) -> None:
    prelude = PRELUDE + "\n@step\ndef load(orders: Table) -> int: return 1\n"
    body = "load(orders)\nload(Table('a.b'))\nload(Table('a', version=snapshot))\ncommand(['echo', orders, text('{t}', t=orders)])"
    signature = "orders: Table = Table('sales.orders', version=3), plain: Table = 'x', snapshot: int = 5, last: Optional[Table] = None"
    made = document(tmp_path, body, signature, prelude=prelude)
    assert made["parameters"]["orders"] == {"type": "table", "default": {"name": "sales.orders", "version": "3"}}
    assert made["parameters"]["plain"] == {"type": "table", "default": {"name": "x"}}
    assert made["parameters"]["last"] == {"type": "table", "required": False}
    assert [step["inputs"]["orders"] for step in made["steps"][:3]] == [
        "${{ parameters.orders }}",
        {"$table": {"name": "a.b"}},
        {"$table": {"name": "a", "version": "${{ parameters.snapshot }}"}},
    ]
    assert made["steps"][3]["command"]["run"] == [
        "echo",
        "${{ parameters.orders }}",
        "${{ string(parameters.orders) }}",
    ]
    with pytest.raises(CompileError, match="is a Table, which has no value in expressions"):
        document(tmp_path / "2", "publish(orders + 1)", "orders: Table")


def test_a_table_is_its_name_and_version() -> None:
    table = stoker.Table("sales.orders", version=3)
    assert str(table) == table.name == "sales.orders" and table.version == "3"
    assert repr(table) == "Table('sales.orders', version='3')" and repr(stoker.Table("x")) == "Table('x')"
    assert table == stoker.Table("sales.orders", version="3") == pickle.loads(pickle.dumps(table))
    assert table != stoker.Table("sales.orders") and len({table, stoker.Table("sales.orders", version=3)}) == 1
    with pytest.raises(TypeError, match="name of a table"):
        stoker.Table("")


def test_a_type_without_materializer_is_refused_with_how_to_add_one(tmp_path: pathlib.Path) -> None:
    prelude = PRELUDE + "\nclass Odd: pass\n@step\ndef odd() -> Odd: return Odd()\n"
    with pytest.raises(CompileError) as caught:
        document(tmp_path, "odd()", prelude=prelude)
    assert "the result of 'odd' (Odd) cannot be kept: there is no materializer for pipeline.Odd" in str(caught.value)
    assert "subclass stoker.materializers.Materializer" in str(caught.value)


def test_annotations_that_only_type_checkers_import(tmp_path: pathlib.Path) -> None:
    prelude = (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nfrom stoker import *\n"
        "if TYPE_CHECKING:\n    import pandas as pd\n    from pyspark.sql import DataFrame\n"
        "@step\ndef frame() -> pd.DataFrame: ...\n@step\ndef use(data: pd.DataFrame) -> int: ...\n"
    )
    made = document(tmp_path, "use(frame())", prelude=prelude)
    assert step_named(made, "use")["python"]["interfaces"] == {"data": "DataFrame"}
    assert list(step_named(made, "frame")["outputs"]) == ["output"]


def test_the_same_code_gives_the_same_document(tmp_path: pathlib.Path) -> None:
    source = PRELUDE + "\n@pipeline\ndef main(a: int = 1):\n    train.map(trees=[1, a], data=split(numbers()).train)\n"
    texts = set()
    for _ in range(2):
        project = loaded(tmp_path, source)
        texts.add(json.dumps(project.compile(code=True)))
        project.close()
    assert len(texts) == 1


# Outside a pipeline.


@stoker.step
def doubled(values: List[int], factor: int = 2) -> List[int]:
    return [value * factor for value in values]


@stoker.pipeline
def twice(values: List[int]) -> List[int]:
    return doubled(doubled(values))


def test_a_step_outside_a_pipeline_runs_the_function() -> None:
    assert doubled([1, 2]) == [2, 4]
    assert doubled([1], factor=5) == [5]
    assert doubled.function([3]) == [6]
    assert doubled.__name__ == "doubled" and doubled.name == "doubled"


def test_a_pipeline_is_not_called_outside_a_pipeline() -> None:
    with pytest.raises(CompileError, match=r"write twice\.run\("):
        twice([1])


def test_blocks_outside_a_pipeline_are_refused() -> None:
    with pytest.raises(CompileError, match="belongs inside a function with @pipeline"), stoker.when(True):
        pass
    with pytest.raises(CompileError, match="belongs inside a function with @pipeline"):
        doubled.map(values=[[1]])


def test_context_outside_a_run_collects() -> None:
    from stoker import _context

    _context.install(None)
    stoker.context().log_metrics(auc=0.5)
    stoker.context().log_metric("loss", 1, step=3)
    stoker.context().progress(1, 2)
    assert stoker.context().metrics == {"auc": 0.5, "loss": 1.0}
    assert not stoker.context().in_run
    assert pathlib.Path(stoker.context().scratch).is_dir()
    _context.install(None)


def test_file_is_a_path_and_a_uri_is_not(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("hi")
    file = stoker.File(path)
    assert (
        file.read_text() == "hi" and str(file) == str(path) and file.name == "x.txt" and file == stoker.File(str(path))
    )
    uri = stoker.File("s3://bucket/key")
    assert str(uri) == "s3://bucket/key" and uri.is_uri
    with pytest.raises(TypeError, match="is a URI"):
        open(uri)  # noqa: SIM115 - it raises
    assert "value" not in repr(stoker.Secret("db", "value"))
