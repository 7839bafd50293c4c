"""What provers have signed about a block, as a node keeps it, each signature checked here.

A word that a check of the block does not bear out is shown as such; it changes nothing about the block.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devnet.proving.checker import Report
from megaeth_cli.chain.rpc_client import METHOD_NOT_FOUND, Node, RpcError
from megaeth_cli.units import quantity


@dataclass(frozen=True)
class Word:
    """One prover's attestation beside what was found out here."""

    name: str
    """What the devnet calls the prover; a hint, not signed."""
    signer: str
    authority: str
    """Who vouches for the signer: the same address for all provers of a devnet."""
    wrong: str = ""
    """What is wrong with it; empty for one that says of this block what was found out here."""

    @property
    def agrees(self) -> bool:
        """Whether it says what was found out here."""
        return not self.wrong

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "signer": self.signer,
            "authority": self.authority,
            "agrees": self.agrees,
            "wrong": self.wrong or None,
        }


def words_on(node: Node, report: Report) -> tuple[Word, ...] | None:
    """The attestations that a node has to a block; None for a node of another kind than this devnet's."""
    try:
        found = node.call("mega_getAttestations", hex(report.number), hex(report.number))
    except RpcError as error:
        if error.code == METHOD_NOT_FOUND:
            return None
        raise
    if not found:
        return ()
    chain_id = quantity(node.call("eth_chainId"))
    return tuple(_word(fields, chain_id, report) for fields in found)


def _word(fields: Mapping[str, Any], chain_id: int, report: Report) -> Word:
    import orjson

    from devnet.proving.attestation import Attestation, InvalidAttestationError
    from devnet.proving.provers import voucher_of

    name, signer = str(fields.get("name", "")), str(fields.get("prover", ""))
    try:
        attestation = Attestation.signed(orjson.dumps(fields), chain_id)
    except InvalidAttestationError as error:
        return Word(name, signer, "", f"not a signed attestation: {error}")
    authority = voucher_of(chain_id, attestation.prover, attestation.voucher)
    if attestation.block != report.number:
        wrong = f"it is about block {attestation.block:,}"
    else:
        said = attestation.claim.to_json()
        differing = [part for part, own in report.claim.items() if said[part] != own]
        wrong = f"it says another {', '.join(differing)}" if differing else ""
    return Word(name, signer, "0x" + authority.hex() if authority is not None else "", wrong)
