"""The lease: one holder at most, no term twice, whatever candidates, their processes and the supervisor do."""

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devnet.errors import UnavailableError
from devnet.succession.lease import TTL_S
from devnet.supervision.lease import PRECEDENCE_S, RESERVED_S, Book, Given

A, B, C = "sequencer", "standby-1", "standby-2"
NODES = (A, B, C)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def book(kept=None):
    """One whose others may lead, too."""
    made = Book(Given(), A, (kept if kept is not None else []).append)
    made.others_may(0.0)
    return made


@pytest.fixture
def clock():
    return Clock()


def test_what_is_held_is_nobody_elses_until_its_time_is_over(clock):
    lease = book()
    assert lease.acquire(A, 0, clock) == 1
    assert lease.acquire(B, 0, clock) is None
    assert not lease.state(B, clock()).is_free
    clock.now += TTL_S
    assert lease.state(B, clock()).is_free
    assert lease.acquire(B, 0, clock) == 2


def test_who_renews_in_time_keeps_it(clock):
    lease = book()
    lease.acquire(A, 0, clock)
    for _ in range(10):
        clock.now += TTL_S * 0.9
        assert lease.renew(A, 1, "", clock())
        assert lease.acquire(B, 0, clock) is None


def test_who_renews_late_keeps_it_only_if_nobody_was_faster(clock):
    lease = book()
    lease.acquire(A, 0, clock)
    clock.now += 2 * TTL_S
    assert lease.renew(A, 1, "", clock())
    assert lease.acquire(B, 0, clock) is None
    clock.now += 2 * TTL_S
    assert lease.acquire(B, 0, clock) == 2
    assert not lease.renew(A, 1, "", clock())
    assert not lease.release(A, 1, "", clock())


def test_it_is_free_at_once_when_its_holders_process_has_ended(clock):
    lease = book()
    lease.acquire(A, 0, clock)
    lease.ended(B)
    assert lease.acquire(B, 0, clock) is None
    lease.ended(A)
    assert not lease.renew(A, 1, "", clock())
    assert lease.acquire(B, 0, clock) == 2


def test_what_was_given_back_is_for_whom_the_holder_has_named_for_a_while(clock):
    lease = book()
    lease.acquire(A, 0, clock)
    assert lease.release(A, 1, C, clock())
    assert lease.acquire(B, 0, clock) is None
    assert lease.acquire(A, 0, clock) is None
    assert lease.state(C, clock()).is_free
    assert not lease.state(B, clock()).is_free
    clock.now += RESERVED_S
    assert lease.acquire(B, 0, clock) == 2


def test_nothing_is_kept_for_whom_a_holder_has_named_once_his_process_has_ended(clock):
    lease = book()
    lease.acquire(A, 0, clock)
    lease.release(A, 1, C, clock())
    lease.ended(C)
    assert lease.acquire(B, 0, clock) == 2


def test_after_a_start_who_led_last_leads_first_even_if_that_takes_a_while(clock):
    lease = Book(Given(4, B, "beef"), B, [].append)
    clock.now += 100 * PRECEDENCE_S
    assert lease.acquire(A, 0, clock) is None
    lease.others_may(clock())
    clock.now += PRECEDENCE_S / 2
    assert lease.acquire(A, 0, clock) is None
    assert lease.acquire(B, 0, clock) == 5


def test_who_led_last_and_does_not_come_is_not_waited_for_for_ever(clock):
    lease = Book(Given(4, B, "beef"), B, [].append)
    lease.others_may(clock())
    lease.ended(B)  # it may come back
    assert lease.acquire(A, 0, clock) is None
    clock.now += PRECEDENCE_S
    assert lease.acquire(A, 0, clock) == 5


def test_a_term_is_above_those_that_the_chain_has(clock):
    lease = book()
    assert lease.acquire(A, 7, clock) == 8


def test_the_value_is_kept_when_it_changes_and_gone_with_the_next_term(clock):
    kept = []
    lease = book(kept=kept)
    lease.acquire(A, 0, clock)
    lease.renew(A, 1, "beef", clock())
    lease.renew(A, 1, "beef", clock())
    assert kept == [Given(1, A), Given(1, A, "beef")]
    assert lease.state(B, clock()).value == bytes.fromhex("beef")
    lease.ended(A)
    lease.acquire(B, 0, clock)
    assert lease.state(A, clock()).value == b""


def test_who_lacks_something_of_what_was_shown_is_not_given_it(clock):
    kept = []
    lease = book(kept=kept)
    lease.acquire(A, 0, clock)
    assert lease.renew(A, 1, "beef", clock(), (A, C))
    assert kept[-1] == Given(1, A, "beef", (A, C))
    lease.ended(A)
    assert not lease.state(B, clock()).is_free
    assert lease.acquire(B, 0, clock) is None
    assert lease.state(C, clock()).is_free
    assert lease.acquire(C, 0, clock) == 2
    assert lease.given == Given(2, C, "", (A, C))
    lease.ended(C)
    assert lease.acquire(B, 0, clock) is None
    assert lease.acquire(A, 0, clock) == 3


