"""Every error is written in one form: what (where). Remedy, the remedy a sentence of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from seawall.basics import errors
from tests.test_tidy import place, python_files, tree_of

TREE = {
    name
    for name, item in vars(errors).items()
    if isinstance(item, type) and issubclass(item, errors.SeawallError)
}


def texts_of(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can stand for, with `{}` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        yield "".join(map(str, parts))
    elif isinstance(node, ast.IfExp):
        yield from texts_of(node.body)
        yield from texts_of(node.orelse)


def messages() -> Iterator[tuple[str, str, str]]:
    """Place, part (what, where or remedy) and text of every message that is written out."""
    for path in python_files("src"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in TREE:
                parts = [("what", node.args[0])] if node.args else []
                parts += [(keyword.arg or "", keyword.value) for keyword in node.keywords]
                for part, value in parts:
                    for text in texts_of(value):
                        yield place(path, node.lineno), part, text


MESSAGES = list(messages())


def test_the_messages_are_found() -> None:
    assert len(MESSAGES) > 150
    assert {part for _, part, _ in MESSAGES} == {"what", "where", "remedy"}


def test_what_is_wrong_and_where_go_inside_a_sentence() -> None:
    """Neither has an end of its own."""
    odd = [(at, text) for at, part, text in MESSAGES if part != "remedy" and text[-1:] in ".!?\n"]
    assert not odd


def test_a_remedy_is_a_sentence() -> None:
    remedies = [(at, text) for at, part, text in MESSAGES if part == "remedy"]
    odd = [
        (at, text)
        for at, text in remedies
        if not (text[:1].isupper() or text[:2] == "{}") or text[-1:] not in ".}" or "\n" in text
    ]
    assert not odd
