//! The normal distribution.

use std::f64::consts::PI;

/// The value from which on the continued fraction converges faster than the series.
const FAR: f64 = 2.0;
/// The terms of the continued fraction: enough for 13 digits from [`FAR`] on.
const TERMS: u32 = 120;

/// Returns the probability that a standard normal variable is at least `z`.
#[must_use]
pub fn upper_tail(z: f64) -> f64 {
    if z.is_nan() {
        return 1.0;
    }
    if z < 0.0 {
        return 1.0 - upper_tail(-z);
    }
    let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
    if z >= FAR {
        // Laplace's continued fraction z + 1/(z + 2/(z + 3/(z + …))).
        return density / (1..=TERMS).rev().fold(z, |below, term| z + f64::from(term) / below);
    }
    // The series z + z³/3 + z⁵/(3·5) + … of the part between 0 and z.
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term > sum * f64::EPSILON / 4.0 {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    0.5 - density * sum
}
