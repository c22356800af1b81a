//! The keys of the ledger's objects. Each key is made and parsed here, and nowhere else.
//!
//! Must not know what an object holds.

use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash, Token};
use crate::names::{
    ASKED, DEPLOYMENTS, ENVIRONMENT_NOTICE, GROUPS, HEADS, OPEN, REJECTS, RESULTS, SWEEPS, UPLOAD_PROGRESS,
};

/// The prefixes of everything that the deployer reads and writes in the ledger bucket.
pub const PREFIXES: [&str; 8] = [HEADS, DEPLOYMENTS, RESULTS, REJECTS, OPEN, ASKED, GROUPS, SWEEPS];

/// Returns the key of a function's head.
#[must_use]
pub fn head(environment: &EnvironmentName, function: &FunctionName) -> String {
    format!("{}{function}.json", heads_in(environment))
}

/// Returns the prefix of the heads of an environment.
#[must_use]
pub fn heads_in(environment: &EnvironmentName) -> String {
    format!("{HEADS}{environment}/")
}

/// Reads the environment and the function from the key of a head.
#[must_use]
pub fn parse_head(key: &str) -> Option<(EnvironmentName, FunctionName)> {
    let [environment, function] = parts(key, HEADS, ".json")?;
    Some((EnvironmentName::parse(environment).ok()?, FunctionName::parse(function).ok()?))
}

/// Returns the key of the marker which says that there may be work open for a function.
#[must_use]
pub fn marker(environment: &EnvironmentName, function: &FunctionName, marker: Token) -> String {
    format!("{OPEN}{environment}/{function}/{marker}")
}

/// Reads the environment, the function and the token from the key of a marker.
#[must_use]
pub fn parse_marker(key: &str) -> Option<(EnvironmentName, FunctionName, Token)> {
    let [environment, function, marker] = parts(key, OPEN, "")?;
    Some((EnvironmentName::parse(environment).ok()?, FunctionName::parse(function).ok()?, Token::parse(marker).ok()?))
}

/// Returns the key of a deployment's record.
#[must_use]
pub fn record(environment: &EnvironmentName, function: &FunctionName, id: DeploymentId) -> String {
    format!("{}{id}.json", records_of(environment, function))
}

/// Returns the prefix of the records of a function.
#[must_use]
pub fn records_of(environment: &EnvironmentName, function: &FunctionName) -> String {
    format!("{DEPLOYMENTS}{environment}/{function}/")
}

/// Reads the deployment's id from the key of a record.
#[must_use]
pub fn parse_record(key: &str) -> Option<DeploymentId> {
    let [_, _, id] = parts(key, DEPLOYMENTS, ".json")?;
    DeploymentId::parse(id).ok()
}

/// Returns the key of an upload's result.
#[must_use]
pub fn result(environment: &EnvironmentName, function: &FunctionName, release: &Release, version_id: &str) -> String {
    format!("{}{version_id}.json", results_of(environment, function, release))
}

/// Returns the prefix of the results of all uploads of a release.
#[must_use]
pub fn results_of(environment: &EnvironmentName, function: &FunctionName, release: &Release) -> String {
    format!("{RESULTS}{environment}/{function}/{release}/")
}

/// Returns the key of the object by which an uploader learns about an environment. No function has its name, so no
/// result has its key.
#[must_use]
pub fn environment_notice(environment: &EnvironmentName) -> String {
    format!("{RESULTS}{environment}/{ENVIRONMENT_NOTICE}")
}

/// Returns the key of the object by which an uploader learns why an upload has not ended. Results are below the name of
/// their release, so no result has its key.
#[must_use]
pub fn upload_progress(environment: &EnvironmentName, function: &FunctionName) -> String {
    format!("{RESULTS}{environment}/{function}/{UPLOAD_PROGRESS}")
}

/// Returns the key of a function's rejected releases.
#[must_use]
pub fn rejects(function: &FunctionName) -> String {
    format!("{REJECTS}{function}.json")
}

/// Reads the function from the key of its rejected releases.
#[must_use]
pub fn parse_rejects(key: &str) -> Option<FunctionName> {
    let [function] = parts(key, REJECTS, ".json")?;
    FunctionName::parse(function).ok()
}

/// Returns the key of a request that a function's head does not know yet. The same request always has the same key.
#[must_use]
pub fn asked(environment: &EnvironmentName, function: &FunctionName, hash: RequestHash) -> String {
    format!("{}{}.json", asked_of(environment, function), hash.in_key())
}

/// Returns the prefix of all requests that wait for one function's head.
#[must_use]
pub fn asked_of(environment: &EnvironmentName, function: &FunctionName) -> String {
    format!("{ASKED}{environment}/{function}/")
}

