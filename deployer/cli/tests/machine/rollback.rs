//! `rollback` and `recall` without a terminal: a misspelt name comes first. What they print fits the terminal.

use serde_json::{Value, json};

use super::deployed::{GROUP, ID, ok, person, record, server};
use super::home::{Home, Outcome};
use super::server::Server;
use super::wrapped::shown;

const MISSPELT: [(&str, &str, i32); 2] = [
    ("InvalidCommand", "deployer.json has no environment dve (it has dev, prod); did you mean dev?", 2),
    ("UnknownFunction", "no environment knows a function odrers; did you mean orders?", 3),
];

/// A deployer that does not know the name of the function or of the environment.
fn misspelt(error_type: &'static str, message: &'static str) -> Server {
    let error = json!({ "errorType": error_type, "errorMessage": message });
    server(move |request| {
        let is_asked = serde_json::from_str::<Value>(&request.body).is_ok_and(|body| body["command"].is_string());
        is_asked.then(|| ok(&error))
    })
}

#[test]
fn misspelt_name_is_told_before_the_want_of_a_terminal() {
    for (error_type, message, code) in MISSPELT {
        for verb in [&["rollback", "-e", "dve", "-f", "orders"][..], &["recall", "-f", "odrers", "-r", "1"]] {
            let Outcome { exit, err } = person(&misspelt(error_type, message)).run(verb);
            assert_eq!((exit, err), (Some(code), format!("error: {message}\n")), "{verb:?}");
        }
    }
}

#[test]
fn rollback_without_a_terminal_takes_an_option() {
    let Outcome { exit, err } = person(&server(|_| None)).run(&["rollback", "-e", "prod", "-f", "orders"]);
    assert_eq!(exit, Some(2), "{err}");
    assert!(err.starts_with("error: nobody is at a terminal who could confirm it: say --leaving RELEASE"), "{err}");
}

/// A person who rolls back at a deployer whose names are long.
fn rolling_back() -> Home {
    let by = "ada-of-operations@example.com";
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match command["command"].as_str() {
            Some("rollback") => Some(ok(&record(ID, "1.4.2"))),
            Some("status") => {
                let waiting = json!({ "deployment": ID, "from": "stage", "release": "1.4.4", "requested_by": by,
                    "since": "2026-11-25T20:00:00Z", "approvals_wanted": 1, "expires_at": "2026-12-25T20:00:00Z",
                    "because": "waits for an approval, until 2026-12-25T20:00:00Z at most" });
                let live = json!({ "release": "1.4.3", "deployment": ID, "since": "2026-11-25T20:00:00Z", "sha256": null,
                    "by": by });
                Some(ok(&json!({ "functions": [{ "environment": "prod", "function": "orders", "live": live,
                    "targets": [], "active": null, "pending": null, "hold": null, "rejected": false,
                    "rollback_to": "1.4.2", "waiting": [waiting] }] })))
            }
            _ => None,
        }
    });
    person(&server)
}

#[test]
fn what_is_live_after_a_rollback_fits_the_terminal() {
    let out = shown(&rolling_back(), 60, &["rollback", "-e", "prod", "-f", "orders", "--yes"]);
    assert!(out.contains("\nnow: "), "{out}");
    assert!(out.contains("2026-12-25 20:00:00Z at most"), "one form of times: {out}");
    for line in out.lines() {
        let is_command = line.trim_start().starts_with("deployctl ");
        assert!(line.chars().count() <= 60 || is_command, "{line}\n{out}");
    }
}

