//! Where a plain key belongs: its bucket, and the slot in which a search for it begins.
//!
//! SALT fixes the portable ("fallback") variant of aHash 0.8 with four constant seeds, so that every
//! machine agrees. Nothing here is secret or collision-resistant: buckets defend themselves by growing.

use super::types::{BucketId, DATA_BUCKETS, META_BUCKETS};

/// First 32-bit words of the network's seed; aHash takes one per lane.
const SEEDS: [u64; 4] = [0x9213_21f4, 0x2ccb_667e, 0x60d6_8842, 0x077a_da9d];
/// The digits of pi that aHash mixes into its seeds.
const PI: [u64; 4] = [
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6c,
    0xc0ac_29b7_c97c_50dd,
    0x3f84_d5b5_b547_0917,
];
const MULTIPLE: u64 = 6_364_136_223_846_793_005;
const ROTATION: u32 = 23;

/// Multiplies to 128 bits and folds the halves together.
const fn fold(a: u64, b: u64) -> u64 {
    let wide = (a as u128) * (b as u128);
    (wide as u64) ^ ((wide >> 64) as u64)
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn half_word(bytes: &[u8], at: usize) -> u64 {
    let mut half = [0; 4];
    half.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(half))
}

/// SALT's 64-bit hash of a byte string.
///
/// ```
/// use megaeth_salt::hasher::hash;
/// assert_eq!(hash(b"hello"), 1_027_176_506_268_606_463);
/// ```
pub fn hash(bytes: &[u8]) -> u64 {
    let pad = SEEDS[0] ^ PI[0];
    let lanes = [SEEDS[2] ^ PI[2], SEEDS[3] ^ PI[3]];
    let absorb = |state: u64, low: u64, high: u64| {
        (state.wrapping_add(pad) ^ fold(low ^ lanes[0], high ^ lanes[1])).rotate_left(ROTATION)
    };

    let length = bytes.len();
    let mut state = (SEEDS[1] ^ PI[1])
        .wrapping_add(length as u64)
        .wrapping_mul(MULTIPLE);
    match length {
        0 => state = absorb(state, 0, 0),
        1 => state = absorb(state, u64::from(bytes[0]), u64::from(bytes[0])),
        2..4 => {
            let front = u64::from(u16::from_le_bytes([bytes[0], bytes[1]]));
            state = absorb(state, front, u64::from(bytes[length - 1]));
        }
        4..=8 => state = absorb(state, half_word(bytes, 0), half_word(bytes, length - 4)),
        9..=16 => state = absorb(state, word(bytes, 0), word(bytes, length - 8)),
        _ => {
            // The last 16 bytes first, then whole blocks until at most 16 bytes remain.
            state = absorb(state, word(bytes, length - 16), word(bytes, length - 8));
            let mut at = 0;
            while length - at > 16 {
                state = absorb(state, word(bytes, at), word(bytes, at + 8));
                at += 16;
            }
        }
    }
    fold(state, pad).rotate_left((state & 63) as u32)
}

/// The hash from which a bucket with this nonce derives a key's first slot (modulo its capacity).
pub fn hash_with_nonce(key: &[u8], nonce: u32) -> u64 {
    const INLINE: usize = 64;
    let end = key.len() + 4;
    if end <= INLINE {
        let mut buffer = [0; INLINE];
        buffer[..key.len()].copy_from_slice(key);
        buffer[key.len()..end].copy_from_slice(&nonce.to_le_bytes());
        return hash(&buffer[..end]);
    }
    let mut buffer = key.to_vec();
    buffer.extend_from_slice(&nonce.to_le_bytes());
    hash(&buffer)
}

/// The data bucket of a plain key.
pub fn bucket_id(key: &[u8]) -> BucketId {
    bucket_id_among(key, DATA_BUCKETS)
}

/// The data bucket of a plain key when only the first `data_buckets` are used.
///
/// The real network uses all [`DATA_BUCKETS`]; fewer let a developer preview a crowded chain.
/// Zero counts as one.
pub fn bucket_id_among(key: &[u8], data_buckets: u32) -> BucketId {
    (hash(key) % u64::from(data_buckets.clamp(1, DATA_BUCKETS))) as BucketId + META_BUCKETS
}

/// The bucket of an account.
pub fn bucket_id_for_account(address: &[u8; 20]) -> BucketId {
    bucket_id(address)
}

/// The bucket of one storage slot, its number big-endian.
pub fn bucket_id_for_slot(address: &[u8; 20], slot: &[u8; 32]) -> BucketId {
    let mut key = [0; 52];
    key[..20].copy_from_slice(address);
    key[20..].copy_from_slice(slot);
    bucket_id(&key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn pinned_hashes_of_every_length_class() {
        assert_eq!(hash(b"hello"), 1_027_176_506_268_606_463);
        assert_eq!(hash(b"world"), 2_337_896_903_564_117_184);
        assert_eq!(hash(b"hash test"), 2_116_618_212_096_523_432);
    }

    #[test]
    fn pinned_buckets() {
        let account = "f39fd6e51aad88f6f4ce6ab8827279cfffb92266";
        for (key, bucket) in [
            (String::new(), 13_438_721),
            ("68656c6c6f".into(), 614_399),
            ("00".repeat(32), 10_401_393),
            ("ff".repeat(32), 3_118_719),
            (account.into(), 12_362_139),
            (format!("{account}{}", "00".repeat(32)), 13_295_260),
        ] {
            assert_eq!(bucket_id(&unhex(&key)), bucket, "{key}");
        }
    }

    #[test]
    fn accounts_and_slots_are_hashed_as_their_plain_keys() {
        let address: [u8; 20] = unhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
            .try_into()
            .unwrap();
        assert_eq!(bucket_id_for_account(&address), 12_362_139);
        assert_eq!(bucket_id_for_slot(&address, &[0; 32]), 13_295_260);
    }

    #[test]
    fn keys_known_to_share_a_bucket_share_it() {
        for key in [
            "e1f65916535230d5abcc5d022348fced0ebcbd16",
            "bd2369b04dd7db579559851609fb9d47c4c64895",
            "1efa3d6eef22ed3971c3ad2c06743880fe147bda",
            "804ebecf4f930839c0588af6f8e4806ca22d472a",
        ] {
            assert_eq!(bucket_id(&unhex(key)), 131_072);
        }
    }

    #[test]
    fn a_smaller_chain_crowds_its_first_buckets() {
        for key in [&b"a"[..], b"b", b"c"] {
            assert_eq!(bucket_id_among(key, 1), META_BUCKETS);
            assert_eq!(bucket_id_among(key, 0), META_BUCKETS);
            assert!(bucket_id_among(key, 7) < META_BUCKETS + 7);
        }
    }

    #[test]
    fn a_nonce_is_appended_little_endian_to_keys_of_any_length() {
        for length in [0, 20, 52, 60, 61, 100] {
            let key = vec![7; length];
            let mut long = key.clone();
            long.extend_from_slice(&[2, 1, 0, 0]);
            assert_eq!(hash_with_nonce(&key, 0x102), hash(&long), "{length}");
        }
    }
}
