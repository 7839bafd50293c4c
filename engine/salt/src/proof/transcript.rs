//! The Fiat-Shamir transcript: what both sides hash, in order, to agree on random scalars.

use sha2::{Digest, Sha256};

use crate::group::{Fr, Point, scalar_from_le_reduced, scalar_to_le};

/// Everything said so far, as a running hash.
#[derive(Clone, Debug)]
pub struct Transcript {
    said: Sha256,
}

impl Transcript {
    /// Starts a transcript of the named protocol.
    pub fn new(protocol: &[u8]) -> Self {
        Self {
            said: Sha256::new_with_prefix(protocol),
        }
    }

    /// Names the part that follows.
    pub fn separate(&mut self, label: &[u8]) {
        self.said.update(label);
    }

    /// Says a group element.
    pub fn point(&mut self, label: &[u8], point: &Point) {
        self.compressed_point(label, &point.compress());
    }

    /// Says a group element that is already compressed.
    pub fn compressed_point(&mut self, label: &[u8], point: &[u8; Point::COMPRESSED]) {
        self.said.update(label);
        self.said.update(point);
    }

    /// Says a scalar.
    pub fn scalar(&mut self, label: &[u8], scalar: &Fr) {
        self.said.update(label);
        self.said.update(scalar_to_le(scalar));
    }

    /// Draws a scalar from all that was said; the transcript goes on from it alone.
    pub fn challenge(&mut self, label: &[u8]) -> Fr {
        self.said.update(label);
        let digest = std::mem::take(&mut self.said).finalize();
        let challenge = scalar_from_le_reduced(&digest.into());
        self.scalar(label, &challenge);
        challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(transcript: &mut Transcript) -> String {
        let scalar = transcript.challenge(b"simple_challenge");
        scalar_to_le(&scalar)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[test]
    fn challenges_are_the_published_vectors() {
        let mut transcript = Transcript::new(b"simple_protocol");
        assert_eq!(
            drawn(&mut transcript),
            "c2aa02607cbdf5595f00ee0dd94a2bbff0bed6a2bf8452ada9011eadb538d003"
        );
        assert_ne!(
            drawn(&mut transcript),
            "c2aa02607cbdf5595f00ee0dd94a2bbff0bed6a2bf8452ada9011eadb538d003"
        );

        let mut transcript = Transcript::new(b"simple_protocol");
        let minus_one = -Fr::from(1u64);
        transcript.scalar(b"-1", &minus_one);
        transcript.separate(b"separate me");
        transcript.scalar(b"-1 again", &minus_one);
        transcript.separate(b"separate me again");
        transcript.scalar(b"now 1", &Fr::from(1u64));
        assert_eq!(
            drawn(&mut transcript),
            "14f59938e9e9b1389e74311a464f45d3d88d8ac96adf1c1129ac466de088d618"
        );

        let mut transcript = Transcript::new(b"simple_protocol");
        transcript.point(b"generator", &Point::generator());
        assert_eq!(
            drawn(&mut transcript),
            "8c2dafe7c0aabfa9ed542bb2cbf0568399ae794fc44fdfd7dff6cc0e6144921c"
        );
    }
}
