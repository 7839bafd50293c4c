"""What a node tells about its work, as Prometheus and as `devnet top` read it."""

import json

import pytest

from tests.support.raw_http import RawHttp


@pytest.fixture
def get(server):
    def page(path):
        with RawHttp(server.port) as client:
            client.send(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
            return client.response()

    return page


def samples(body):
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_counters_end_in_total_and_gauges_do_not(get):
    status, headers, body = get(b"/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    told = samples(body)
    assert told["megaeth_pool_admitted_total"] == 7
    assert told["megaeth_pool_pending"] == 2
    assert told["megaeth_rpc_connections"] == 1


def test_a_stage_has_a_depth_where_something_can_wait_and_a_cumulative_histogram(get):
    told = samples(get(b"/metrics")[2])
    assert told['megaeth_stage_depth{stage="recover"}'] == 3
    assert 'megaeth_stage_depth{stage="log"}' not in told
    bounds = {
        name.partition('le="')[2].rstrip('"}'): count
        for name, count in told.items()
        if name.startswith('megaeth_stage_seconds_bucket{stage="recover"')
    }
    assert list(bounds.values()) == sorted(bounds.values())
    assert bounds["1.024e-06"] == 1
    assert bounds["0.008388608"] == 1
    assert bounds["0.016777216"] == bounds["+Inf"] == 4
    assert told['megaeth_stage_seconds_count{stage="recover"}'] == 4
    assert told['megaeth_stage_seconds_sum{stage="recover"}'] == 0.03


def test_mini_blocks_on_time_are_counted_beside_their_intervals(get):
    told = samples(get(b"/metrics")[2])
    assert told["megaeth_mini_blocks_on_time_total"] == 3
    assert told["megaeth_mini_block_interval_seconds_count"] == 4
    assert told['megaeth_late_mini_block_seconds_count{cause="close"}'] == 4


def test_programs_get_everything_as_json(get):
    status, headers, body = get(b"/metrics.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    told = json.loads(body)
    assert told["counters"]["pool_admitted"] == 7
    assert [stage["name"] for stage in told["pipeline"]["stages"]] == ["recover", "log"]
