//! Freezes: times in which promotions do not go into an environment.
//!
//! Times are local times of a named time zone, with its summer time. The zones are compiled into the program, so that
//! the same configuration means the same everywhere (IANA Time Zone Database). Where a clock change makes a time
//! ambiguous or skips it, a freeze begins at the earlier and ends at the later of the possible moments.

use std::fmt;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostics::{self, Diagnostic};
use crate::id::InvalidName;

/// The most consecutive freezes that are followed before the search for an end stops.
const MAX_CHAIN: usize = 400;

/// A time in which promotions do not go into an environment: days of the week, optionally between two times of day, or
/// a range of dates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The days of each week. Together with `from` and `to`, the days on which it begins. It excludes `first` and `last`.
    #[serde(default)]
    #[schemars(extend("minItems" = 1))]
    days: Option<Vec<Day>>,
    /// The time of day at which it begins. It needs `days` and `to`; without both times, whole days are frozen.
    #[serde(default)]
    from: Option<TimeOfDay>,
    /// The time of day at which it ends, on the next day if it is not after `from`.
    #[serde(default)]
    to: Option<TimeOfDay>,
    /// The first date. It needs `last`.
    #[serde(default)]
    first: Option<CalendarDate>,
    /// The last date; the freeze ends with it.
    #[serde(default)]
    last: Option<CalendarDate>,
    /// The time zone of these times and dates.
    zone: Zone,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

/// A time of the day: `16:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
pub struct TimeOfDay(#[schemars(with = "String")] Time);

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        let time = (text.len() == 5).then(|| Time::strptime("%H:%M", &text).ok()).flatten();
        let wrong = || InvalidName {
            what: "a time of the day",
            rule: "HH:MM, such as 16:00",
            found: diagnostics::truncated(&text),
        };
        time.map(Self).ok_or_else(wrong)
    }
}

/// A date: `2026-12-20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
pub struct CalendarDate(#[schemars(with = "String")] Date);

impl TryFrom<String> for CalendarDate {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        let date = (text.len() == 10).then(|| Date::strptime("%Y-%m-%d", &text).ok()).flatten();
        let wrong = || InvalidName {
            what: "a date",
            rule: "YYYY-MM-DD, such as 2026-12-20",
            found: diagnostics::truncated(&text),
        };
        date.map(Self).ok_or_else(wrong)
    }
}

/// A time zone by its name in the IANA Time Zone Database: `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Zone(#[schemars(with = "String")] TimeZone);

impl TryFrom<String> for Zone {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        let wrong = |_| InvalidName {
            what: "a time zone",
            rule: "a name of the IANA Time Zone Database, such as Europe/Berlin or UTC",
            found: diagnostics::truncated(&text),
        };
        TimeZoneDatabase::bundled().get(&text).map(Self).map_err(wrong)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

impl Freeze {
    /// Returns the mistakes in it.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let is_weekly = self.days.is_some() || self.from.is_some() || self.to.is_some();
        let has_dates = self.first.is_some() || self.last.is_some();
        match (is_weekly, has_dates) {
            (true, true) | (false, false) => {
                found.push(Diagnostic::new("", "must have either days (and perhaps from and to), or first and last"))
            }
            (true, false) => {
                if self.days.as_ref().is_none_or(Vec::is_empty) {
                    found.push(Diagnostic::new("days", "must name at least one of mon, tue, wed, thu, fri, sat, sun"));
                }
                if self.from.is_some() != self.to.is_some() {
                    found.push(Diagnostic::new("from", "from and to belong together; without both it is whole days"));
                }
            }
            (false, true) => match (self.first, self.last) {
                (Some(first), Some(last)) if first > last => {
                    found.push(Diagnostic::new("last", "must not be before first"));
                }
                (Some(_), Some(_)) => {}
                _ => found.push(Diagnostic::new("first", "first and last belong together")),
            },
        }
        found
    }

    /// Whether it comes back each week.
    pub(crate) fn is_weekly(&self) -> bool {
        self.days.is_some()
    }

