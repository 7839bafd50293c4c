//! What the checker says of what this node makes: it passes, and every lie shows.

mod blocks;
mod interventions;
mod minis;
mod proofs;
mod replay;
