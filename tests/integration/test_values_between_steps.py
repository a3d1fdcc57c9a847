"""What a step returned is what the next one gets: the class too, where an annotation leaves a choice, and what it is as a
map or list for who wants that."""

from __future__ import annotations

import pytest
from conftest import Stoker

PIPELINE = """
    import dataclasses, enum, re
    import numpy as np
    from typing import Any, ClassVar, Dict, Final, Generic, List, NamedTuple, Optional, Set, Tuple, TypedDict, TypeVar, Union
    from stoker import one_of, pipeline, step

    class Cat(enum.Enum):
        TOM = 1

    class Dog(enum.Enum):
        REX = 1

    @dataclasses.dataclass
    class M:
        x: float

    @dataclasses.dataclass
    class N:
        x: float

    @dataclasses.dataclass
    class Sub(M):
        pet: Union[Cat, Dog]
        pair: Tuple[int, N]

    class Two(NamedTuple):
        left: Union[M, N]
        right: Union[Cat, Dog]

    @dataclasses.dataclass
    class Tree:
        value: int
        children: "List[Tree]" = dataclasses.field(default_factory=list)

    class Options(TypedDict, total=False):
        rate: float
        pet: Dog

    class Perm(enum.Flag):
        R = 1
        W = 2

    class Level(enum.IntEnum):
        HIGH = 2

    class Colour(str, enum.Enum):
        RED = "red"

    class Op(enum.Enum):
        OBJECT = object

    @dataclasses.dataclass(frozen=True)
    class Doubled:
        x: float
        def __post_init__(self): object.__setattr__(self, "x", self.x * 2); object.__setattr__(self, "half", self.x / 2)

    @dataclasses.dataclass(init=False)
    class Own:
        a: int
        def __init__(self, text): self.a = int(text)

    T = TypeVar("T")

    @dataclasses.dataclass
    class Box(Generic[T]):
        x: float
        def __post_init__(self): self.x += 1

    @dataclasses.dataclass
    class Problem(Exception):
        code: int

    @dataclasses.dataclass
    class Pattern:  # has what cannot be written, and is made alike by a call
        text: str
        def __post_init__(self): self.compiled = re.compile(self.text)

    @dataclasses.dataclass
    class Unset:
        x: int
        note: str = dataclasses.field(init=False, repr=False)
        def __post_init__(self): self.x *= 2

    @dataclasses.dataclass
    class Total:
        x: int
        total: float = dataclasses.field(init=False)
        def __post_init__(self): self.total = self.x * 2.0

    class Slot:
        __slots__ = ("extra",)

    @dataclasses.dataclass
    class Slotted(Slot):
        x: int
        def __post_init__(self): self.extra = self.x + 1

    class Open(enum.Enum):
        KNOWN = 1
        @classmethod
        def _missing_(cls, value):
            made = object.__new__(cls)
            made._name_, made._value_ = f"X{value}", value
            return made

    @dataclasses.dataclass
    class Declared:
        count: ClassVar[int] = 3
        score: float
        scores: Dict[str, float]
        final: Final[int] = 1

    class Pair(NamedTuple):
        a: int

    class Twice(Pair):
        def __new__(cls, a): return super().__new__(cls, a * 2)

    def more(): return [Pattern("a+"), Pattern("a+").compiled.pattern, Unset(1), Slotted(1), Open(7).name]
    @step
    def objects() -> list: return [Perm.R | Perm.W, Perm(0), Op.OBJECT, Doubled(1.0), Doubled(1.0).half, Own("3"), Twice(4), Box[int](1), Problem(3)] + more()
    @step
    def own() -> Own: return Own("3")
    @step
    def measured() -> Declared: return Declared(np.float64(0.5), {"a": np.float64(1)})
    @step
    def listed() -> List[float]: return [np.float64(0.5), 1]
    @step
    def metrics() -> dict: return {"mean": np.float64(0.5), np.int64(1): [np.bool_(True)], "deep": {"a": (np.int32(3), None)}}
    @step
    def named() -> Dict[int, str]: return {np.int64(1): np.str_("one")}
    @step
    def some() -> Set[int]: return {np.int64(7)}
    @step
    def totals() -> List[Total]: return [Total(1), Total(2)]
    @step
    def of_total(v: Total) -> str: return repr(v)
    @step
    def mixed() -> list: return [(1, Dog.REX), N(2)]
    @step
    def late(v: Slotted, o: Any) -> str: return f"{v.extra} {o.name}"
    @step
    def slotted() -> Slotted: return Slotted(1)
    @step
    def opened() -> Open: return Open(7)
    @step
    def level() -> Level: return Level.HIGH
    @step
    def colour() -> Colour: return Colour.RED
    @step
    def text(v: str) -> str: return f"{v}.csv"
    @step
    def maybe_text(v: Optional[str]) -> str: return f"{v}.csv"

    @step
    def tree() -> Tree: return Tree(1, [Tree(2, [Tree(3)])])
    @step
    def of_tree(t: Tree) -> str: return repr(t)
    @step
    def options() -> Options: return {"rate": 1.0, "pet": Dog.REX}
    @step
    def of_options(o: Options) -> str: return repr(o)

    @step
    def make(i: int) -> Union[M, N]: return N(i) if i % 2 else M(i)
    @step
    def two() -> Two: return Two(N(5), Dog.REX)
    @step
    def sub() -> M: return Sub(1, Dog.REX, (2, N(3)))
    @step
    def pair() -> Tuple[int, int]: return (1, 2)

    @step
    def union(v: Union[M, N]) -> str: return repr(v)
    @step
    def pet(v: Union[Cat, Dog]) -> str: return repr(v)
    @step
    def base(v: M) -> str: return repr(v)
    @step
    def any_(v: Any) -> str: return repr(v)
    @step
    def every(vs: List[Union[M, N]]) -> str: return repr(vs)
    @step
    def dict_(v: dict) -> str: return repr(v)
    @step
    def dict_of(v: Dict[str, float]) -> str: return repr(v)
    @step
    def list_(v: list) -> str: return repr(v)
    @step
    def list_of(v: List[int]) -> str: return repr(v)
    @step
    def number(v: float) -> str: return repr(v)

    @pipeline
    def inner(friend: Dog) -> str:
        return any_.options(name="friend")(friend)

    @pipeline
    def inner_list(c: list, m: dict) -> str:
        any_.options(name="map")(m)
        return any_.options(name="whole")(c)

    @pipeline
    def typed() -> None:
        made = make.map(i=[0, 1])
        every(made)
        union.options(name="each").map(v=made)
        t = two()
        union(t.left)
        pet(t.right)
        s = sub()
        base(s)
        dict_(s)
        one = make.options(name="one")(1)
        dict_of(one)
        p = pair()
        any_(p)
        list_(p)
        list_of(p)
        number(p[0])
        inner(t.right)
        inner_list(mixed(), metrics())
        any_.options(name="named_")(named())
        any_.options(name="some_")(some())
        of_total.map(v=totals())
        of_tree(tree())
        any_.options(name="objects_")(objects())
        dict_.options(name="own_")(own())
        number.options(name="level_")(level())
        any_.options(name="measured_")(measured())
        any_.options(name="listed_")(listed())
        late(slotted(), opened())
        text(colour())
        maybe_text(colour())
        of_options(options())
        of_options.options(name="given")({"rate": 2, "pet": 1})

    @pipeline
    def ambiguous(friend: int = 1) -> None:
        pet(friend)
"""

