"""Taking RLP apart, beside the library `rlp`."""

import rlp
from hypothesis import example, given
from hypothesis import strategies as st

from devnet.rlp import content, members

STRINGS = st.binary(max_size=70) | st.binary(min_size=250, max_size=300)
ITEMS = st.recursive(STRINGS, lambda inner: st.lists(inner, max_size=5), max_leaves=20)


@given(st.lists(ITEMS, max_size=8))
@example([])
@example([b"", b"\x00", b"\x7f", b"\x80", [], [[]]])
@example([b"a" * 55, b"a" * 56, b"a" * 70_000, [b"a" * 54], [b"a" * 55]])
def test_a_list_has_the_members_that_were_put_in(items):
    assert [rlp.decode(each) for each in members(rlp.encode(items))] == items
    assert b"".join(members(rlp.encode(items))) == content(rlp.encode(items))


@given(STRINGS)
def test_a_string_has_the_content_that_was_put_in(text):
    assert content(rlp.encode(text)) == text
