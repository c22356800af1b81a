//! The tests' numbers against tables that other programs made.

use super::*;

fn assert_near(found: f64, expected: f64, relative: f64, of: impl std::fmt::Debug) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{of:?}: {found:e}, expected {expected:e}");
}

/// The exact values are sums over the whole distribution with 60 digits (mpmath 1.4.1). scipy 1.17.1
/// (`scipy.stats.fisher_exact`, alternative `greater`) agrees with them in at least 14 digits where there are up to
/// 20,000 invocations, in 11 at 200,000, and in 8 at 20,000,000.
#[test]
fn exact_test_agrees_with_the_table() {
    for (e1, n1, e0, n0, expected) in [
        (0, 10, 0, 10, 1.0),
        (1, 1, 0, 0, 1.0),
        (5, 5, 0, 45, 4.719_741_735_732_221e-7),
        (5, 5, 0, 5, 0.003_968_253_968_253_968),
        (4, 5, 0, 45, 2.171_081_198_436_821_5e-5),
        (10, 20, 0, 20, 0.000_217_959_895_379_250_22),
        (12, 96, 3, 871, 1.691_468_574_959_047e-10),
        (12, 96, 30, 871, 0.000_412_032_724_698_457_5),
        (5, 50, 0, 450, 8.300_897_542_362_797e-6),
        (5, 50, 5, 450, 0.001_411_564_203_505_249_6),
        (5, 96, 3, 871, 0.000_383_835_392_219_889_8),
        (12, 12, 0, 3, 0.002_197_802_197_802_198),
        (3, 10, 9, 10, 0.999_642_772_088_592_5),
        (50, 1_000, 90, 9_000, 1.365_717_739_609_409_5e-16),
        (20, 100, 200, 1_000, 0.543_667_136_732_156),
        (60, 60, 1, 600, 5.422_948_899_387_346e-85),
        (300, 1_000, 300, 1_000, 0.519_457_238_344_984_9),
        (350, 1_000, 300, 1_000, 0.009_642_160_807_256_816),
        (500, 100_000, 400, 100_000, 0.000_465_680_868_220_593_2),
        (100_150, 10_000_000, 100_000, 10_000_000, 0.368_915_046_130_963_1),
        (101_500, 10_000_000, 100_000, 10_000_000, 0.000_394_920_059_977_287_2),
        (5_100_000, 10_000_000, 5_099_000, 10_000_000, 0.327_489_925_852_237_6),
        (5_010_000, 10_000_000, 5_000_000, 10_000_000, 3.880_169_231_880_787e-6),
        (40, 1_000_000, 160, 9_000_000, 1.700_359_540_274_047e-5),
        (1_500, 1_000_000, 9_000, 9_000_000, 6.656_543_190_193_383e-44),
        (9_999_990, 10_000_000, 9_999_900, 10_000_000, 4.003_956_809_001_69e-20),
        (5, 10_000_000, 0, 10_000_000, 0.031_249_984_375_000_39),
        (10, 10, 0, 10_000_000, 3.628_780_041_661_871e-64),
    ] {
        let found = at_least_as_many_errors(&[compare(e1, n1, e0, n0)]);
        assert_near(found, expected, 1e-11, (e1, n1, e0, n0));
    }
}

#[test]
fn probability_too_small_for_a_number_is_zero() {
    assert_eq!(at_least_as_many_errors(&[compare(1_000, 1_000, 0, 1_000)]), 0.0, "4.9e-601");
    assert_eq!(at_least_as_many_errors(&[compare(2_000, 1_000_000, 1, 10_000_000)]), 0.0, "4.8e-2081");
}

/// The strata with their exact probability (enumerated in fractions), and what statsmodels 0.15.0 says
/// (`StratifiedTable.test_null_odds` with `correction`, its root as z), and the common risk difference in points.
#[test]
fn tests_over_strata_agree_with_the_table() {
    for (strata, exact, z, points) in [
        (vec![(1, 100, 9, 900), (150, 500, 150, 500)], 0.527_155_657_668_965_5, 0.0, 0.0),
        (
            vec![(5, 100, 9, 900), (20, 500, 8, 500)],
            0.000_696_923_078_017_354_1,
            3.206_449_517_650_162_4,
            2.823_529_411_764_705_6,
        ),
        (
            vec![(2, 20, 1, 180), (3, 20, 2, 180), (4, 100, 1, 100)],
            0.000_195_510_327_030_172_96,
            3.740_024_380_966_009,
            6.627_906_976_744_185,
        ),
        (
            vec![(1, 10, 0, 90), (2, 10, 0, 90), (3, 10, 0, 90), (0, 50, 1, 50)],
            2.184_179_456_906_729_7e-5,
            4.973_331_900_994_024,
            9.423_076_923_076_925,
        ),
    ] {
        let comparisons: Vec<Comparison> = strata.iter().map(|(a, b, c, d)| compare(*a, *b, *c, *d)).collect();
        assert_near(at_least_as_many_errors(&comparisons), exact, 1e-9, &strata);
        let stratified = mantel_haenszel(&comparisons).unwrap();
        assert!((stratified.z - z).abs() < 1e-9, "{strata:?}: {}", stratified.z);
        assert!((stratified.points - points).abs() < 1e-9, "{strata:?}: {}", stratified.points);
    }
}

#[test]
fn strata_that_tell_nothing_change_nothing() {
    let telling = compare(12, 96, 3, 871);
    let silent = [compare(0, 50, 0, 50), compare(7, 7, 3, 3), compare(3, 9, 0, 0), compare(0, 0, 4, 8)];
    let all: Vec<Comparison> = silent.iter().copied().chain([telling]).collect();
    assert_eq!(at_least_as_many_errors(&all), at_least_as_many_errors(&[telling]));
    assert_eq!(at_least_as_many_errors(&silent), 1.0);
    assert_eq!(mantel_haenszel(&silent), None);
}

