"""References: what stands for a parameter or a step's output while a pipeline is compiled, and the expressions made of them.

A reference has no value yet. Operators and comparisons build an expression of the document's language; everything that
would need the
value now (`if`, iteration, `len`, f-strings, …) is refused with the user's line and what to write instead.
"""

import enum
import math
import re
from typing import Any, Dict, List, NoReturn, Optional, Tuple, TypeVar

from stoker._errors import CompileError, MissingOutputError
from stoker._refuse import refuse
from stoker._values import Directory, File, Secret, Table

T = TypeVar("T")

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS = frozenset({"true", "false", "null", "in"})
_NO_TYPE: Any = None

# Binding strength of the operators, as the expression language has it.
OR, AND, COMPARE, ADD, MULTIPLY, UNARY, ATOM = 1, 2, 3, 4, 5, 6, 7


def quoted(text: str) -> str:
    """A text as a literal of the expression language."""
    import json  # here: it would be a fifth of the time of `import stoker`

    return json.dumps(text, ensure_ascii=False)


def member(name: str) -> str:
    """`.name`, or `["my-step"]` for a name that is no identifier."""
    if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS:
        return f".{name}"
    return f"[{quoted(name)}]"


class Reference:
    """One parameter, output or expression. `_type` is the annotation, None when unknown; `_scope` the pipeline being compiled."""

    __slots__ = ("_expression", "_label", "_power", "_scope", "_template", "_type")

    def __init__(
        self,
        expression: str,
        *,
        label: str = "",
        type: Any = _NO_TYPE,
        scope: Any = None,
        power: int = ATOM,
        template: Optional[str] = None,
    ) -> None:
        self._expression = expression
        self._label = label or f"the expression {expression}"
        self._type = type
        self._scope = scope
        self._power = power
        self._template = template

    def __repr__(self) -> str:
        return f"<reference ${{{{ {self._expression} }}}}>"

    # Comparisons and arithmetic build expressions.

    def __eq__(self, other: object) -> Any:
        return binary("==", self, other, COMPARE, bool)

    def __ne__(self, other: object) -> Any:
        return binary("!=", self, other, COMPARE, bool)

    def __lt__(self, other: object) -> Any:
        return binary("<", self, other, COMPARE, bool)

    def __le__(self, other: object) -> Any:
        return binary("<=", self, other, COMPARE, bool)

    def __gt__(self, other: object) -> Any:
        return binary(">", self, other, COMPARE, bool)

    def __ge__(self, other: object) -> Any:
        return binary(">=", self, other, COMPARE, bool)

    def __add__(self, other: object) -> Any:
        return binary("+", self, other, ADD, self._type)

    def __radd__(self, other: object) -> Any:
        return binary("+", other, self, ADD, self._type)

    def __sub__(self, other: object) -> Any:
        return binary("-", self, other, ADD, self._type)

    def __rsub__(self, other: object) -> Any:
        return binary("-", other, self, ADD, self._type)

    def __mul__(self, other: object) -> Any:
        return binary("*", self, other, MULTIPLY, self._type)

    def __rmul__(self, other: object) -> Any:
        return binary("*", other, self, MULTIPLY, self._type)

    def __truediv__(self, other: object) -> Any:
        return true_division(self, other)

    def __rtruediv__(self, other: object) -> Any:
        return true_division(other, self)

    def __mod__(self, other: object) -> Any:
        return python_remainder(self, other)

    def __rmod__(self, other: object) -> Any:
        if isinstance(other, str):
            refuse(
                f"{self._label} has no value while the pipeline is compiled, so % cannot format it",
                f"write text({other!r}, …) with names in braces: text('score {{score}}', score=score)",
            )
        return python_remainder(other, self)

    def __and__(self, other: object) -> Any:
        return binary("&&", self, other, AND, bool)

    def __rand__(self, other: object) -> Any:
        return binary("&&", other, self, AND, bool)

    def __or__(self, other: object) -> Any:
        return binary("||", self, other, OR, bool)

    def __ror__(self, other: object) -> Any:
        return binary("||", other, self, OR, bool)

    def __invert__(self) -> Any:
        return prefix("!", self, bool)

    def __neg__(self) -> Any:
        return prefix("-", self, self._type)

    def __pos__(self) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            refuse("a reference cannot be sliced", "take one item, or make a step that returns the part")
        if isinstance(key, int) and not isinstance(key, bool) and key < 0:
            inner, _ = operand(self, ATOM)
            return Reference(
                f"{inner}[size({self._expression}) - {-key}]", type=item_type(self._type, key), scope=self._scope
            )
        require_value(self)
        inner, scope = operand(self, ATOM)
        index, other = operand(key, OR)
        return Reference(f"{inner}[{index}]", type=item_type(self._type, key), scope=join(scope, other))

    def get(self, key: Any, default: Any = None) -> Any:
        """`ref.get("k", 0)`: the value under a key of a map, or the default."""
        require_value(self)
        inner, scope = operand(self, ATOM)
        index, scope2 = operand(key, COMPARE + 1)
        other, scope3 = operand(default, OR)
        expression = f"{index} in {inner} ? {inner}[{index}] : {other}"
        return Reference(expression, type=item_type(self._type, key), scope=join(scope, join(scope2, scope3)), power=0)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name.startswith(("_repr_", "_ipython_")):
            raise AttributeError(name)
        if is_map(self._type):
            hint = f"for a value in a map write [{name!r}]"
        else:
            hint = "several outputs are returned as a NamedTuple; anything else happens inside a step"
        refuse(f"{self._label} has no attribute '{name}' while the pipeline is compiled", hint, MissingOutputError)

    # What would need the value now is refused.

    def __bool__(self) -> bool:
        refuse_truth(self)

    def __iter__(self) -> Any:
        refuse(
            f"{self._label} has no value while the pipeline is compiled, so it cannot be iterated or unpacked",
            "to run a step for each item write step.map(argument=it); several outputs come from a NamedTuple result",
        )

    def __len__(self) -> int:
        refuse(
            f"{self._label} has no value while the pipeline is compiled, so len() cannot be taken",
            "write size(…), which gives an expression",
        )

    def __contains__(self, item: object) -> bool:
        refuse(
            f"{self._label} has no value while the pipeline is compiled, so `in` cannot be answered",
            "write in_(item, collection), which gives an expression",
        )

    def __hash__(self) -> int:
        refuse(
            f"{self._label} has no value while the pipeline is compiled, so it cannot be hashed (used as a key or put in a set)",
            "keep references in a list, or in a dict under names of your own",
        )

    def __format__(self, spec: str) -> str:
        refuse(
            f"{self._label} has no value while the pipeline is compiled, so it cannot be put into an f-string",
            "write text('score {score}', score=score), which is filled in when the run has the value",
        )

    def __str__(self) -> str:
        refuse(
            f"{self._label} has no value while the pipeline is compiled, so it has no text",
            "write text('{it}', it=…) for a text made at run time, or repr(…) to look at the reference",
        )

    def __int__(self) -> int:
        _refuse_number(self, "int")

    def __float__(self) -> float:
        _refuse_number(self, "float")

    def __index__(self) -> int:
        _refuse_number(self, "an index or range()")

    def __complex__(self) -> complex:
        _refuse_number(self, "complex")

    def __round__(self, digits: Optional[int] = None) -> Any:
        _refuse_number(self, "round")

    def __abs__(self) -> Any:
        _refuse_number(self, "abs")

    def __floordiv__(self, other: object) -> Any:
        _refuse_operator(self, "//")

    __rfloordiv__ = __floordiv__

    def __pow__(self, other: object) -> Any:
        _refuse_operator(self, "**")

    __rpow__ = __pow__

    def __xor__(self, other: object) -> Any:
        _refuse_operator(self, "^")

    __rxor__ = __xor__

    def __matmul__(self, other: object) -> Any:
        _refuse_operator(self, "@")

    __rmatmul__ = __matmul__

    def __lshift__(self, other: object) -> Any:
        _refuse_operator(self, "<<")

    def __rshift__(self, other: object) -> Any:
        _refuse_operator(self, ">>")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        refuse(f"{self._label} cannot be called while the pipeline is compiled", "call it inside a step")

    def __setitem__(self, key: Any, value: Any) -> None:
        refuse(f"{self._label} cannot be changed", "a step returns the changed value")

    def __enter__(self) -> Any:
        refuse(f"{self._label} is no context manager", "a condition goes into `with when(…):`")

    def __exit__(self, *error: Any) -> None:
        return None

    def __reduce_ex__(self, protocol: Any) -> Any:
        refuse(
            f"{self._label} cannot be pickled or copied",
            "a step takes references as arguments; it cannot reach them as globals or through a closure",
        )


