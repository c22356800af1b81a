//! Throttles, conflicts and failures of AWS itself: they are asked again, and refute nothing.

use live_check::questions;
use local_aws::{Fault, Result};
use serde_json::json;

use crate::harness::{Account, Ended};

const WITHOUT_KEY: [&str; 4] = [
    "rights-are-checked-before-existence",
    "code-version-needs-its-own-right",
    "event-source-is-bound-for-all-values",
    "signed-identity-lasts-15-minutes",
];

/// Faults that each of these questions meets; the first GetCallerIdentity is the start of the run.
fn faults() -> [Fault; 4] {
    [
        Fault::throttled("PublishVersion").of_session("live-check"),
        Fault::busy("UpdateFunctionCode").of_session("live-check").after(2),
        Fault::new("PutEvents", 500, "InternalException", "planted").of_session("live-check"),
        Fault::new("GetCallerIdentity", 503, "ServiceUnavailable", "planted").after(1),
    ]
}

async fn asking(account: &Account, names: &[&str]) -> Result<Ended> {
    let only = names.iter().flat_map(|name| ["--only", *name]);
    let arguments: Vec<&str> = ["--yes", "--with-key", "--output", "json"].into_iter().chain(only).collect();
    account.run(&arguments).await
}

fn is_unclear_because_it_could_not_be_asked(run: &Ended, name: &str) -> Result<()> {
    assert_eq!(run.exit, Some(0), "{run:?}");
    assert_eq!(run.verdict(name)?, "unclear", "{run:?}");
    let answer = run.answer(name)?;
    assert!(answer.starts_with("it could not be asked: ") && answer.contains("AWS still answers"), "{name}: {answer}");
    Ok(())
}

#[tokio::test]
async fn question_whose_answers_only_pass_is_not_refuted() -> Result<()> {
    let account = Account::start().await?;
    for fault in faults() {
        account.control.fault(&fault.forever()).await?;
    }
    let run = asking(&account, &WITHOUT_KEY).await?;
    for name in WITHOUT_KEY {
        is_unclear_because_it_could_not_be_asked(&run, name)?;
    }
    account.nothing_is_left().await
}

#[tokio::test]
async fn busy_function_does_not_refute_a_belief_about_its_key() -> Result<()> {
    let account = Account::start().await?;
    // The third call is the one that the belief expects to be denied.
    account.control.fault(&Fault::busy("UpdateFunctionCode").of_session("live-check").after(2).forever()).await?;
    let run = asking(&account, &["code-key-is-used-through-s3"]).await?;
    is_unclear_because_it_could_not_be_asked(&run, "code-key-is-used-through-s3")?;
    account.nothing_is_left().await
}

#[tokio::test]
async fn call_is_asked_again_after_an_answer_that_passes() -> Result<()> {
    let account = Account::start().await?;
    let of_lab = Fault::new("CreateRole", 503, "ServiceUnavailable", "planted");
    for fault in faults().into_iter().chain([of_lab]) {
        account.control.fault(&fault.times(1)).await?;
    }
    let run = asking(&account, &WITHOUT_KEY).await?;
    for about in questions::all().iter().map(|question| question.about()) {
        if WITHOUT_KEY.contains(&about.name) {
            let expected = json!(about.on_local_aws.verdict());
            assert_eq!(json!(run.verdict(about.name)?), expected, "{}: {run:?}", about.name);
            assert!(!run.answer(about.name)?.contains("could not be asked"), "{run:?}");
        }
    }
    account.nothing_is_left().await
}
