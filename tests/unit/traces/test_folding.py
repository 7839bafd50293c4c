"""Trees of any size are shown in a few hundred rows; what is not shown is counted."""

from megaeth_cli.traces.folding import MOST_ROWS, MOST_SIBLINGS, fold
from megaeth_cli.traces.frame import of_answer
from tests.unit.traces.trees import TOKEN, VAULT, call, nested


def shown(root, folding):
    """Numbers of the frames that are shown, and how many frames stand behind the rest."""
    waiting, numbers, folded = [root], [root.number], 0
    while waiting:
        for one in folding.of(waiting.pop()):
            folded += one.within
            if one.frame is not None:
                numbers.append(one.frame.number)
                waiting.append(one.frame)
    return numbers, folded


def check(root, **options):
    folding = fold(root, options.pop("depth", None), options.pop("matches", None), all_=False)
    numbers, folded = shown(root, folding)
    assert len(numbers) <= MOST_ROWS + 1
    return numbers, folded


def test_a_small_tree_is_shown_as_it_is():
    root = of_answer(call(TOKEN, "0x", call(VAULT, "0x", call()), call(TOKEN)))
    assert check(root) == ([0, 1, 3, 2], 0)


def test_calls_like_the_one_before_are_counted():
    root = of_answer(call(TOKEN, "0x", *[call(VAULT, "0x", call())] * 9_999))
    numbers, folded = check(root)
    assert numbers == [0, 1, 2]
    assert len(numbers) + folded == 1 + 2 * 9_999


def test_what_ends_otherwise_is_not_like_it():
    failed = call(error="out of gas")
    root = of_answer(call(TOKEN, "0x", *[call()] * 5, failed, *[call()] * 2))
    assert check(root)[0] == [0, 1, 6, 7, 8]


def test_ten_thousand_different_frames_are_folded_at_a_depth():
    inner = [call(TOKEN, f"0x{n:08x}", *[call(VAULT, f"0x{m:08x}") for m in range(99)]) for n in range(100)]
    root = of_answer(call(TOKEN, "0x", *inner))
    numbers, folded = check(root)
    assert len(numbers) == 101
    assert len(numbers) + folded == 1 + 100 * 100


def test_calls_of_several_functions_in_turn_are_counted():
    turns = [call(TOKEN, f"0x{n % 3 % 2:08x}") for n in range(3_000)]
    numbers, folded = check(of_answer(call(TOKEN, "0x", *turns)))
    assert numbers == [0, 1, 2]
    assert folded == 2_998
    turns[2_000] = call(error="out of gas")
    assert check(of_answer(call(TOKEN, "0x", *turns)))[0] == [0, 1, 2, 2_001], (
        "what failed is shown in its place"
    )


def test_different_calls_next_to_each_other_are_bounded_and_the_last_are_shown():
    numbers, folded = check(of_answer(call(TOKEN, "0x", *[call(TOKEN, f"0x{n:08x}") for n in range(3_000)])))
    assert len(numbers) == MOST_SIBLINGS
    assert numbers[-1] == 3_000
    assert len(numbers) + folded == 3_001


def test_a_thousand_calls_inside_each_other_are_cut():
    numbers, folded = check(of_answer(nested(1024)))
    assert len(numbers) + folded == 1024
    assert folded


def test_a_depth_that_is_asked_for_holds():
    root = of_answer(nested(9))
    assert check(root, depth=4) == ([0, 1, 2, 3], 5)


def test_a_filter_keeps_what_leads_to_what_it_finds():
    root = of_answer(call(TOKEN, "0x", call(VAULT, "0x", call(TOKEN, "0x11223344")), call(), call()))
    found = check(root, matches=lambda frame: frame.input.hex() == "11223344")
    assert found == ([0, 1, 2], 0)


def test_nothing_is_folded_when_all_is_asked_for():
    root = of_answer(call(TOKEN, "0x", *[call()] * 1_000))
    assert len(shown(root, fold(root, None, None, all_=True))[0]) == 1_001