EXPECTED = {
    "every": "[M(x=0), N(x=1)]",
    "each[0]": "M(x=0)",
    "each[1]": "N(x=1)",
    "union": "N(x=5)",
    "pet": "<Dog.REX: 1>",
    "base": "Sub(x=1, pet=<Dog.REX: 1>, pair=(2, N(x=3)))",
    "dict_": "{'x': 1, 'pet': 1, 'pair': [2, {'x': 3}]}",
    "dict_of": "{'x': 1.0}",
    "any_": "(1, 2)",
    "list_": "[1, 2]",
    "list_of": "[1, 2]",
    "number": "1.0",
    "objects_": "[<Perm.R|W: 3>, <Perm: 0>, <Op.OBJECT: <class 'object'>>, Doubled(x=2.0), 1.0, Own(a=3), Twice(a=8), Box(x=2), Problem(code=3), "
    "Pattern(text='a+'), 'a+', Unset(x=2), Slotted(x=1), 'X7']",
    "own_": "{'a': 3}",
    "measured_": "Declared(score=0.5, scores={'a': 1.0}, final=1)",
    "listed_": "[0.5, 1]",
    "late": "2 X7",
    "level_": "2.0",
    "text": "red.csv",
    "maybe_text": "red.csv",
    "of_tree": "Tree(value=1, children=[Tree(value=2, children=[Tree(value=3, children=[])])])",
    "of_options": "{'rate': 1.0, 'pet': <Dog.REX: 1>}",
    "given": "{'rate': 2.0, 'pet': <Dog.REX: 1>}",
    "inner/friend": "<Dog.REX: 1>",
    "inner_list/whole": "[(1, <Dog.REX: 1>), N(x=2)]",
    "inner_list/map": "{'mean': 0.5, 1: [True], 'deep': {'a': (3, None)}}",
    "named_": "{1: 'one'}",
    "some_": "{7}",
    "of_total[1]": "Total(x=2, total=4.0)",
}


