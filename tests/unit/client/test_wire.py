"""Answers are decoded whatever pieces they come in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from orchestrator.client.wire import Decoder, LineSplitter, Request, encode
from orchestrator.errors import NoDaemon
from tests.support.scripted import chunked, ok


def decode(data: bytes, cuts: list[int]) -> tuple[Decoder, bytes]:
    """Feed the bytes cut at these places."""
    decoder, body = Decoder(), b""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    for start, end in itertools.pairwise(places):
        if start < end:
            body += decoder.feed(data[start:end])
    return decoder, body


@given(some.lists(some.binary(min_size=1, max_size=20), max_size=5), some.lists(some.integers(0, 500), max_size=8))
def test_chunks_are_joined_wherever_the_connection_cuts_them(chunks: list[bytes], cuts: list[int]) -> None:
    """The body is the chunks' bytes, and the end is seen."""
    decoder, body = decode(chunked(*chunks), cuts)
    assert (body, decoder.done) == (b"".join(chunks), True)


@given(some.binary(max_size=60), some.lists(some.integers(0, 500), max_size=8))
def test_a_body_with_a_length_ends_there(body: bytes, cuts: list[int]) -> None:
    """What comes after the length is not taken."""
    decoder, decoded = decode(ok(body) + b"more", cuts)
    assert (decoded, decoder.done) == (body, True)


@given(some.binary(max_size=300))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    """Whatever comes is decoded or refused with NoDaemon."""
    decoder = Decoder()
    try:
        decoder.feed(data)
        decoder.feed(b"")
    except NoDaemon:
        return
    assert decoder.done


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    """The end of the connection is the end of the body."""
    decoder = Decoder()
    assert decoder.feed(b"HTTP/1.1 200 OK\r\n\r\nabc") == b"abc"
    assert not decoder.done
    decoder.feed(b"")
    assert decoder.done


def test_an_interim_answer_is_passed_over() -> None:
    """The head is that of the final answer."""
    decoder, body = decode(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(b"yes"), [])
    assert decoder.head is not None
    assert (decoder.head.status, body) == (200, b"yes")


@pytest.mark.parametrize("cut_off", [ok(b"abc")[:-1], chunked(b"abc", ended=False), b"HTTP/1.1 200 OK\r\nConte"])
def test_an_answer_that_is_cut_off_is_no_answer(cut_off: bytes) -> None:
    """The end of the connection before the end of the answer raises."""
    decoder = Decoder()
    decoder.feed(cut_off)
    with pytest.raises(NoDaemon, match="broke off"):
        decoder.feed(b"")


def test_a_request_says_its_length_and_its_key() -> None:
    """A body has a length; a read has neither."""
    sent = encode(Request(method="POST", path="/v1/experiments", body=b"{}", idempotency_key="k"))
    assert sent.startswith(b"POST /v1/experiments HTTP/1.1\r\n")
    assert b"\r\nIdempotency-Key: k\r\n" in sent
    assert sent.endswith(b"\r\nContent-Length: 2\r\n\r\n{}")
    assert b"Content-Length" not in encode(Request(method="GET", path="/v1/status"))


@given(some.lists(some.binary(max_size=10)), some.lists(some.integers(0, 100), max_size=5))
def test_lines_are_cut_where_they_end(lines: list[bytes], cuts: list[int]) -> None:
    """The pieces they come in make no difference."""
    data = b"\n".join(line.replace(b"\n", b"") for line in lines)
    splitter, found = LineSplitter(), []
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    for start, end in itertools.pairwise(places):
        found += splitter.feed(data[start:end])
    assert b"\n".join([*found, *(splitter.end() or [b""])]) == data
