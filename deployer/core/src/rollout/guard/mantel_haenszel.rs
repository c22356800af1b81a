//! The test of Mantel and Haenszel over many comparisons: targets that are each too quiet for a test of their own, and
//! that differ in their base rates.
//!
//! The variance is the hypergeometric one, given each comparison's errors (Mantel and Haenszel 1959), because many
//! comparisons have few errors: the variance of two independent binomials would rest on their estimated rates. The
//! continuity correction of one half is applied, because the errors are counts. Even so `z` is read off a normal
//! distribution, which calls small skewed counts more surprising than they are, on the side that stops good releases: six
//! errors of four quiet targets with a tenth of the traffic on the new version give z = 5, of which P would be 3e-7,
//! and are 2e-5. So the probability is the exact one of the same sum.

use super::counts::{Comparison, Counts};
use super::exact_test::at_least_as_many_errors;

/// The result of the test over several comparisons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratified {
    /// The new version's errors above what is expected where both versions fail alike, in standard deviations.
    pub z: f64,
    /// The probability of at least as many errors of the new version where both versions fail alike.
    pub p_value: f64,
    /// The difference by which the new version fails more often, in percentage points, comparison by comparison.
    pub points: f64,
    /// The new version's counts in the comparisons.
    pub new: Counts,
    /// The old version's counts in the comparisons.
    pub old: Counts,
}

/// Tests whether the new version fails more often than the old one, comparison by comparison. None where no comparison
/// tells anything.
#[must_use]
pub fn mantel_haenszel(comparisons: &[Comparison]) -> Option<Stratified> {
    let variance: f64 = comparisons.iter().map(|one| one.variance()).sum();
    if variance <= 0.0 {
        return None;
    }
    let Comparison { new, old } = comparisons.iter().copied().sum();
    let excess: f64 = comparisons.iter().map(|one| one.new.errors() as f64 - one.expected_errors()).sum();
    let z = (excess.abs() - 0.5).max(0.0).copysign(excess) / variance.sqrt();
    Some(Stratified { z, p_value: at_least_as_many_errors(comparisons), points: common_points(comparisons), new, old })
}

/// Returns how much more often the new version fails, in percentage points: the differences of the comparisons, weighted
/// by what each can tell (Mantel and Haenszel's common risk difference). 0 where nothing can be compared.
#[must_use]
pub(super) fn common_points(comparisons: &[Comparison]) -> f64 {
    let (mut difference, mut weights) = (0.0, 0.0);
    for one in comparisons.iter().filter(|one| one.invocations() > 0) {
        let (new, old) = (one.new.invocations() as f64, one.old.invocations() as f64);
        let weight = new / (new + old) * old;
        difference += weight * one.points();
        weights += weight;
    }
    if weights > 0.0 { difference / weights } else { 0.0 }
}
