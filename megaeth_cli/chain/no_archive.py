"""The past of an engine that a command runs by itself: none."""


class NothingArchived:
    """An engine over its genesis alone looks nothing up."""

    def tx_location(self, tx_hash: bytes, /) -> None:
        """Nowhere."""

    def block_number(self, block_hash: bytes, /) -> None:
        """None."""

    def block(self, number: int, /) -> None:
        """None."""

    def mini(self, number: int, /) -> None:
        """None."""

    def blocks(self, first: int, last: int, /) -> list[bytes]:
        """None."""
        return []

    def minis(self, first: int, last: int, /) -> list[bytes]:
        """None."""
        return []

    def value_at(self, key: bytes, block: int, /) -> None:
        """Nothing."""

    def tx_total(self, block: int, /) -> int:
        """None."""
        return 0

    def code(self, code_hash: bytes, /) -> None:
        """Nothing."""

    def begins_after(self) -> None:
        """It begins with the chain."""
