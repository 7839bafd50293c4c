"""The names of the faults that `megaeth devnet inject` can have played."""

import enum


class Fault(enum.StrEnum):
    """What can be played."""

    BAD_DIFF = "bad-diff"
    BAD_ROOT = "bad-root"
    BAD_RECEIPT = "bad-receipt"
    EQUIVOCATION = "equivocation"
    BAD_WITNESS = "bad-witness"
    LATE_PROOF = "late-proof"
