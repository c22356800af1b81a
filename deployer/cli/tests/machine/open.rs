//! `open`: the URL of a target's page.

use serde_json::Value;

use super::deployed::{person, server};
use super::home::Outcome;

#[test]
fn url_is_printed_where_nobody_is_at_a_display() {
    let server = server(|_| None);
    let url = "https://eu-central-1.console.aws.amazon.com/lambda/home?region=eu-central-1#/functions/prod-orders/aliases/serving";
    for more in [&[][..], &["--print"], &["--target", "222222222222/eu-central-1"]] {
        let (Outcome { exit, err }, out) =
            person(&server).run_with_output(&[&["open", "-e", "prod", "-f", "orders"], more].concat());
        assert_eq!((exit, err.as_str(), out.trim_end()), (Some(0), "", url));
    }
    let json = ["open", "-e", "prod", "-f", "orders", "-o", "json"];
    let (_, out) = person(&server).with("DISPLAY", ":0").run_with_output(&json);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&answer["url"], &answer["opened"]), (&url.into(), &false.into()));
    assert_eq!((&answer["account"], &answer["alias"]), (&"222222222222".into(), &"serving".into()));
}

#[test]
fn target_that_is_not_there_is_wrong_use() {
    let server = server(|_| None);
    for (arguments, expected) in [
        (&["open", "-e", "prod", "-f", "orders", "--target", "333333333333/eu-west-1"][..], "is none of its targets"),
        (&["open", "-e", "prod"], "--function"),
    ] {
        let Outcome { exit, err } = person(&server).run(arguments);
        assert!(exit == Some(2) && err.contains(expected), "{arguments:?}: {err}");
    }
    let Outcome { exit, err } = person(&server).run(&["open", "-e", "dev", "-f", "orders"]);
    let nothing =
        "error: nothing was deployed for orders in dev yet. To see what is live where:\n  deployctl status orders\n";
    assert_eq!((exit, err.as_str()), (Some(3), nothing));
}
