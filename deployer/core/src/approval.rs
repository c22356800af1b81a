//! Decides whether an approval of a promotion counts.
//!
//! Without proof, people are known by the names that they give. Where the environment asks for proof, only the
//! principals count that AWS has named.

use crate::config::Approval;
use crate::record::{Approved, Cause, CauseKind};

/// The words that begin the reason of a promotion that a person has declined.
pub const DECLINED_BY: &str = "declined by ";

/// Returns whether an approval is to be added to those given before; if not, the same person has approved before.
///
/// # Errors
/// The reason why the approval does not count.
pub fn check(approved: &Approved, given: &[Approved], cause: &Cause, rules: Option<&Approval>) -> Result<bool, String> {
    if let Some(rules) = rules.filter(|rules| rules.proven) {
        return check_proven(approved, given, cause, rules);
    }
    approved.check_eligible(cause.requested_by.as_deref())?;
    Ok(!approved.repeats_one_of(given))
}

fn check_proven(approved: &Approved, given: &[Approved], cause: &Cause, rules: &Approval) -> Result<bool, String> {
    let by = &approved.by;
    let Some(principal) = &approved.principal else {
        // The message of an approval that has counted comes again, and its proof has expired meanwhile.
        let has_counted = |one: &Approved| one.principal.is_some() && one.by == *by && one.account == approved.account;
        if approved.unproven.is_some() && given.iter().any(has_counted) {
            return Ok(false);
        }
        let because = match &approved.unproven {
            Some(because) => format!(": {because}"),
            None => " (identity): deployctl sends it where your credentials allow".to_owned(),
        };
        return Err(format!("the approval of {by} does not count without a proof of identity{because}"));
    };
    if !rules.counts(principal) {
        return Err(format!("{principal} is none of the approvers of this environment (approval.approvers)"));
    }
    if cause.kind == CauseKind::Promotion && cause.principal.is_none() {
        return Err(
            "this promotion was asked for without a proof of identity, so nobody can tell whether its requester \
                    approves it: decline it, and ask again"
                .to_owned(),
        );
    }
    let voter = rules.voter(principal);
    if cause.principal.as_ref().is_some_and(|asked| rules.voter(asked) == voter) {
        return Err(format!("{voter} has asked for this promotion, and somebody else must approve it"));
    }
    let before = given.iter().find(|one| one.principal.as_ref().is_some_and(|one| rules.voter(one) == voter));
    match before {
        None => Ok(true),
        Some(before) if before.principal.as_ref() == Some(principal) || before.by == *by => Ok(false),
        Some(before) => {
            Err(format!("{voter} has approved already, as {}, and counts once: somebody else must approve", before.by))
        }
    }
}

