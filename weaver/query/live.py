"""Queries over events that happen: text to function, with the dye flags as they are now."""

from __future__ import annotations

from weaver.dye_names import NAMES
from weaver.query.parser import parse_query
from weaver.query.predicate import Predicate, compile_predicate


def compile_query(text: str) -> Predicate:
    """Return the function that says whether an event is one that a query asks for.

    Errors: QuerySyntaxError.
    """
    return compile_predicate(parse_query(text, NAMES.bits()))
