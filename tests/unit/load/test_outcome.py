"""The arithmetic that could lie: percentiles, rates, who set the limit, nonces."""

from dataclasses import replace

import pytest

from devnet._engine import keccak256
from megaeth_cli.load.outcome import Generator, Latency, Outcome, percentile
from megaeth_cli.load.requests import _step
from megaeth_cli.load.run import Shape
from megaeth_cli.load.senders import Terms, dealt, derived, sign
from megaeth_cli.load.workloads import questions

IDLE = Generator(cpu_share=0.2, signing_share=0.0, late_ms=0.0, starved=0)
FINE = Outcome(
    calls=1_000,
    refused=0,
    missing=0,
    seconds=2.0,
    included_seconds=4.0,
    acknowledged=None,
    inclusion=None,
    generator=IDLE,
    idle_share=0.5,
)


def test_percentiles_are_nearest_rank():
    values = list(range(1, 101))
    assert [percentile(values, percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7], 99) == 7
    assert Latency.of_seconds([]) is None
    assert Latency.of_seconds([0.003, 0.001]) == Latency(p50=1, p90=3, p99=3, most=3, of=2)


def test_only_what_succeeded_counts():
    assert (FINE.per_second, FINE.included_per_second) == (500, 250)
    worse = replace(FINE, refused=200, missing=400)
    assert (worse.per_second, worse.included_per_second) == (400, 100)
    assert FINE.clean and not worse.clean
    assert not replace(FINE, calls=0).clean


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({}, "node"),
        ({"idle_share": 0.05}, "machine"),
        ({"generator": replace(IDLE, cpu_share=0.95)}, "generator"),
        ({"generator": replace(IDLE, cpu_share=0.95), "idle_share": 0.0}, "generator"),
        ({"generator": replace(IDLE, starved=1)}, "generator"),
        ({"generator": replace(IDLE, late_ms=7.0), "rate": 900.0}, "generator"),
        ({"rate": 500.0}, "rate"),
        ({"rate": 600.0}, "node"),
    ],
)
def test_outcome_says_who_set_the_limit(changes, limit):
    assert replace(FINE, **changes).limit == limit


def test_other_programs_are_told_from_node_and_generator():
    assert FINE.others_share is None
    busy = replace(FINE, cores=2, idle_share=0.1, node_cpu_s=2.0)
    assert busy.others_share == pytest.approx(0.3)
    assert replace(busy, node_cpu_s=4.0).others_share == 0


def test_counts_are_rounded_up_to_whole_requests_on_every_connection():
    assert Shape(batch=100, count=1_001).each(4) == 300
    assert Shape(count=1).each(32) == 1
    assert Shape(rate=100.0, seconds=1.5).each(4) == 38


def test_connections_take_turns_in_a_schedule():
    shape = Shape(connections=2, rate=10.0)
    moments = [[next(due) for _ in range(3)] for due in (shape.due(0, 2), shape.due(1, 2))]
    assert moments[0] == pytest.approx([0.0, 0.2, 0.4])
    assert moments[1] == pytest.approx([0.1, 0.3, 0.5])


def test_signed_transfers_continue_each_senders_nonces():
    group = derived(b"funder", 3)
    terms = Terms(chain_id=1, gas_limit=21_000, max_fee_wei=1)
    first = sign(group, 4, terms, [bytes(20)])
    assert [sender.nonce for sender in group] == [2, 1, 1]
    second = sign(group, 4, terms, [bytes(20)])
    assert [sender.nonce for sender in group] == [4, 2, 2]
    assert len({keccak256(raw) for raw in first + second}) == 8


def test_senders_belong_to_their_payer():
    assert derived(b"one", 2) == derived(b"one", 2)
    assert not {one.address for one in derived(b"one", 5)} & {one.address for one in derived(b"two", 5)}
    assert dealt([1, 2, 3, 4, 5], 2) == [[1, 3, 5], [2, 4]]


@pytest.mark.parametrize(("size", "senders"), [(1, 3), (100, 25), (100, 13), (7, 7)])
def test_signing_ahead_keeps_turns_across_pieces(size, senders):
    step = _step(size, senders)
    assert step >= 100
    assert step % size == step % senders == 0


def test_reads_have_parameters_of_their_own_or_given_ones():
    assert b'"params":[]' in questions("eth_blockNumber", None, [])[0]
    assert len(questions("eth_getBalance", None, [bytes(20), bytes(20)])) == 2
    assert b'"params":["0x1"]' in questions("eth_getBlockByNumber", '["0x1"]', [])[0]
