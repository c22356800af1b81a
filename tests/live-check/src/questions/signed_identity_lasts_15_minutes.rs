use async_trait::async_trait;
use std::time::{Duration, SystemTime};

use fixtures::error::{Error, Result};

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};
use crate::signed::{Call, Signature};

const AGES: [u64; 6] = [0, 4, 6, 14, 16, 60];

/// STS: how old may a signed GetCallerIdentity be?
pub struct SignedIdentityLasts15Minutes;

#[async_trait(?Send)]
impl Question for SignedIdentityLasts15Minutes {
    fn about(&self) -> About {
        About {
            name: "signed-identity-lasts-15-minutes",
            belief: "STS takes a GetCallerIdentity that is signed in its URL for 15 minutes after the time of the \
                     signature, whatever X-Amz-Expires says, and not later.",
            relied_on_in: &["deployer/core/src/identity/sts_request.rs", "docs/concepts/identity.md"],
            asks: "GetCallerIdentity with signatures of 0, 4, 6, 14, 16 and 60 minutes ago, in the URL \
                   (X-Amz-Expires=60) and in the headers",
            confirmed_by: "in the URL taken up to 14 minutes and refused from 16 on",
            refuted_by: "any other border",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::CannotTell("it checks no signatures"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let to = lab.aws.endpoint("sts");
        let mut taken = Vec::new();
        for signature in [Signature::Url(Duration::from_secs(60)), Signature::Headers] {
            let mut ages = Vec::new();
            for minutes in AGES {
                let call = Call {
                    method: "GET",
                    query: "Action=GetCallerIdentity&Version=2011-06-15",
                    headers: &[],
                    body: String::new(),
                    signature,
                    time: SystemTime::now() - Duration::from_secs(60 * minutes),
                };
                let doing = "asking STS with an old signature";
                match lab.aws.signed.xml(&to, &call).await.answered(doing)? {
                    Ok(_) => ages.push(minutes),
                    Err(refusal) if refusal.is_denied() || refusal.code.contains("Expired") => {}
                    Err(refusal) => return Err(Error::failed(doing, refusal)),
                }
            }
            taken.push(ages);
        }
        let found = format!("ages in minutes that are taken: in the URL {:?}, in the headers {:?}", taken[0], taken[1]);
        Ok(if taken.iter().any(|ages| !ages.contains(&0)) {
            Answer::unclear(format!("{found}; is this machine's clock right?"))
        } else if taken.iter().all(|ages| ages == &AGES) {
            Answer::unclear(format!("{found}: no signature is too old"))
        } else {
            Answer::holds_if(taken[0] == [0, 4, 6, 14], found)
        })
    }
}
