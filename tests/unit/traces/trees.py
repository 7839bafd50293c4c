"""Call trees as a node tells them."""

ALICE, TOKEN, VAULT = ("0x" + digit * 40 for digit in "abc")


def call(to=TOKEN, data="0xa9059cbb", *inner, kind="CALL", **members):
    """A call that succeeded with 1,000 gas, unless `members` say otherwise."""
    body = {
        "type": kind,
        "from": ALICE,
        "to": to,
        "gas": "0x2710",
        "gasUsed": "0x3e8",
        "input": data,
        "mega": {"computeGas": "0x320", "storageGas": "0xc8"},
        **members,
    }
    return body | {"calls": list(inner)} if inner else body


def nested(depth):
    """Calls inside each other."""
    body = call()
    for _ in range(depth - 1):
        body = call(VAULT, "0x", body)
    return body
