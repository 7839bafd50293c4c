"""Runs the examples of the OpenRPC document: one session over one WebSocket, on a devnet that is fresh."""

from tests.support.waiting import eventually

SHOWN_TEXT, SHOWN_ITEMS = 200, 3
_LEAST_NAME = 34
"""Texts of at least this length may be names: hashes, and ids of filters."""
_NAMING = ("hash", "blockHash", "id")
"""What later examples take from an object."""


def run(client, examples):
    """Yield (example, params, answer) for each; whatever earlier ones answered stands in the params of later ones."""
    names = {}
    for example in examples:
        params = _renamed(example["params"], names)
        answer = client.call(example["method"], *params)
        if "result" in answer:
            names = dict(_names(example["result"], answer["result"])) | names
        yield example, params, answer
        if example["method"] == "realtime_sendRawTransaction":
            block = int(answer["result"]["blockNumber"], 16)
            eventually(lambda block=block: _height(client) >= block, f"block {block}")


def shortened(value):
    """What of a result is worth showing."""
    if isinstance(value, str):
        return value if len(value) <= SHOWN_TEXT else value[:66]
    if isinstance(value, list):
        return [shortened(item) for item in value[:SHOWN_ITEMS]]
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    return value


def _height(client):
    return int(client.call("eth_blockNumber")["result"], 16)


def _renamed(value, names):
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if isinstance(value, dict):
        return {_renamed(name, names): _renamed(item, names) for name, item in value.items()}
    return value


def _names(recorded, live):
    """(recorded, live) of what an answer gives a name to: itself, or a block."""
    if isinstance(recorded, str) and isinstance(live, str) and len(recorded) >= _LEAST_NAME:
        yield recorded, live
    elif isinstance(recorded, dict) and isinstance(live, dict):
        for name in _NAMING:
            yield from _names(recorded.get(name), live.get(name))
