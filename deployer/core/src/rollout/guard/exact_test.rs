//! Fisher's exact test, one-sided, for one comparison or several strata of one target.
//!
//! Given the errors of both versions together, the new version's errors have a hypergeometric distribution where both
//! fail alike. Over strata their sum is distributed as the convolution of these distributions. A normal distribution is
//! no substitute while there are few errors: with a tenth of the traffic on the new version the sum is skewed, and its
//! tail is thicker on the side that stops good releases.

use std::f64::consts::PI;

use super::counts::Comparison;
use super::normal::upper_tail;

/// The smallest probability that is told of several strata; it also stands for smaller ones.
pub const SMALLEST_STRATIFIED: f64 = 1e-20;
/// The share of the greatest probability below which values of a stratum are left out.
const NEGLIGIBLE: f64 = 1e-30;
/// The variance above which the sum over strata is taken as normal, corrected for its skewness: a standard deviation of
/// 10 errors. The convolution takes the longer the more errors there are, and tells hardly anything more.
const LARGE_VARIANCE: f64 = 100.0;

/// Returns the probability that the new version has at least as many errors as it has, where both versions fail alike
/// in each stratum. 1 where nothing can be compared.
#[must_use]
pub fn at_least_as_many_errors(strata: &[Comparison]) -> f64 {
    let strata: Vec<Hypergeometric> = strata.iter().filter(|one| one.can_differ()).map(Hypergeometric::of).collect();
    match strata.as_slice() {
        [] => 1.0,
        [one] => one.upper_tail(),
        several => sum_upper_tail(several),
    }
}

/// Returns the probability that the sum over strata is at least the found one.
fn sum_upper_tail(strata: &[Hypergeometric]) -> f64 {
    let mean: f64 = strata.iter().map(|one| one.comparison.expected_errors()).sum();
    let variance: f64 = strata.iter().map(|one| one.comparison.variance()).sum();
    let found: u64 = strata.iter().map(|one| one.found).sum();
    if variance > LARGE_VARIANCE {
        let skewness = strata.iter().map(|one| one.comparison.third_moment()).sum::<f64>() / variance.powf(1.5);
        let z = (found as f64 - mean - 0.5) / variance.sqrt();
        // The first term of the expansion of Cornish and Fisher.
        return upper_tail(z - skewness * (z * z - 1.0) / 6.0).max(SMALLEST_STRATIFIED);
    }
    let (mut first, mut distribution) = (0, vec![1.0]);
    for stratum in strata {
        let (lowest, values) = stratum.distribution();
        let (trimmed, sum) = without_negligible(convolution(&distribution, &values));
        first += lowest + trimmed;
        distribution = sum;
    }
    let split = usize::try_from(found.saturating_sub(first)).unwrap_or(usize::MAX).min(distribution.len());
    let (below, from_found) = distribution.split_at(split);
    let tail = if found as f64 > mean { from_found.iter().sum() } else { 1.0 - below.iter().sum::<f64>() };
    tail.clamp(SMALLEST_STRATIFIED, 1.0)
}

fn convolution(left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut both = vec![0.0; left.len() + right.len() - 1];
    for (at, value) in left.iter().enumerate() {
        for (sum, other) in both[at..].iter_mut().zip(right) {
            *sum += value * other;
        }
    }
    both
}

/// Leaves out the values at both ends that do not matter, and returns how many were left out in front.
fn without_negligible(mut values: Vec<f64>) -> (u64, Vec<f64>) {
    let least = values.iter().copied().fold(0.0, f64::max) * NEGLIGIBLE;
    let matters = |value: &f64| *value >= least;
    values.truncate(values.iter().rposition(matters).map_or(values.len(), |last| last + 1));
    let first = values.iter().position(matters).unwrap_or_default();
    (first as u64, values.split_off(first))
}

/// The distribution of the new version's errors, given the invocations of each version and the errors of both.
struct Hypergeometric {
    comparison: Comparison,
    new: u64,
    old: u64,
    errors: u64,
    found: u64,
}

impl Hypergeometric {
    fn of(comparison: &Comparison) -> Self {
        let (new, old) = (comparison.new.invocations(), comparison.old.invocations());
        Self { comparison: *comparison, new, old, errors: comparison.errors(), found: comparison.new.errors() }
    }

    fn lowest(&self) -> u64 {
        self.errors.saturating_sub(self.old)
    }

    fn highest(&self) -> u64 {
        self.errors.min(self.new)
    }

