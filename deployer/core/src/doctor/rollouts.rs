//! The checks of all that keeps rollouts from beginning, beside missing rights.

use super::Check;
use crate::id::EnvironmentName;

/// Checks that this deployer carries rollouts out where environments ask for them; `missing` says why it does not. None:
/// it does, or none asks.
#[must_use]
pub fn rollouts(asking: &[&EnvironmentName], missing: Option<&str>) -> Option<Check> {
    let missing = missing.filter(|_| !asking.is_empty())?;
    let names: Vec<&str> = asking.iter().map(|name| name.as_str()).collect();
    let (ask, there) = if names.len() == 1 { ("asks", "there") } else { ("ask", "in any of them") };
    let because = format!(
        "{} {ask} for a rollout, and this deployer {missing}: every upload, deploy and promotion {there} fails",
        names.join(", ")
    );
    Some(Check::fail("rollouts", because))
}

/// Checks that the alarms exist which the functions of an environment roll out by; `missing` lists those that do not, or
/// says why nobody knows.
#[must_use]
pub fn alarms(environment: &EnvironmentName, missing: &Result<Vec<String>, String>) -> Check {
    const CHECK: &str = "alarms";
    match missing.as_deref() {
        Ok([]) => Check::ok(CHECK),
        Ok(names) => Check::fail(
            CHECK,
            format!(
                "there is no alarm {} here, and no rollout in {environment} begins without it: make it, or correct `alarms` \
                 in the environment's rollout",
                names.join(", ")
            ),
        ),
        Err(because) => Check::not_checked(CHECK, because.as_str()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::CheckStatus;
    use super::*;

    #[test]
    fn rollouts_fail_only_where_they_are_asked_for_and_not_carried_out() {
        let prod = EnvironmentName::parse("prod").unwrap();
        assert_eq!(rollouts(&[], Some("has no queue to wait with")), None);
        assert_eq!(rollouts(&[&prod], None), None);
        let failed = rollouts(&[&prod], Some("has no queue to wait with")).unwrap();
        assert_eq!(
            failed.because.as_deref(),
            Some(
                "prod asks for a rollout, and this deployer has no queue to wait with: every upload, deploy and promotion \
                 there fails"
            )
        );
    }

    #[test]
    fn missing_alarm_fails_and_an_unknown_one_is_not_checked() {
        let prod = EnvironmentName::parse("prod").unwrap();
        let status = |missing| alarms(&prod, &missing).status;
        assert_eq!(status(Ok(vec![])), CheckStatus::Ok);
        assert_eq!(status(Ok(vec!["orders-5xx".to_owned()])), CheckStatus::Fail);
        assert_eq!(status(Err("no answer".to_owned())), CheckStatus::NotChecked);
    }
}
