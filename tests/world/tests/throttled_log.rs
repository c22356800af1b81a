//! The lines that the log has about calls that AWS throttles.

use deployer_core::record::Status;
use deployer_engine::port::CallErrorKind;
use fixtures::lines;
use serde_json::Value;
use world::zips::code;
use world::{Op, World};

/// Deploys while so many calls of this kind are throttled, and returns the lines about it.
async fn lines_of(op: Op, throttled: usize) -> Vec<Value> {
    let world = World::with_orders();
    world.on(op).times(throttled).fail(CallErrorKind::Throttled);
    let (record, mut lines) = lines::of(world.record("dev/orders/1.1.0.zip", code("1.1.0"))).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    lines.retain(|line| line["message"].as_str().unwrap_or_default().starts_with("throttled, and tried again"));
    lines
}

#[tokio::test(start_paused = true)]
async fn short_throttling_is_not_told_and_a_long_one_in_few_lines() {
    for op in [Op::UpdateFunctionCode, Op::AssumeRole] {
        assert_eq!(lines_of(op, 3).await, Vec::<Value>::new(), "{op}: 0.7 s");
        let lines = lines_of(op, 24).await;
        assert!(lines.iter().all(|line| line["level"] == "INFO"), "{op}: {lines:#?}");
        let seconds: Vec<_> = lines.iter().filter_map(|line| line["waited_seconds"].as_u64()).collect();
        assert!(matches!(seconds[..], [3..5, 33..37]), "{op}: {lines:#?}");
    }
}
