//! The environment of a rollout is in the configuration no more: what its head knows without it.

use super::*;
use crate::config::{DeployRole, Environment};
use crate::function_ref::{fail_where_gone, gone_function, gone_of, role_to_keep};
use crate::id::{AliasName, ExternalId, RoleName};

/// A head as it is read again.
fn read_again(head: &Head) -> Head {
    format::read(&format::write(head, &head.as_read).unwrap()).unwrap()
}

fn gone(head: &Head) -> FunctionRef<'static> {
    gone_function(&at().name, &at().function, place_where_gone(head))
}

fn role() -> DeployRole {
    let external_id = Some(ExternalId::parse("dev-8c1f").unwrap());
    DeployRole { name: RoleName::parse("platform/deployer").unwrap(), external_id }
}

/// Returns a head with a rollout whose targets were entered by this role, through this alias.
fn entered() -> Head {
    let begun = BegunRollout { role: role(), ..begun(json!({})) };
    let mut published = published();
    let claimed = published.queue.active.as_mut().unwrap().claimed_for.as_mut().unwrap();
    claimed.alias = AliasName::parse("main").unwrap();
    claimed.function_name = FunctionName::parse("acme-orders").unwrap();
    begin_rollout(&published, token("two"), &begun, second(BEGIN)).unwrap()
}

#[test]
fn rollout_is_found_by_the_plan_and_the_role_of_its_head() {
    let head = read_again(&entered());
    assert!(goes_on_where_gone(&head));
    let at = gone(&head);
    let Environment { targets: found, alias, role_name, external_id, keep_versions, .. } = at.environment.as_ref();
    assert_eq!((found.as_slice(), alias.as_str(), at.function_name.as_str()), (targets(), "main", "acme-orders"));
    assert_eq!((role_name, external_id), (&role().name, &role().external_id));
    assert_eq!(*keep_versions, u32::MAX, "it deletes nothing");
    let active = head.active().unwrap();
    assert_eq!(gone_of(&at, active), Some(Gone::Environment(at.name.clone())));
    assert_eq!(at.as_claimed(active).environment, at.environment);
    let told = at.rolling_out(active).because.unwrap();
    assert!(told.ends_with("; deployer.json does not have environment dev any more"), "{told}");
    assert!(!serde_json::to_string(&at.record_of(active, Status::InProgress)).unwrap().contains("dev-8c1f"));
}

#[test]
fn role_of_the_configuration_counts_as_long_as_the_environment_is_there() {
    let head = entered();
    let claimed = at().as_claimed(head.active().unwrap());
    assert_eq!(claimed.environment.deploy_role(), at().environment.deploy_role());
    assert_eq!(claimed.environment.alias.as_str(), "main");
    assert_eq!(gone_of(&claimed, head.active().unwrap()), None);
}

#[test]
fn head_without_the_role_does_not_go_on() {
    let mut head = entered();
    head.queue.active.as_mut().unwrap().role = None;
    let head = read_again(&head);
    assert!(head.active().unwrap().rollout.is_some() && !goes_on_where_gone(&head));
    assert_eq!(gone(&head).environment.targets, []);
}

#[test]
fn deployment_that_was_to_roll_out_fails_before_it_begins_unless_it_may_have_moved_an_alias() {
    let mut head = published();
    assert!(!goes_on_where_gone(&head), "its environment has no rollout");
    head.queue.active.as_mut().unwrap().role = Some(role());
    assert!(goes_on_where_gone(&head));
    let Some(Ending::Tried(failed)) = fail_where_gone(&gone(&head), head.active().unwrap()) else { panic!() };
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|outcome| outcome.status == Status::Failed), "{failed:?}");
    assert_eq!(fail_where_gone(&gone(&entered()), entered().active().unwrap()), None, "its rollout has begun");
    assert_eq!(fail_where_gone(&at(), head.active().unwrap()), None, "its environment is there");
    head.queue.active.as_mut().unwrap().doors_unrecorded = true;
    assert!(!goes_on_where_gone(&head));
}

#[test]
fn nothing_that_waits_is_claimed_where_the_environment_is_gone() {
    let head = parked_at(json!({})).accepts(&upload("3", 35), &me("three", 35)).0;
    let aborted = |state: RolloutState| {
        state.aborted(crate::rollout::Abort {
            reason: crate::rollout::AbortReason::Aborted,
            by: None,
            because: "no".into(),
        })
    };
    let id = head.active().unwrap().request.id;
    let LookEffect::Claim { head, .. } = apply_look(&head, (id, rollout_of(&head)), &me("back", 40), aborted) else {
        panic!()
    };
    let head = works(*head, "back", 41);
    let active = head.active().unwrap().clone();
    let end = ended_by(&active, rollout_ending(&active, &end_of_way_back(rollout_of(&head)).unwrap(), &at()), 42);
    let ends = |at: &FunctionRef<'_>| finish(&head, token("back"), &end, at, Some(&me("next", 42)));
    assert!(matches!(ends(&at()), Finish::Commit { next: Some(_), .. }));
    let Finish::Commit { head: ended, next } = ends(&gone(&head)) else { panic!() };
    assert_eq!((next, ended.all_pending().len()), (None, 1));
}

#[test]
fn rollback_that_has_taken_the_rollout_back_has_its_turn_where_the_environment_is_gone() {
    let rollback = rollback("r", 50);
    let (mut head, _) = entered().accepts(&rollback, &me("r", 50));
    let active = head.queue.active.as_mut().unwrap();
    (active.claim, active.lease_until) = (token("r"), second(900));
    let head = works(head, "r", 51).accepts(&upload("3", 52), &me("three", 52)).0;
    let active = head.active().unwrap().clone();
    let end = end_of_way_back(rollout_of(&head)).unwrap();
    let end = ended_by(&active, rollout_ending(&active, &end, &at()), 53);
    // The commit had no time for what is next.
    let (head, next) = head.commits("r", &end, None);
    let head = read_again(&head);
    assert!(next.is_none() && head.active().is_none() && goes_on_where_gone(&head), "{head:?}");
    let at = gone(&head);
    assert_eq!((at.environment.targets.as_slice(), &at.environment.role_name), (targets(), &role().name));
    let Transition { head: Some(head), then: Next::Work(active) } = acquire(&head, &at, &me("gone", 60)) else {
        panic!()
    };
    assert_eq!((active.request.id, &active.role), (rollback.id, &Some(role())));
    assert!(goes_on_where_gone(&head));
    let ended = ends(&active.request, "A", |outcome| outcome.status = Status::Unchanged);
    let (head, next) = head.commits("gone", &ended, None);
    assert!(next.is_none() && !goes_on_where_gone(&head), "the upload waits until the environment is back");
    assert_eq!(acquire(&head, &gone(&head), &me("late", 70)).then, Next::Nothing);
}

#[test]
fn rollback_keeps_the_role_where_its_environment_rolls_out() {
    let keeps = |at: &FunctionRef<'_>, kind: CauseKind| role_to_keep(at, kind).is_some();
    let plain = at();
    assert!(!keeps(&plain, CauseKind::Rollback) && !keeps(&plain, CauseKind::Upload));
    let head = entered();
    assert!(keeps(&gone(&head), CauseKind::Rollback), "its environment is gone");
}
