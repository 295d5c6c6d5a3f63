"""Text to pointcut tree, by recursive descent.

Grammar::

    expression := conjunction (OR conjunction)*             OR  := "or" | "OR" | "||"
    conjunction:= negation (AND negation)*                  AND := "and" | "AND" | "&&"
    negation   := NOT negation | term                       NOT := "not" | "NOT" | "!"
    term       := "(" expression ")" | designator | path
    designator := "execution" "(" execution ")" | "within" "(" path ")"
    execution  := [modifier] [returns] path "(" [parameters] ")"
    path       := name parts with "." or ":" between, ".." any depth, "*" in names, "{a,b}", "+" behind a type
    parameters := ".." | name ("," name)* ["," ".."]

A bare path is short for an execution of that name with any parameters. The original's spelling
``execution(public * +a.B get*(...))`` is read too: modifiers are skipped (Python has none), ``+`` may stand in front,
``...`` is ``..``, and a blank may stand between type and method.
"""

from __future__ import annotations

import difflib
import re

from weaver.errors import PointcutSyntaxError
from weaver.pointcut.nodes import And, Execution, Not, Or, Parameters, Pointcut, Within

_TOKEN = re.compile(
    r"\s*(?:(?P<word>[+%]?[\w*{][\w*.:{},<>]*(?<![,])\+?(?:\.[\w*.{},<>]+)?)|(?P<op>&&|\|\||[()!,]|\.{2,3}))"
)
_OR = frozenset({"or", "OR", "||"})
_AND = frozenset({"and", "AND", "&&"})
_NOT = frozenset({"not", "NOT", "!"})
_DESIGNATORS = ("execution", "within")
_MODIFIERS = frozenset({"public", "protected", "private", "static"})


def parse_pointcut(text: str) -> Pointcut:
    """Parse an expression.

    Errors: PointcutSyntaxError, with column and hint.
    """
    return _Parser(text).parse()


def execution(text: str) -> Pointcut:
    """Return ``execution(text)``, for pointcuts written in Python."""
    return parse_pointcut(f"execution({text})")


def within(text: str) -> Pointcut:
    """Return ``within(text)``, for pointcuts written in Python."""
    return parse_pointcut(f"within({text})")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, int]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
                single = text[column - 1]
                hint = {"&": "write '&&' or 'and'", "|": "write '||' or 'or'"}.get(single, "")
                raise PointcutSyntaxError(text, column, "a name, an operator or a parenthesis", hint)
            kind = found.lastgroup or ""
            self._tokens.append((found.group(kind), found.start(kind) + 1))
            at = found.end()
        self._at = 0

    def parse(self) -> Pointcut:
        tree = self._expression()
        if self._at < len(self._tokens):
            word, column = self._tokens[self._at]
            raise PointcutSyntaxError(self._text, column, "'and', 'or' or the end", f"{word!r} stands alone")
        return tree

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self, expected: str) -> tuple[str, int]:
        if self._at >= len(self._tokens):
            raise PointcutSyntaxError(self._text, len(self._text) + 1, expected)
        self._at += 1
        return self._tokens[self._at - 1]

    def _expression(self) -> Pointcut:
        tree = self._conjunction()
        while self._peek() in _OR:
            self._at += 1
            tree = Or(tree, self._conjunction())
        return tree

    def _conjunction(self) -> Pointcut:
        tree = self._negation()
        while self._peek() in _AND:
            self._at += 1
            tree = And(tree, self._negation())
        return tree

    def _negation(self) -> Pointcut:
        if self._peek() in _NOT:
            self._at += 1
            return Not(self._negation())
        return self._term()

    def _term(self) -> Pointcut:
        word, column = self._next("a pointcut")
        if word == "(":
            tree = self._expression()
            self._close(column)
            return tree
        if self._peek() == "(":
            return self._designator(word, column)
        if not re.match(r"[+\w*{]", word) or word in _OR | _AND:
            raise PointcutSyntaxError(self._text, column, "a pointcut")
        path, subclasses, name = self._split(word, column)
        return Execution(name, path, subclasses)

    def _designator(self, word: str, column: int) -> Pointcut:
        if word not in _DESIGNATORS:
            near = difflib.get_close_matches(word, _DESIGNATORS, 1)
            hint = f"did you mean {near[0]!r}?" if near else ""
            raise PointcutSyntaxError(self._text, column, f"one of {', '.join(_DESIGNATORS)}", hint)
        _, opened = self._next("'('")
        if word == "within":
            path, _ = self._next("a module or class")
            self._close(opened)
            return Within(path.strip("+").replace(":", "."), "+" in path)
        tree = self._execution()
        self._close(opened)
        return tree

    def _execution(self) -> Execution:
        words: list[tuple[str, int]] = []
        while self._peek() not in {"(", ""}:
            word, column = self._next("a name")
            if word in {")", ",", ".."}:
                raise PointcutSyntaxError(self._text, column, "a name and its parameters", "such as do_invite(..)")
            if word not in _MODIFIERS:
                words.append((word, column))
        if not words:
            raise PointcutSyntaxError(self._text, len(self._text) + 1, "a name and its parameters")
        _, opened = self._next("'(' before the parameters")
        returns = "*"
        target, column = words[-1]
        if len(words) == 2 and self._is_type(words[0][0]):
            target = f"{words[0][0]}.{target}"
        elif len(words) >= 2:
            returns = words[0][0].lstrip("%")
        if len(words) == 3:
            target = f"{words[1][0]}.{words[2][0]}"
        elif len(words) > 3:
            raise PointcutSyntaxError(self._text, words[3][1], "'('")
        parameters = self._parameters()
        self._close(opened)
        path, subclasses, name = self._split(target, column)
        return Execution(name, path, subclasses, parameters, returns)

    @staticmethod
    def _is_type(word: str) -> bool:
        return word.startswith("+") or (word.endswith("+") and len(word) > 1)

    def _parameters(self) -> Parameters:
        names: list[str] = []
        rest = False
        while self._peek() != ")":
            word, column = self._next("a parameter or ')'")
            if word in {"..", "..."}:
                rest = True
            elif rest or word in {"(", ","} | _OR | _AND:
                raise PointcutSyntaxError(self._text, column, "')'" if rest else "a parameter")
            else:
                names += word.lstrip("%").split(",")
            if self._peek() == ",":
                self._at += 1
                if self._peek() == ")":
                    raise PointcutSyntaxError(self._text, self._tokens[self._at][1], "a parameter")
        return Parameters(tuple(names), rest)

    def _split(self, text: str, column: int) -> tuple[str, bool, str]:
        """Return module and class, whether subclasses count, and the name."""
        subclasses = "+" in text
        text = text.replace("+", "").replace(":", ".")
        head, dots, name = text.rpartition(".")
        if not name:
            raise PointcutSyntaxError(self._text, column + len(text), "a name behind the last dot")
        if dots and head.endswith("."):
            head += "."
        return head, subclasses, name

    def _close(self, opened: int) -> None:
        if self._peek() != ")":
            column = self._tokens[self._at][1] if self._at < len(self._tokens) else len(self._text) + 1
            raise PointcutSyntaxError(self._text, column, "')'", f"the '(' at column {opened} is never closed")
        self._at += 1