def _refuse_number(reference: Reference, what: str) -> NoReturn:
    refuse(
        f"{reference._label} has no value while the pipeline is compiled, so {what} cannot take it",
        "compute with operators (+ - * / %), or inside a step",
    )


def _refuse_operator(reference: Reference, operator: str) -> NoReturn:
    refuse(
        f"{reference._label}: the expression language has no operator {operator}",
        "compute it inside a step and return the result",
    )


def refuse_truth(reference: Reference) -> NoReturn:
    from stoker._place import truth_construct, user_place

    place = user_place()
    construct = truth_construct(place) if place else "bool"
    it = reference._expression
    say = {
        "chained": ("a chained comparison needs it now", "write (low < it) & (it < high)"),
        "boolean": ("`and`/`or` need it now", "write `&` for and, `|` for or, each side in parentheses"),
        "not": ("`not` needs it now", "write ~condition or not_(condition)"),
        "if": ("`if` needs it now", "write `with when(condition):` and call the steps inside"),
        "while": ("`while` needs it now", "write repeat(step, until=lambda out: …, at_most=10)"),
        "ternary": (
            "`a if condition else b` needs it now",
            "make each value in `with when(…):` and join: one_of(a, b)",
        ),
        "assert": ("`assert` needs it now", "check inside a step, where the value is there"),
        "comprehension": ("a comprehension's `if` needs it now", "filter inside a step and return the list"),
        "bool": ("bool() needs it now", "write `with when(condition):`, `&`, `|` and `~`"),
    }
    why, hint = say[construct]
    raise CompileError(
        f"{reference._label} has no value while the pipeline is compiled; {why} ({it})",
        hint,
        place.file if place else None,
        place.line if place else None,
    )


