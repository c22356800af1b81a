//! The fault plan: the calls that fail, lose their answers, or meet a foreign change.
//!
//! Rules are written as sentences:
//! `world.on(Op::UpdateAlias).at("111111111111").call(2).fail(CallErrorKind::Throttled)`.

use std::time::Duration;

use deployer_engine::port::CallErrorKind;

use super::World;
use super::call::Op;
use super::function::UpdateOutcome;
use super::state::State;

type Change = Box<dyn FnMut(&mut State) + Send>;

enum Effect {
    Fail(CallErrorKind, String),
    LoseAnswer,
    Hold(Duration),
    Twice,
    End(UpdateOutcome),
    BreakAfter(u64),
    Jump(Duration),
    Meanwhile(Change),
}

struct Rule {
    op: Op,
    place: Option<String>,
    what: Option<String>,
    skip: usize,
    times: usize,
    seen: usize,
    effect: Effect,
}

/// All rules of the fault plan.
#[derive(Default)]
pub(super) struct Plan(Vec<Rule>);

/// The effects of all rules that fit a call.
pub(super) struct Effects<'a> {
    pub meanwhile: Vec<&'a mut Change>,
    pub fail: Option<(CallErrorKind, String)>,
    pub lose_answer: Option<String>,
    /// The time after which the call is carried out.
    pub held: Option<Duration>,
    pub twice: bool,
    pub jump: Duration,
    pub outcome: UpdateOutcome,
    pub break_after: Option<u64>,
}

impl Plan {
    /// Returns the effects that a call meets, and counts them as used.
    pub fn meet(&mut self, op: Op, place: &str, what: &str) -> Effects<'_> {
        let mut effects = Effects {
            meanwhile: Vec::new(),
            fail: None,
            lose_answer: None,
            held: None,
            twice: false,
            jump: Duration::ZERO,
            outcome: UpdateOutcome::Settles,
            break_after: None,
        };
        for rule in &mut self.0 {
            let fits =
                |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|w| found.contains(w.as_str()));
            if rule.op != op || !fits(&rule.place, place) || !fits(&rule.what, what) {
                continue;
            }
            rule.seen += 1;
            if rule.seen <= rule.skip || rule.seen - rule.skip > rule.times {
                continue;
            }
            match &mut rule.effect {
                Effect::Fail(kind, text) => effects.fail = Some((*kind, format!("{op} of {what}: {text}"))),
                Effect::LoseAnswer => effects.lose_answer = Some(format!("{op} of {what}: the connection was lost")),
                Effect::End(outcome) => effects.outcome = outcome.clone(),
                Effect::BreakAfter(bytes) => effects.break_after = Some(*bytes),
                Effect::Hold(time) => effects.held = Some(*time),
                Effect::Twice => effects.twice = true,
                Effect::Jump(by) => effects.jump = *by,
                Effect::Meanwhile(change) => effects.meanwhile.push(change),
            }
        }
        effects
    }

    /// Whether each rule of this operation has met a call.
    pub fn is_met(&self, op: Op) -> bool {
        self.0.iter().filter(|rule| rule.op == op).all(|rule| rule.seen > rule.skip)
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// A rule of the fault plan under construction. It fits the next call of the operation, unless it is narrowed or
/// widened.
#[must_use = "nothing goes wrong before it is said what"]
pub struct On<'w> {
    world: &'w World,
    rule: Rule,
}

impl<'w> On<'w> {
    pub(super) fn new(world: &'w World, op: Op) -> Self {
        let effect = Effect::LoseAnswer;
        Self { world, rule: Rule { op, place: None, what: None, skip: 0, times: 1, seen: 0, effect } }
    }

    /// Narrows it to this place: an account, or an account and region.
    pub fn at(mut self, place: &str) -> Self {
        self.rule.place = Some(place.to_owned());
        self
    }

    /// Narrows it to objects that contain this: a part of a key, or of a function's name with its qualifier.
    pub fn about(mut self, what: &str) -> Self {
        self.rule.what = Some(what.to_owned());
        self
    }

    /// Skips the calls before the n-th one, counted from 1.
    pub fn call(mut self, number: usize) -> Self {
        self.rule.skip = number - 1;
        self
    }

    /// Makes it fit so many calls in a row.
    pub fn times(mut self, times: usize) -> Self {
        self.rule.times = times;
        self
    }

    /// Makes it fit every such call.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// The call is not carried out, and fails with this kind of error.
    pub fn fail(self, kind: CallErrorKind) {
        let text = format!("{kind:?}, says the fault plan");
        self.fail_saying(kind, &text);
    }

    /// The call is not carried out, and fails with this kind of error in AWS's words.
    pub fn fail_saying(self, kind: CallErrorKind, text: &str) {
        self.with(Effect::Fail(kind, text.to_owned()));
    }

    /// The call is carried out, but its answer does not arrive.
    pub fn lose_the_answer(self) {
        self.with(Effect::LoseAnswer);
    }

    /// The call is held on its way: its answer is lost, and it is carried out after this time, even if its sender is
    /// dead by then. Only writes to Lambda can be held.
    pub fn hold_for(self, time: Duration) {
        self.with(Effect::Hold(time));
    }

    /// The call is carried out, its answer is lost, and the SDK sends it again: the second answer arrives.
    pub fn twice(self) {
        self.with(Effect::Twice);
    }

    /// The update that begins with this call ends in state Failed.
    pub fn end_failed(self, because: &str) {
        self.with(Effect::End(UpdateOutcome::Fails(because.to_owned())));
    }

    /// The version that this call publishes ends in a state other than Active. A reason code may follow the state
    /// behind a space; it is Idle otherwise.
    pub fn end_in(self, state: &str) {
        self.with(Effect::End(UpdateOutcome::EndsIn(state.to_owned())));
    }

    /// The body breaks off after this number of bytes.
    pub fn break_after(self, bytes: u64) {
        self.with(Effect::BreakAfter(bytes));
    }

    /// The process freezes during the call: the wall clock jumps, timers do not.
    pub fn freeze(self, by: Duration) {
        self.with(Effect::Jump(by));
    }

    /// Somebody else makes this change just before the call is carried out.
    pub fn meanwhile(self, change: impl FnMut(&mut State) + Send + 'static) {
        self.with(Effect::Meanwhile(Box::new(change)));
    }

    fn with(mut self, effect: Effect) {
        self.rule.effect = effect;
        self.world.add_rule(self.rule);
    }
}

impl World {
    /// Whether everything that should go wrong with this operation has gone wrong at least once.
    #[must_use]
    pub fn has_met_faults_of(&self, op: Op) -> bool {
        self.shared.faults.lock().unwrap().is_met(op)
    }

    fn add_rule(&self, rule: Rule) {
        self.shared.faults.lock().unwrap().0.push(rule);
    }
}
