//! Mini-block signatures: secp256k1 over the hash of the signed fields, as on the real chain.

use alloy_primitives::{Address, B256, Signature, keccak256};
use alloy_rlp::Encodable;

use super::{
    mini::{MiniBlock, MiniSignature},
    rlp::encode_list,
};
use crate::keys::{Key, KeyError, recover};

impl MiniBlock {
    /// What is signed: keccak-256 of `rlp([block number, block timestamp, index, number, timestamp in
    /// microseconds, gas used, transactions root, receipts root])`, without an EIP-191 prefix.
    pub fn signing_hash(&self) -> B256 {
        let mut bytes = Vec::with_capacity(128);
        encode_list(&mut bytes, |out| {
            for number in [
                self.block_number,
                self.block_timestamp,
                self.index,
                self.number,
                self.timestamp_us,
                self.gas_used,
            ] {
                number.encode(out);
            }
            self.transactions_root.encode(out);
            self.receipts_root.encode(out);
        });
        keccak256(bytes)
    }

    /// Signs what stands in the mini-block now.
    pub fn sign(&mut self, key: &Key) {
        let signature = key.sign(&self.signing_hash());
        self.signature = MiniSignature {
            r: signature.r(),
            s: signature.s(),
            y_parity: signature.v(),
        };
    }

    /// Who signed.
    pub fn signer(&self) -> Result<Address, KeyError> {
        let MiniSignature { r, s, y_parity } = self.signature;
        recover(&self.signing_hash(), &Signature::new(r, s, y_parity))
    }
}
