"""Option tags as a user agent compares them."""

from __future__ import annotations

from server.sip.message import Request, Response


def option_tags(message: Request | Response, name: str) -> set[str]:
    """Return the option tags of a header in lower case; one that is no token is one that nobody knows."""
    return {tag.strip().lower() for line in message.headers.get_all(name) for tag in line.split(",")}


def supports(message: Request | Response, option: str) -> bool:
    """Say whether the sender understands an extension."""
    return option in option_tags(message, "supported") or option in option_tags(message, "require")