def test_nothing_is_kept_for_who_may_not_lead(clock):
    lease = book()
    lease.acquire(A, 0, clock)
    lease.renew(A, 1, "beef", clock(), (A, C))
    assert lease.release(A, 1, B, clock())
    assert lease.acquire(C, 0, clock) == 2


def test_the_holder_has_all_that_was_shown_whatever_it_says_and_none_stands_for_all(clock):
    lease = book()
    lease.acquire(A, 0, clock)
    lease.renew(A, 1, "beef", clock(), (B,))
    lease.ended(A)
    assert lease.acquire(A, 0, clock) == 2
    lease.renew(A, 2, "beef", clock(), ())
    lease.ended(A)
    assert lease.acquire(C, 0, clock) == 3


def test_who_is_in_sync_survives_the_supervisor_and_nobody_else_takes_over_after_it(clock):
    lease = Book(Given(4, A, "beef", (A, B)), A, [].append)
    lease.others_may(clock())
    clock.now += 10 * PRECEDENCE_S
    assert lease.acquire(C, 0, clock) is None
    assert lease.acquire(B, 0, clock) == 5


def test_what_cannot_be_kept_is_not_given_out(clock):
    def full(_):
        raise OSError(28, "No space left on device")

    lease = Book(Given(), A, full)
    with pytest.raises(OSError, match="space"):
        lease.acquire(A, 0, clock)
    assert lease.state(A, clock()).is_free
    assert lease.given == Given()


def test_what_was_given_out_is_read_back(tmp_path):
    path = tmp_path / "lease.json"
    assert Given.read(path) == Given()
    given = Given(3, B, "00ff", (A, B))
    given.write(path, fsync=False)
    assert Given.read(path) == given
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"term": 1}', json.dumps({"term": 1, "holder": "x", "value": "z", "in_sync": []})],
)
def test_a_file_that_says_nothing_is_refused_with_what_to_do(tmp_path, text):
    path = tmp_path / "lease.json"
    path.write_text(text)
    with pytest.raises(UnavailableError) as refused:
        Given.read(path)
    assert str(path) in refused.value.what
    assert "remove the file" in refused.value.hint


class Candidates(RuleBasedStateMachine):
    """Candidates that believe what they are told, by clocks that count from before they asked."""

    @initialize()
    def begin(self):
        self.clock = Clock()
        self.disk = Given()
        self.writes = True
        self.terms = []
        self.in_sync = ()
        """By the newest holder's word, as far as it was told that this was heard."""
        self.holder = ""
        self.believes = {}
        """Node: (term, until when)."""
        self.start()

    def start(self):
        def keep(given):
            if not self.writes:
                raise OSError(28, "No space left on device")
            self.disk = given

        self.first = self.disk.holder or A
        self.lease = Book(self.disk, self.first, keep)
        self.lease.others_may(self.clock())

    @rule(seconds=st.sampled_from([0.01, 0.15, 0.3, TTL_S, 1.0, RESERVED_S, PRECEDENCE_S]))
    def time_passes(self, seconds):
        self.clock.now += seconds

    @rule(node=st.sampled_from(NODES), above=st.integers(0, 3), late=st.sampled_from([0.0, 0.1, 0.7]))
    def acquires(self, node, above, late):
        asked = self.clock()
        self.clock.now += late
        known = max(self.terms, default=0) if above == 3 else above
        may = self.in_sync
        try:
            term = self.lease.acquire(node, known, self.clock)
        except OSError:
            return
        if term is not None:
            assert term > max(self.terms, default=0)
            assert not may or node in may or node == self.holder
            self.holder = node
            self.terms.append(term)
            self.believes[node] = term, asked + TTL_S

    @rule(
        node=st.sampled_from(NODES),
        late=st.sampled_from([0.0, 0.1, 0.7]),
        value=st.sampled_from(["", "aa"]),
        in_sync=st.sampled_from([(), (A,), (A, B), (B, C)]),
    )
    def renews(self, node, late, value, in_sync):
        if node not in self.believes:
            return
        asked, term = self.clock(), self.believes[node][0]
        self.clock.now += late
        try:
            renewed = self.lease.renew(node, term, value, self.clock(), in_sync)
        except OSError:
            return
        if renewed:
            self.believes[node] = term, asked + TTL_S
            self.in_sync = in_sync
        else:
            del self.believes[node]

    @rule(node=st.sampled_from(NODES), to=st.sampled_from(["", *NODES]))
    def gives_back(self, node, to):
        if node in self.believes:
            self.lease.release(node, self.believes.pop(node)[0], to, self.clock())

    @rule(node=st.sampled_from(NODES))
    def dies(self, node):
        self.believes.pop(node, None)
        self.lease.ended(node)

    @rule()
    def supervisor_is_started_again(self):
        # With it all its nodes have ended.
        self.believes.clear()
        self.start()

    @rule()
    def disk_fills_or_empties(self):
        self.writes = not self.writes

    @invariant()
    def at_most_one_believes_that_it_leads(self):
        now = self.clock()
        assert sum(until > now for _, until in self.believes.values()) <= 1

    @precondition(lambda self: self.terms)
    @invariant()
    def what_is_on_disk_is_the_newest_term(self):
        assert self.disk.term == max(self.terms)


Candidates.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestCandidates = Candidates.TestCase