/// Reads the environment and the function from the key of a request.
#[must_use]
pub fn parse_asked(key: &str) -> Option<(EnvironmentName, FunctionName)> {
    let [environment, function, _] = parts(key, ASKED, "")?;
    Some((EnvironmentName::parse(environment).ok()?, FunctionName::parse(function).ok()?))
}

/// Returns the prefix of open groups.
#[must_use]
pub fn open_groups() -> String {
    format!("{GROUPS}open/")
}

/// Returns the key of a group while it is open.
#[must_use]
pub fn open_group(environment: &EnvironmentName, id: DeploymentId) -> String {
    format!("{}{environment}/{id}.json", open_groups())
}

/// Reads the environment and the id from the key of an open group.
#[must_use]
pub fn parse_open_group(key: &str) -> Option<(EnvironmentName, DeploymentId)> {
    let [environment, id] = parts(key, &open_groups(), ".json")?;
    Some((EnvironmentName::parse(environment).ok()?, DeploymentId::parse(id).ok()?))
}

/// Returns the key of a group's record after its end.
#[must_use]
pub fn ended_group(environment: &EnvironmentName, id: DeploymentId) -> String {
    format!("{GROUPS}ended/{environment}/{id}.json")
}

/// Returns the key of the object that says when a sweep last came.
#[must_use]
pub fn last_sweep() -> String {
    format!("{SWEEPS}last.json")
}

/// Returns a key with this prefix at which there never is an object: no environment has this name.
#[must_use]
pub fn absent(prefix: &str) -> String {
    format!("{prefix}-/nothing")
}

/// Splits what is between a prefix and a suffix into exactly as many parts.
fn parts<'k, const N: usize>(key: &'k str, prefix: &str, suffix: &str) -> Option<[&'k str; N]> {
    let parts: Vec<&str> = key.strip_prefix(prefix)?.strip_suffix(suffix)?.split('/').collect();
    parts.try_into().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn place() -> (EnvironmentName, FunctionName) {
        (EnvironmentName::parse("dev").unwrap(), FunctionName::parse("orders").unwrap())
    }

    #[test]
    fn each_key_that_is_parsed_gives_back_what_it_was_made_of() {
        let (environment, function) = place();
        let (hash, token) = (RequestHash::of(&["a"]), Token::drawn(Timestamp::UNIX_EPOCH, 7));
        let id = DeploymentId::of(Timestamp::UNIX_EPOCH, hash);
        let known = Some((environment.clone(), function.clone()));
        assert_eq!(parse_head(&head(&environment, &function)), known);
        assert_eq!(parse_asked(&asked(&environment, &function, hash)), known);
        let marked = parse_marker(&marker(&environment, &function, token));
        assert_eq!(marked, Some((environment.clone(), function.clone(), token)));
        assert_eq!(parse_record(&record(&environment, &function, id)), Some(id));
        assert_eq!(parse_rejects(&rejects(&function)), Some(function));
        assert_eq!(parse_open_group(&open_group(&environment, id)), Some((environment, id)));
    }

    #[test]
    fn keys_have_the_form_that_the_ledger_has_always_had() {
        let (environment, function) = place();
        let id = DeploymentId::of(Timestamp::UNIX_EPOCH, RequestHash::of(&["a"]));
        let token = Token::drawn(Timestamp::UNIX_EPOCH, 7);
        let release = Release::parse("1.0.0").unwrap();
        assert_eq!(head(&environment, &function), "heads/dev/orders.json");
        assert_eq!(marker(&environment, &function, token), format!("open/dev/orders/{token}"));
        assert_eq!(record(&environment, &function, id), format!("deployments/dev/orders/{id}.json"));
        assert_eq!(result(&environment, &function, &release, "v1"), "results/dev/orders/1.0.0/v1.json");
        assert_eq!(environment_notice(&environment), "results/dev/environment.json");
        assert_eq!(upload_progress(&environment, &function), "results/dev/orders/progress.json");
        assert_eq!(rejects(&function), "rejects/orders.json");
        assert_eq!(asked_of(&environment, &function), "asked/dev/orders/");
        assert_eq!(open_group(&environment, id), format!("groups/open/dev/{id}.json"));
        assert_eq!(ended_group(&environment, id), format!("groups/ended/dev/{id}.json"));
        assert_eq!(last_sweep(), "sweeps/last.json");
    }

    #[test]
    fn keys_of_another_form_are_not_parsed() {
        assert_eq!(parse_head("heads/dev/orders/more.json"), None);
        assert_eq!(parse_head("heads/dev.json"), None);
        assert_eq!(parse_head("heads/dev/orders"), None);
        assert_eq!(parse_marker("open/dev/orders"), None);
        assert_eq!(parse_open_group("groups/ended/dev/nothing.json"), None);
        assert!(PREFIXES.iter().all(|prefix| parse_head(&absent(prefix)).is_none()));
    }
}
