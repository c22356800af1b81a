use super::*;

#[test]
fn key_arn_with_a_wildcard_is_refused() {
    for arn in ["arn:aws:kms:eu-west-1:111111111111:*", "arn:aws:kms:eu-west-1:111111111111:key/*"] {
        let error = Manifest::parse(ManifestFormat::Toml, format!("kms_key_arn = \"{arn}\"").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "kms_key_arn: must be the ARN of one KMS key, or empty");
    }
}

#[test]
fn manifest_with_more_than_64_environments_is_refused() {
    let overlays = |n: u32| (0..n).map(|n| format!("[environments.e{n}]\n")).collect::<String>();
    assert!(Manifest::parse(ManifestFormat::Toml, overlays(64).as_bytes()).is_ok());
    let error = Manifest::parse(ManifestFormat::Toml, overlays(65).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "environments: names 65 environments; at most 64");
}

#[test]
fn unknown_environments_are_reported_with_the_nearest_known_one() {
    let manifest =
        Manifest::parse(ManifestFormat::Toml, b"[environments.prdo]\ntimeout = 3\n[environments.dev]\n").unwrap();
    let known = ["dev", "prod"].map(|name| EnvironmentName::parse(name).unwrap());
    let found: Vec<String> = manifest.unknown_environments(&known).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["environments.prdo: deployer.json has no environment prdo; did you mean prod?"]);
}

#[test]
fn several_mistakes_in_one_table_are_reported_at_once() {
    let error = Manifest::parse(
        ManifestFormat::Toml,
        b"[tags]\na = 1\nb = 2\n[vpc_config]\nsubnet_ids = 3\nsecurity_group_ids = 4\n",
    );
    let error = error.unwrap_err();
    let paths: Vec<&str> = error.diagnostics().iter().map(|diagnostic| diagnostic.path.as_str()).collect();
    assert_eq!(paths, ["tags.a", "tags.b", "vpc_config.security_group_ids", "vpc_config.subnet_ids"]);
}
