"""Claims about long answers."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.api.streams import json_list, lines

PAGES = st.lists(st.lists(st.integers(), max_size=3), max_size=5)


async def _paged(pages: list[list[int]]) -> AsyncIterator[Iterable[Any]]:
    for page in pages:
        yield page


async def _joined(pages: list[list[int]]) -> bytes:
    return b"".join([piece async for piece in json_list(_paged(pages), before=b'{"list":', after=b"}")])


@pytest.mark.asyncio
@given(pages=PAGES)
async def test_pages_make_one_list(pages: list[list[int]]) -> None:
    """However the values are cut into pages, empty ones included, the document is the same valid list."""
    assert json.loads(await _joined(pages)) == {"list": [value for page in pages for value in page]}


def test_each_value_has_a_line() -> None:
    """Line feeds inside a value are escaped, so that a line is a document."""
    assert lines([{"a": "x\ny"}, {}]) == b'{"a":"x\\ny"}\n{}\n'
