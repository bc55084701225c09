"""Other people's text made fit to keep.

PostgreSQL keeps no NUL, and neither database a lone surrogate, both of which JSON can carry.
"""

from __future__ import annotations


def clean_text(text: str, *, length_max: int) -> str:
    r"""Return the text without NUL and lone surrogates, cut to ``length_max`` characters, the last then an ellipsis.

    >>> clean_text("a\x00b\ud800c", length_max=10), clean_text("abcdef", length_max=4)
    ('ab?c', 'abc…')
    """
    fit = text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return fit if len(fit) <= length_max else f"{fit[: length_max - 1]}…"
