//! The deployer that a proof is for.

use std::fmt;

use crate::diagnostics::truncated;
use crate::id::{AccountId, Region};
use crate::partition::Partition;

/// The deployer that a proof of identity is for: the ARN of its Lambda without a version or an alias. Who sends a
/// command knows it, because the command goes to that function; the deployer knows it from its invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    arn: String,
    region: Region,
    partition: &'static Partition,
}

/// The text is not the ARN of a Lambda function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the ARN of a Lambda function, such as arn:aws:lambda:eu-west-1:123456789012:function:deployer")]
pub struct InvalidAudience(String);

impl Audience {
    /// Parses the ARN of a function. A version or an alias at its end is left out.
    ///
    /// # Errors
    /// [`InvalidAudience`] if it is no function's ARN, or its partition and its region do not fit.
    pub fn parse(arn: &str) -> Result<Self, InvalidAudience> {
        let invalid = || InvalidAudience(truncated(arn));
        let parts: Vec<&str> = arn.split(':').collect();
        let (["arn", partition, "lambda", region, account, "function", name]
        | ["arn", partition, "lambda", region, account, "function", name, _]) = parts[..]
        else {
            return Err(invalid());
        };
        let (account, region) = (AccountId::parse(account), Region::parse(region));
        let (Ok(account), Ok(region)) = (account, region) else { return Err(invalid()) };
        let known = Partition::of(&region).filter(|known| known.id == partition).ok_or_else(invalid)?;
        // Lambda API Reference, Invoke, FunctionName.
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 140 || !name.chars().all(fits) {
            return Err(invalid());
        }
        let arn = format!("arn:{partition}:lambda:{region}:{account}:function:{name}");
        Ok(Self { arn, region, partition: known })
    }

    /// Returns the ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    /// Returns the deployer's region, whose STS is asked.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns the name of the partition that principals must be in.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        self.partition.id
    }

    /// Returns the only host to which a proof is ever sent.
    #[must_use]
    pub fn sts_host(&self) -> String {
        format!("sts.{}.{}", self.region, self.partition.dns_suffix)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}
