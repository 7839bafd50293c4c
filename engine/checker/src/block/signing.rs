//! What the sequencer signs.
//!
//! * A mini-block's *signature*: secp256k1 over the hash of the header fields, as on the real chain. It
//!   covers no state diff.
//! * Its *content signature*, the devnet's addition: over that hash, the diff's digest and the digest of the
//!   transactions with their results. Whoever passes a mini-block on can change nothing unnoticed, and
//!   a sequencer that sealed a wrong diff can be shown to have done so. Where the chain has standbys it is by the key of
//!   who leads, and covers the leadership.
//! * A block record's *content signature*, likewise an addition: over the header's hash and the record's other fields.

use alloy_primitives::{Address, B256, Signature, keccak256};
use alloy_rlp::Encodable;

use super::{
    leadership::Leadership,
    mini::{Digests, MiniBlock, MiniSignature},
    record::BlockRecord,
    rlp::encode_list,
};
use crate::keys::{Key, KeyError, SignatureClaim, recover};

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

    /// What is sealed: keccak-256 of `rlp([signing hash, diff digest, transactions digest])`, with `term, leader's address`
    /// behind them if somebody leads.
    pub fn content_signing_hash(&self, content: &Digests) -> B256 {
        content_signing_hash(&self.signing_hash(), content, self.leadership.as_ref())
    }

    /// Signs and seals what stands in the mini-block now.
    pub fn sign(&mut self, key: &Key) {
        self.sign_header(key);
        self.sign_content(key);
    }

    /// Signs what stands in the mini-block now, leaving the seal as it is.
    pub fn sign_header(&mut self, key: &Key) {
        self.signature = MiniSignature::new(key, &self.signing_hash());
    }

    /// Seals what stands in the mini-block now, leaving the signature as it is.
    pub fn sign_content(&mut self, key: &Key) {
        let content = self.digests();
        self.diff_digest = content.diff;
        self.content_signature = MiniSignature::new(key, &self.content_signing_hash(&content));
    }

    /// That `signer` signed, and that who leads, or else it, sealed a mini-block with this content.
    pub fn signature_claims(&self, content: &Digests, signer: Address) -> [SignatureClaim; 2] {
        let hash = self.signing_hash();
        let sealed = content_signing_hash(&hash, content, self.leadership.as_ref());
        [
            self.signature.claim(hash, signer),
            self.content_signature.claim(sealed, self.sealer(signer)),
        ]
    }

    /// Whose seal it must bear: that of who leads, or else of the sequencer.
    pub fn sealer(&self, sequencer: Address) -> Address {
        self.leadership.map_or(sequencer, |led| led.key)
    }

    /// Who signed.
    pub fn signer(&self) -> Result<Address, KeyError> {
        self.signature.signer(&self.signing_hash())
    }

    /// Who sealed a mini-block with this content.
    pub fn content_signer(&self, content: &Digests) -> Result<Address, KeyError> {
        self.content_signature
            .signer(&self.content_signing_hash(content))
    }
}

fn content_signing_hash(
    signing_hash: &B256,
    content: &Digests,
    leadership: Option<&Leadership>,
) -> B256 {
    let mut bytes = Vec::with_capacity(136);
    encode_list(&mut bytes, |out| {
        signing_hash.encode(out);
        content.diff.encode(out);
        content.transactions.encode(out);
        if let Some(leadership) = leadership {
            leadership.write(out);
        }
    });
    keccak256(bytes)
}

impl BlockRecord {
    /// What is sealed: keccak-256 of `rlp([block hash, first mini-block, count, keccak-256 of the
    /// commitment])`.
    pub fn content_signing_hash(&self) -> B256 {
        let mut bytes = Vec::with_capacity(96);
        encode_list(&mut bytes, |out| {
            self.hash.encode(out);
            self.first_mini.encode(out);
            self.mini_count.encode(out);
            keccak256(&self.commitment).encode(out);
        });
        keccak256(bytes)
    }

    /// Seals what stands in the record now.
    pub fn sign_content(&mut self, key: &Key) {
        self.content_signature = MiniSignature::new(key, &self.content_signing_hash());
    }

    /// That `signer` sealed.
    pub fn signature_claim(&self, signer: Address) -> SignatureClaim {
        self.content_signature
            .claim(self.content_signing_hash(), signer)
    }

    /// Who sealed.
    pub fn content_signer(&self) -> Result<Address, KeyError> {
        self.content_signature.signer(&self.content_signing_hash())
    }
}

impl MiniSignature {
    fn new(key: &Key, hash: &B256) -> Self {
        let signature = key.sign(hash);
        Self {
            r: signature.r(),
            s: signature.s(),
            y_parity: signature.v(),
        }
    }

    fn signature(&self) -> Signature {
        Signature::new(self.r, self.s, self.y_parity)
    }

    fn signer(&self, hash: &B256) -> Result<Address, KeyError> {
        recover(hash, &self.signature())
    }

    fn claim(&self, digest: B256, signer: Address) -> SignatureClaim {
        SignatureClaim {
            digest,
            signature: self.signature(),
            signer,
        }
    }
}
