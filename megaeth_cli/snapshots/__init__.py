"""Snapshots of a chain that people name and keep (`docs/snapshots.md`).

`library` has them by their names, `taking` makes a file of what a node gives out, `opened` is the state in a file, on
an engine of this program's own. Not here: the format (`devnet/snapshots/`).
"""
