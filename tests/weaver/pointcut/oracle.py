"""A second grammar of the pointcut language, for ``lark``: it shares nothing with the parser but the nodes.

The parser is a recursive descent over tokens; this one is a table of rules, from which lark makes an LALR(1) automaton.
"""

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError

from weaver.pointcut import nodes
from weaver.pointcut.nodes import And, Args, Cflow, Decorated, Execution, Not, Or, Parameters, Pointcut, Value

GRAMMAR = r"""
start: expr
?expr: conj (_or conj)*
?conj: neg (_and neg)*
?neg: _not neg -> negated | term
?term: "(" expr ")" | member -> short | designator

?designator: (EXECUTION | WITHINCODE) "(" group* signature ")" -> function
    | CALL "(" signature ")"   -> call
    | (GET | SET) "(" member ")" -> attribute
    | (HANDLER | INITIALIZATION | THIS | TARGET | RAISES | WITHIN) "(" klass ")" -> of_class
    | "decorated" "(" name ")" -> decorated
    | "args" "(" values ")"    -> args
    | "cflow" "(" expr ")"     -> cflow

signature: plain? member "(" values ")"   -> full
    | (plain | jtype) jclass jname "(" jtypes ")"   -> java
jtype: PERCENT? PLUS ret ARRAY* | PERCENT? ret ARRAY+
plain: PERCENT? ret
jclass: PLUS? any -> java_class
    | "@" any (_or any)* -> annotations
jname: any
jtypes: _jlist?
_jlist: REST | jparam ("," jparam)* ("," REST)?
jparam: PERCENT? PLUS? any ARRAY*

values: _list?
_list: REST | value ("," value)* ("," REST)?
value: PERCENT? any

group: modifier (_or modifier)*
modifier: PUBLIC | PROTECTED | PRIVATE | STATIC

member: any
klass: any
name: any
any: WORD | designator_word | PUBLIC | PROTECTED | PRIVATE | STATIC
ret: WORD | designator_word
!designator_word: EXECUTION | WITHINCODE | CALL | GET | SET | HANDLER | INITIALIZATION | THIS | TARGET | RAISES | WITHIN
    | "decorated" | "args" | "cflow"

_or: "or" | "OR" | "||"
_and: "and" | "AND" | "&&"
_not: "not" | "NOT" | "!"

EXECUTION: "execution"
WITHINCODE: "withincode"
CALL: "call"
GET: "get"
SET: "set"
HANDLER: "handler"
INITIALIZATION: "initialization"
THIS: "this"
TARGET: "target"
RAISES: "raises"
WITHIN: "within"
PUBLIC: "public"
PROTECTED: "protected"
PRIVATE: "private"
STATIC: "static"
PERCENT: "%"
PLUS: "+"
ARRAY: "[]"
REST: "..." | ".."
PIECE: /[\w*]/ | "<" /\w+/ ">" | "{" /[\w*]+/ ("," /[\w*]+/)* "}"
PART: PIECE+
WORD: PART ("+"? (".." | "." | ":") PART)* ".."? "+"?
%ignore /\s+/
"""

DESIGNATORS = {word.lower(): getattr(nodes, word) for word in ("Get", "Set", "Handler", "Initialization", "This")} | {
    word.lower(): getattr(nodes, word) for word in ("Target", "Raises", "Within", "Execution")
}
DESIGNATORS["withincode"] = nodes.WithinCode
JAVA = {
    "void": "None",
    "boolean": "bool",
    "char": "str",
    "double": "float",
    "byte": "int",
    "short": "int",
    "long": "int",
}
MODIFIERS: dict[str, Callable[[Any], Pointcut]] = {
    "public": lambda kind: Or((Not(kind("_*")), kind("__*__"))),
    "protected": lambda kind: And((kind("_*"), Not(kind("__*")))),
    "private": lambda kind: And((kind("__*"), Not(kind("__*__")))),
    "static": lambda kind: Decorated("staticmethod"),
}


class Refused(Exception):
    """The text is no pointcut."""


def refuse_unless(condition: object) -> None:
    if not condition:
        raise Refused


def any_of(operands: list[Pointcut]) -> Pointcut:
    return Or(tuple(operands)) if len(operands) > 1 else operands[0]


def split_class(word: str) -> tuple[str, bool]:
    refuse_unless("+" not in word[:-1] and not word.endswith("..+"))
    return word.rstrip("+"), word.endswith("+")


def split_member(word: str) -> tuple[str, str, bool]:
    at = word.rfind(".")
    name, path = word[at + 1 :], word[: max(at, 0)]
    refuse_unless(name and "+" not in name)
    if path.endswith("."):
        path += "."
    refuse_unless("+" not in path[:-1])
    return name, path.rstrip("+"), path.endswith("+")


def java_class(pattern: str, plus: bool) -> tuple[str, bool]:
    refuse_unless(not (plus and pattern.endswith("..")))
    if pattern == "*":
        return "", False
    if pattern[0] == "*":
        pattern = "*.." + (pattern[2:] if pattern[1] == "." else pattern)
    if pattern[-1] == "*" and not plus:
        pattern += ".."
    return pattern, plus


