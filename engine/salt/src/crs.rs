//! The 256 generators of SALT's vector commitments, and `Q`, which binds inner products.
//!
//! They are found, not chosen: SHA-256 of a fixed phrase and a counter is read as an x coordinate,
//! and those that name a group element are kept in order. Finding them takes some milliseconds, once.

use std::sync::LazyLock;

use ark_ff::PrimeField;
use sha2::{Digest, Sha256};

use super::group::{Fq, Point, points_at};
use super::types::WIDTH;

const SEED: &[u8] = b"MAKE_ETHEREUM_GREAT_AGAIN";

/// The common reference string.
#[derive(Debug)]
pub struct Crs {
    /// One generator for each place of a vector.
    pub generators: Vec<Point>,
    /// The generator of the inner product.
    pub q: Point,
}

/// The network's reference string.
pub static CRS: LazyLock<Crs> = LazyLock::new(|| {
    let mut found = points();
    let generators: Vec<Point> = found.by_ref().take(WIDTH).collect();
    // The search never ends, so there is always a next one.
    let q = found.next().unwrap_or_else(Point::identity);
    Crs { generators, q }
});

fn points() -> impl Iterator<Item = Point> {
    (0u64..).filter_map(|counter| {
        let digest = Sha256::new()
            .chain_update(SEED)
            .chain_update(counter.to_be_bytes())
            .finalize();
        points_at(&[Fq::from_be_bytes_mod_order(&digest)]).pop()?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_generators_are_the_networks() {
        assert_eq!(
            hex(&CRS.generators[0].compress()),
            "2816c0c3ac2555ec31fd5790f97bec3ec9b87d25136507bae595567416e76b80"
        );
        assert_eq!(
            hex(&CRS.generators[255].compress()),
            "046e3ca0b403c4bb91b27583d57d305945cae298ce18386cd0c0a0d5d76871ab"
        );
        assert_eq!(
            hex(&CRS.q.compress()),
            "1f646c11fcb94d2200b61770bdc72cd834d088048a425ca752507ebbec7ed6c1"
        );
        let mut all = Sha256::new();
        for point in &CRS.generators {
            all.update(point.compress());
        }
        assert_eq!(
            hex(&all.finalize()),
            "e0d59418bbe04c1f4ec7493a9ed30497982d4ab5480d68b5e8ce426dd756d136"
        );
    }
}