/// Returns the number of approvals that count.
#[must_use]
pub fn number(given: &[Approved], cause: &Cause, rules: &Approval) -> u32 {
    let mut counted: Vec<&Approved> = Vec::new();
    for one in given.iter().filter(|one| !rules.proven || one.principal.is_some()) {
        let before: Vec<Approved> = counted.iter().copied().cloned().collect();
        if !rules.proven || check_proven(one, &before, cause, rules) == Ok(true) {
            counted.push(one);
        }
    }
    u32::try_from(counted.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::config::Approver;
    use crate::identity::Principal;

    fn rules() -> Approval {
        let arns =
            ["arn:aws:iam::123456789012:role/release-*", "arn:aws:iam::123456789012:role/AWSReservedSSO_Release_*"];
        let approvers = arns.map(|arn| serde_json::from_value::<Approver>(arn.into()).unwrap());
        Approval { required: 2, expires: None, proven: true, approvers: approvers.into() }
    }

    fn principal(role: &str, session: &str) -> Principal {
        Principal::parse(format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}")).unwrap()
    }

    fn approved(by: &str, principal: Option<Principal>) -> Approved {
        Approved { by: by.into(), account: None, at: Timestamp::UNIX_EPOCH, principal, unproven: None, event_id: None }
    }

    fn asked_by(principal: Principal) -> Cause {
        Cause { principal: Some(principal), ..Cause::new(CauseKind::Promotion, Some("ann".into()), None) }
    }

    #[test]
    fn only_proven_approvers_count_and_each_once() {
        let (rules, cause) = (rules(), asked_by(principal("AWSReservedSSO_Dev_1", "ann")));
        let check = |approved: &Approved, given: &[Approved]| check(approved, given, &cause, Some(&rules));
        let bob = approved("bob", Some(principal("AWSReservedSSO_Release_1", "bob")));
        let lead = approved("carl", Some(principal("release-lead", "x1")));
        assert_eq!(check(&bob, &[]), Ok(true));
        assert_eq!(check(&lead, std::slice::from_ref(&bob)), Ok(true));
        assert_eq!(check(&bob, &[bob.clone(), lead.clone()]), Ok(false), "the same word again");
        // bob through another permission set, under another name.
        let again = approved("robert", Some(principal("AWSReservedSSO_Release_2", "Bob")));
        let error = check(&again, std::slice::from_ref(&bob)).unwrap_err();
        assert_eq!(error, "session name bob has approved already, as bob, and counts once: somebody else must approve");
        // Somebody else in the same role.
        let error =
            check(&approved("dora", Some(principal("release-lead", "x2"))), std::slice::from_ref(&lead)).unwrap_err();
        assert!(
            error.starts_with("arn:aws:iam::123456789012:role/release-lead has approved already, as carl"),
            "{error}"
        );
        let error = check(&approved("eve", Some(principal("AWSReservedSSO_Dev_1", "eve"))), &[]).unwrap_err();
        assert!(error.ends_with("is none of the approvers of this environment (approval.approvers)"), "{error}");
        let error = check(&approved("eve", None), &[]).unwrap_err();
        assert!(error.contains("does not count without a proof of identity"), "{error}");
        let late = Approved { unproven: Some("too old".into()), ..approved("eve", None) };
        assert!(check(&late, &[]).unwrap_err().ends_with(": too old"));
        let delivered_again = Approved { unproven: Some("too old".into()), ..approved("bob", None) };
        assert_eq!(check(&delivered_again, std::slice::from_ref(&bob)), Ok(false), "it has counted");
        let claimed = check(&approved("bob", None), std::slice::from_ref(&bob)).unwrap_err();
        assert!(claimed.contains("does not count without a proof"), "a word without any proof is none: {claimed}");
        assert_eq!(number(&[bob.clone(), again, approved("eve", None), bob, lead], &cause, &rules), 2);
    }

    #[test]
    fn requester_never_approves_by_any_role() {
        let rules = rules();
        let own = approved("nobody", Some(principal("AWSReservedSSO_Release_1", "ann")));
        let cause = asked_by(principal("AWSReservedSSO_Dev_1", "ann"));
        let error = check(&own, &[], &cause, Some(&rules)).unwrap_err();
        assert_eq!(error, "session name ann has asked for this promotion, and somebody else must approve it");
        assert_eq!(number(&[own], &cause, &rules), 0);
        // A role whose session names are not trusted is one person.
        let cause = asked_by(principal("release-ci", "job-1"));
        let other_job = approved("bob", Some(principal("release-ci", "job-2")));
        assert!(check(&other_job, &[], &cause, Some(&rules)).unwrap_err().contains("role/release-ci has asked"));
    }

    #[test]
    fn promotion_asked_for_without_a_proof_is_approved_by_nobody() {
        let bob = approved("bob", Some(principal("AWSReservedSSO_Release_1", "bob")));
        let by_hand = Cause::new(CauseKind::Promotion, Some("ann".into()), None);
        let error = check(&bob, &[], &by_hand, Some(&rules())).unwrap_err();
        assert!(error.starts_with("this promotion was asked for without a proof of identity"), "{error}");
        assert!(error.ends_with("decline it, and ask again"), "{error}");
        assert_eq!(number(std::slice::from_ref(&bob), &by_hand, &rules()), 0, "it was given before");
        let automatic = Cause::new(CauseKind::AutomaticPromotion, None, None);
        assert_eq!(check(&bob, &[], &automatic, Some(&rules())), Ok(true), "nobody has asked for it");
        assert_eq!(number(std::slice::from_ref(&bob), &automatic, &rules()), 1);
    }

    #[test]
    fn name_that_somebody_else_gives_shuts_no_proven_approver_out() {
        let lead = approved("ann", Some(principal("release-lead", "x")));
        let cause = asked_by(principal("release-ci", "job-1"));
        assert_eq!(check(&lead, &[], &cause, Some(&rules())), Ok(true), "ann is the name that the job gave");
        assert_eq!(number(std::slice::from_ref(&lead), &cause, &rules()), 1);
        let unproven = Approval { proven: false, approvers: vec![], ..rules() };
        assert!(check(&lead, &[], &cause, Some(&unproven)).unwrap_err().starts_with("ann has asked"));
    }

    #[test]
    fn without_proof_names_count_whatever_principals_say() {
        let rules = Approval { proven: false, approvers: vec![], ..rules() };
        let cause = asked_by(principal("release-ci", "job-1"));
        let bob = approved("bob", Some(principal("release-ci", "job-2")));
        assert_eq!(check(&bob, &[], &cause, Some(&rules)), Ok(true));
        assert_eq!(check(&bob, std::slice::from_ref(&bob), &cause, None), Ok(false));
        assert_eq!(number(&[bob, approved("carl", None)], &cause, &rules), 2);
    }
}
