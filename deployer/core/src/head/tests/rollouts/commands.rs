//! The command `rollout`: pause, continue, finish, abort.

use super::*;

fn says(action: RolloutVerb, id: &str) -> RolloutCommand {
    RolloutCommand {
        deployment: upload("2", 20).id,
        action,
        by: Some("ann".into()),
        principal: None,
        unproven: None,
        reason: Some("look at the logs".into()),
        id: id.to_owned(),
    }
}

fn obeys(head: &Head, command: &RolloutCommand) -> Head {
    match command_rollout(head, command, &at(), second(60)) {
        Ok(CommandEffect::Write(head)) => *head,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pause_and_continue_lead_back_to_the_same_step() {
    let head = shifting();
    let paused = obeys(&head, &says(RolloutVerb::Pause, "p"));
    let pause = rollout_of(&paused).paused.as_ref().unwrap();
    assert_eq!(pause.because, "ann has asked to pause it: look at the logs");
    assert!(matches!(next(&paused, 60), NextAction::Look { .. }), "it is looked at as before");
    let again = RolloutCommand { reason: Some("the shop is slow".into()), ..says(RolloutVerb::Pause, "again") };
    let again = obeys(&paused, &again);
    let again = rollout_of(&again).paused.as_ref().unwrap();
    assert_eq!((&*again.because, again.since), ("ann has asked to pause it: the shop is slow", pause.since));
    let LookEffect::Claim { head: back, .. } = look(&paused, Verdict::Bad, "look", 70) else { panic!() };
    assert_eq!(rollout_of(&back).phase, Phase::GoingBack, "and still goes back by itself");
    let mut same = rollout_of(&continued(&paused)).clone();
    (same.due, same.asked) = (rollout_of(&head).due, vec![]);
    assert_eq!(&same, rollout_of(&head));
}

fn continued(paused: &Head) -> Head {
    obeys(paused, &says(RolloutVerb::Continue, "c"))
}

#[test]
fn quiet_last_watch_that_a_person_continues_succeeds_by_the_next_look() {
    let quiet = |head: &Head, minutes: i64| look(head, Verdict::Quiet, "look", BEGIN + 60 * minutes);
    let parked = parked_at(json!({ "steps": [], "when_quiet": "pause", "watch": "10m" }));
    let LookEffect::Write(longer) = quiet(&parked, 10) else { panic!() };
    let LookEffect::Write(paused) = quiet(&longer, 20) else { panic!() };
    assert!(rollout_of(&paused).paused.is_some());
    let LookEffect::Claim { end, .. } = quiet(&continued(&paused), 21) else { panic!("it pauses again") };
    assert_eq!(end, Some(RolloutEnd::Succeeded { unproven: true }));
}

#[test]
fn finish_ends_the_wait_at_the_next_look() {
    let finishing = obeys(&shifting(), &says(RolloutVerb::Finish, "f"));
    let LookEffect::Claim { head, .. } = look(&finishing, Verdict::Ok, "look", 61) else { panic!() };
    assert_eq!(rollout_of(&head).targets[0].weight, 100);
}

#[test]
fn abort_takes_the_rollout_back_whatever_it_does() {
    for before in [
        shifting(),
        obeys(&shifting(), &says(RolloutVerb::Pause, "p")),
        obeys(&shifting(), &says(RolloutVerb::Finish, "f")),
    ] {
        let head = obeys(&before, &says(RolloutVerb::Abort, "a"));
        assert!(matches!(next(&head, 60), NextAction::Resume(_)));
        let (head, _) = commits(&works(head.acquires(&me("a", 61)).0, "a", 62), "a", 63);
        let record = head.record_of(&upload("2", 20));
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Aborted)));
        assert_eq!(
            record.because.as_deref(),
            Some("ann has asked to abort it: look at the logs; 2 was taken back at 10 %")
        );
    }
}

#[test]
fn command_of_the_same_id_is_carried_out_once() {
    let command = says(RolloutVerb::Pause, "p");
    let paused = obeys(&shifting(), &command);
    assert_eq!(command_rollout(&paused, &command, &at(), second(70)), Ok(CommandEffect::Duplicate));
    let continued = obeys(&paused, &says(RolloutVerb::Continue, "c"));
    assert_eq!(command_rollout(&continued, &command, &at(), second(70)), Ok(CommandEffect::Duplicate), "too late");
    assert_eq!(rollout_of(&obeys(&continued, &says(RolloutVerb::Pause, "q"))).phase, Phase::Shifting);
}

