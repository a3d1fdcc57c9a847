"""Where in the user's code something happened, and in what construct: for errors that name the line."""

import os
import sys
from types import FrameType
from typing import Any, List, NamedTuple, Optional

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Place(NamedTuple):
    file: str
    line: int
    frame: FrameType


def is_framework(filename: str) -> bool:
    return filename.startswith((PACKAGE, "<frozen importlib"))


def user_place() -> Optional[Place]:
    """The innermost frame of the project; failing that the innermost one that is not Stoker's."""
    from stoker._project import is_library_file

    frame: Optional[FrameType] = sys._getframe(1)
    nearest: Optional[Place] = None
    while frame is not None:
        name = frame.f_code.co_filename
        if not is_framework(name):
            nearest = nearest or Place(name, frame.f_lineno, frame)
            if not is_library_file(name):
                return Place(name, frame.f_lineno, frame)
        frame = frame.f_back
    return nearest


def truth_construct(place: Place) -> str:
    """What asked for a truth value at `place`: chained, boolean, not, if, while, ternary, assert, comprehension or bool."""
    import ast
    import linecache

    source = "".join(linecache.getlines(place.file, place.frame.f_globals))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return "bool"
    span = _span(place.frame)
    found: List[str] = []
    for node in ast.walk(tree):
        kind = _kind(ast, node)
        if kind and _covers(node, place.line, span):
            found.append(kind)
    for kind in ("chained", "boolean", "not", "ternary", "comprehension", "if", "while", "assert"):
        if kind in found:
            return kind
    return "bool"


def _kind(ast: Any, node: Any) -> str:
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        return "chained"
    if isinstance(node, ast.BoolOp):
        return "boolean"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return "not"
    names = {ast.IfExp: "ternary", ast.If: "if", ast.While: "while", ast.Assert: "assert"}
    for kind, name in names.items():
        if isinstance(node, kind):
            return name
    if isinstance(node, ast.comprehension) and node.ifs:
        return "comprehension"
    return ""


def _span(frame: FrameType) -> Any:
    """Exact position of the running instruction (Python 3.11 and later): (line, end line, column, end column)."""
    positions = getattr(frame.f_code, "co_positions", None)
    if positions is None:
        return None
    import itertools

    return next(itertools.islice(positions(), frame.f_lasti // 2, None), None)


def _covers(node: Any, line: int, span: Any) -> bool:
    # The test is what is evaluated; the body of an `if` is not part of the question.
    part = getattr(node, "test", node)
    if not hasattr(part, "lineno"):  # ast.comprehension has no position of its own
        return any(_covers(condition, line, span) for condition in getattr(node, "ifs", []))
    if not part.lineno <= line <= (part.end_lineno or part.lineno):
        return False
    if span is None or span[0] is None or span[2] is None:
        return True
    start, end = (span[0], span[2]), (span[1], span[3])
    return bool((part.lineno, part.col_offset) <= start and end <= (part.end_lineno, part.end_col_offset))