/// Just above the variance at which the sum is taken as normal it differs little where it matters.
#[test]
fn normal_sum_is_near_the_exact_one_where_it_begins() {
    // The same invocations in one stratum, which is exact, and in two, which are not.
    let whole = compare(201, 1_000, 600, 4_000);
    let halves = [compare(100, 500, 300, 2_000), compare(101, 500, 300, 2_000)];
    let (exact, normal) = (at_least_as_many_errors(&[whole]), at_least_as_many_errors(&halves));
    assert!((1e-5..1e-2).contains(&exact), "{exact}");
    assert!((normal / exact - 1.0).abs() < 0.2, "{normal} and {exact}");
}

/// scipy 1.17.1, `scipy.stats.norm.sf`.
#[test]
fn normal_tail_agrees_with_the_table() {
    for (z, expected) in [
        (-8.0, 0.999_999_999_999_999_3),
        (-3.0, 0.998_650_101_968_369_9),
        (-0.1, 0.539_827_837_277_029),
        (0.0, 0.5),
        (0.3, 0.382_088_577_811_047_3),
        (1.0, 0.158_655_253_931_457_07),
        (1.9999, 0.022_755_531_584_767_18),
        (2.0, 0.022_750_131_948_179_195),
        (2.5, 0.006_209_665_325_776_132),
        (3.2905, 0.000_500_047_509_038_781_8),
        (3.9, 4.809_634_401_760_261_4e-5),
        (5.0, 2.866_515_718_791_933e-7),
        (8.0, 6.220_960_574_271_74e-16),
        (20.0, 2.753_624_118_606_155_6e-89),
        (37.0, 5.725_571_222_523_926_6e-300),
    ] {
        assert_near(upper_tail(z), expected, 1e-11, z);
    }
}

#[test]
fn more_errors_than_invocations_are_as_many_invocations() {
    let counts = Counts::of(3, 5);
    assert_eq!((counts.invocations(), counts.errors()), (5, 5));
    let read: Counts = serde_json::from_value(serde_json::json!({ "invocations": 3, "errors": 5 })).unwrap();
    assert_eq!(read, counts);
    assert_eq!(at_least_as_many_errors(&[compare(u64::MAX, u64::MAX, u64::MAX, u64::MAX)]), 1.0);
}

#[test]
fn counts_are_written_with_their_share() {
    let told = |invocations, errors| Counts::of(invocations, errors).to_string();
    assert_eq!(told(96, 12), "12 of 96 (12.5 %)");
    assert_eq!(told(871, 3), "3 of 871 (0.3 %)");
    assert_eq!(told(50, 0), "0 of 50 (0 %)");
    assert_eq!(told(0, 0), "0 of 0 (0 %)");
    assert_eq!(told(100_000, 3), "3 of 100000 (below 0.1 %)");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    /// Successes of the old version in place of errors of the new one are the same table, seen from the other side.
    #[test]
    fn tail_is_a_probability_and_falls_with_each_error(n1 in 1..60_u64, n0 in 0..60_u64, e in 0..120_u64) {
        let errors = e.min(n1 + n0);
        let tail = |e1: u64| at_least_as_many_errors(&[compare(e1, n1, errors - e1, n0)]);
        let possible: Vec<f64> = (errors.saturating_sub(n0)..=errors.min(n1)).map(tail).collect();
        proptest::prop_assert!((possible[0] - 1.0).abs() < 1e-12);
        proptest::prop_assert!(possible.iter().all(|p| *p > 0.0 && *p <= 1.0));
        proptest::prop_assert!(possible.windows(2).all(|two| two[1] <= two[0]));
        let mirrored = |e1: u64| at_least_as_many_errors(&[compare(n0 - (errors - e1), n0, n1 - e1, n1)]);
        for e1 in errors.saturating_sub(n0)..=errors.min(n1) {
            proptest::prop_assert!((mirrored(e1) / tail(e1) - 1.0).abs() < 1e-10);
        }
    }

    /// Two strata give what enumerating all their outcomes gives.
    #[test]
    fn two_strata_give_what_enumeration_gives(
        a in (1..12_u64, 1..12_u64, 0..12_u64), b in (1..12_u64, 1..12_u64, 0..12_u64), at in 0..20_u64
    ) {
        let errors = |(n1, n0, e): (u64, u64, u64)| e.min(n1 + n0);
        let support = |stratum: (u64, u64, u64)| errors(stratum).saturating_sub(stratum.1)..=errors(stratum).min(stratum.0);
        let exactly = |stratum: (u64, u64, u64), e1: u64| {
            let choose = |n: u64, k: u64| (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
            choose(stratum.0, e1) * choose(stratum.1, errors(stratum) - e1)
                / choose(stratum.0 + stratum.1, errors(stratum))
        };
        let found: Vec<(u64, u64)> = support(a).flat_map(|x| support(b).map(move |y| (x, y))).collect();
        let (x, y) = found[at as usize % found.len()];
        let sum: f64 =
            found.iter().filter(|(i, j)| i + j >= x + y).map(|(i, j)| exactly(a, *i) * exactly(b, *j)).sum();
        let of = |(n1, n0, _): (u64, u64, u64), e: u64, e1: u64| compare(e1, n1, e - e1, n0);
        let tail = at_least_as_many_errors(&[of(a, errors(a), x), of(b, errors(b), y)]);
        proptest::prop_assert!((tail - sum).abs() < 1e-9 * sum, "{} and {}", tail, sum);
    }
}
