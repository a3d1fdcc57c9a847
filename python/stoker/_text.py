"""Small text helpers: templates with braces, nearest names."""

from typing import Iterable, Iterator, List, Optional, Tuple


def parse_braces(template: str) -> Iterator[Tuple[str, Optional[str]]]:
    """(constant, name) pairs of a template with `{name}` and `{{`, `}}`."""
    from stoker._refuse import refuse

    constant: List[str] = []
    position = 0
    while position < len(template):
        char = template[position]
        if template[position : position + 2] in ("{{", "}}"):
            constant.append(char)
            position += 2
        elif char == "{":
            end = template.find("}", position)
            name = template[position + 1 : end] if end > 0 else ""
            if not name.isidentifier():
                refuse(
                    f"text(): '{template[position:]}' does not start with a name in braces",
                    "write {name}, and {{ for a brace",
                )
            yield "".join(constant), name
            constant = []
            position = end + 1
        elif char == "}":
            refuse("text(): a } without {", "write }} for a brace")
        else:
            constant.append(char)
            position += 1
    yield "".join(constant), None


def nearest(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` when a known name is close, else nothing."""
    import difflib

    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f", did you mean '{close[0]}'?" if close else ""
