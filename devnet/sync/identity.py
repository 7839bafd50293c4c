"""Who is who among the peers of one devnet: its certificate authority, its nodes' certificates, TLS contexts.

Each devnet has an authority of its own. It signs one certificate per node, which carries the node's name (common
name) and role (organisational unit). Both ends of a connection demand a certificate of that authority; therefore a
stranger gets no further than the TLS handshake, and no node can take another's name or role. Keys are readable by
their owner only and never leave the directory.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from devnet.errors import UnavailableError
from devnet.files import write_atomically

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.hashes import SHA256

VALIDITY = timedelta(days=3650)
CLOCK_SKEW = timedelta(days=1)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""What can be a file's name and a certificate's common name alike."""


@dataclass(frozen=True)
class Credentials:
    """The files that a node proves its identity with."""

    ca: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """For connections that come in."""
        context = self._context(ssl.PROTOCOL_TLS_SERVER)
        context.num_tickets = 0  # each connection proves itself anew
        return context

    def client_context(self) -> ssl.SSLContext:
        """For connections that go out. Nodes move between ports; names are in the certificate, not in the DNS."""
        return self._context(ssl.PROTOCOL_TLS_CLIENT)

    def _context(self, protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(cafile=self.ca)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise UnavailableError(
                f"cannot use the node's certificate {self.certificate}", str(error)
            ) from None
        return context


@dataclass(frozen=True)
class PeerName:
    """What a verified certificate says."""

    node: str
    role: str


def peer_name(certificate: dict[str, Any]) -> PeerName:
    """Reads `SSLObject.getpeercert()`. Raises ValueError for one that this devnet's authority would not make."""
    fields = {key: value for part in certificate.get("subject", ()) for key, value in part}
    node, role = fields.get("commonName"), fields.get("organizationalUnitName")
    if not node or not role:
        raise ValueError("the certificate names no node or no role")
    return PeerName(node, role)


class Authority:
    """The certificate authority of one devnet, in a directory of its own."""

    def __init__(self, directory: Path, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
        self.directory = directory
        self._certificate = certificate
        self._key = key

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Makes the authority, or loads the one that is there."""
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (directory / "ca.crt").exists():
                return cls._create(directory)
            certificate = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
            key = load_pem_private_key((directory / "ca.key").read_bytes(), None)
        except (OSError, ValueError) as error:
            raise UnavailableError(
                f"cannot use the certificate authority in {directory}",
                str(error),
                "remove the directory while the devnet is down, and a new one is made",
            ) from None
        if not isinstance(key, EllipticCurvePrivateKey):
            raise UnavailableError(f"{directory / 'ca.key'} is not this program's")
        return cls(directory, certificate, key)

    @classmethod
    def _create(cls, directory: Path) -> Self:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("megaeth devnet", "authority")
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, _sha256())
        )
        _write_key(directory / "ca.key", key)
        # Last: an authority without its certificate is made anew.
        _write(directory / "ca.crt", _pem(certificate))
        return cls(directory, certificate, key)

    def issue(self, node: str, role: str) -> Credentials:
        """A new key and certificate for a node; an older one of the same name is replaced."""
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        if not NAME.fullmatch(node) or not NAME.fullmatch(role) or node == "ca":
            raise ValueError(f"no name for a node and its role: {node!r}, {role!r}")
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(_name(node, role), self._certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, _sha256())
        )
        made = Credentials(
            self.directory / "ca.crt", self.directory / f"{node}.crt", self.directory / f"{node}.key"
        )
        try:
            _write_key(made.key, key)
            _write(made.certificate, _pem(certificate))
        except OSError as error:
            raise UnavailableError(f"cannot write to {self.directory}", str(error)) from None
        return made


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
    )


def _name(common_name: str, unit: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        ]
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _sha256() -> SHA256:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _write_key(path: Path, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write(path: Path, data: bytes) -> None:
    """A file that only its owner can read."""
    write_atomically(path, data, private=True)