    /// Returns the end of this freeze, if it is on at this moment.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(self.zone.0.clone()).date();
        // A freeze over midnight may have begun yesterday.
        let begun = [today.yesterday().ok(), Some(today)].into_iter().flatten();
        let mut spans = begun.filter_map(|day| self.on(day));
        spans.find(|(begin, end)| *begin <= now && now < *end).map(|(_, end)| end)
    }

    /// Returns begin and end of the freeze that begins on this day, if any.
    fn on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        if let (Some(first), Some(last)) = (self.first, self.last) {
            let end = last.0.tomorrow().ok()?;
            return (first.0 <= day && day <= last.0)
                .then_some((self.begin(first.0, Time::midnight())?, self.end(end, Time::midnight())?));
        }
        self.days.as_ref()?.iter().find(|frozen| frozen.weekday() == day.weekday())?;
        let (from, to) =
            (self.from.map_or(Time::midnight(), |from| from.0), self.to.map_or(Time::midnight(), |to| to.0));
        let last = if to <= from { day.checked_add(1.day()).ok()? } else { day };
        Some((self.begin(day, from)?, self.end(last, to)?))
    }

    /// Returns the moment at which this freeze begins next, after `from` and before `from` and `within` are over.
    fn next_begin(&self, from: Timestamp, within: SignedDuration) -> Option<Timestamp> {
        let before = from.checked_add(within).ok()?;
        let in_zone = |moment: Timestamp| moment.to_zoned(self.zone.0.clone()).date();
        let (mut day, last) = (in_zone(from), in_zone(before));
        while day <= last {
            if let Some((begin, _)) = self.on(day).filter(|(begin, _)| from < *begin && *begin < before) {
                return Some(begin);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn begin(&self, day: Date, time: Time) -> Option<Timestamp> {
        self.zone.0.to_ambiguous_zoned(day.to_datetime(time)).earlier().ok().map(|zoned| zoned.timestamp())
    }

    fn end(&self, day: Date, time: Time) -> Option<Timestamp> {
        self.zone.0.to_ambiguous_zoned(day.to_datetime(time)).later().ok().map(|zoned| zoned.timestamp())
    }
}

/// Returns the end of an environment's freeze, through all freezes that follow one another without a gap. None if it is
/// not frozen now. At most 400 freezes are followed, so freezes without an end get a far but finite time.
#[must_use]
pub fn frozen_until(freezes: &[Freeze], now: Timestamp) -> Option<Timestamp> {
    let next = |from: Timestamp| freezes.iter().filter_map(|freeze| freeze.until(from)).max();
    let mut until = next(now)?;
    for _ in 0..MAX_CHAIN {
        match next(until) {
            Some(later) => until = later,
            None => break,
        }
    }
    Some(until)
}

/// Returns the moment at which the next freeze begins, after `now` and before `now` and `within` are over.
#[must_use]
pub fn next_freeze(freezes: &[Freeze], now: Timestamp, within: SignedDuration) -> Option<Timestamp> {
    freezes.iter().filter_map(|freeze| freeze.next_begin(now, within)).min()
}

/// Returns the first moment of these, both ends among them, at which an environment is frozen.
#[must_use]
pub fn first_frozen(freezes: &[Freeze], from: Timestamp, to: Timestamp) -> Option<Timestamp> {
    let is_frozen = |at: &Timestamp| freezes.iter().any(|freeze| freeze.until(*at).is_some());
    let within = to.duration_since(from);
    let begins = freezes.iter().filter_map(|freeze| freeze.next_begin(from, within));
    [from].into_iter().chain(begins).chain([to]).filter(is_frozen).min()
}

/// The time in which a gap between freezes is looked for.
const GAP_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Returns the first moment from `now` on, within 14 days, from which on no freeze begins or lasts for this long. None if
/// there is no such gap.
#[must_use]
pub fn first_gap(freezes: &[Freeze], now: Timestamp, length: SignedDuration) -> Option<Timestamp> {
    let last = now.checked_add(GAP_WITHIN).ok()?;
    let mut start = now;
    while start <= last {
        if let Some(until) = frozen_until(freezes, start) {
            start = until;
            continue;
        }
        match next_freeze(freezes, start, length) {
            None => return Some(start),
            Some(begin) => start = begin,
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn freeze(of: Value) -> Freeze {
        let freeze: Freeze = serde_json::from_value(of).unwrap();
        assert_eq!(freeze.diagnostics(), []);
        freeze
    }

    fn until(freezes: &[Freeze], now: &str) -> Option<String> {
        frozen_until(freezes, now.parse().unwrap()).map(|until| until.to_string())
    }

    #[test]
    fn weekend_freeze_follows_the_clocks_of_its_zone() {
        let nights =
            freeze(json!({"days": ["fri", "sat", "sun"], "from": "16:00", "to": "08:00", "zone": "Europe/Berlin"}));
        let days = freeze(json!({"days": ["sat", "sun"], "zone": "Europe/Berlin"}));
        let both = [nights.clone(), days];
        assert_eq!(until(&both, "2026-11-27T14:59:59Z"), None, "Friday, 15:59:59 in Berlin");
        assert_eq!(until(&both, "2026-11-27T15:00:00Z").as_deref(), Some("2026-11-30T07:00:00Z"));
        assert_eq!(until(&both, "2026-11-29T22:30:00Z").as_deref(), Some("2026-11-30T07:00:00Z"));
        assert_eq!(until(&both, "2026-11-30T07:00:00Z"), None, "Monday, 08:00 in Berlin");
        assert_eq!(until(&[nights], "2026-11-28T08:00:00Z"), None, "by day it is open");
    }

    #[test]
    fn freeze_follows_summer_time() {
        let night = freeze(json!({"days": ["sat"], "from": "22:00", "to": "03:00", "zone": "Europe/Berlin"}));
        let all = [night];
        assert_eq!(until(&all, "2026-03-28T21:00:00Z").as_deref(), Some("2026-03-29T01:00:00Z"), "4 hours long");
        assert_eq!(until(&all, "2026-07-04T20:00:00Z").as_deref(), Some("2026-07-05T01:00:00Z"), "in summer");
        assert_eq!(until(&all, "2026-10-24T20:00:00Z").as_deref(), Some("2026-10-25T02:00:00Z"), "6 hours long");
        let twice = [freeze(json!({"days": ["sat"], "from": "22:00", "to": "02:30", "zone": "Europe/Berlin"}))];
        assert_eq!(until(&twice, "2026-10-25T00:45:00Z").as_deref(), Some("2026-10-25T01:30:00Z"), "the second 02:30");
        let none = [freeze(json!({"days": ["sun"], "from": "02:15", "to": "03:30", "zone": "Europe/Berlin"}))];
        assert_eq!(
            until(&none, "2026-03-29T01:20:00Z").as_deref(),
            Some("2026-03-29T01:30:00Z"),
            "02:15 did not exist"
        );
    }

    #[test]
    fn date_freeze_lasts_to_the_end_of_the_last_date() {
        let all = [freeze(json!({"first": "2026-12-20", "last": "2027-01-02", "zone": "America/New_York"}))];
        assert_eq!(until(&all, "2026-12-20T04:59:59Z"), None);
        assert_eq!(until(&all, "2026-12-20T05:00:00Z").as_deref(), Some("2027-01-03T05:00:00Z"));
        assert_eq!(until(&all, "2027-01-03T04:59:59Z").as_deref(), Some("2027-01-03T05:00:00Z"));
        assert_eq!(until(&all, "2027-01-03T05:00:00Z"), None);
    }

    #[test]
    fn adjacent_freezes_are_one_and_an_endless_one_has_an_end() {
        let touching = [
            freeze(json!({"days": ["mon"], "from": "08:00", "to": "12:00", "zone": "UTC"})),
            freeze(json!({"days": ["mon"], "from": "12:00", "to": "14:00", "zone": "UTC"})),
        ];
        assert_eq!(until(&touching, "2026-11-30T09:00:00Z").as_deref(), Some("2026-11-30T14:00:00Z"));
        let always = [freeze(json!({"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "zone": "UTC"}))];
        assert!(until(&always, "2026-11-30T09:00:00Z").unwrap().starts_with("2028-"), "longer than a year");
    }

    #[test]
    fn gap_is_the_first_time_that_is_long_enough() {
        let gap = |freezes: &[Freeze], now: &str, hours: i64| {
            let found = first_gap(freezes, now.parse().unwrap(), SignedDuration::from_hours(hours));
            found.map(|start| start.to_string())
        };
        let nights = [freeze(
            json!({"days": ["mon", "tue", "wed", "thu", "fri"], "from": "16:00", "to": "08:00", "zone": "Europe/Berlin"}),
        )];
        assert_eq!(gap(&[], "2026-11-30T09:00:00Z", 48).as_deref(), Some("2026-11-30T09:00:00Z"));
        assert_eq!(gap(&nights, "2026-11-30T09:00:00Z", 6).as_deref(), Some("2026-11-30T09:00:00Z"), "ends at 16:00");
        assert_eq!(gap(&nights, "2026-11-30T09:00:01Z", 6).as_deref(), Some("2026-12-01T07:00:00Z"), "a second late");
        assert_eq!(gap(&nights, "2026-11-30T16:00:00Z", 1).as_deref(), Some("2026-12-01T07:00:00Z"), "in a freeze");
        assert_eq!(gap(&nights, "2026-11-30T09:00:00Z", 9).as_deref(), Some("2026-12-05T07:00:00Z"), "the weekend");
        let long = [freeze(json!({"first": "2026-12-01", "last": "2026-12-20", "zone": "UTC"}))];
        assert_eq!(gap(&long, "2026-11-30T09:00:00Z", 15).as_deref(), Some("2026-11-30T09:00:00Z"));
        assert_eq!(gap(&long, "2026-11-30T09:00:00Z", 16), None, "the next gap is more than 14 days away");
        let always = [freeze(json!({"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "zone": "UTC"}))];
        assert_eq!(gap(&always, "2026-11-30T09:00:00Z", 1), None);
        let each_day = [freeze(json!({
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "22:00", "to": "23:00", "zone": "UTC"
        }))];
        assert_eq!(gap(&each_day, "2026-11-30T09:00:00Z", 24), None, "no gap is a day long");
    }

    #[test]
    fn invalid_freeze_is_refused_with_its_mistake() {
        let wrong = |of: Value| match serde_json::from_value::<Freeze>(of) {
            Ok(freeze) => freeze.diagnostics().into_iter().map(|m| m.to_string()).collect::<Vec<_>>().join("; "),
            Err(error) => error.to_string(),
        };
        for (of, message) in [
            (json!({"zone": "UTC"}), "must have either days (and perhaps from and to), or first and last"),
            (json!({"days": [], "zone": "UTC"}), "days: must name at least one of mon, tue, wed, thu, fri, sat, sun"),
            (
                json!({"days": ["mon"], "from": "08:00", "zone": "UTC"}),
                "from: from and to belong together; without both it is whole days",
            ),
            (
                json!({"days": ["mon"], "first": "2026-12-20", "zone": "UTC"}),
                "must have either days (and perhaps from and to), or first and last",
            ),
            (json!({"first": "2026-12-20", "zone": "UTC"}), "first: first and last belong together"),
            (json!({"first": "2026-12-20", "last": "2026-12-19", "zone": "UTC"}), "last: must not be before first"),
            (
                json!({"first": "2026-13-20", "last": "2026-12-19", "zone": "UTC"}),
                "\"2026-13-20\" is not a date: YYYY-MM-DD, such as 2026-12-20",
            ),
            (
                json!({"days": ["mon"], "from": "8:00", "to": "25:00", "zone": "UTC"}),
                "\"8:00\" is not a time of the day: HH:MM, such as 16:00",
            ),
            (
                json!({"days": ["mon"], "zone": "Berlin"}),
                "\"Berlin\" is not a time zone: a name of the IANA Time Zone Database, such as Europe/Berlin or UTC",
            ),
        ] {
            assert_eq!(wrong(of.clone()), message, "{of}");
        }
    }
}
