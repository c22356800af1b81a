#![allow(clippy::unwrap_used)]
//! The rules of names, hashes and ids.

use super::*;
use jiff::Timestamp;
use proptest::prelude::*;

#[test]
fn each_name_keeps_its_rule() {
    assert_eq!(RoleName::parse(RoleName::default().as_str()), Ok(RoleName::default()));
    for good in
        ["deployer-target", "platform/deployer-target", "a/b/c", &format!("{}/{}", "p".repeat(100), "n".repeat(64))]
    {
        assert_eq!(RoleName::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "/deployer", "platform/", "a//b", "../deployer", "a/./b", "..", "a b", &"n".repeat(65), "a*"] {
        assert!(RoleName::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(AliasName::parse(AliasName::default().as_str()), Ok(AliasName::default()));
    assert!(AccountId::parse("123456789012").is_ok());
    assert!(AccountId::parse("12345678901").is_err());
    for good in ["eu-west-1", "us-gov-east-1", "ap-southeast-4", "mx-central-1"] {
        assert!(Region::parse(good).is_ok(), "{good}");
    }
    for bad in ["eu", "eu-west", "eu-west-", "EU-WEST-1", "eu--1", ""] {
        assert!(Region::parse(bad).is_err(), "{bad}");
    }
    assert!(EnvironmentName::parse("a".repeat(32)).is_ok());
    for bad in ["a".repeat(33).as_str(), "Dev", "1dev", "-dev", "", "dev_1"] {
        assert!(EnvironmentName::parse(bad).is_err(), "{bad}");
    }
    assert!(Release::parse("1.4.2+build-7").is_ok());
    assert!(Release::parse(".hidden").is_err());
    for bad in ["0", "01", "$LATEST", "1a", ""] {
        assert!(Version::parse(bad).is_err(), "{bad}");
    }
    assert!(AliasName::parse("42").is_err());
    assert!(RoleArn::parse("arn:aws:iam::111111111111:role/app/orders").is_ok());
    for bad in ["arn:aws:iam::1:role/x", "arn:aws:iam::111111111111:user/x", "arn:aws:iam::111111111111:role/"] {
        assert!(RoleArn::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn external_id_error_names_the_rule_and_hides_the_id() {
    let error = ExternalId::parse("a b").unwrap_err();
    assert!(!error.to_string().contains("a b"), "{error}");
    for sign in (' '..='~').filter(|sign| !sign.is_ascii_alphanumeric() && *sign != ' ') {
        let named = error.rule.split(' ').any(|word| word == sign.to_string());
        assert_eq!(ExternalId::parse(format!("a{sign}")).is_ok(), named, "{sign}");
    }
}

#[test]
fn role_knows_its_account() {
    let role = RoleArn::parse("arn:aws:iam::111111111111:role/app/orders").unwrap();
    assert_eq!(role.account(), AccountId::parse("111111111111").unwrap());
}

#[test]
fn sha256_is_read_as_lambda_writes_it() {
    let sha = Sha256::of(b"hello");
    assert_eq!(sha.to_string(), "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    assert_eq!(Sha256::parse(&sha.to_string()).unwrap(), sha);
    // printf hello | sha256sum
    assert_eq!(sha.to_hex(), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_eq!(sha.to_short_hex(), "2cf24dba5fb0");
    assert!(Sha256::parse("aGVsbG8=").is_err());
}

#[test]
fn different_lists_of_parts_have_different_identities() {
    assert_ne!(RequestHash::of(&["ab", "c"]), RequestHash::of(&["a", "bc"]));
    assert_ne!(RequestHash::of(&["a"]), RequestHash::of(&["a", ""]));
}

proptest! {
    #[test]
    fn ids_sort_by_time_and_round_trip(a in 0_i64..4_000_000_000, b in 0_i64..4_000_000_000, x in ".*", y in ".*") {
        let id = |second, text: &str| DeploymentId::of(Timestamp::from_second(second).unwrap(), RequestHash::of(&[text]));
        let (first, second) = (id(a, &x), id(b, &y));
        prop_assert_eq!(DeploymentId::parse(&first.to_string()).unwrap(), first);
        if a < b {
            prop_assert!(first.to_string() < second.to_string());
        }
    }

    #[test]
    fn valid_name_round_trips(text in "[A-Za-z0-9._+-]{1,40}") {
        if let Ok(release) = Release::parse(text.clone()) {
            prop_assert_eq!(release.as_str(), text.as_str());
            let json = serde_json::to_string(&release).unwrap();
            prop_assert_eq!(serde_json::from_str::<Release>(&json).unwrap(), release);
        }
    }
}
