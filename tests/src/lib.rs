//! What the acceptance tests and the demo stand on: the local AWS, fixtures, the world fake.

pub mod fixtures;
pub mod local_aws;
pub mod storm;
pub mod world;
