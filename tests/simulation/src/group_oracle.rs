//! Checks promotions of several functions together. One write decides a group once, when each of its members holds its
//! place. Newer requests wait behind these places. In the end all members have arrived, or none stays.
//!
//! Must not know how the deployer drives a group.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::group::{Group, Member, Phase};
use deployer_core::head::{Head, Waiting};
use deployer_core::id::DeploymentId;
use deployer_core::record::{DeploymentRecord, Status};

use super::rule::{Rule, Violation};
use super::runner::Runner;
use world::journal::{Action, JournalEntry};

/// The deployment of each live artifact in the end, by environment and function.
pub(super) type Lives = BTreeMap<(String, String), DeploymentId>;

/// Returns what is live in the end, as the heads have it.
pub(super) fn lives(runner: &Runner<'_>) -> Lives {
    let mut lives = Lives::new();
    for environment in &runner.scenario.environments {
        for function in &runner.scenario.functions {
            let key = format!("heads/{}/{function}.json", environment.name);
            let head: Option<Head> = runner.world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key)?).ok());
            let live = head.and_then(|head| head.live().map(|live| live.id()));
            lives.extend(live.map(|live| ((environment.name.clone(), function.clone()), live)));
        }
    }
    lives
}

struct GroupOracle<'f> {
    groups: BTreeMap<DeploymentId, Group>,
    heads: BTreeMap<String, Head>,
    /// The requests that were open when a member took its place, by member.
    before_member: BTreeMap<DeploymentId, BTreeSet<DeploymentId>>,
    /// The groups whose members have all held their places at one moment, since the group last released them.
    complete: BTreeSet<DeploymentId>,
    /// The groups that are not open any more, as they were last.
    erased: BTreeMap<DeploymentId, Group>,
    /// The heads that an invocation has read, each with the deployment whose rollout had passed there.
    seen: BTreeMap<(usize, String), Option<DeploymentId>>,
    /// The deployments that are live, or were.
    live: BTreeSet<DeploymentId>,
    found: &'f mut Vec<Violation>,
}

pub(super) fn check(runner: &Runner<'_>, journal: &[JournalEntry], lives: &Lives, found: &mut Vec<Violation>) {
    if !journal.iter().any(|entry| entry.object.starts_with("groups/")) {
        return;
    }
    let mut oracle = GroupOracle {
        groups: BTreeMap::new(),
        heads: BTreeMap::new(),
        before_member: BTreeMap::new(),
        complete: BTreeSet::new(),
        erased: BTreeMap::new(),
        seen: BTreeMap::new(),
        live: BTreeSet::new(),
        found,
    };
    for entry in journal {
        if entry.action == Action::Erased && entry.object.starts_with("groups/open/") {
            let erased = |id: &DeploymentId, _: &mut Group| entry.object.contains(&id.to_string());
            oracle.erased.extend(oracle.groups.extract_if(.., erased));
        }
        if let (Action::Read, Some(by), true) = (&entry.action, entry.by, entry.object.starts_with("heads/")) {
            let passed = oracle.heads.get(&entry.object).and_then(has_passed);
            oracle.seen.insert((by, entry.object.clone()), passed);
        }
        let Action::Wrote(Some(body)) = &entry.action else { continue };
        if entry.object.starts_with("heads/") {
            let Ok(head) = serde_json::from_slice(body) else { continue };
            oracle.on_head(&entry.object, head);
        } else if entry.object.starts_with("groups/open/") {
            let Ok(group) = serde_json::from_slice(body) else { continue };
            oracle.on_group(group, entry.by);
        }
    }
    let ended: Vec<Group> = runner.world.aws(|aws| {
        let keys = aws.ledger.keys("groups/ended/").map(str::to_owned).collect::<Vec<_>>();
        keys.iter().filter_map(|key| serde_json::from_slice(aws.ledger.get(key)?).ok()).collect()
    });
    for group in ended {
        let record = |function: &str, id: DeploymentId| -> Option<DeploymentRecord> {
            let key = format!("deployments/{}/{function}/{id}.json", group.environment);
            runner.world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key)?).ok())
        };
        oracle.on_group_end(&group, &record, lives);
    }
}