# Building expressions.


def join(first: Any, second: Any) -> Any:
    return first if first is not None else second


def operand(value: object, power: int) -> Tuple[str, Any]:
    """The expression text of a value that stands where at least `power` is bound, and its scope."""
    if isinstance(value, Reference):
        text = value._expression if value._power >= power else f"({value._expression})"
        return text, value._scope
    return literal(value)


def literal(value: object) -> Tuple[str, Any]:
    """A constant in the expression language; containers may hold references."""
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None:
        return "null", None
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            refuse(f"{value} is outside 64 bits, which is what expressions count with")
        return str(int(value)), None
    if isinstance(value, float):
        if not math.isfinite(value):
            refuse(f"{value} has no place in an expression", "expressions know finite numbers only")
        text = repr(float(value))
        return (text if any(c in text for c in ".e") else f"{text}.0"), None
    if isinstance(value, str):
        return quoted(value), None
    if isinstance(value, (list, tuple)):
        parts = [operand(item, OR) for item in value]
        return f"[{', '.join(text for text, _ in parts)}]", scope_of(parts)
    if isinstance(value, dict):
        pairs = [(literal(key)[0], operand(item, OR)) for key, item in value.items()]
        return "{" + ", ".join(f"{key}: {item[0]}" for key, item in pairs) + "}", scope_of([p for _, p in pairs])
    refuse(
        f"{value!r} ({type(value).__name__}) has no place in an expression",
        "expressions know null, booleans, numbers, text, lists and maps; compare inside a step",
    )


def scope_of(parts: List[Tuple[str, Any]]) -> Any:
    return next((scope for _, scope in parts if scope is not None), None)


def binary(operator: str, left: object, right: object, power: int, type: Any) -> Reference:
    for side in (left, right):
        if isinstance(side, Reference):
            require_value(side)
    # Comparisons do not chain in the language, so both sides bind tighter; the others associate to the left.
    a, scope = operand(left, power + 1 if power == COMPARE else power)
    b, other = operand(right, power + 1)
    return Reference(f"{a} {operator} {b}", type=type, scope=join(scope, other), power=power)


