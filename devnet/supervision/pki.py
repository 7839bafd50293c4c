"""Takes nodes into a devnet: certificates for their connections, keys and vouchers for provers and candidates.

The supervisor's. Kept beside the chain, readable by its owner only, so that a node is the same one after a restart.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from devnet.errors import UnavailableError
from devnet.role_config import NetworkPlace
from devnet.session import Role

SECRET_BYTES = 32
Peers = tuple[tuple[str, str, int], ...]


class Pki:
    """The enrolled nodes of one devnet, in a directory."""

    def __init__(self, directory: Path, chain_id: int) -> None:
        self._tls = directory / "tls"
        self._chain_id = chain_id
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._secret = _secret(directory / "secret")
        except OSError as error:
            raise UnavailableError(f"cannot use {directory}", str(error)) from error

    def place(
        self,
        node: str,
        role: Role,
        sequencer: str = "",
        peers: Peers = (),
        port: int = 0,
        has_provers: bool = False,
        candidates: tuple[str, ...] = (),
        lease: str = "",
    ) -> NetworkPlace:
        """What a node needs to be one of this devnet's. Its certificate may still have to be issued. `candidates`: who
        may lead, if that is given out by who is found at `lease`."""
        from devnet.proving import provers
        from devnet.succession import keys

        authority = provers.authority_key(self._secret)
        key = voucher = b""
        if role is Role.PROVER:
            key = provers.prover_key(self._secret, node)
            voucher = provers.vouch(authority, self._chain_id, provers.address_of(key))
        leader_key = leader_voucher = b""
        if node in candidates:
            leader_key = keys.leader_key(self._secret, node)
            address = provers.address_of(leader_key)
            leader_voucher = keys.vouch(authority, self._chain_id, node, address)
        return NetworkPlace(
            ca=str(self._tls / "ca.crt"),
            certificate=str(self._tls / f"{node}.crt"),
            key=str(self._tls / f"{node}.key"),
            authority="0x" + provers.address_of(authority).hex(),
            sequencer=sequencer,
            peers=peers,
            port=port,
            has_provers=has_provers,
            prover_key=key.hex(),
            prover_voucher=voucher.hex(),
            lease=lease,
            candidates=candidates,
            leader_key=leader_key.hex(),
            leader_voucher=leader_voucher.hex(),
        )

    def issue(self, node: str, role: Role) -> None:
        """Issue a node's certificate, unless it has one. Slow: while the node starts, which waits for it."""
        if all((self._tls / name).exists() for name in ("ca.crt", f"{node}.crt", f"{node}.key")):
            return
        from devnet.sync import Authority

        Authority.open(self._tls).issue(node, role.hyphenated)


def _secret(path: Path) -> bytes:
    try:
        secret = path.read_bytes()
        if len(secret) == SECRET_BYTES:
            return secret
    except FileNotFoundError:
        pass
    secret = secrets.token_bytes(SECRET_BYTES)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    return secret