impl GroupOracle<'_> {
    fn report(&mut self, rule: Rule, text: String) {
        self.found.push(Violation { rule, found: text });
    }

    fn on_head(&mut self, key: &str, after: Head) {
        let before = self.heads.insert(key.to_owned(), after.clone()).unwrap_or_default();
        self.on_rollout(&before, &after);
        let is_member = |waiting: &&Waiting| waiting.request.promotion_spec().is_some_and(|it| it.group.is_some());
        for member in after.waiting().iter().filter(is_member) {
            self.before_member.entry(member.request.id).or_insert_with(|| {
                let open = before.active().map(|active| &active.request).into_iter().chain(before.all_pending());
                let waited = before.waiting().iter().map(|waiting| &waiting.request);
                open.chain(waited).map(|request| request.id).collect()
            });
        }
        let heads = &self.heads;
        let is_complete = |group: &&Group| group.functions.iter().all(|member| holds_place(heads, group, member));
        self.complete.extend(self.groups.values().filter(is_complete).map(|group| group.id));
        let claimed = after.active().map(|active| &active.request);
        let Some(claimed) = claimed.filter(|it| before.active().is_none_or(|was| was.request.id != it.id)) else {
            return;
        };
        let its = |group: &&Group| group.functions.iter().any(|member| member.deployment == claimed.id);
        if let Some(group) = self.groups.values().find(its).filter(|group| group.decided_at.is_none()) {
            let text = format!("{} of group {} was begun, and the group was not decided", claimed.id, group.id);
            self.report(Rule::DecidedOnce, text);
        }
        let stands = |waiting: &&Waiting| after.waiting().iter().any(|now| now.request.id == waiting.request.id);
        for member in before.waiting().iter().filter(is_member).filter(stands) {
            let came_before = self.before_member.get(&member.request.id).is_some_and(|ids| ids.contains(&claimed.id));
            if !came_before && !claimed.is_rollback() && member.request.id != claimed.id {
                let text =
                    format!("{key}: {} was begun before {}, which held its place", claimed.id, member.request.id);
                self.report(Rule::WaitsBehindMembers, text);
            }
        }
    }

    /// Judges a rollout that has become live: its group must have released it by then.
    fn on_rollout(&mut self, before: &Head, after: &Head) {
        let is_live = |record: &DeploymentRecord| matches!(record.status, Status::Succeeded | Status::Unchanged);
        let was = before.active().filter(|was| after.active().is_none_or(|active| active.request.id != was.request.id));
        let Some(was) = was.filter(|was| after.ended_record(was.request.id).is_some_and(is_live)) else { return };
        self.live.insert(was.request.id);
        let its = |group: &&Group| group.functions.iter().any(|member| member.deployment == was.request.id);
        let known = self.groups.values().chain(self.erased.values());
        let Some(group) = known.clone().find(its).filter(|_| was.rollout.is_some()) else { return };
        let is_over = group.phase == Phase::Ended && group.status != Status::Succeeded;
        if group.passed_at.is_none() || is_over {
            let text = format!(
                "{} of group {} is live by its rollout, and the group, which is {}, has released it at {:?}; failed first: {:?}",
                was.request.id, group.id, group.status, group.passed_at, group.failed_first
            );
            self.report(Rule::LiveTogether, text);
        }
    }

    /// Judges a group that releases its members by what its invocation has read of each.
    fn on_release(&mut self, group: &Group, by: usize) {
        let lacks = |member: &&Member| {
            let key = format!("heads/{}/{}.json", group.environment, member.function);
            let seen = self.seen.get(&(by, key)).copied().flatten();
            !self.live.contains(&member.deployment) && seen != Some(member.deployment)
        };
        let lacks: Vec<&str> = group.functions.iter().filter(lacks).map(|member| member.function.as_str()).collect();
        if !lacks.is_empty() || group.failed_first.is_some() {
            let text = format!(
                "group {} has released its members, and [{}] had not passed; failed first: {:?}",
                group.id,
                lacks.join(", "),
                group.failed_first
            );
            self.report(Rule::LiveTogether, text);
        }
    }

    fn on_group(&mut self, after: Group, by: Option<usize>) {
        let before = self.groups.insert(after.id, after.clone());
        let was_released = before.as_ref().is_some_and(|group| group.passed_at.is_some());
        if let Some(by) = by.filter(|_| after.passed_at.is_some() && !was_released) {
            self.on_release(&after, by);
        }
        let decided = before.as_ref().and_then(|group| group.decided_at);
        if decided.is_some() && decided != after.decided_at {
            let text = format!("group {} was decided at {decided:?}, and then at {:?}", after.id, after.decided_at);
            self.report(Rule::DecidedOnce, text);
        }
        let is_undone = matches!(after.phase, Phase::Checking | Phase::Placing);
        if decided.is_some() && is_undone {
            self.report(Rule::DecidedOnce, format!("group {} was decided, and is {:?} again", after.id, after.phase));
        }
        if after.phase == Phase::Checking {
            // It releases its places.
            self.complete.remove(&after.id);
        }
        if decided.is_some() || after.decided_at.is_none() {
            return;
        }
        // A hold can come between the last look at the heads and this write. Its member ends refused, and the group
        // with it.
        if !self.complete.contains(&after.id) {
            let lacks = |member: &&Member| !holds_place(&self.heads, &after, member);
            let lacks = after.functions.iter().filter(lacks).map(|member| member.function.as_str()).collect::<Vec<_>>();
            let lacks = lacks.join(" and ");
            self.report(Rule::DecidedOnce, format!("group {} was decided, and {lacks} had no place", after.id));
        }
    }

    fn on_group_end(
        &mut self,
        group: &Group,
        record: &dyn Fn(&str, DeploymentId) -> Option<DeploymentRecord>,
        lives: &Lives,
    ) {
        let because = group.because.as_deref().unwrap_or_default();
        for member in &group.functions {
            let (function, id) = (member.function.as_str(), member.deployment);
            let record = record(function, id);
            let status = record.as_ref().map(|record| record.status);
            let is_live = matches!(status, Some(Status::Succeeded | Status::Unchanged));
            let key = (group.environment.to_string(), function.to_owned());
            let stays = lives.get(&key) == Some(&id) && status != Some(Status::Unchanged);
            let frozen = record.and_then(|record| record.because).filter(|because| because.contains("frozen"));
            let (wrong, rule) = match group.status {
                Status::Succeeded => (!is_live, Rule::AllOrNone),
                Status::RolledBack => (stays, Rule::AllOrNone),
                // The group names the members that could not go back.
                Status::Failed if because.contains("could not go back") => (false, Rule::AllOrNone),
                Status::Failed => (stays, Rule::AllOrNone),
                _ if group.decided_at.is_none() => (is_live || status == Some(Status::Failed), Rule::AllOrNone),
                _ => (false, Rule::AllOrNone),
            };
            if wrong {
                let live = lives.get(&key);
                let text = format!("group {} is {}, {function} is {status:?}, live {live:?}", group.id, group.status);
                self.report(rule, format!("{text}: {because}"));
            }
            if let Some(frozen) = frozen.filter(|_| group.decided_at.is_some()) {
                self.report(
                    Rule::DecidedOnce,
                    format!("{function} of the decided group {} was stopped: {frozen}", group.id),
                );
            }
        }
    }
}

fn holds_place(heads: &BTreeMap<String, Head>, group: &Group, member: &Member) -> bool {
    let head = heads.get(&format!("heads/{}/{}.json", group.environment, member.function));
    head.is_some_and(|head| head.waiting().iter().any(|one| one.request.id == member.deployment))
}

/// Returns the deployment of a head whose rollout has passed, and that nothing holds up.
fn has_passed(head: &Head) -> Option<DeploymentId> {
    let active = head.active()?;
    let state = active.rollout.as_ref()?;
    let is_held_up = state.paused.is_some() || state.unreadable_since.is_some() || state.abort.is_some();
    (state.passed.is_some() && !is_held_up).then_some(active.request.id)
}