def prefix(operator: str, value: Reference, type: Any) -> Reference:
    require_value(value)
    text, scope = operand(value, ATOM)
    return Reference(f"{operator}{text}", type=type, scope=scope, power=UNARY)


def whole(value: object) -> Tuple[str, Any]:
    if isinstance(value, Reference):
        require_value(value)
    return operand(value, OR)


def true_division(left: object, right: object) -> Reference:
    """`/` divides as Python does: the language's own would cut integers."""
    (a, scope), (b, other) = whole(left), whole(right)
    return Reference(f"double({a}) / double({b})", type=float, scope=join(scope, other), power=MULTIPLY)


def python_remainder(left: object, right: object) -> Reference:
    """`%` with Python's sign: the language's follows the dividend."""
    for side in (left, right):
        if isinstance(side, Reference):
            require_value(side)
    a, scope = operand(left, MULTIPLY)
    b, other = operand(right, MULTIPLY + 1)
    return Reference(f"({a} % {b} + {b}) % {b}", type=int, scope=join(scope, other), power=MULTIPLY)


def require_value(reference: Reference) -> None:
    """Refuse to compute with what is an artifact: it has no value in expressions."""
    from stoker._types import is_artifact, type_text

    if is_artifact(reference._type):
        refuse(
            f"{reference._label} is a {type_text(reference._type)}, which has no value in expressions",
            "return the number or text that you need from a step",
        )


def is_map(annotation: Any) -> bool:
    from stoker._types import origin

    return origin(annotation) in (dict, "map")


def item_type(annotation: Any, key: Any) -> Any:
    from stoker._types import item_of

    return item_of(annotation, key)


# What a document says for a value that may hold references.


def to_template(value: Any) -> Any:
    """JSON of a value; references become `${{ … }}`, literal text is kept from looking like one."""
    if isinstance(value, Reference):
        _refuse_nothing(value)
        return value._template if value._template is not None else f"${{{{ {value._expression} }}}}"
    if isinstance(value, enum.Enum):
        return to_template(value.value)
    if isinstance(value, str):
        return value.replace("${{", "$${{")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            refuse(f"{value} is outside 64 bits", "pass it as text")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            refuse(f"{value} cannot be an argument of a step call", "pass text, or compute it inside the step")
        return float(value)
    if isinstance(value, (list, tuple)):
        return [to_template(item) for item in value]
    if isinstance(value, dict):
        return _map_template(value)
    if isinstance(value, (File, Directory)):
        return {"$file": {"path": document_path(value)}}
    if isinstance(value, Table):
        return {"$table": table_fields(value)}
    if isinstance(value, Secret):
        return {"$secret": value.name}
    refuse(
        f"{value!r} ({type(value).__name__}) cannot be written into the pipeline document",
        "pass numbers, text, lists, maps, File, Directory, Table, Secret or another step's result; build the rest inside the step",
    )


def _refuse_nothing(value: Reference) -> None:
    from stoker._types import NoResult

    if value._type is NoResult:
        refuse(f"{value._label} cannot be an argument", "to order steps write .options(after=[…])")


def _map_template(value: Dict[Any, Any]) -> Any:
    out = {}
    for key, item in value.items():
        if isinstance(key, Reference):
            refuse("a reference cannot be the key of a map")
        if isinstance(key, enum.Enum):
            key = key.value
        if not isinstance(key, str):
            refuse(f"the key {key!r} of a map is not text", "documents know maps with text keys only")
        out[key] = to_template(item)
    return {"$value": out} if any(key.startswith("$") for key in out) else out


def table_fields(table: Table) -> Dict[str, Any]:
    """`{name, version}`; a version may be a reference."""
    fields: Dict[str, Any] = {"name": to_template(table.name)}
    if table.version is not None:
        fields["version"] = to_template(table.version)
    return fields


def document_path(location: Any) -> str:
    from stoker import _graph

    return _graph.relative_location(location)


def references_in(value: Any) -> List[Reference]:
    if isinstance(value, Reference):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in references_in(item)]
    return []
