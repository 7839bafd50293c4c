"""Snapshots that people name and keep: the chain at one block, in one file (`docs/snapshots.md`).

    node: rows at a block, in frames ──> file: head, frames, manifest ──> store of another devnet's sequencer

`file` is the format, `manifest` what a file says of itself, `counts` how many accounts and slots its rows come to.
Not here: which rows they are (`storage/frozen_block.py`), where named files lie (`megaeth_cli/snapshots/`), and the
state snapshots that nodes keep for themselves (`storage/snapshot.py`) and send each other (`sync/snapshot.py`).
"""
