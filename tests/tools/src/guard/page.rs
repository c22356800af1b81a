//! The numbers of `docs/concepts/rollouts.md` and of its pictures, each with the scenario that measures it. A measurement
//! of a few rollouts can contradict a number, and never confirms its last digit.

use super::measure::Measured;
use super::pictures::{MINUTES, OF_MINUTES, OF_STOPS, STOPS, of_minutes, of_stops};
use super::plot::drawn;
use super::scenarios::{AT_ONCE, DEFAULT, TWO_STEPS};
use super::traffic::Scenario;

/// The probability below which a measurement contradicts a number.
const CHANCE: f64 = 0.0005;
/// The rates at which both versions of a good release fail, as the page has them.
const GOOD: [f64; 3] = [0.01, 0.05, 0.3];
/// The steps of good releases, in the order of the columns.
const STEPS: [&[(u8, usize)]; 3] = [TWO_STEPS, DEFAULT, AT_ONCE];
/// The significances and the rates at which the pictures are measured.
const SIGNIFICANCES: [f64; 2] = [0.0005, 0.05];
const RATES: [f64; 2] = [0.2, 1.0];
/// The lines of the second picture that are measured: the invocations in a minute.
const MEASURED: [u32; 3] = [5, 20, 100];

/// A number that the documentation states.
pub struct Stated {
    /// Its place on the page.
    pub place: String,
    /// The program that measures it.
    pub scenario: Scenario,
    /// The statement.
    pub says: Says,
}

/// The statement of a number. Each is true within the rounding of its last digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Says {
    /// So many rollouts of a hundred are stopped.
    Stopped(f64, f64),
    /// Half of those that are stopped are stopped by this minute.
    Median(f64, f64),
}

impl Stated {
    /// Says why so many measured rollouts contradict it; none if they do not.
    #[must_use]
    pub fn contradicted_by(&self, measured: &Measured, rollouts: u64) -> Option<String> {
        let stops = measured.stops.len() as u64;
        let (is_contradicted, found) = match self.says {
            Says::Stopped(percent, rounded) => {
                let [least, most] = [percent - rounded, percent + rounded].map(|one| (one / 100.0).clamp(0.0, 1.0));
                let too_many = at_least(stops, rollouts, most) < CHANCE;
                let too_few = at_least(rollouts - stops, rollouts, 1.0 - least) < CHANCE;
                (too_many || too_few, format!("{stops} of {rollouts} are stopped"))
            }
            Says::Median(minute, rounded) => {
                let count =
                    |of: &dyn Fn(f64) -> bool| measured.stops.iter().filter(|at| of(**at as f64)).count() as u64;
                let sooner = count(&|at| at < minute - rounded);
                let later = count(&|at| at > minute + rounded);
                let is_unlikely = |some| at_least(some, stops, 0.5) < CHANCE;
                let found = format!("of {stops} that are stopped {sooner} are before, and {later} after it");
                (is_unlikely(sooner) || is_unlikely(later), found)
            }
        };
        is_contradicted.then(|| format!("{}: {:?}, and {found}", self.place, self.says))
    }
}

/// Returns the probability of at least so many hits of so many.
fn at_least(hits: u64, of: u64, chance: f64) -> f64 {
    let term = |some: u64| {
        let choose: f64 = (1..=some).map(|one| ((of - some + one) as f64 / one as f64).ln()).sum();
        let rest = of - some;
        let power = |base: f64, times: u64| if times == 0 { 0.0 } else { times as f64 * base.ln() };
        (choose + power(chance, some) + power(1.0 - chance, rest)).exp()
    };
    (hits..=of).map(term).sum()
}

