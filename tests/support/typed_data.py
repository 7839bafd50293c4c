"""Typed data (EIP-712) for tests: documents as people write them, and documents with one thing wrong."""

import copy
import random

DOMAIN = {
    "name": ("string", "Book"),
    "version": ("string", "1"),
    "chainId": ("uint256", 6343),
    "verifyingContract": ("address", "0xcccccccccccccccccccccccccccccccccccccccc"),
    "salt": ("bytes32", "0x" + "5a" * 32),
}
SAFE = 2**53 - 1
"""JavaScript's JSON has no larger integers; they are written as texts."""


class Documents:
    """Random documents from one seed."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def document(self):
        """One that every library should sign, however it orders its domain and whatever types it leaves unused."""
        random_ = self._random
        names = [f"T{n}" for n in range(random_.randint(1, 5))]
        types = {}
        for index, name in enumerate(names):
            types[name] = [
                {"name": f"f{n}", "type": self._type(names[index + 1 :])}
                for n in range(random_.randint(0, 4))
            ]
        domain = random_.sample(list(DOMAIN), random_.randint(0, 5))
        if random_.random() < 0.8:
            types["EIP712Domain"] = [{"name": name, "type": DOMAIN[name][0]} for name in domain]
        items = list(types.items())
        random_.shuffle(items)
        primary = random_.choice([*names, "EIP712Domain"]) if random_.random() < 0.3 else names[0]
        return {
            "types": dict(items),
            "primaryType": primary,
            "domain": {name: DOMAIN[name][1] for name in domain},
            "message": {} if primary == "EIP712Domain" else self._struct(types, primary),
        }

    def _type(self, structs):
        random_ = self._random
        bits = random_.choice([8, 16, 64, 128, 248, 256])
        kinds = [
            "address",
            "bool",
            "string",
            "bytes",
            f"uint{bits}",
            f"int{bits}",
            f"bytes{random_.randint(1, 32)}",
        ]
        kind = random_.choice([*kinds, *structs, *structs])
        while random_.random() < 0.25:
            kind += random_.choice(["[]", "[2]", "[3]"])
        return kind

    def _struct(self, types, name):
        return {field["name"]: self._value(types, field["type"]) for field in types[name]}

    def _value(self, types, kind):
        random_ = self._random
        if kind.endswith("]"):
            inner, _, size = kind[:-1].rpartition("[")
            return [self._value(types, inner) for _ in range(int(size) if size else random_.randint(0, 2))]
        if kind in types:
            return self._struct(types, kind)
        if "int" in kind:
            bits = int(kind.lstrip("uint"))
            least, most = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            number = random_.choice([least, most, 0, 1, random_.randint(least, most)])
            as_text = hex(number) if number >= 0 and random_.random() < 0.5 else str(number)
            return as_text if abs(number) > SAFE or random_.random() < 0.3 else number
        if kind == "address":
            return "0x" + random_.randbytes(20).hex()
        if kind == "bool":
            return random_.random() < 0.5
        if kind == "string":
            return random_.choice(["", "text", "ü", "😀", "0x1234", "null", "\u0000"])
        size = random_.choice([0, 1, 31, 32, 33, 100]) if kind == "bytes" else int(kind[5:])
        return "0x" + random_.randbytes(size).hex()

    def spoiled(self):
        """A document in which one value or one type has been replaced by something."""
        random_ = self._random
        document = copy.deepcopy(self.document())
        places = list(_places(document))
        if not places:
            return document
        parent, key = random_.choice(places)
        if isinstance(parent, dict) and random_.random() < 0.15:
            del parent[key]
            return document
        parent[key] = random_.choice(
            [None, "", "0x", "0x1", "0xzz", "text", "0x" + "11" * 31, "0x" + "22" * 32, "0x" + "33" * 33,
             0, 1, -1, 256, 5.5, True, False, [], [1], [[]], {}, {"f0": 1}, "-5", "5", "1e3",
             "0x" + "aA" * 20, "0x" + "AB" * 20, "uint7", "bytes0", "bytes33", "uint", "int", "T0", "T9", "string[]"]
        )  # fmt: skip
        return document


def _places(value, *, within=True):
    """Where something may be replaced: the parent, and the key or index in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)
