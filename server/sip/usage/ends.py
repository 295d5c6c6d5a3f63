"""What a refusal inside a dialog ends: only its transaction, the INVITE usage, or all that is in the dialog (RFC 5057).

A dialog whose target cannot be reached is over for every usage. Whoever does not know the dialog, or does not answer,
has lost the usage. That a method is not understood ends a usage only where the usage lives by it.
"""

from __future__ import annotations

DIALOG_ENDERS = frozenset({404, 410, 416, 482, 483, 484, 485, 502, 604})
USAGE_ENDERS = frozenset({408, 480, 481})
METHOD_ENDERS = frozenset({405, 501})

NOTHING, USAGE, DIALOG = "", "usage", "dialog"


def ended_by(method: str, status: int) -> str:
    """Return what a final response to a request in a dialog ends: ``NOTHING``, ``USAGE`` or ``DIALOG``.

    Source: RFC 5057 5.1, 5.2; RFC 3261 12.2.1.2.
    """
    if status in DIALOG_ENDERS:
        return DIALOG
    if status in USAGE_ENDERS or (status in METHOD_ENDERS and method == "INVITE"):
        return USAGE
    return NOTHING
