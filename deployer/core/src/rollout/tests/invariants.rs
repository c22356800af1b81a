//! Whatever is done, seen and asked for, in whichever order, and wherever the deployer dies.

use proptest::prelude::*;

use super::*;

/// The next event.
#[derive(Debug, Clone)]
enum Event {
    /// The deployer does what the state asks for in so many targets, then dies.
    Works(usize),
    /// The deployer moves an alias and dies before it has told so.
    MovesUntold,
    Fails(usize),
    Looks(Verdict),
    Waits(i64),
    Pauses,
    Continues,
    Finishes,
    Aborts,
    Alarms,
    Expires,
    ForeignChange(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (1..6_usize).prop_map(Event::Works),
        2 => Just(Event::MovesUntold),
        1 => (0..4_usize).prop_map(Event::Fails),
        8 => Just(Event::Looks(Verdict::Ok)),
        3 => Just(Event::Looks(Verdict::Quiet)),
        2 => Just(Event::Looks(Verdict::Unreadable)),
        1 => Just(Event::Looks(Verdict::Bad)),
        10 => (1..12_i64).prop_map(Event::Waits),
        1 => Just(Event::Pauses),
        2 => Just(Event::Continues),
        1 => Just(Event::Finishes),
        1 => Just(Event::Aborts),
        1 => Just(Event::Alarms),
        1 => Just(Event::Expires),
        1 => (0..4_usize).prop_map(Event::ForeignChange),
    ]
}

/// The aliases, and what has been done to them.
struct World {
    now: Timestamp,
    /// The weight that each target's alias serves, and since when.
    aliases: Vec<(u8, Timestamp)>,
    smoked: Vec<bool>,
    published: Vec<bool>,
    /// The weight that each alias had when the rollout was to go back.
    at_abort: Option<Vec<u8>>,
    foreign: Vec<bool>,
}

impl World {
    fn number(target: &Target) -> usize {
        target.account.as_str().parse::<usize>().unwrap() - 1
    }

    fn serve(&mut self, state: &RolloutState, target: &Target, weight: u8) {
        let number = Self::number(target);
        if self.foreign[number] {
            return;
        }
        let (before, since) = self.aliases[number];
        if weight > before {
            assert!(self.published.iter().all(|published| *published), "traffic before all have published");
            assert!(self.smoked[number], "traffic before the smoke test");
            if let Some(at_abort) = &self.at_abort {
                assert!(weight <= at_abort[number], "the weight rises after the rollout was to go back");
            }
            let first_of_wave: usize = state.plan.waves.iter().take(state.wave).map(Vec::len).sum();
            assert!(
                self.aliases[..first_of_wave].iter().all(|(weight, _)| *weight == 100) || self.foreign.contains(&true),
                "a wave begins before the earlier one serves all traffic"
            );
            if before > 0 && !state.finish {
                let held = self.now.duration_since(since);
                assert!(held >= SignedDuration::from_mins(3), "{before} % is held for {held}");
            }
        }
        if weight != before {
            self.aliases[number] = (weight, self.now);
        }
    }

    /// Does what the state asks for in some targets.
    fn work(&mut self, state: RolloutState, count: usize, tells: bool) -> Progress {
        let mut progress = Progress::Continues(Box::new(state));
        for _ in 0..count {
            let Progress::Continues(state) = progress else { return progress };
            progress = match state.next_action() {
                RolloutAction::Publish(of) => {
                    self.published[Self::number(&of[0])] = true;
                    state.published(&of[0], &version(7))
                }
                RolloutAction::Smoke(of) => {
                    self.smoked[Self::number(&of[0])] = true;
                    state.smoke_passed(&of[0], self.now)
                }
                RolloutAction::Move(of) => {
                    let weight = state.targets[Self::number(&of[0])].weight;
                    self.serve(&state, &of[0], weight);
                    if tells { state.moved(&of[0], weight, self.now) } else { Progress::Continues(state) }
                }
                RolloutAction::GoBack(of) => {
                    self.serve(&state, &of[0], 0);
                    if tells { state.returned(&of[0], self.now) } else { Progress::Continues(state) }
                }
                RolloutAction::Look { .. } => Progress::Continues(state),
            };
        }
        progress
    }

    fn fail(&self, state: RolloutState, number: usize) -> Progress {
        match state.phase {
            Phase::Publishing => state.publish_failed("no role"),
            Phase::Smoke => state.smoke_failed("answered null"),
            Phase::GoingBack => state.cannot_return(&targets(4)[number], "deleted"),
            Phase::Shifting | Phase::Watching => Progress::Continues(Box::new(state)),
        }
    }