def test_a_value_keeps_its_class(stoker: Stoker) -> None:
    stoker.write("values.py", PIPELINE)
    for cached in (False, True):
        done = stoker.run("values.py", "-p", "typed")
        assert done.code == 0, done.err + done.out
        found = {step: done.step(step)["outputs"]["output"]["value"] for step in EXPECTED}
        assert found == EXPECTED
        assert all(done.step(step)["cached"] == cached for step in EXPECTED)


def test_a_value_that_could_be_two_classes_is_no_guess(stoker: Stoker) -> None:
    stoker.write("values.py", PIPELINE)
    done = stoker.run("values.py", "-p", "ambiguous")
    assert done.code == 1
    assert "the input v: 1 fits Cat and Dog" in done.step("pet")["error"]["message"]


def test_a_member_that_could_be_two_is_refused_where_it_is_written(stoker: Stoker) -> None:
    file = stoker.write("values.py", PIPELINE.replace("pet(friend)", "pet(Dog.REX)"))
    done = stoker.run("values.py", "-p", "ambiguous")
    assert done.code == 2
    line = 1 + file.read_text().splitlines().index("    pet(Dog.REX)")
    assert f"values.py:{line}: pet() cannot be given Dog.REX: 'v': 1 fits Cat and Dog" in done.err


def test_who_uses_a_value_depends_on_what_its_class_does(stoker: Stoker) -> None:
    before = """
        import enum
        from stoker import pipeline, step

        class Colour(str, enum.Enum):
            RED = "red"

        class Shape:
            pass

        @step
        def colour() -> Colour: return Colour.RED
        @step
        def upper(v: str) -> str: return v.upper()
        @step
        def listed(v: list) -> str: return str([item.value for item in v])
        @step
        def colours() -> list: return [Colour.RED]
        @step
        def number() -> int: return 1
        @step
        def more(v: int) -> int: return v + 1

        @pipeline
        def main() -> None:
            upper(colour())
            listed(colours())
            more(number())
    """
    steps = ("upper", "listed", "more")
    stoker.write("values.py", before)
    assert stoker.run("values.py").code == 0
    again = stoker.run("values.py")
    assert [again.step(step)["cached"] for step in steps] == [True, True, True]
    stoker.write("values.py", before.replace('"red"', '"rot"'))
    edited = stoker.run("values.py")
    assert [edited.step(step)["outputs"]["output"]["value"] for step in steps] == ["ROT", "['rot']", 2]
    assert edited.step("more")["cached"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("@dataclasses.dataclass\nclass Odd(list):\n    name: str", "is a Odd, which holds more than its fields"),
        (
            "@dataclasses.dataclass\nclass Odd:\n    name: str\n"
            "    def __post_init__(self):\n        self.name += 'x'\n        self.lock = threading.Lock()",
            ".lock is a _thread.lock, which JSON cannot hold exactly",
        ),
    ],
)
def test_a_value_that_would_not_come_back_as_it_was_is_refused(stoker: Stoker, code: str, words: str) -> None:
    file = stoker.write("odd.py", "")
    file.write_text(
        f"import dataclasses, threading\nfrom stoker import pipeline, step\n{code}\n"
        "@step\ndef odd() -> Odd: return Odd('n')\n@pipeline\ndef main() -> None: odd()\n"
    )
    done = stoker.run("odd.py")
    assert done.code == 1
    assert words in done.step("odd")["error"]["message"]
