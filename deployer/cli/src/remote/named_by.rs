//! The origin of the name by which the deployer is found, and the place where the right one stands: for the errors of names that
//! are misspelt or another installation's.

use deployer_core::id::BucketName;

use crate::remote::DEFAULT_NAME;

/// The option, the variable that stands for it, and where the right name stands.
struct Naming {
    option: &'static str,
    variable: &'static str,
    right: &'static str,
}

const LEDGER: Naming = Naming {
    option: "--ledger",
    variable: "DEPLOYER_LEDGER_BUCKET",
    right: "the output uploads of module tooling and deployctl doctor --verbose (configured by s3://…) have the right name",
};
const ARTIFACTS: Naming = Naming {
    option: "--bucket",
    variable: "DEPLOYER_ARTIFACT_BUCKET",
    right: "the output uploads of module tooling and artifact_bucket of deployer.json have the right name",
};
const FUNCTION: Naming = Naming {
    option: "--function-name",
    variable: "DEPLOYER_FUNCTION_NAME",
    right: "the output function_name of module tooling has the right name",
};
/// The variables that have the region, the nearest first.
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

impl Naming {
    /// Returns what has this name: the option, or the variable.
    fn source(&self, name: &str, variable: impl Fn(&str) -> Option<String>) -> &'static str {
        if variable(self.variable).as_deref() == Some(name) { self.variable } else { self.option }
    }
}

/// Says where the name of the ledger bucket comes from.
pub(crate) fn ledger(bucket: &BucketName) -> String {
    bucket_named(&LEDGER, bucket, variable)
}

/// Says where the name of the artifact bucket comes from.
pub(crate) fn artifacts(bucket: &BucketName) -> String {
    bucket_named(&ARTIFACTS, bucket, variable)
}

/// Says where the deployer's name comes from, and the region that it is looked for in.
pub(crate) fn deployer(name: &str, region: Option<&str>, given_region: Option<&str>) -> String {
    deployer_named(name, region, given_region, variable)
}

fn bucket_named(naming: &Naming, bucket: &BucketName, variable: impl Fn(&str) -> Option<String>) -> String {
    format!("{} names the bucket {bucket}; {}", naming.source(bucket.as_str(), variable), naming.right)
}

fn deployer_named(
    name: &str,
    region: Option<&str>,
    given_region: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> String {
    let by = match FUNCTION.source(name, &variable) {
        option if option == FUNCTION.option && name == DEFAULT_NAME => "as no option names another",
        option => option,
    };
    let by = if by.starts_with("as ") { format!(", {by},") } else { format!(" ({by})") };
    let of_variable = || REGIONS.into_iter().find(|name| variable(name).is_some_and(|value| Some(&*value) == region));
    let place = region.map_or(String::new(), |region| {
        let by = given_region.map(|_| "--region").or_else(of_variable).unwrap_or("the profile");
        format!(" in {region} ({by})")
    });
    format!("the deployer that is asked is {name}{by}{place}; {}", FUNCTION.right)
}

/// Returns a variable of the environment. An empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bucket_is_told_with_the_option_or_the_variable_that_names_it() {
        let bucket = BucketName::parse("acme-ledger").unwrap();
        let by = |set: Option<&str>| {
            let text = bucket_named(&LEDGER, &bucket, |_| set.map(str::to_owned));
            text.split(" names ").next().unwrap().to_owned()
        };
        assert_eq!(by(Some("acme-ledger")), "DEPLOYER_LEDGER_BUCKET");
        assert_eq!(by(Some("another")), "--ledger");
        assert_eq!(by(None), "--ledger");
    }

    #[test]
    fn deployer_is_told_with_where_its_name_and_its_region_come_from() {
        let by = |name: &str, given: Option<&str>, set: &[(&str, &str)]| {
            let of = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            deployer_named(name, Some("eu-west-1"), given, of).split("; ").next().unwrap().to_owned()
        };
        assert_eq!(
            by("deployer", None, &[]),
            "the deployer that is asked is deployer, as no option names another, in eu-west-1 (the profile)"
        );
        assert_eq!(
            by("ci", None, &[("DEPLOYER_FUNCTION_NAME", "ci"), ("AWS_DEFAULT_REGION", "eu-west-1")]),
            "the deployer that is asked is ci (DEPLOYER_FUNCTION_NAME) in eu-west-1 (AWS_DEFAULT_REGION)"
        );
        assert_eq!(
            by("ci", Some("eu-west-1"), &[]),
            "the deployer that is asked is ci (--function-name) in eu-west-1 (--region)"
        );
    }
}
