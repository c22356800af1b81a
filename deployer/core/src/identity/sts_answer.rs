//! Reads the answer of STS (STS API Reference, GetCallerIdentity and "Common Error Types").
//!
//! Nothing of STS's own words is passed on: the message of a signature that does not fit quotes the whole call, session
//! token included.

use super::audience::Audience;
use super::checked::ProofError;
use super::principal::Principal;

/// The most bytes of an answer that are looked at.
const LONGEST_ANSWER: usize = 16_384;

/// Reads the principal from STS's answer.
///
/// # Errors
/// [`ProofError`]: STS refuses the signature, or answers otherwise than it should.
pub fn read_sts_answer(status: u16, body: &[u8], own: &Audience) -> Result<Principal, ProofError> {
    let unusable = |what: &str| ProofError::Unreachable(format!("STS has answered with {what} (status {status})"));
    let elements = (body.len() <= LONGEST_ANSWER).then(|| std::str::from_utf8(body).ok()).flatten().and_then(read_xml);
    if status != 200 {
        // The answers of servers in between are not read for errors of STS.
        let elements = elements.unwrap_or_default();
        let code = only(&elements, &["ErrorResponse", "Error", "Code"]).unwrap_or_default();
        let message = only(&elements, &["ErrorResponse", "Error", "Message"]).unwrap_or_default();
        return Err(match (status, code) {
            (400..=403, code) => refusal(status, code, message, own).unwrap_or_else(|| unusable("an error")),
            _ => unusable("an error"),
        });
    }
    let elements = elements.ok_or_else(|| unusable("something that is not its XML"))?;
    let result = |name| only(&elements, &["GetCallerIdentityResponse", "GetCallerIdentityResult", name]);
    let (Some(arn), Some(account)) = (result("Arn"), result("Account")) else {
        return Err(unusable("no ARN or no account, or with several"));
    };
    let principal = Principal::parse(arn).map_err(|_| unusable("an ARN of a form that is not known"))?;
    if principal.account() != account || principal.partition() != own.partition() {
        return Err(unusable("an ARN that does not fit its account or the deployer's partition"));
    }
    Ok(principal)
}

/// Returns what an error code of STS means for the proof. None: it means nothing for it.
fn refusal(status: u16, code: &str, message: &str, own: &Audience) -> Option<ProofError> {
    Some(match code {
        "SignatureDoesNotMatch" if message.starts_with("Signature expired") => ProofError::Expired(
            "the proof of identity has reached STS too late, and STS says that it has expired: sign anew".to_owned(),
        ),
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => ProofError::Expired(
            "the credentials that have signed the proof of identity have expired: log in again, and sign anew"
                .to_owned(),
        ),
        "SignatureDoesNotMatch" if message.starts_with("Signature not yet current") => ProofError::Wrong(
            "the proof of identity is of a time that is yet to come for STS: is the clock right where it was signed?"
                .to_owned(),
        ),
        "SignatureDoesNotMatch" | "IncompleteSignature" => ProofError::Wrong(format!(
            "the proof of identity does not fit: it must be signed for this request as it is, for the deployer {own} and \
             for the host {}, by the key that it names",
            own.sts_host()
        )),
        "InvalidClientTokenId" | "UnrecognizedClientException" => ProofError::Wrong(format!(
            "STS in {} does not know the access key that has signed the proof of identity",
            own.region()
        )),
        // A quota is not exceeded for ever.
        _ if code.contains("Throttl") || code.contains("LimitExceeded") => return None,
        "RegionDisabledException" => ProofError::Denied(format!(
            "STS is not activated in {} for the account whose credentials have signed the proof of identity: an \
             administrator there activates it (IAM, Account settings)",
            own.region()
        )),
        _ if matches!(status, 401 | 403) => ProofError::Denied(format!(
            "STS in {} may not say who has signed the proof of identity (status {status}): look at the policy of the \
             deployer's VPC endpoint for STS, and at its proxy",
            own.region()
        )),
        _ => return None,
    })
}

/// An element that has text: the names of those around it, and its own, and the text.
type Element<'a> = (Vec<&'a str>, &'a str);

/// Returns the text of the element at this place, if there is exactly one.
fn only<'a>(elements: &[Element<'a>], place: &[&str]) -> Option<&'a str> {
    let mut found = elements.iter().filter(|(names, _)| names.as_slice() == place).map(|(_, text)| *text);
    found.next().filter(|_| found.next().is_none())
}

/// Reads XML of the simplest form: elements in elements, and text in the innermost. Nothing else is taken: no comments,
/// no declarations within, no attributes but a namespace, and no text beside elements. Entities stay as they are.
fn read_xml(text: &str) -> Option<Vec<Element<'_>>> {
    let text = text.trim();
    let text = match text.strip_prefix("<?xml ") {
        Some(declared) => declared.split_once("?>")?.1.trim_start(),
        None => text,
    };
    let (mut open, mut found, mut rest) = (Vec::new(), Vec::new(), text);
    // Whether the last tag opened an element.
    let mut opened = false;
    while !rest.is_empty() {
        let (before, tag) = rest.split_once('<')?;
        let (tag, after) = tag.split_once('>')?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.last() != Some(&name) {
                return None;
            }
            if opened {
                found.push((open.clone(), before));
            } else if !before.trim().is_empty() {
                return None;
            }
            let _closed = open.pop();
            opened = false;
            if open.is_empty() && !rest.is_empty() {
                return None;
            }
            continue;
        }
        if !before.trim().is_empty() {
            return None;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let (name, is_empty) = match name.strip_suffix('/') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
        let is_namespace = attributes.is_empty() || (attributes.starts_with("xmlns=\"") && attributes.ends_with('"'));
        if !is_name || !is_namespace || (is_empty && open.is_empty()) {
            return None;
        }
        if !is_empty {
            open.push(name);
        }
        opened = !is_empty;
    }
    open.is_empty().then_some(found)
}
