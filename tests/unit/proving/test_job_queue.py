"""Late, duplicated and reordered work is normal."""

import threading

from devnet.proving.job_queue import ANY_HASH, GIVEN_UP_AFTER, JobQueue, Source

SEQUENCER = Source("sequencer", "http://s")
FULL = Source("full-node-1", "http://f1")
OTHER = Source("full-node-2", "http://f2")


def h(number):
    return bytes((number % 256,)) * 32


def test_the_lowest_number_goes_first_whatever_the_order_of_the_news():
    work = JobQueue()
    for number in (5, 3, 4):
        work.offer(number, h(number), FULL)
    assert [work.take().number for _ in range(3)] == [3, 4, 5]


def test_a_duplicate_is_another_source_and_no_new_work():
    work = JobQueue()
    assert work.offer(1, h(1), SEQUENCER)
    assert not work.offer(1, h(1), FULL)
    piece = work.take()
    assert set(piece.sources) == {"sequencer", "full-node-1"}
    work.done(piece)
    assert not work.offer(1, h(1), OTHER)
    assert len(work) == 0


def test_two_blocks_of_one_number_are_two_pieces():
    work = JobQueue()
    assert work.offer(1, h(1), FULL)
    assert work.offer(1, h(2), SEQUENCER)
    assert {work.take().hash, work.take().hash} == {h(1), h(2)}


def test_a_gap_is_looked_for_without_a_hash_unless_the_block_is_known():
    work = JobQueue()
    work.offer(2, h(2), FULL)
    assert not work.offer(2, ANY_HASH, FULL)
    assert work.offer(1, ANY_HASH, FULL)


def test_full_nodes_are_asked_before_the_sequencer_and_each_once_per_round():
    work = JobQueue()
    work.offer(1, h(1), SEQUENCER)
    work.offer(1, h(1), FULL)
    piece = work.take()
    assert work.next_source(piece) == FULL
    work.again(piece, FULL)
    piece = work.take()
    assert work.next_source(piece) == SEQUENCER


def test_what_cannot_be_had_is_given_up_in_the_end():
    work = JobQueue()
    work.offer(1, h(1), FULL)
    piece = work.take()
    for _ in range(GIVEN_UP_AFTER - 1):
        assert work.again(piece, FULL)
    assert not work.again(piece, FULL)
    assert len(work) == 0


def test_a_flood_is_bounded_and_what_is_far_ahead_goes_first():
    work = JobQueue(most=10)
    for number in range(100, 200):
        work.offer(number, h(number), FULL)
    assert len(work) == 10
    assert work.offer(1, h(1), FULL)
    assert len(work) == 10
    assert work.take().number == 1


def test_closing_lets_all_workers_go():
    work = JobQueue()
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(work.take())) for _ in range(3)]
    for thread in threads:
        thread.start()
    work.close()
    for thread in threads:
        thread.join(10)
    assert taken == [None] * 3


def test_the_longest_wait_is_that_of_what_is_not_done():
    work = JobQueue()
    assert work.longest_wait_s() == 0.0
    work.offer(1, h(1), FULL)
    work.offer(2, h(2), FULL)
    first = work.take()
    assert work.longest_wait_s() >= work.take().waited_s
    work.done(first)
    work.forget_up_to(2)
    assert work.longest_wait_s() > 0.0, "a block with a hash is checked although others have verified it"


def test_a_gap_is_offered_again_once_its_block_is_forgotten():
    work = JobQueue()
    assert work.offer(1, ANY_HASH, FULL)
    assert not work.offer(1, ANY_HASH, OTHER)
    work.forget_up_to(1)
    assert work.offer(1, ANY_HASH, OTHER)
    piece = work.take()
    work.done(piece)
    assert not work.offer(1, ANY_HASH, FULL), "it was done"


def test_news_of_a_block_that_a_worker_looks_at_just_now_does_not_disturb_it():
    """The event loop hears of further sources while workers choose one."""
    work = JobQueue()
    work.offer(1, h(1), FULL)
    work.offer(1, h(1), OTHER)
    piece = work.take()

    class Tried(set):
        def __contains__(self, node):
            news = threading.Thread(target=work.offer, args=(1, h(1), Source(f"after {node}", "http://n")))
            news.start()
            news.join(0.1)
            return super().__contains__(node)

    piece.tried = Tried()
    assert work.next_source(piece) in (FULL, OTHER)
    assert {source.node for source in work.sources(piece)} >= {"full-node-1", "full-node-2"}


def test_a_block_of_a_chain_that_was_rolled_back_is_another_piece():
    work = JobQueue()
    assert work.offer(2, h(2), FULL)
    work.done(work.take())
    # The same block again, and one whose hash nobody has told, of after a rollback.
    assert not work.offer(2, ANY_HASH, FULL)
    assert work.offer(2, ANY_HASH, FULL, rollbacks=1)
    assert work.offer(2, h(2), FULL, rollbacks=1)
    assert not work.offer(2, h(2), FULL, rollbacks=1)
    pieces = [work.take(), work.take()]
    assert {piece.rollbacks for piece in pieces} == {1}
    for piece in pieces:
        work.done(piece)
    assert len(work) == 0
    assert not work.offer(2, ANY_HASH, FULL, rollbacks=1)
