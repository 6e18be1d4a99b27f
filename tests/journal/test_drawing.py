"""Random bytes are given once, also where they were drawn together or by a process that was forked since."""

from __future__ import annotations

import os

from ripieno.journal.drawing import BLOCK_BYTES, Drawn


def test_what_is_taken_is_as_long_as_asked_for_and_never_the_same() -> None:
    drawn = Drawn()
    taken = [drawn.take(count) for count in [44] * 300 + [BLOCK_BYTES, BLOCK_BYTES + 1, 44]]
    assert [len(one) for one in taken[-4:]] == [44, BLOCK_BYTES, BLOCK_BYTES + 1, 44]
    assert len(set(taken)) == len(taken)


def test_a_forked_process_takes_nothing_that_its_parent_had_drawn() -> None:
    drawn = Drawn()
    drawn.take(44)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, drawn.take(44))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        taken = pipe.read()
    os.waitpid(child, 0)
    assert len(taken) == 44
    assert taken != drawn.take(44)