#[test]
fn command_for_another_deployment_or_phase_is_refused() {
    let refusal = |head: &Head, command| command_rollout(head, &command, &at(), second(60)).unwrap_err().to_string();
    let other = RolloutCommand { deployment: upload("9", 9).id, ..says(RolloutVerb::Abort, "a") };
    let message = refusal(&shifting(), other);
    assert!(message.ends_with(&format!("the rollout under way is that of {}", upload("2", 20).id)), "{message}");
    assert_eq!(
        refusal(&published(), says(RolloutVerb::Abort, "a")),
        "no rollout is under way here: status shows what is live"
    );
    assert_eq!(refusal(&shifting(), says(RolloutVerb::Continue, "c")), "the rollout cannot continue: it is not paused");
    let back = obeys(&shifting(), &says(RolloutVerb::Abort, "a"));
    assert_eq!(refusal(&back, says(RolloutVerb::Pause, "p")), "the rollout cannot pause: it is going back");
}

#[test]
fn status_shows_the_rollout_with_its_step_its_pause_and_its_way_back() {
    use crate::rejects::Rejects;
    use crate::status::FunctionStatus;
    let told = |head: &Head| FunctionStatus::of(&at(), head, &Rejects::default()).rollout;
    assert_eq!(told(&published()), None, "nothing is rolled out before all targets have published");
    let moving = told(&intends(json!({}))).unwrap();
    assert_eq!((moving.weight, moving.since, moving.due, moving.targets[0].at), (10, None, None, None));
    let parked = told(&shifting()).unwrap();
    assert_eq!((parked.deployment, parked.phase), (upload("2", 20).id, Phase::Shifting));
    assert_eq!((parked.wave, parked.waves, parked.step, parked.steps, parked.weight), (1, 1, 1, 1, 10));
    assert_eq!((parked.since, parked.due), (Some(second(BEGIN)), Some(second(BEGIN + 600))));
    assert_eq!((&parked.targets[1].old, &parked.targets[1].new), (&Some(version("6")), &Some(version("7"))));
    let paused = told(&obeys(&shifting(), &says(RolloutVerb::Pause, "p"))).unwrap();
    assert_eq!(paused.paused.unwrap().by.as_deref(), Some("ann"));
    assert_eq!(paused.due, Some(second(60 + 86_400)), "nobody continues it for a day");
    let back = told(&obeys(&shifting(), &says(RolloutVerb::Abort, "a"))).unwrap();
    assert_eq!((back.phase, back.weight), (Phase::GoingBack, 0));
    assert_eq!(back.because.as_deref(), Some("ann has asked to abort it: look at the logs"));
}

#[test]
fn what_people_ask_for_is_recorded_with_who_they_are() {
    use crate::identity::Principal;
    use crate::record::RecordedRollout;
    let ann = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_1/ann";
    let proven = |action, id| RolloutCommand { principal: Some(Principal::parse(ann).unwrap()), ..says(action, id) };
    let late = RolloutCommand { unproven: Some("too old".into()), ..says(RolloutVerb::Continue, "c") };
    let paused = obeys(&shifting(), &proven(RolloutVerb::Pause, "p"));
    let because = |word: &str| format!("ann ({ann}) has asked to {word} it: look at the logs");
    assert_eq!(rollout_of(&paused).paused.as_ref().unwrap().because, because("pause"));
    let aborted = obeys(&obeys(&paused, &late), &proven(RolloutVerb::Abort, "a"));
    assert_eq!(rollout_of(&aborted).abort.as_ref().unwrap().because, because("abort"));
    let recorded = serde_json::to_value(RecordedRollout::of(rollout_of(&aborted))).unwrap();
    let (at, reason) = ("1970-01-01T00:01:00Z", "look at the logs");
    let word =
        |action: &str| json!({"at": at, "action": action, "requested_by": "ann", "principal": ann, "reason": reason});
    let unproven =
        json!({"at": at, "action": "continue", "requested_by": "ann", "unproven": "too old", "reason": reason});
    assert_eq!(recorded["asked"], json!([word("pause"), unproven, word("abort")]));
}

#[test]
fn last_words_of_many_are_recorded() {
    let (mut head, all) = (shifting(), 0..30);
    for number in all {
        head = obeys(&head, &RolloutCommand { reason: None, ..says(RolloutVerb::Finish, &format!("f{number}")) });
        head = obeys(&head, &says(RolloutVerb::Pause, &format!("p{number}")));
    }
    let asked = &rollout_of(&head).asked;
    assert_eq!((asked.len(), asked[19].action), (20, RolloutVerb::Pause));
}

#[test]
fn id_of_an_action_in_a_rollout_is_of_no_other_command() {
    let paused = obeys(&shifting(), &says(RolloutVerb::Pause, "p"));
    let used = |id: &str| used_id(&paused, &at(), id, CommandKind::Deployment).map(|used| used.to_string());
    let was = format!("an action in a rollout, deployment {}", upload("2", 20).id);
    assert_eq!(
        used("p"),
        Some(format!("id \"p\" was another command's before ({was}): give each command an id of its own"))
    );
    assert_eq!(used("q"), None);
    let live = used(&upload("1", 10).id.to_string()).unwrap();
    assert!(live.contains("is the id of a deployment of orders in dev, and not that of a command"), "{live}");
    assert_eq!(used(&upload("9", 9).id.to_string()), None, "nobody has uploaded that");
}
