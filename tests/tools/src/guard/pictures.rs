//! The pictures of `docs/concepts/rollouts.md`.

use deployer_core::config::rollout::{Guard, Significance};

use super::measure::measure;
use super::plot::{Axis, Line, Plot, Scale};
use super::traffic::Scenario;

/// Draws a picture of so many rollouts for each point, from a seed. The last hears the name of each line before it is
/// measured.
pub type Draw = fn(u64, u64, &mut dyn FnMut(&str)) -> String;

/// A picture: its file in `docs/pictures`, and how it is drawn.
pub struct Picture {
    /// Its file.
    pub file: &'static str,
    /// Draws it.
    pub draw: Draw,
}

/// All pictures.
pub const PICTURES: [Picture; 2] = [
    Picture { file: "guard-false-stops.svg", draw: false_stops },
    Picture { file: "guard-minutes.svg", draw: minutes_to_catch },
];

const SIGNIFICANCES: [f64; 7] = [0.05, 0.02, 0.005, 0.002, 0.0005, 0.0002, 0.00005];
const RATES: [f64; 7] = [0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0];
/// The least share of caught releases, in percent, of which a median is drawn.
const LEAST_CAUGHT: f64 = 50.0;

/// The axes of the first picture.
pub(super) const OF_STOPS: (Axis, Axis) = (
    Axis { title: "significance (probability)", scale: Scale::Logarithmic, ticks: &[0.00005, 0.0005, 0.005, 0.05] },
    Axis { title: "stopped (%)", scale: Scale::Linear, ticks: &[0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0] },
);
/// The axes of the second picture.
pub(super) const OF_MINUTES: (Axis, Axis) = (
    Axis {
        title: "errors of the new version (%)",
        scale: Scale::Logarithmic,
        ticks: &[2.0, 5.0, 10.0, 20.0, 50.0, 100.0],
    },
    Axis { title: "median time (minutes)", scale: Scale::Linear, ticks: &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0] },
);
/// The lines of the first picture: name, invocations of a target in a minute, targets, and the rate at which both
/// versions fail.
pub(super) const STOPS: [(&str, u32, usize, f64); 4] = [
    ("1 %, 100 a minute", 100, 1, 0.01),
    ("5 %, 100 a minute", 100, 1, 0.05),
    ("30 %, 100 a minute", 100, 1, 0.3),
    ("5 %, 20 targets", 20, 20, 0.05),
];
/// The lines of the second picture: the invocations in a minute.
pub(super) const MINUTES: [u32; 5] = [2, 5, 20, 100, 500];

/// Returns the scenario of a point of the first picture.
pub(super) fn of_stops((_, per_minute, targets, rate): (&str, u32, usize, f64), significance: f64) -> Scenario {
    let guard = Guard { significance: Significance::parse(significance).unwrap(), ..Guard::default() };
    Scenario { guard, ..Scenario::of("", per_minute, targets, rate, rate) }
}

/// Returns the scenario of a point of the second picture.
pub(super) fn of_minutes(per_minute: u32, rate: f64) -> Scenario {
    Scenario::of("", per_minute, 1, 0.01, rate)
}

fn false_stops(rollouts: u64, seed: u64, tell: &mut dyn FnMut(&str)) -> String {
    let line = |of: (&str, u32, usize, f64), tell: &mut dyn FnMut(&str)| {
        let (name, _, targets, _) = of;
        tell(name);
        let rollouts = if targets > 1 { (rollouts / 3).max(1) } else { rollouts };
        let point = |significance: f64| (significance, measure(&of_stops(of, significance), rollouts, seed).stopped);
        Line { name: name.to_owned(), points: SIGNIFICANCES.into_iter().map(point).collect() }
    };
    let (x, y) = OF_STOPS;
    Plot {
        title: "Good releases that the guard stops",
        x,
        y,
        mark: Some((0.0005, "default")),
        lines: STOPS.into_iter().map(|one| line(one, tell)).collect(),
    }
    .svg()
}

fn minutes_to_catch(rollouts: u64, seed: u64, tell: &mut dyn FnMut(&str)) -> String {
    let line = |per_minute: u32, tell: &mut dyn FnMut(&str)| {
        let name = format!("{per_minute} a minute");
        tell(&name);
        let point = |rate: f64| {
            let measured = measure(&of_minutes(per_minute, rate), rollouts, seed);
            let minutes = measured.median.filter(|_| measured.stopped >= LEAST_CAUGHT)?;
            Some((rate * 100.0, minutes as f64))
        };
        Line { name, points: RATES.into_iter().filter_map(point).collect() }
    };
    let (x, y) = OF_MINUTES;
    Plot {
        title: "Minutes until a bad release is caught, where the old one fails in 1 %",
        x,
        y,
        mark: None,
        lines: MINUTES.into_iter().map(|per_minute| line(per_minute, tell)).collect(),
    }
    .svg()
}
