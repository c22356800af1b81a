//! The ledger's heads, which tell what is live where deployer.json cannot be loaded.

use super::aws::xml_error;
use super::home::{Home, Outcome};
use super::server::{Answer, Request, Server};

/// A ledger with a broken deployer.json, of which the heads with this prefix alone may be listed.
fn ledger(request: &Request, may_list: Option<&str>) -> Answer {
    let line = request.line.as_str();
    if line.contains("/config/deployer.json") {
        return (200, "application/json", "{".to_owned());
    }
    let prefix = line.split(['?', '&', ' ']).find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default();
    let prefix = prefix.replace("%2F", "/");
    match may_list {
        Some(listed) if prefix == listed => {
            let content = format!("<Contents><Key>{listed}orders.json</Key><Size>1</Size></Contents>");
            (200, "application/xml", format!("<ListBucketResult><Name>acme-ledger</Name>{content}</ListBucketResult>"))
        }
        Some(_) if !prefix.is_empty() && !prefix.starts_with("heads/") => {
            (200, "application/xml", "<ListBucketResult><Name>acme-ledger</Name></ListBucketResult>".to_owned())
        }
        _ => (403, "application/xml", xml_error("AccessDenied", "no right to list heads")),
    }
}

/// Asks for the status in such a ledger, and returns what deployctl says, on both outputs.
fn status(may_list: Option<&'static str>, more: &[&str]) -> (Outcome, String) {
    let server = Server::http(move |request| ledger(request, may_list));
    let arguments = [&["status", "--ledger", "acme-ledger"], more].concat();
    Home::calling(&server).with_keys().run_with_output(&arguments)
}

#[test]
fn reason_why_heads_cannot_be_listed_is_told_beside_that_of_the_configuration() {
    for more in [&[][..], &["-e", "dev"]] {
        let (Outcome { exit, err }, _) = status(None, more);
        assert!(exit == Some(1) && err.contains("deployer.json"), "{err}");
        let said = "\n  without it the heads in the ledger tell what is live, and they could not be listed: ";
        assert!(err.contains(said) && err.contains("no right to list heads"), "{err}");
    }
}

#[test]
fn reader_of_one_environment_gets_its_heads_without_the_configuration() {
    let (Outcome { err, .. }, out) = status(Some("heads/dev/"), &["-e", "dev"]);
    assert!(!err.contains("could not be listed"), "{err}");
    assert!(format!("{out}{err}").contains("orders"), "{out}\n{err}");
    let (Outcome { exit, err }, _) = status(Some("heads/dev/"), &[]);
    assert!(exit == Some(1) && err.contains("could not be listed"), "whoever asks for all needs all: {err}");
}
