"""Who is who: certificates of a devnet's authority, and nobody else's."""

import ssl

import pytest

from devnet.errors import UnavailableError
from devnet.sync import Authority
from devnet.sync.identity import PeerName, peer_name


def shake_hands(client, server):
    """A TLS handshake in memory; the two ends' views of each other."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.client_context().wrap_bio(to_client, to_server),
        server.server_context().wrap_bio(to_server, to_client, server_side=True),
    ]
    open_ends = list(ends)
    for _ in range(10):
        for end in list(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not open_ends
    return [peer_name(end.getpeercert()) for end in ends], ends[0].version()


def test_two_nodes_of_a_devnet_know_each_other(tmp_path):
    authority = Authority.open(tmp_path)
    names, version = shake_hands(authority.issue("full-1", "full-node"), authority.issue("seq", "sequencer"))
    assert names == [PeerName("seq", "sequencer"), PeerName("full-1", "full-node")]
    assert version == "TLSv1.3"


def test_the_authority_is_the_same_when_opened_again(tmp_path):
    first = Authority.open(tmp_path).issue("a", "full-node")
    second = Authority.open(tmp_path).issue("b", "full-node")
    shake_hands(first, second)


def test_a_node_of_another_devnet_is_a_stranger(tmp_path):
    ours = Authority.open(tmp_path / "ours").issue("seq", "sequencer")
    theirs = Authority.open(tmp_path / "theirs").issue("seq", "sequencer")
    for client, server in ((ours, theirs), (theirs, ours)):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(client, server)


def test_only_their_owner_can_read_the_files(tmp_path):
    Authority.open(tmp_path / "tls").issue("seq", "sequencer")
    files = list((tmp_path / "tls").iterdir())
    assert {file.name for file in files} == {"ca.crt", "ca.key", "seq.crt", "seq.key"}
    assert all(file.stat().st_mode & 0o77 == 0 for file in files)
    assert (tmp_path / "tls").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("name", ["", "ca", "../x", "a/b", "a b", "x" * 100, "-a"])
def test_a_name_that_is_no_file_name_gets_no_certificate(tmp_path, name):
    with pytest.raises(ValueError, match="no name"):
        Authority.open(tmp_path).issue(name, "full-node")


def test_a_damaged_authority_is_the_users_to_mend(tmp_path):
    Authority.open(tmp_path)
    (tmp_path / "ca.key").write_text("nonsense")
    with pytest.raises(UnavailableError, match="certificate authority"):
        Authority.open(tmp_path)


def test_an_authority_whose_making_was_broken_off_is_made_anew(tmp_path):
    Authority.open(tmp_path)
    (tmp_path / "ca.crt").unlink()
    authority = Authority.open(tmp_path)
    shake_hands(authority.issue("a", "full-node"), authority.issue("b", "full-node"))
