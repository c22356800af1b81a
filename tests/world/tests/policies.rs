//! The world's own judge of session policies.

use world::{Need, Policy};

fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

#[test]
fn star_matches_any_text() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("a*", "abc", true),
        ("a*c", "abc", true),
        ("a*d", "abc", false),
        ("a?c", "abc", true),
        ("arn:aws:lambda:eu-west-1:1:function:f:*", "arn:aws:lambda:eu-west-1:1:function:f", false),
        ("f:*", "f:live", true),
        ("f", "f:live", false),
    ] {
        let allows = policy(&format!(r#"{{"Effect":"Allow","Action":"lambda:*","Resource":"{pattern}"}}"#));
        assert_eq!(allows.allows(&Need::new("lambda:GetFunction", text)), fits, "{pattern} {text}");
    }
}

#[test]
fn deny_beats_an_allow_and_a_condition_needs_its_key() {
    let policy = policy(
        r#"{"Effect":"Allow","Action":"lambda:*","Resource":"*"},
           {"Effect":"Deny","Action":"lambda:DeleteFunction","Resource":"*"},
           {"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.x"}}}"#,
    );
    assert!(policy.allows(&Need::new("lambda:GetFunction", "f")));
    assert!(!policy.allows(&Need::new("lambda:DeleteFunction", "f")));
    assert!(!policy.allows(&Need::new("kms:Decrypt", "k")));
    assert!(policy.allows(&Need::new("kms:Decrypt", "k").with("kms:ViaService", "s3.x")));
}
