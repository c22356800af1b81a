//! What the acceptance tests and the demo stand on: the local AWS, fixtures, the world fake, the simulator.

pub mod fixtures;
pub mod local_aws;
pub mod policies;
pub mod simulation;
pub mod storm;
pub mod terraform;
pub mod world;
