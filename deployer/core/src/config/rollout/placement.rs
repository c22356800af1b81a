//! The part of the configuration that the rules of a rollout depend on.

/// The settings of an environment with a rollout that are not its rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement<'a> {
    /// The number of targets.
    pub targets: usize,
    /// The queue by which the deployer wakes itself.
    pub queue_url: Option<&'a str>,
}
