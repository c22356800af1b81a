//! The time that a request has when it is decided.

use super::*;

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

#[test]
fn commands_time_is_our_clocks_within_the_ledgers_second() {
    let back = rollback("r", 700);
    for (now, expected) in [(100_400, 100_400), (700_123, 100_999), (20_000, 100_000)] {
        assert_eq!(back.timed(millis(now), Some(second(100))).time, millis(expected), "{now}");
    }
    assert_eq!(back.timed(millis(700_123), None).time, millis(700_123), "a ledger that tells no time");
    let timed = back.timed(millis(20_000), Some(second(100)));
    assert_eq!((timed.id, timed.hash, timed.accepted_at), (back.id, back.hash, back.accepted_at));
}

#[test]
fn promotions_time_is_at_most_that_and_uploads_the_events() {
    let asked = |time| Request { time, ..command("p", CauseKind::Promotion, Source::Live { of: None }, 0) };
    assert_eq!(asked(second(90)).timed(millis(700_000), Some(second(100))).time, second(90));
    assert_eq!(asked(second(110)).timed(millis(700_000), Some(second(100))).time, millis(100_999));
    assert_eq!(upload("1", 110).timed(millis(100_400), Some(second(100))).time, second(110));
}
