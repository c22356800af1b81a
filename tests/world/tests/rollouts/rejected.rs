//! Rejects and recalls of the release that rolls out: its code goes with its label, and the answers say what became of it.

use super::*;

/// A reject or a recall of 1.1.0, under an id.
fn bad(verb: &str) -> Value {
    json!({ "command": verb, "function": "orders", "release": "1.1.0", "reason": "it leaks", "requested_by": "ann",
            "id": "once" })
}

async fn again_is_refused(world: &World, case: &str) {
    world.pass(Duration::from_secs(1)).await;
    let again = world.record("dev/orders/1.1.0-again.zip", code("1.1.0")).await;
    assert_eq!((again.status, again.code), (Status::Refused, Some(Code::Rejected)), "{case}: {again:?}");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "{case}");
}

#[tokio::test(start_paused = true)]
async fn code_of_the_release_that_rolls_out_is_rejected_under_every_label() {
    for verb in ["reject", "recall"] {
        let world = world(&one_step());
        begins(&world).await;
        world.command(bad(verb)).await;
        again_is_refused(&world, verb).await;
    }
}

#[tokio::test(start_paused = true)]
async fn code_of_what_rolls_out_is_rejected_where_its_environment_is_gone() {
    for verb in ["reject", "recall"] {
        let world = world(&one_step());
        begins(&world).await;
        let dev = world.remove_environment("dev");
        let answer = world.command(bad(verb)).await;
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "{verb}: {answer:#}");
        world.put_environment("dev", dev);
        again_is_refused(&world, verb).await;
    }
}

#[tokio::test(start_paused = true)]
async fn reject_answers_with_the_rollout_that_it_takes_back() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    let answer = world.command(bad("reject")).await;
    let taken = json!([{ "environment": "dev", "deployment": begun.id.to_string(), "release": "1.1.0" }]);
    assert_eq!(answer["taken_back"], taken, "{answer:#}");
    assert_eq!(world.command(bad("reject")).await["taken_back"], Value::Null, "what it did not do, it does not say");
}

#[tokio::test(start_paused = true)]
async fn recall_answers_with_the_rollout_that_it_takes_back_and_leaves_no_refused_rollback() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    for time in ["first", "again", "after its end"] {
        let answer = world.command(bad("recall")).await;
        let all = answer["environments"].as_array().unwrap();
        assert_eq!(all.len(), 1, "{time}: {answer:#}");
        let one = &all[0];
        assert_eq!(one["taken_back"], json!(true), "{time}: {answer:#}");
        assert_eq!((&one["environment"], &one["left"]), (&json!("dev"), &json!("1.1.0")), "{time}");
        let record = &one["deployment"];
        assert_eq!((&record["id"], &record["code"]), (&json!(begun.id.to_string()), &json!("Rejected")), "{time}");
        if time == "again" {
            world.sweep_minutes(2).await;
        }
    }
    assert_eq!(world.newest_in("dev").await.id, begun.id, "nothing else was begun");
    assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn later_recall_does_not_name_a_rollout_that_ended_before_it() {
    let world = world(&one_step());
    begins(&world).await;
    world.command(bad("reject")).await;
    world.sweep_minutes(2).await;
    let mut recall = bad("recall");
    recall["id"] = json!("later");
    let answer = world.command(recall).await;
    assert_eq!(answer["environments"], json!([]), "{answer:#}");
}

#[tokio::test(start_paused = true)]
async fn rollout_that_cannot_be_taken_back_now_is_named_and_goes_back_with_the_next_look() {
    for (verb, told) in [("reject", "/unreadable/0"), ("recall", "/environments/0/because")] {
        let world = world(&one_step());
        let begun = begins(&world).await;
        world.on(Op::WriteLedger).about("heads/dev/orders").always().fail(CallErrorKind::Unknown);
        let answer = world.command(bad(verb)).await;
        let told = answer.pointer(told).and_then(Value::as_str).unwrap_or_else(|| panic!("{verb}: {answer:#}"));
        assert!(told.contains("could not be taken back now, and the next look does: "), "{verb}: {told}");
        world.heal();
        world.sweep_minutes(3).await;
        assert_eq!(record_of(&world, &begun).await.code, Some(Code::Rejected), "{verb}");
        assert_eq!(BOTH.map(|place| world.served(place)), [whole(1), whole(1)], "{verb}");
    }
}