class Tree(Transformer[Token, Any]):
    def WORD(self, token: Token) -> str:
        choices = [piece.split("}")[0].count(",") + 1 for piece in token.split("{")[1:]]
        refuse_unless(prod(choices) <= 64)
        return token.replace(":", ".").replace(".<locals>.", ".")

    def any(self, children: list[str]) -> str:
        return str(children[0])  # a word, or a word that is a designator or modifier elsewhere

    ret = designator_word = modifier = any  # noqa: A003 - the name of a rule

    def name(self, children: list[str]) -> str:
        refuse_unless("+" not in children[0])
        return children[0]

    def member(self, children: list[str]) -> tuple[str, str, bool]:
        return split_member(children[0])

    def klass(self, children: list[str]) -> tuple[str, bool]:
        return split_class(children[0])

    def expr(self, children: list[Pointcut]) -> Pointcut:
        return Or(tuple(children))

    def conj(self, children: list[Pointcut]) -> Pointcut:
        return And(tuple(children))

    def negated(self, children: list[Pointcut]) -> Pointcut:
        return Not(children[0])

    def short(self, children: list[Any]) -> Pointcut:
        return Execution(*children[0])

    @v_args(inline=True)
    def attribute(self, word: Token, member: tuple[str, str, bool]) -> Pointcut:
        return DESIGNATORS[str(word)](*member)

    of_class = attribute

    def decorated(self, children: list[str]) -> Pointcut:
        return Decorated(children[0])

    def args(self, children: list[Any]) -> Pointcut:
        return Args(children[0](True))

    def cflow(self, children: list[Pointcut]) -> Pointcut:
        return Cflow(children[0])

    def value(self, children: list[str]) -> tuple[bool, str]:
        return len(children) == 2, children[-1]

    def values(self, children: list[Any]) -> Callable[[bool], Parameters]:
        rest = bool(children) and isinstance(children[-1], Token)
        pairs = children[:-1] if rest else children

        def make(classes: bool) -> Parameters:
            refuse_unless(classes or not any("+" in word for _, word in pairs))
            return Parameters(tuple(Value(*split_class(word), shown) for shown, word in pairs), rest)

        return make

    def plain(self, children: list[str]) -> Value:
        refuse_unless("+" not in children[-1])
        return Value(children[-1], shown=len(children) == 2)

    def jtype(self, children: list[Any]) -> Value:
        word = next(one for one in children if one not in {"%", "+", "[]"})
        refuse_unless("+" not in word)
        arrays = children.count("[]")
        pattern = "list" if arrays else JAVA.get(word, word)
        return Value("bytes" if (word, arrays) == ("byte", 1) else pattern, "+" in children, "%" in children)

    jparam = jtype

    def jtypes(self, children: list[Any]) -> Parameters:
        values = tuple(one for one in children if isinstance(one, Value))
        return Parameters(values, len(values) < len(children))

    def jname(self, children: list[str]) -> str:
        refuse_unless("+" not in children[0] and "." not in children[0])
        return children[0]

    def java_class(self, children: list[str]) -> tuple[str, bool, None]:
        refuse_unless("+" not in children[-1])
        return (*java_class(children[-1], len(children) == 2), None)

    def annotations(self, children: list[str]) -> tuple[str, bool, Pointcut]:
        refuse_unless(not any("+" in word for word in children))
        return "", False, any_of([Decorated(word) for word in children])

    def full(self, children: list[Any]) -> Callable[[Any], Pointcut]:
        *returns, (name, path, plus), values = children
        result = returns[0] if returns else Value()

        def make(kind: Any) -> Pointcut:
            refuse_unless(kind is not nodes.Call or result.pattern == "*")
            return kind(name, path, plus, values(kind is nodes.Call), result)

        return make

    @v_args(inline=True)
    def java(
        self, returns: Value, place: tuple[str, bool, Pointcut | None], name: str, types: Parameters
    ) -> Callable[[Any], Pointcut]:
        path, plus, decorated = place

        def make(kind: Any) -> Pointcut:
            if kind is nodes.Call:
                refuse_unless(decorated is None)
                return kind(name, path, plus, types, Value(shown=returns.shown))
            plain = tuple(Value("*" if one.subclasses else one.pattern, shown=one.shown) for one in types.values)
            result = Value(JAVA.get(returns.pattern, returns.pattern), shown=returns.shown)
            parts: list[Pointcut] = [kind(name, path, plus, Parameters(plain, types.rest), result)]
            if any(one.subclasses for one in types.values):
                classes = tuple(Value(one.pattern, True) if one.subclasses else Value() for one in types.values)
                parts.append(Args(Parameters(classes, types.rest)))
            parts += [] if decorated is None else [decorated]
            return And(tuple(parts)) if len(parts) > 1 else parts[0]

        return make

    def group(self, children: list[str]) -> list[str]:
        return children

    def function(self, children: list[Any]) -> Pointcut:
        word, *groups, make = children
        kind = DESIGNATORS[str(word)]
        wanted = [any_of([MODIFIERS[one](kind) for one in group]) for group in groups]
        return And((make(kind), *wanted)) if wanted else make(kind)

    def call(self, children: list[Any]) -> Pointcut:
        return children[-1](nodes.Call)

    def start(self, children: list[Pointcut]) -> Pointcut:
        return children[0]


@lru_cache
def automaton() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="basic", maybe_placeholders=False)


def parse(text: str) -> Pointcut | None:
    """Return the tree, None for a text that is no pointcut."""
    try:
        return Tree().transform(automaton().parse(text))
    except Refused:
        return None
    except LarkError as error:
        if isinstance(getattr(error, "orig_exc", None), Exception) and not isinstance(error.orig_exc, Refused):  # type: ignore[attr-defined]
            raise
        return None
