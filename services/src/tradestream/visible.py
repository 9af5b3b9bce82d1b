"""Text of strangers as a person can read it, which nothing that shows it takes for an order."""

from __future__ import annotations


def visible(text: str, *, keep: str = "") -> str:
    """Returns a text with what would be invisible, or change how the text beside it looks, as Python writes it.

    Args:
        text: the text.
        keep: letters that stay as they are all the same.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text)
