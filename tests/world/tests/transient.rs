//! Errors that another try can fix: the message comes again, and until then nothing is written in a target.
#![allow(clippy::unwrap_used)]

use deployer_core::record::Status;
use deployer_engine::Transient;
use deployer_engine::port::CallErrorKind;
use world::zips::{code, large};
use world::{DEV, Op, World, recorded};

#[tokio::test(start_paused = true)]
async fn unavailable_ledger_does_nothing() {
    let world = World::with_orders();
    world.aws(|aws| aws.ledger.unavailable = true);
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let transient = world.deliver(&upload).await.unwrap_err();
    assert!(matches!(transient, Transient::Ledger(_)));
    assert!(
        transient.to_string().starts_with("the ledger is unavailable: writing s3://acme-deployer-ledger/open/"),
        "{transient}"
    );
    let in_target: Vec<_> = world.calls().into_iter().filter(|call| call.op.is_lambda()).collect();
    assert!(in_target.is_empty(), "{in_target:?}");

    world.aws(|aws| aws.ledger.unavailable = false);
    assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
    assert_eq!(world.function(DEV, "orders", |f| f.versions.len()), 2);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn ledger_that_fails_at_any_call_converges() {
    for (op, calls) in [(Op::ReadLedger, 2), (Op::WriteLedger, 7), (Op::DeleteLedger, 1)] {
        for call in 1..=calls {
            for answer_is_lost in [false, true] {
                let world = World::with_orders();
                let fault = world.on(op).call(call);
                if answer_is_lost {
                    fault.lose_the_answer()
                } else {
                    fault.fail(CallErrorKind::Unknown)
                }
                let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
                let record = world.until_ended(&upload).await;
                assert_eq!(record.status, Status::Succeeded, "{op} {call}");
                let (versions, live) = world.function(DEV, "orders", |f| (f.versions.len(), f.aliases["live"].version));
                assert_eq!((versions, live), (2, 2), "{op} {call}");
                world.markers_are_cleared().await;
                world.same_again_changes_nothing().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sdks_second_try_of_a_ledger_write_after_success_is_recognized() {
    for call in 1..=7 {
        let world = World::with_orders();
        world.on(Op::WriteLedger).call(call).twice();
        let record = world.record("dev/orders/1.1.0.zip", code("1.1.0")).await;
        assert_eq!(record.status, Status::Succeeded, "{call}: {:?}", record.because);
        assert!(world.render().contains("dev/orders/1.1.0: succeeded\n"), "{call}: {}", world.render());
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn artifact_that_breaks_off_is_read_again() {
    for op in [Op::ReadTail, Op::ReadRange] {
        let world = World::with_orders();
        world.on(op).break_after(1 << 20);
        let upload = world.put("dev/orders/1.1.0.zip", large("1.1.0", 6 << 20, None));
        let transient = world.deliver(&upload).await.unwrap_err();
        assert_eq!(
            transient.to_string(),
            "the artifact could not be read this time: reading s3://acme-artifacts/dev/orders/1.1.0.zip: connection \
             reset by peer"
        );
        assert!(world.writes().is_empty());
        let record = recorded(world.deliver(&upload).await.unwrap());
        assert_eq!(record.status, Status::Succeeded);
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_artifact_is_read_again() {
    let world = World::with_orders();
    world.on(Op::ReadTail).fail_saying(CallErrorKind::Throttled, "SlowDown: Please reduce your request rate.");
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    assert!(matches!(world.deliver(&upload).await, Err(Transient::Artifact(_))));
    assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn inline_artifact_that_breaks_off_is_read_again() {
    let world = World::with_targets(&["111111111111/us-east-1"]);
    world.add_function("111111111111/us-east-1", "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
    world.on(Op::ReadRange).break_after(100);
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn deployment_with_an_unreadable_artifact_stays_open() {
    let world = World::with_orders();
    world.on(Op::ReadTail).fail(CallErrorKind::Unknown);
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    assert!(world.deliver(&upload).await.is_err());
    assert!(world.aws(|aws| aws.ledger.keys("results/").next().is_none()));
    assert_eq!(recorded(world.deliver(&upload).await.unwrap()).status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}
