"""Functions of the expression language, for users: what Python has no operator for that a reference could take."""

from typing import Any, List, Tuple, TypeVar, cast

from stoker._reference import (
    ADD,
    ATOM,
    COMPARE,
    OR,
    Reference,
    join,
    member,
    operand,
    prefix,
    quoted,
    references_in,
    require_value,
    scope_of,
    whole,
)
from stoker._refuse import refuse
from stoker._values import Directory, File, Table

T = TypeVar("T")


def one_of(first: T, *others: T) -> T:
    """The first value that is available: joins branches, of which only one ran.

    `one_of(cheap, thorough)`; a constant at the end stands for "none of them": `one_of(score, 0.0)`.
    """
    values = (first, *others)
    if not any(isinstance(value, Reference) for value in values):
        return cast(T, _joined_tuples(values))
    parts = [operand(value, OR) for value in values]
    types = [value._type for value in values if isinstance(value, Reference)]
    return cast(
        T,
        Reference(f"one_of({', '.join(text for text, _ in parts)})", type=types[0], scope=scope_of(parts)),
    )


def _joined_tuples(values: Tuple[Any, ...]) -> Any:
    first = values[0]
    if isinstance(first, tuple) and hasattr(first, "_fields") and references_in(first):
        if any(getattr(value, "_fields", None) != first._fields for value in values):
            refuse("one_of() joins results of one shape", "give branches that return the same NamedTuple")
        return type(first)(*(one_of(*column) for column in zip(*values)))
    refuse("one_of() takes results of steps", "give at least one reference")


def text(template: str, **values: object) -> str:
    """Text that is filled in when the run has the values: `text("score {score}", score=score)`. `{{` is a brace."""
    from stoker._text import parse_braces

    pieces: List[str] = []
    terms: List[str] = []
    scope: Any = None
    for constant, name in parse_braces(template):
        if constant:
            pieces.append(constant.replace("${{", "$${{"))
            terms.append(quoted(constant))
        if name is None:
            continue
        if name not in values:
            refuse(f"text(): '{{{name}}}' has no value", f"give it: text(…, {name}=…)")
        value = values[name]
        if isinstance(value, Reference):
            if value._type not in (File, Directory, Table):  # their path or name is text
                require_value(value)
            scope = join(scope, value._scope)
            pieces.append(f"${{{{ {value._expression} }}}}")
            terms.append(f"string({value._expression})")
        else:
            pieces.append(str(value).replace("${{", "$${{"))
            terms.append(quoted(str(value)))
    if scope is None and not any(isinstance(value, Reference) for value in values.values()):
        return template.format(**values)
    template_text = "".join(pieces)
    if len(terms) == 1:
        template_text = f"${{{{ {terms[0]} }}}}"
    result = Reference(
        " + ".join(terms), type=str, scope=scope, power=ADD if len(terms) > 1 else ATOM, template=template_text
    )
    return cast(str, result)


def size(value: object) -> int:
    """The length of a text, list or map that a run computes."""
    expression, scope = whole(value)
    return cast(int, Reference(f"size({expression})", type=int, scope=scope))


def in_(item: object, collection: object) -> bool:
    """Whether a list has an item, or a map a key."""
    for side in (item, collection):
        if isinstance(side, Reference):
            require_value(side)
    a, scope = operand(item, COMPARE + 1)
    b, other = operand(collection, COMPARE + 1)
    return cast(bool, Reference(f"{a} in {b}", type=bool, scope=join(scope, other), power=COMPARE))


def not_(condition: object) -> bool:
    """The opposite of a condition; `~condition` is the same and upsets type checkers."""
    if isinstance(condition, Reference):
        return cast(bool, prefix("!", condition, bool))
    return not condition


class _ThisRun:
    """`this_run.id`, `.pipeline`, `.attempt` and, in `finally_` steps, `.state`."""

    __slots__ = ()

    @property
    def id(self) -> str:
        return cast(str, Reference("run.id", label="the run's id", type=str))

    @property
    def pipeline(self) -> str:
        return cast(str, Reference("run.pipeline", label="the pipeline's name", type=str))

    @property
    def attempt(self) -> int:
        return cast(int, Reference("run.attempt", label="the run's attempt", type=int))

    @property
    def state(self) -> str:
        return cast(str, Reference("run.state", label="the run's state", type=str))


this_run = _ThisRun()


def state_of(step: object) -> str:
    """The state of a step ("succeeded", "failed", "skipped", …), for `finally_` steps."""
    from stoker import _graph

    name = _graph.step_names([step])[0]
    return cast(str, Reference(f"steps{member(name)}.state", label=f"the state of step '{name}'", type=str))