/// Reads the tables of the page.
///
/// # Errors
/// A row that nobody measures, or one that is missing.
pub fn on_page(page: &str) -> Result<Vec<Stated>, String> {
    let mut all = Vec::new();
    for row in rows(page, "| traffic | 10 % then 50 % | 10 % | all at once |")? {
        let (per_minute, targets) = match row[0].as_str() {
            "one target, 100 a minute" => (100, 1),
            "20 targets, 20 a minute each" => (20, 20),
            other => return Err(format!("nobody measures good releases of {other}")),
        };
        for (cell, steps) in row[1..].iter().zip(STEPS) {
            for (number, rate) in cell.split(" / ").zip(GOOD) {
                let scenario = Scenario { steps, ..Scenario::of("", per_minute, targets, rate, rate) };
                let place = format!("good releases, {}, {steps:?}, {} %", row[0], rate * 100.0);
                let (percent, rounded) = rounded(number)?;
                all.push(Stated { place, scenario, says: Says::Stopped(percent, rounded) });
            }
        }
    }
    for row in rows(page, "| release | traffic | caught | median time |")? {
        let [release, traffic, caught, median] = &row[..] else { return Err(format!("{row:?} has no four cells")) };
        let medians = median.trim_end_matches(" minutes").split(", ");
        let scenarios = of_bad(release, traffic)?;
        if medians.clone().count() != scenarios.len() {
            return Err(format!("{release}, {traffic}: {median} are not {} numbers", scenarios.len()));
        }
        for (scenario, median) in scenarios.into_iter().zip(medians) {
            let place = format!("bad releases, {release}, {} a minute of {traffic}", scenario.per_minute);
            let (percent, of_percent) = rounded(caught.trim_end_matches(" %"))?;
            let (minute, of_minute) = rounded(median)?;
            let says = [Says::Stopped(percent, of_percent), Says::Median(minute, of_minute)];
            all.extend(says.map(|says| Stated { place: place.clone(), scenario: scenario.clone(), says }));
        }
    }
    Ok(all)
}

/// Returns the scenarios of a row of bad releases.
fn of_bad(release: &str, traffic: &str) -> Result<Vec<Scenario>, String> {
    let one = |per_minute, new| Scenario::of("", per_minute, 1, 0.01, new);
    Ok(match (release, traffic) {
        ("always fails", "100, 10, 5, 2 a minute") => [100, 10, 5, 2].map(|per_minute| one(per_minute, 1.0)).into(),
        ("20 % errors, the old one 1 %", "20 a minute") => vec![one(20, 0.2)],
        ("5 % errors, the old one 1 %", "100 a minute, 10 % then 50 %") => vec![one(100, 0.05)],
        ("5 % errors, the old one 1 %", "100 a minute, one step of 10 %") => {
            vec![Scenario { steps: DEFAULT, ..one(100, 0.05) }]
        }
        ("5 % errors, the old one 1 %", "5 a minute on each of 20 targets, 10 % then 50 %") => {
            vec![Scenario::of("", 5, 20, 0.01, 0.05)]
        }
        _ => return Err(format!("nobody measures bad releases: {release}, {traffic}")),
    })
}

/// Reads some points of the pictures, given the text of each.
///
/// # Errors
/// A point is missing.
pub fn in_pictures(false_stops: &str, minutes: &str) -> Result<Vec<Stated>, String> {
    let mut all = Vec::new();
    for (number, of) in STOPS.into_iter().enumerate().filter(|(_, (_, _, targets, _))| *targets == 1) {
        for significance in SIGNIFICANCES {
            let place = format!("picture of false stops, {} at {significance}", of.0);
            let percent = drawn(false_stops, (&OF_STOPS.0, &OF_STOPS.1), number, significance);
            let percent = percent.ok_or_else(|| format!("{place}: there is no point"))?;
            all.push(Stated { place, scenario: of_stops(of, significance), says: Says::Stopped(percent, 0.1) });
        }
    }
    for (number, per_minute) in MINUTES.into_iter().enumerate().filter(|(_, line)| MEASURED.contains(line)) {
        for rate in RATES {
            let place = format!("picture of minutes, {per_minute} a minute, {} %", rate * 100.0);
            let minute = drawn(minutes, (&OF_MINUTES.0, &OF_MINUTES.1), number, rate * 100.0);
            let minute = minute.ok_or_else(|| format!("{place}: there is no point"))?;
            all.push(Stated { place, scenario: of_minutes(per_minute, rate), says: Says::Median(minute, 0.5) });
        }
    }
    Ok(all)
}

/// Returns the cells of each row of the table with this heading.
fn rows(page: &str, heading: &str) -> Result<Vec<Vec<String>>, String> {
    let lines: Vec<&str> = page.lines().skip_while(|line| *line != heading).skip(2).collect();
    let rows = lines.into_iter().take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    if rows.is_empty() { Err(format!("the page has no table {heading}")) } else { Ok(rows) }
}

/// Reads a number, and the half of its last digit.
fn rounded(text: &str) -> Result<(f64, f64), String> {
    let number = text.trim().parse().map_err(|_| format!("{text} is no number"))?;
    let digits = text.trim().split_once('.').map_or(0, |(_, digits)| digits.len());
    Ok((number, 0.5 / 10_f64.powi(i32::try_from(digits).unwrap_or(0))))
}
