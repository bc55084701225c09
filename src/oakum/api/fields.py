"""What a parameter or a field of a request may be: bounds that every route shares.

They hold what would otherwise reach a database that cannot take it (a zero byte, a number beyond 64 bits); what a value
means is checked by the verb it is for.
"""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

ROW_COUNT_MAX = 500  # of one page; queries hold the same
OFFSET_MAX = 10_000_000  # a hundred pages of every host of the largest fleet
ID_MAX = 2**63 - 1
TEXT_LENGTH_MAX = 255
SENTENCE_LENGTH_MAX = 1_000
_NO_ZERO_BYTE = r"^[^\x00]*$"  # PostgreSQL stores no zero byte

Limit = Annotated[int, Field(ge=1, le=ROW_COUNT_MAX)]
Offset = Annotated[int, Field(ge=0, le=OFFSET_MAX)]
RowId = Annotated[int, Field(ge=0, le=ID_MAX)]
Text = Annotated[str, StringConstraints(max_length=TEXT_LENGTH_MAX, pattern=_NO_ZERO_BYTE)]
Sentence = Annotated[str, StringConstraints(max_length=SENTENCE_LENGTH_MAX, pattern=_NO_ZERO_BYTE)]


class Body(Schema):
    """A request's body: an unknown field is refused, so that a slip of the keyboard is never a silent no-op."""

    model_config = ConfigDict(extra="forbid")