    /// Returns the probability of at least the found errors.
    fn upper_tail(&self) -> f64 {
        if self.found <= self.lowest() {
            return 1.0;
        }
        // The side that does not hold the mean is summed, from its greatest value outwards.
        if self.found as f64 > self.comparison.expected_errors() {
            sum_outwards(self.probability(self.found), self.found..self.highest(), |at| self.ratio_upwards(at)).min(1.0)
        } else {
            let greatest = self.found - 1;
            let down = (self.lowest() + 1..=greatest).rev();
            1.0 - sum_outwards(self.probability(greatest), down, |at| 1.0 / self.ratio_upwards(at - 1)).min(1.0)
        }
    }

    /// Returns the probabilities that are not negligible, and the number of errors of the first.
    fn distribution(&self) -> (u64, Vec<f64>) {
        let mode = (self.comparison.expected_errors().round() as u64).clamp(self.lowest(), self.highest());
        let greatest = self.probability(mode);
        let (mut values, mut lowest) = (vec![greatest], mode);
        while lowest > self.lowest() {
            let next = values[values.len() - 1] / self.ratio_upwards(lowest - 1);
            if next < greatest * NEGLIGIBLE {
                break;
            }
            values.push(next);
            lowest -= 1;
        }
        values.reverse();
        let (mut at, mut value) = (mode, greatest);
        while at < self.highest() {
            value *= self.ratio_upwards(at);
            if value < greatest * NEGLIGIBLE {
                break;
            }
            values.push(value);
            at += 1;
        }
        (lowest, values)
    }

    /// Returns the probability of one more error than `at`, divided by that of `at`.
    fn ratio_upwards(&self, at: u64) -> f64 {
        let up = (self.new - at) as f64 * (self.errors - at) as f64;
        up / ((at + 1) as f64 * (self.old + at + 1 - self.errors) as f64)
    }

    /// Returns the probability of exactly `at` errors.
    ///
    /// Logarithms of factorials of large numbers leave too few digits after they are subtracted from each other. So
    /// Stirling's formula is written out for the nine factorials: its large terms together are, for each of the table's
    /// four cells, the deviance of the cell from its expected value (after Loader, "Fast and Accurate Computation of
    /// Binomial Probabilities", 2000). The difference from the expected value is computed in whole numbers.
    fn probability(&self, at: u64) -> f64 {
        let all = self.new + self.old;
        let (passed, wide) = (all - self.errors, |number: u64| i128::from(number));
        let excess = wide(at) * wide(all) - wide(self.new) * wide(self.errors);
        let cells = [
            (at, self.new, self.errors, excess),
            (self.new - at, self.new, passed, -excess),
            (self.errors - at, self.old, self.errors, -excess),
            (self.old + at - self.errors, self.old, passed, excess),
        ];
        let mut logarithm = -stirling_rest(all);
        for margin in [self.new, self.old, self.errors, passed] {
            logarithm += stirling_rest(margin);
        }
        for (cell, row, column, excess) in cells {
            let product = row as f64 * column as f64;
            logarithm -= stirling_rest(cell) + product / all as f64 * deviance(excess as f64 / product);
        }
        logarithm.exp()
    }
}

/// Sums `first` and the values after it, each the one before times its ratio, until they do not matter any more.
fn sum_outwards(first: f64, at: impl Iterator<Item = u64>, ratio: impl Fn(u64) -> f64) -> f64 {
    let (mut value, mut sum) = (first, first);
    for at in at {
        value *= ratio(at);
        sum += value;
        if value < sum * 1e-22 {
            break;
        }
    }
    sum
}

/// Returns (1 + t) ln(1 + t) − t, for t from −1 on.
fn deviance(t: f64) -> f64 {
    if t <= -1.0 {
        return 1.0;
    }
    if t.abs() > 0.1 {
        return (1.0 + t) * t.ln_1p() - t;
    }
    // t²/2 − t³/6 + t⁴/12 − …: the formula above would subtract nearly equal numbers.
    let (mut power, mut sum, mut k) = (t * t, 0.0, 2.0);
    while power.abs() > f64::MIN_POSITIVE && power.abs() > f64::EPSILON * 0.01 * sum {
        sum += power / (k * (k - 1.0));
        power *= -t;
        k += 1.0;
    }
    sum
}

/// Returns ln n! − (n ln n − n): what Stirling's formula adds to its large terms.
fn stirling_rest(n: u64) -> f64 {
    let x = n as f64;
    match n {
        0 => 0.0,
        1..=20 => (2..=n).map(|k| k as f64).product::<f64>().ln() - x * x.ln() + x,
        _ => {
            let square = x * x;
            let series =
                (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1_260.0 - 1.0 / (1_680.0 * square)) / square) / square) / x;
            (2.0 * PI * x).ln() / 2.0 + series
        }
    }
}
