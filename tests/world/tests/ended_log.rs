//! The line that the log has about the end of a deployment.

use deployer_core::names::ENDED_LINE;
use fixtures::lines;
use serde_json::Value;
use world::World;
use world::zips::code;

/// Uploads these bytes, and returns the line about the end.
async fn line_of(bytes: Vec<u8>) -> Value {
    let (_, lines) = lines::of(World::with_orders().record("dev/orders/1.1.0.zip", bytes)).await;
    let mut ends = lines.into_iter().filter(|line| line["message"].as_str().unwrap().starts_with(ENDED_LINE));
    ends.next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn end_has_the_plain_code_and_whole_milliseconds() {
    let refused = line_of(b"no zip".to_vec()).await;
    assert_eq!((&refused["level"], &refused["code"]), (&"WARN".into(), &"InvalidArtifact".into()), "{refused}");
    let succeeded = line_of(code("1.1.0")).await;
    assert_eq!((&succeeded["status"], succeeded.get("code")), (&"succeeded".into(), None), "{succeeded}");
    for line in [refused, succeeded] {
        let seconds = line["seconds"].to_string();
        assert!(seconds.rsplit_once('.').is_some_and(|(_, after)| after.len() <= 3), "{line}");
    }
}
