"""Conditions, fan-out, loops and final steps of a pipeline function."""

import re
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Generic,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
    cast,
    overload,
)

from stoker import _graph
from stoker._reference import Reference, member, operand, references_in, require_value, to_template
from stoker._refuse import refuse
from stoker._types import MISSING, Signature, origin

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    from stoker import _document_types as types

    P = ParamSpec("P")

R = TypeVar("R")
T = TypeVar("T")


class when:
    """`with when(score > 0.95):` the steps called inside run only if the condition holds; else they are skipped.

    What depends on a skipped step is skipped as well, unless it takes it through `one_of`.
    """

    def __init__(self, condition: Union[bool, int]) -> None:
        scope = _graph.required("when()")
        given: Any = condition
        if isinstance(given, Reference):
            require_value(given)
            _graph.check_scope(given)
        elif isinstance(given, bool):
            given = Reference("true" if given else "false", type=bool)
        else:
            refuse(f"when() takes a condition, not {condition!r}", "compare a reference: when(score > 0.95)")
        self._condition: Reference = given
        self._scope = scope

    def __enter__(self) -> "when":
        self._scope.conditions.append(self._condition)
        return self

    def __exit__(self, *error: object) -> None:
        self._scope.conditions.pop()


@overload
def finally_(body: "Callable[P, R]", /, *args: "P.args", **kwargs: "P.kwargs") -> R: ...
@overload
def finally_(body: T, /) -> T: ...
def finally_(body: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A step that runs at the end whatever happened: `finally_(report, this_run.state)` or `finally_(report(this_run.state))`.

    It may use `this_run.state` and `state_of(step)`; results that a failed run may lack go through `one_of(score, None)`.
    """
    scope = _graph.required("finally_()")
    if scope.in_finally:
        refuse("finally_() inside finally_()")
    if not (args or kwargs) and (isinstance(body, Reference) or references_in(body) or hasattr(body, "_fields_")):
        _move_to_finally(scope, body)
        return body
    _check_body(body, "finally_()")
    scope.in_finally = True
    try:
        return body(*args, **kwargs)
    finally:
        scope.in_finally = False


def _move_to_finally(scope: _graph.Scope, result: Any) -> None:
    """The step was called as any other; now it is said that it is a final one."""
    names = _graph.step_names([result])
    node = scope.find(names[0]) if len(names) == 1 else None
    plain = all(re.fullmatch(r"steps[^ ()]*", reference._expression) for reference in references_in(result))
    if node is None or node not in scope.nodes or not plain:
        refuse("finally_() takes the result of one step call", "write finally_(report, arguments…)")
    used_by = [other.name for other in scope.nodes if other is not node and _uses(other.document, node.name)]
    if used_by:
        refuse(f"the final step '{node.name}' is used by '{used_by[0]}'", "what other steps use is no final step")
    scope.nodes.remove(node)
    scope.finally_nodes.append(node)


def _uses(document: Any, name: str) -> bool:
    if isinstance(document, dict):
        return name in document.get("needs", []) or any(_uses(value, name) for value in document.values())
    if isinstance(document, list):
        return any(_uses(value, name) for value in document)
    return isinstance(document, str) and f"steps{member(name)}." in document


def _check_body(body: Any, what: str) -> Any:
    from stoker._authoring import Pipeline, Step

    if not isinstance(body, (Step, Pipeline)):
        refuse(f"{what} takes a step or a pipeline, not {body!r}", "give it without parentheses: the arguments follow")
    return body


def repeat(
    body: Callable[..., R],
    /,
    *,
    until: Callable[[R], object],
    at_most: int,
    carry: Optional[Callable[[R], Mapping[str, object]]] = None,
    **initial: object,
) -> R:
    """Run a step again until a condition on its outputs holds, at most so many times; the last outputs are the result.

    From the second time on, outputs replace the arguments of the same names; a single output replaces the first argument of its
    type. `carry=lambda out: {"x": out.best}` says it otherwise.
    """
    from stoker._authoring import Shape, bound

    scope = _graph.required("repeat()")
    _check_body(body, "repeat()")
    maker: Any = body
    if isinstance(at_most, bool) or not isinstance(at_most, int) or at_most < 1:
        refuse(f"at_most={at_most!r} is not a number of times", "give a constant of 1 or more")
    signature: Signature = maker.signature
    inputs = bound(signature, (), initial, maker.name, defaults=hasattr(maker, "takes_session"))
    shape = Shape(signature.result, maker.function)
    made = {name: Reference(f"outputs.{name}", label=f"'{name}'", type=kind) for name, kind in shape.fields.items()}
    inner = shape.filled(made, False, maker.name, scope)
    condition = until(inner)
    if not isinstance(condition, Reference):
        refuse(f"until gave {condition!r}, not a condition on the outputs", "write until=lambda out: out.score > 0.9")
    carried = dict(carry(inner)) if carry is not None else _default_carry(signature, shape.fields, made)
    for name in carried:
        if name not in signature.names():
            refuse(f"carry names '{name}', which is no argument of '{maker.name}'")
    document: types.Repeat = {"until": to_template(condition), "atMost": at_most}
    if carried:
        document["carry"] = {name: to_template(value) for name, value in carried.items()}
    return cast(R, maker._add(scope, inputs, {"repeat": document}))


def _default_carry(signature: Signature, fields: Dict[str, Any], made: Dict[str, Reference]) -> Dict[str, Any]:
    if list(fields) == ["output"] and fields["output"] is not MISSING:
        for argument in signature.arguments:
            if argument.annotation == fields["output"]:
                return {argument.name: made["output"]}
    return {name: value for name, value in made.items() if name in signature.names()}


class each(Generic[T]):
    """`step.map(rows=each(batches))`: map over this argument, whatever the types look like."""

    def __init__(self, items: Sequence[T]) -> None:
        self.items = items


def mapped(maker: Any, inputs: Dict[str, Any]) -> Any:
    """The node of `step.map(…)`: a `foreach` over the list-valued arguments, side by side."""
    from stoker._authoring import bound

    scope = _graph.required(f"{maker.name}.map()")
    signature: Signature = maker.signature
    values = bound(signature, (), inputs, maker.name, defaults=hasattr(maker, "takes_session"))
    kinds = {argument.name: argument.annotation for argument in signature.arguments}
    over = [name for name in inputs if _is_mapped(inputs[name], kinds.get(name, MISSING))]
    if not over:
        refuse(
            f"{maker.name}.map() got no list to map over",
            "give a list for an argument that takes one item, or mark it: each(items)",
        )
    lists = {name: values[name].items if isinstance(values[name], each) else values[name] for name in over}
    items, replaced = _items(maker, lists)
    _graph.check_scope(items)
    document = to_template(items)
    parallelism = maker._options.get("parallelism")
    extra: types.StepKeys = {
        "foreach": document if parallelism is None else {"items": document, "parallelism": parallelism}
    }
    return maker._add(scope, {**values, **replaced}, extra)


def _is_mapped(value: Any, annotation: Any) -> bool:
    if isinstance(value, each):
        return True
    takes_list = annotation is not MISSING and origin(annotation) in (list, tuple)
    if isinstance(value, Reference):
        return origin(value._type) is list and not takes_list
    return isinstance(value, (list, tuple, range)) and not hasattr(value, "_fields") and not takes_list


def _items(maker: Any, lists: Dict[str, Any]) -> Tuple[Any, Dict[str, Any]]:
    """What `foreach` goes over, and the inputs of one run in terms of `item` and `index`."""
    constants = {name: list(value) for name, value in lists.items() if not isinstance(value, Reference)}
    lengths = {name: len(value) for name, value in constants.items()}
    if len(set(lengths.values())) > 1:
        refuse(
            f"{maker.name}.map(): the lists have different lengths ({', '.join(f'{k} {v}' for k, v in lengths.items())})",
            "they are taken side by side; for all combinations give one list with each of them",
        )
    item = Reference("item", label="the item")
    dynamic = [name for name in lists if name not in constants]
    if not dynamic:
        if len(constants) == 1:
            ((name, values),) = constants.items()
            return values, {name: item}
        rows = [dict(zip(constants, row)) for row in zip(*constants.values())]
        return rows, {name: Reference(f"item.{name}", label=f"the item's {name}") for name in constants}
    first, *others = dynamic
    replaced: Dict[str, Any] = {first: item}
    for name in others + list(constants):
        text, scope = operand(lists[name], 7)
        replaced[name] = Reference(f"{text}[index]", label=f"the item of {name}", scope=scope)
    if not others and not constants:
        return lists[first], replaced
    return _same_length(first, lists), replaced


def _same_length(first: str, lists: Dict[str, Any]) -> Reference:
    """The first list, or an evaluation error when another is longer: the shorter one is found by its index."""
    leading: Reference = lists[first]
    text, scope = operand(leading, 7)
    sizes = [
        f"size({operand(value, 0)[0]})" if isinstance(value, Reference) else str(len(value))
        for name, value in lists.items()
        if name != first
    ]
    tests = " && ".join(f"size({leading._expression}) == {other}" for other in sizes)
    # An index beyond the end is the language's own error; it names the list.
    return Reference(
        f"{tests} ? {text} : {text}[size({leading._expression})]", type=leading._type, scope=scope, power=0
    )


def collect(results: Sequence[R], pick: Callable[[R], T]) -> List[T]:
    """One output of each run of a mapped step: `collect(parts, lambda part: part.train)`."""
    from stoker._authoring import MappedOutputs

    given: Any = results
    if not isinstance(given, MappedOutputs):
        if isinstance(given, Reference):
            refuse("collect() is for steps with several outputs", "a single output is the list already: pass it on")
        return [pick(one) for one in results]
    chosen: Any = pick(cast(R, given._shape(**given._fields_)))
    if not references_in(chosen):
        refuse("collect(): the function did not give an output", "write collect(results, lambda one: one.name)")
    return cast("List[T]", chosen)
