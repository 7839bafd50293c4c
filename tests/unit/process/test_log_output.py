"""Whoever logs never waits for whoever reads."""

import fcntl
import logging
import os
from contextlib import suppress

import pytest

from devnet.roles.log_output import PipeHandler


@pytest.fixture
def pipe():
    """A pipe that holds 4 KiB, and a logger that writes into it."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    logger = logging.Logger("test")
    logger.addHandler(PipeHandler(writer))
    yield reader, logger
    for descriptor in (reader, writer):
        with suppress(OSError):
            os.close(descriptor)


def read(reader):
    return os.read(reader, 1 << 20).decode()


def test_lines_arrive_as_they_were_logged(pipe):
    reader, logger = pipe
    logger.warning("one")
    assert read(reader) == "one\n"
    logger.warning("two %s", "\udcff")
    assert read(reader) == "two \\udcff\n"


def test_a_pipe_that_nobody_reads_costs_lines_and_the_log_says_so_afterwards(pipe):
    reader, logger = pipe
    for _ in range(100):
        logger.warning("x" * 1000)
    kept = read(reader).count("\n")
    logger.warning("here I am")
    confession, last = read(reader).splitlines()
    assert confession == f"... {100 - kept} lines are missing here: nobody read what was written"
    assert last == "here I am"


def test_a_line_that_is_cut_off_does_not_run_into_the_next(pipe):
    reader, logger = pipe
    logger.warning("x" * 10_000)
    assert read(reader) == "x" * 4096
    logger.warning("next")
    assert read(reader) == "\n... 1 line is missing here: nobody read what was written\nnext\n"


def test_a_reader_that_is_gone_is_no_reason_to_end(pipe):
    reader, logger = pipe
    os.close(reader)
    logger.warning("nobody hears this")


def test_a_message_that_cannot_be_formatted_is_shown_as_it_is(pipe):
    reader, logger = pipe
    logger.warning("%d blocks", "many")
    assert "%d blocks" in read(reader)
