"""Two samples of a node become what it did between them."""

from rich.console import Console

from megaeth_cli.chain.pipeline import Sample, durations, window
from megaeth_cli.output.top import top_view

MS = 1_000_000


def histogram(*buckets, max_ns=100 * MS):
    took = [[upper, count] for upper, count in buckets]
    return {
        "count": sum(count for _, count in buckets),
        "sum_ns": sum(upper * count for upper, count in buckets),
        "max_ns": max_ns,
        "buckets": took,
    }


def sample(at_s, stage, intervals=None, **counters):
    pipeline = {"stages": [{"name": "recover", "depth": 5, "capacity": 10, **stage}]}
    if intervals is not None:
        pipeline["intervals"] = intervals
    return Sample(at_s, counters, pipeline)


def test_only_what_came_between_two_samples_counts():
    before = sample(10.0, histogram((1 * MS, 1_000)), builder_transactions=1_000)
    after = sample(12.0, histogram((1 * MS, 1_000), (2 * MS, 98), (9 * MS, 2)), builder_transactions=1_500)
    seen = window(before, after)
    assert (seen.seconds, seen.transactions_per_second) == (2.0, 250.0)
    [row] = seen.stages
    assert (row.name, row.depth, row.capacity, row.per_second) == ("recover", 5, 10, 50.0)
    assert (row.took.count, row.took.p50_us, row.took.p99_us, row.took.max_us) == (100, 2_000, 9_000, 9_000)
    assert row.took.mean_us == (98 * 2_000 + 2 * 9_000) / 100


def test_what_was_executed_ahead_is_told_and_shown_if_there_was_any():
    def seen(**counters):
        idle = histogram()
        intervals = {"target_us": 10_000, "on_time": 1, "late": {}, **histogram((10 * MS, 1))}
        return window(sample(0.0, idle), sample(2.0, idle, intervals, **counters))

    def shown(window):
        console = Console(width=200)
        with console.capture() as text:
            console.print(top_view({"sequencer": window}))
        return text.get()

    some = seen(builder_ahead=40, builder_in_vain=6)
    assert (some.ahead_per_second, some.in_vain_per_second) == (20.0, 3.0)
    assert "ahead 20/s  in vain 3/s" in shown(some)
    assert "ahead" not in shown(seen())


def test_a_stage_without_work_has_no_times():
    idle = histogram((1 * MS, 3))
    [row] = window(sample(0.0, idle), sample(1.0, idle)).stages
    assert (row.per_second, row.took) == (0.0, None)


def test_the_longest_ever_bounds_what_a_bucket_claims():
    assert durations(None, histogram((8 * MS, 1), max_ns=7 * MS)).max_us == 7_000


def test_the_share_of_mini_blocks_on_time_is_that_of_the_window():
    def intervals(on_time, *buckets):
        late = {"close": histogram(*buckets[-1:]), "log": histogram((20 * MS, 7))}
        return {"target_us": 10_000, "on_time": on_time, **histogram(*buckets), "late": late}

    before = sample(0.0, histogram(), intervals(0, (30 * MS, 50)))
    after = sample(1.0, histogram(), intervals(99, (10 * MS, 99), (30 * MS, 51)))
    seen = window(before, after).intervals
    assert (seen.on_time_percent, seen.took.count, seen.took.p50_us) == (99.0, 100, 10_000)
    # Nothing was late for the log in this window.
    assert {cause: (late.count, late.max_us) for cause, late in seen.late.items()} == {"close": (1, 30_000)}


def test_a_node_that_builds_nothing_has_no_intervals():
    seen = window(sample(0.0, histogram()), sample(1.0, histogram()))
    assert (seen.intervals, seen.transactions_per_second) == (None, 0.0)