    fn happens(&mut self, state: RolloutState, event: &Event) -> Progress {
        let unchanged = |_| Progress::Continues(Box::new(state.clone()));
        match event {
            Event::Works(count) => self.work(state, *count, true),
            Event::MovesUntold => self.work(state, 1, false),
            Event::Fails(number) => self.fail(state, *number),
            Event::Looks(verdict) => {
                let had_traffic = state.has_traffic() && state.phase != Phase::GoingBack;
                let progress = state.looked(*verdict, "because", self.now);
                if *verdict == Verdict::Bad && had_traffic {
                    let goes_on = matches!(&progress, Progress::Continues(state) if state.phase != Phase::GoingBack);
                    assert!(!goes_on, "a bad verdict is not heard");
                }
                progress
            }
            Event::Waits(minutes) => {
                self.now += SignedDuration::from_mins(*minutes);
                Progress::Continues(Box::new(state))
            }
            Event::Pauses => state.clone().pause_asked("bob".into(), "wait".into(), self.now).unwrap_or_else(unchanged),
            Event::Continues => state.clone().continue_asked(self.now).unwrap_or_else(unchanged),
            Event::Finishes => state.clone().finish_asked(self.now).unwrap_or_else(unchanged),
            Event::Aborts => {
                let progress = state.aborted(abort());
                let goes_on = matches!(&progress, Progress::Continues(state) if state.phase != Phase::GoingBack);
                assert!(!goes_on, "an abort is not heard");
                progress
            }
            Event::Alarms => state.alarm_fired("orders-5xx"),
            Event::Expires => state.expired(self.now),
            Event::ForeignChange(number) => {
                let is_begun = state.targets[*number].weight > 0;
                if !is_begun || self.foreign[*number] {
                    return Progress::Continues(Box::new(state));
                }
                self.foreign[*number] = true;
                let changed = ForeignAlias { said: "CodeDeploy".into(), alone: None };
                state.changed_by_others(&targets(4)[*number], &changed)
            }
        }
    }

    fn judge(&self, end: &RolloutEnd) {
        let serves_new = |number: usize| self.aliases[number].0 > 0;
        match end {
            RolloutEnd::Succeeded { .. } => assert!(self.aliases.iter().all(|(weight, _)| *weight == 100)),
            RolloutEnd::Stopped(_) => assert!((0..4).all(|number| !serves_new(number))),
            RolloutEnd::RolledBack(_) => assert!((0..4).all(|number| !serves_new(number)), "{:?}", self.aliases),
            RolloutEnd::Failed { left, .. } => {
                let named: Vec<usize> = left.iter().map(|(target, _)| Self::number(target)).collect();
                assert!((0..4).all(|number| !serves_new(number) || named.contains(&number)), "one is not named");
            }
        }
    }
}

fn rollout() -> impl Strategy<Value = Value> {
    let steps = prop_oneof![
        Just(json!([])),
        Just(json!([{ "weight": 10, "for": "3m" }])),
        Just(json!([{ "weight": 10, "for": "5m", "then": "pause" }, { "weight": 50, "for": "3m" }])),
    ];
    let waves = prop_oneof![Just(json!(["100%"])), Just(json!(["1", "100%"])), Just(json!(["1", "2", "100%"]))];
    let when_quiet = prop_oneof![Just("proceed"), Just("pause"), Just("fail")];
    (steps, waves, when_quiet).prop_map(|(steps, waves, when_quiet)| {
        json!({ "steps": steps, "waves": waves, "when_quiet": when_quiet, "watch": "3m", "pause_expires": "1h" })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn rollout_keeps_its_promises(
        rollout in rollout(),
        events in proptest::collection::vec(event(), 0..120),
        created in proptest::option::weighted(0.2, 0..4_usize),
        at_once in proptest::option::weighted(0.2, 0..4_usize),
    ) {
        let of = |target: &Target| {
            let number = World::number(target);
            let shift = if at_once == Some(number) { Shift::AtOnce } else { Shift::InSteps };
            (shift, (created != Some(number)).then(|| version(6)))
        };
        let mut world = World {
            now: start(),
            aliases: vec![(0, start()); 4],
            smoked: vec![false; 4],
            published: vec![false; 4],
            at_abort: None,
            foreign: vec![false; 4],
        };
        let mut state = RolloutState::begin(plan(rollout, 4), of);
        // After the events everything works and every look is good: the rollout ends.
        let calm = [Event::Works(20), Event::Waits(20), Event::Continues, Event::Looks(Verdict::Ok)];
        let mut ended = None;
        for event in events.iter().chain(calm.iter().cycle().take(200)) {
            let written = serde_json::to_value(&state).unwrap();
            state = serde_json::from_value(written).unwrap();
            match world.happens(state.clone(), event) {
                Progress::Continues(next) => {
                    if next.abort.is_some() && world.at_abort.is_none() {
                        world.at_abort = Some(world.aliases.iter().map(|(weight, _)| *weight).collect());
                    }
                    state = *next;
                }
                Progress::Ended { end, .. } => {
                    ended = Some(end);
                    break;
                }
            }
        }
        let ended = ended.expect("a rollout ends");
        world.judge(&ended);
    }
}
