"""Developer accounts: the same as every other tool derives from the same phrase."""

import pytest
from eth_account import Account

from devnet.genesis import DEFAULT_MNEMONIC, MnemonicError, derive
from devnet.genesis.accounts import KNOWN_ACCOUNTS, private_keys

OTHER = "legal winner thank year wave sausage worth useful legal winner thank yellow"
LONG = (
    "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd "
    "amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless"
)


@pytest.mark.parametrize("mnemonic", [DEFAULT_MNEMONIC, OTHER, LONG])
def test_agrees_with_eth_account(mnemonic):
    Account.enable_unaudited_hdwallet_features()
    for index, account in enumerate(derive(mnemonic, 3)):
        theirs = Account.from_mnemonic(mnemonic, account_path=f"m/44'/60'/0'/0/{index}")
        assert (account.address, account.key) == (theirs.address, bytes(theirs.key))


def test_the_listed_accounts_are_those_of_the_phrase():
    assert [bytes.fromhex(key) for _, key in KNOWN_ACCOUNTS] == private_keys(DEFAULT_MNEMONIC, 10)
    assert [Account.from_key(key).address for _, key in KNOWN_ACCOUNTS] == [a for a, _ in KNOWN_ACCOUNTS]


def test_more_than_the_listed_accounts_continue_the_list():
    accounts = derive(count=12)
    assert accounts[:10] == derive()
    assert accounts[11].address == Account.from_key(accounts[11].key).address


def test_spacing_and_case_do_not_matter():
    assert derive("  Test " + DEFAULT_MNEMONIC[5:].replace(" ", "  ")) == derive()


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("", "not 0"),
        ("test test", "not 2"),
        (DEFAULT_MNEMONIC.replace("junk", "junkk"), "word 12 of the mnemonic, 'junkk'"),
        (DEFAULT_MNEMONIC.replace("junk", "test"), "checksum"),
    ],
)
def test_a_phrase_no_wallet_would_take_is_refused(phrase, why):
    with pytest.raises(MnemonicError, match=why):
        derive(phrase)


def test_keys_do_not_show_in_logs():
    assert derive()[0].key.hex() not in repr(derive()[0])
