"""A code object and the advice there make one woven code object."""

from weaver.weaving.guard import Advice, Gate, Guard, Passes, weave
from weaver.weaving.selftest import selftest

__all__ = ["Advice", "Gate", "Guard", "Passes", "selftest", "weave"]
