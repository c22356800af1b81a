//! The conditions that a promotion waits for.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::waiting_words;

/// The conditions that a promotion waits for. All of them must be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wait {
    /// The end of the artifact's soak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak_until: Option<Timestamp>,
    /// The end of the freeze, as far as it is known now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_until: Option<Timestamp>,
    /// The beginning of that freeze, if it is still to come, and the rollout would reach into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_begins: Option<Timestamp>,
    /// The number of approvals that are missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub approvals_wanted: u32,
    /// Whether it waits for an earlier deployment of the function to end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_line: bool,
    /// The reason why it could not be checked what the source serves; the check is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
    /// Whether it waits for the other functions of its group. It holds its place meanwhile.
    #[serde(default, skip_serializing_if = "is_false")]
    pub for_group: bool,
    /// The time at which it ends, unless the conditions are met by then.
    pub expires_at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Wait {
    /// Makes a wait without conditions.
    #[must_use]
    pub fn over(now: Timestamp) -> Self {
        Self {
            soak_until: None,
            frozen_until: None,
            freeze_begins: None,
            approvals_wanted: 0,
            in_line: false,
            unseen: None,
            for_group: false,
            expires_at: now,
        }
    }

    /// Whether there are no conditions.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.soak_until.is_none()
            && self.frozen_until.is_none()
            && self.approvals_wanted == 0
            && !self.in_line
            && self.unseen.is_none()
            && !self.for_group
    }

    /// Describes the promotion after one more approval: `once it has …, it is deployed at once, …`. Some people's approval
    /// does not count, so the text promises nothing to its reader.
    #[must_use]
    pub fn once_approved(&self) -> String {
        let then = match &self.with_one_more_approval() {
            one_more if one_more.is_over() => {
                "it is deployed at once, unless another deployment is under way".to_owned()
            }
            // The approval is that of the whole group.
            one_more if Self { for_group: false, ..one_more.clone() }.is_over() => {
                "it goes on with the other functions of its group as soon as they may too".to_owned()
            }
            one_more => format!("it {}", one_more.sentence(("one more approval", "more approvals"))),
        };
        match self.approvals_wanted {
            0 => then,
            1 => format!("once it has the one approval that is missing, {then}"),
            _ => format!("once it has one more approval, {then}"),
        }
    }

    /// Whether there are no conditions after one more approval.
    #[must_use]
    pub fn is_over_once_approved(&self) -> bool {
        self.with_one_more_approval().is_over()
    }

    fn with_one_more_approval(&self) -> Self {
        Self { approvals_wanted: self.approvals_wanted.saturating_sub(1), ..self.clone() }
    }

    /// Says what it waits for, and names one approval and several in these words.
    fn sentence(&self, words: (&str, &str)) -> String {
        let approvals = waiting_words::approvals(self.approvals_wanted, words)
            .map(|approvals| format!("{approvals}, until {:.0} at most", self.expires_at));
        let mut conditions =
            waiting_words::conditions(self.soak_until, approvals, (self.freeze_begins, self.frozen_until));
        if self.in_line {
            conditions.push("for what came before it".to_owned());
        }
        if let Some(because) = &self.unseen {
            conditions.push(format!("to see what its source serves ({because})"));
        }
        if self.for_group {
            conditions.push("for the other functions of its group".to_owned());
        }
        format!("waits {}", waiting_words::all_of(&conditions))
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(("an approval", "approvals")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn last_approval_deploys_and_any_other_condition_goes_on() {
        let wait = |approvals_wanted, soak_until: Option<&str>| Wait {
            approvals_wanted,
            soak_until: soak_until.map(|until| until.parse().unwrap()),
            ..Wait::over("2026-12-07T12:00:00Z".parse().unwrap())
        };
        let soak = Some("2026-11-30T13:00:00Z");
        assert_eq!(wait(1, None).to_string(), "waits for an approval, until 2026-12-07T12:00:00Z at most");
        let last = "once it has the one approval that is missing, it";
        assert_eq!(
            wait(1, None).once_approved(),
            format!("{last} is deployed at once, unless another deployment is under way")
        );
        let at_most = "until 2026-12-07T12:00:00Z at most";
        let one = "once it has one more approval, it";
        assert_eq!(wait(2, None).once_approved(), format!("{one} waits for one more approval, {at_most}"));
        assert_eq!(wait(3, None).once_approved(), format!("{one} waits for 2 more approvals, {at_most}"));
        assert_eq!(wait(1, soak).once_approved(), format!("{last} waits until 2026-11-30T13:00:00Z for its soak"));
        assert_eq!(wait(0, soak).once_approved(), "it waits until 2026-11-30T13:00:00Z for its soak");
        let member = Wait { for_group: true, ..wait(1, None) };
        assert_eq!(
            member.once_approved(),
            format!("{last} goes on with the other functions of its group as soon as they may too")
        );
        let soaks = Wait { for_group: true, ..wait(1, soak) };
        let until = "waits until 2026-11-30T13:00:00Z for its soak";
        assert_eq!(soaks.once_approved(), format!("{last} {until}, and for the other functions of its group"));
    }
}
