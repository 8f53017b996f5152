"""What the words of the model are in Python."""

from enum import StrEnum


class Word(StrEnum):
    """A word of the model. Hashed as the text it is: an Enum's own hash is code in Python, and thousands are counted at once."""

    __hash__ = str.__hash__