#[test]
fn rollback_names_the_others_of_the_group_by_the_status_of_its_function() {
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let beside = json!({ "group": GROUP, "functions": [{ "function": "bills", "release": "1.4.3" }] });
        let live = json!({ "release": "1.4.3", "deployment": ID, "since": "2026-11-25T20:00:00Z", "sha256": null,
            "came_with": beside });
        let left = json!({ "release": "1.4.3", "deployment": ID, "came_with": beside });
        let orders = json!({ "environment": "prod", "function": "orders", "live": live, "left": left, "targets": [],
            "active": null, "pending": null, "hold": null, "rejected": false, "rollback_to": "1.4.2" });
        match command["command"].as_str() {
            Some("rollback") => Some(ok(&record("01M8A5XFDRZTNV54H8T47JKK41", "1.4.2"))),
            Some("status") if command["function"] == "orders" => Some(ok(&json!({ "functions": [orders] }))),
            _ => None,
        }
    });
    let (Outcome { exit, err }, out) =
        person(&server).run_with_output(&["rollback", "-e", "prod", "-f", "orders", "--yes"]);
    assert_eq!(exit, Some(0), "{err}");
    let command = |body: &str| Some(serde_json::from_str::<Value>(body).ok()?["command"].as_str()?.to_owned());
    let sent: Vec<String> = server.requests().iter().filter_map(|request| command(&request.body)).collect();
    assert_eq!(sent[..2], ["status", "rollback"], "no look at the group delays it");
    assert!(
        err.contains(&format!("  with     bills 1.4.3, which came with it in group {GROUP}: it stays live")),
        "{err}"
    );
    assert!(
        out.contains(&format!("\nbills 1.4.3 came with 1.4.3 in group {GROUP}, and is still live in prod. ")),
        "{out}"
    );
    assert!(out.contains("\n  deployctl rollback -e prod -f bills\n"), "{out}");
}

#[test]
fn rollback_to_an_unknown_release_is_refused_at_once_with_yes() {
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let refused = json!({ "code": "NothingToRollBack", "because": "release 9 was never live here" });
        (command["command"] == "plan").then(|| {
            ok(&json!({ "environment": "prod", "function": "orders", "release": null, "unchanged": false, "targets": [],
                "refused": refused }))
        })
    });
    let rollback = ["rollback", "-e", "prod", "-f", "orders", "--to", "9", "--yes"];
    let (Outcome { exit, err }, out) = person(&server).run_with_output(&rollback);
    let refused = "error: NothingToRollBack: release 9 was never live here\n  nothing was rolled back\n";
    assert_eq!((exit, err.as_str(), out.as_str()), (Some(3), refused, ""));
}

#[test]
fn failed_rollback_names_the_way_on_and_what_a_recall_meets() {
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let mut back = record("01M8A5XFDRZTNV54H8T47JKK41", "1.4.2");
        (back["status"], back["code"]) = (json!("failed"), json!("TargetFailed"));
        back["cause"]["kind"] = json!("rollback");
        back["targets"][0]["status"] = json!("failed");
        back["targets"][0]["error"] = json!({ "code": "AccessDenied", "step": "update alias", "message": "no" });
        let live = json!({ "release": "1.4.3", "deployment": ID, "since": "2026-11-25T20:00:00Z", "sha256": null });
        match command["command"].as_str() {
            Some("rollback") => Some(ok(&back)),
            Some("status") => {
                Some(ok(&json!({ "functions": [{ "environment": "prod", "function": "orders", "live": live,
                "targets": [], "active": null, "pending": null, "hold": null, "rejected": false,
                "rollback_to": "1.4.2" }] })))
            }
            _ => None,
        }
    });
    let (Outcome { exit, err }, out) =
        person(&server).run_with_output(&["rollback", "-e", "prod", "-f", "orders", "--yes"]);
    assert_eq!(exit, Some(1), "{err}");
    let way_on = "  which permission is missing:\n    deployctl doctor -e prod\n  once that is mended:\n    \
                  deployctl rollback -e prod -f orders\n";
    assert!(out.contains(way_on), "{out}");
    let recall = "To reject 1.4.3 and roll it back wherever it is live (in prod once what is in the way is mended):\n";
    assert!(out.contains(recall), "{out}");
}

#[test]
fn rollback_names_what_it_may_end_and_cannot_read() {
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match command["command"].as_str() {
            Some("rollback") => Some(ok(&record(ID, "1.4.2"))),
            Some("status") => {
                let live =
                    json!({ "release": "1.4.3", "deployment": ID, "since": "2026-11-25T20:00:00Z", "sha256": null });
                Some(ok(&json!({ "functions": [{ "environment": "prod", "function": "orders", "live": live,
                    "targets": [], "active": null, "pending": null, "hold": null, "rejected": false,
                    "rollback_to": "1.4.2" }], "unreadable": ["open groups: the ledger is away"] })))
            }
            _ => None,
        }
    });
    let Outcome { exit, err } = person(&server).run(&["rollback", "-e", "prod", "-f", "orders", "--yes"]);
    assert_eq!(exit, Some(0), "{err}");
    let before = err.split("now:").next().unwrap_or_default();
    assert!(before.contains("  cannot be read: open groups: the ledger is away\n"), "{err}");
}
