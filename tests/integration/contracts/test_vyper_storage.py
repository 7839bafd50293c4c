"""inspect-diff names what Vyper contracts store: random types, written by a real contract and read back."""

import json
import random
import shutil
from dataclasses import dataclass, field

import pytest

from megaeth_cli.inspect.layout import piece_of
from megaeth_cli.units import checksummed
from tests.integration.contracts.test_inspect_diff import nameless, variables
from tests.support.cli import compiler_variables

HEAD = """\
# pragma version ^0.4.0

interface Thing:
    def foo() -> uint256: view

flag Side:
    BUY
    SELL
    HOLD

"""
ZERO = "0x" + "0" * 40


@pytest.fixture(autouse=True)
def _with_vyper():
    if shutil.which("vyper", path=compiler_variables()["PATH"]) is None:
        pytest.skip("vyper is not installed")


@dataclass
class Writer:
    """A contract that writes random leaves of variables of random types, and what shall be seen of it."""

    rng: random.Random
    structs: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    expected: dict[str, tuple[str, str]] = field(default_factory=dict)

    def contract(self, count):
        """The source with so many variables."""
        declared = []
        for number in range(count):
            kind, write = self.any_type(0)
            declared.append(f"v{number}: {kind}")
            write(f"self.v{number}", f"v{number}")
        body = "".join(f"    {one}\n" for one in self.statements)
        structs, variables_ = "\n\n".join(self.structs), "\n".join(declared)
        return f"{HEAD}{structs}\n\n{variables_}\n\n@external\ndef set():\n{body}"

    def any_type(self, depth):
        """A type as it is written, and how to write a leaf of it."""
        kinds = [self.value] * 2
        if depth < 3:
            kinds += [self.array, self.dynamic, self.struct]
            kinds += [self.mapping] * 2 if depth == 0 else []
        return self.rng.choice(kinds)(depth)

    def array(self, depth):
        element, write = self.any_type(depth + 1)
        while element.startswith(("String", "Bytes", "Side")):
            # Vyper has arrays of these with a length of their own only (DynArray).
            element, write = self.any_type(depth + 1)
        length = self.rng.randint(1, 4)
        index = self.rng.randrange(length)
        return f"{element}[{length}]", lambda expr, path: write(f"{expr}[{index}]", f"{path}[{index}]")

    def dynamic(self, depth):
        element, write = self.any_type(depth + 1)
        bound = self.rng.randint(1, 4)
        count = self.rng.randint(1, bound)
        index = self.rng.randrange(count)

        def grow(expr, path):
            self.statements += [f"{expr}.append(empty({element}))"] * count
            self.expected[f"{path}.length"] = ("0", str(count))
            write(f"{expr}[{index}]", f"{path}[{index}]")

        return f"DynArray[{element}, {bound}]", grow

    def struct(self, depth):
        members = [self.any_type(depth + 1) for _ in range(self.rng.randint(1, 3))]
        name, chosen = f"S{len(self.structs)}", self.rng.randrange(len(members))
        lines = "\n".join(f"    m{n}: {kind}" for n, (kind, _) in enumerate(members))
        self.structs.append(f"struct {name}:\n{lines}")
        return name, lambda expr, path: members[chosen][1](f"{expr}.m{chosen}", f"{path}.m{chosen}")

    def mapping(self, depth):
        key, literal, _, shown = self.leaf()
        nested = depth < 2 and self.rng.random() < 0.4
        value, write = self.mapping(depth + 1) if nested else self.any_type(1)
        # Keys are shown as texts of Python are, values as JSON.
        shown = repr(json.loads(shown)) if key.startswith("String") else shown
        return f"HashMap[{key}, {value}]", lambda expr, path: write(f"{expr}[{literal}]", f"{path}[{shown}]")

    def value(self, _):
        kind, literal, before, after = self.leaf()

        def write(expr, path):
            self.statements.append(f"{expr} = {literal}")
            self.expected[path] = (before, after)

        return kind, write

    def leaf(self):
        """A type, a literal of it, and how nothing and the literal are shown."""
        raw = self.rng.randbytes(20)
        size = self.rng.choice([1, 4, 20, 32])
        bits = self.rng.choice([8, 64, 128, 256])
        length = self.rng.choice([5, 31, 32, 33, 70])
        written = "".join(self.rng.choices("abc xyz,.", k=self.rng.randint(1, length)))
        data = self.rng.randbytes(self.rng.randint(1, length)).hex()
        fixed = self.rng.randbytes(size - 1).hex() + "01"
        number = self.rng.randint(1, 2 ** (bits - 1) - 1)
        account = checksummed(raw)
        return self.rng.choice(
            [
                (f"uint{bits}", str(number), "0", str(number)),
                (f"int{bits}", f"-{number}", "0", f"-{number}"),
                ("bool", "True", "false", "true"),
                ("address", account, ZERO, account),
                ("Thing", f"Thing({account})", ZERO, account),
                (f"bytes{size}", f"0x{fixed}", f"0x{'00' * size}", f"0x{fixed}"),
                (f"String[{length}]", f'"{written}"', '""', json.dumps(written)),
                (f"Bytes[{length}]", f'x"{data}"', "0x", f"0x{data}"),
                ("Side", "Side.BUY | Side.HOLD", "0", "Side.BUY | Side.HOLD"),
                ("Side", "Side.SELL", "0", "Side.SELL"),
            ]
        )


def whole(found):
    """Without the pieces of strings."""
    return {path: pair for path, pair in found.items() if piece_of(path) is None}


@pytest.mark.parametrize("seed", range(3))
def test_every_leaf_that_a_vyper_contract_writes_has_its_name_and_value(cli, tmp_path, seed):
    writer = Writer(random.Random(seed))
    path = tmp_path / "Random.vy"
    path.write_text(writer.contract(25))
    cli.json("deploy", path)
    diff = cli.json("inspect-diff", cli.send("Random", "set")["transactionHash"])
    assert whole(variables(diff, "Random")) == writer.expected
    assert nameless(diff, "Random") == []


def test_a_vyper_text_that_changes_in_part_and_types_of_modules_are_shown(cli, tmp_path):
    (tmp_path / "shapes.vy").write_text(
        "MOST: constant(uint256) = 2 + 1\n"
        "struct Box:\n    sides: uint8[MOST]\n    name: String[MOST * 20]\n"
        "flag Mood:\n    CALM\n    ANGRY\n"
        "box: Box\nmoods: DynArray[Mood, MOST]\n"
    )
    path = tmp_path / "Uses.vy"
    path.write_text(
        "import shapes as s\n"
        "initializes: s\n"
        "own: HashMap[s.Mood, s.Box]\n"
        "@deploy\ndef __init__():\n    s.box.name = 'a name of more than thirty-two bytes: old'\n"
        "@external\ndef set():\n    s.box.name = 'a name of more than thirty-two bytes: new'\n"
        "    s.moods.append(s.Mood.ANGRY)\n    self.own[s.Mood.CALM].sides[2] = 7\n"
    )
    cli.json("deploy", path)
    diff = cli.json("inspect-diff", cli.send("Uses", "set")["transactionHash"])
    assert nameless(diff, "Uses") == []
    text = '"a name of more than thirty-two bytes: {}"'
    assert whole(variables(diff, "Uses")) == {
        "s.box.name": (text.format("old"), text.format("new")),
        "s.moods.length": ("0", "1"),
        "s.moods[0]": ("0", "Mood.ANGRY"),
        "own[Mood.CALM].sides[2]": ("0", "7"),
    }
