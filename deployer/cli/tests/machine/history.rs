//! `history` lists the deployments in the order of the column that it shows.

use serde_json::{Value, json};

use super::deployed::{ID, ok, person, record, server};
use super::repeat::merged;

#[test]
fn history_is_in_the_order_of_the_starts_newest_first() {
    let started =
        |id: &str, status: &str, at: &str| merged(record(id, "2"), json!({ "status": status, "started_at": at }));
    // The deployer lists them by their requests.
    let listed = [
        started("01M8A5XGD0ST9H1MN79C7EX22R", "superseded", "2026-11-25T23:11:40Z"),
        started(ID, "succeeded", "2026-11-25T23:11:44Z"),
        started("01M8A5XFDRZTNV54H8T47JKK41", "failed", "2026-11-25T23:11:40Z"),
    ];
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        (command["command"] == "history").then(|| ok(&json!({ "deployments": listed })))
    });
    let history = ["history", "-e", "prod", "-f", "orders"];
    let (_, out) = person(&server).run_with_output(&history);
    let statuses = ["succeeded", "superseded", "failed"];
    let rows: Vec<&str> =
        out.lines().filter_map(|line| statuses.into_iter().find(|status| line.contains(status))).collect();
    assert_eq!(rows, statuses, "{out}");
    let (_, out) = person(&server).run_with_output(&[&history[..], &["--output", "json"]].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    let rows: Vec<&str> =
        answer["deployments"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(rows, statuses);
}
