//! Texts at the width of a terminal, which `COLUMNS` names here.

use super::home::{Home, Outcome};

/// Runs deployctl, and returns what it prints without a width and for 60 columns.
fn printed(home: Home, arguments: &[&str]) -> [String; 2] {
    let print = |home: &Home| {
        let (Outcome { exit, err }, out) = home.run_with_output(arguments);
        assert_eq!(exit, Some(0), "{err}");
        out
    };
    let whole = print(&home);
    [whole, print(&home.with("COLUMNS", "60"))]
}

#[test]
fn answer_is_wrapped_at_the_terminals_width_and_whole_elsewhere() {
    let home = Home::new().file("code/index.js", "exports.handler = async () => 'ok';\n");
    let code = home.path("code");
    let [whole, wrapped] = printed(home, &["validate", &code]);
    assert_eq!(whole.lines().count(), 1, "{whole}");
    for line in wrapped.lines() {
        assert!(line.chars().count() <= 60 || line.split_whitespace().count() == 1, "{line}");
    }
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&wrapped), words(&whole));
}

#[test]
fn file_that_is_printed_stays_as_it_is() {
    let [whole, wrapped] = printed(Home::new(), &["completions", "bash"]);
    assert!(whole.lines().any(|line| line.len() > 60) && wrapped == whole);
    let comment = "# A comment of many words, which says what no manifest of the deployer can say about a function";
    let file = r#"{"FunctionName": "orders", "Handler": "index.handler", "Runtime": "nodejs22.x", "Timeout": 3,
        "Role": "arn:aws:iam::111111111111:role/orders", "Description": "D"}"#
        .replace("\"D\"", &format!("{comment:?}"));
    let home = Home::new().file("function.json", &file);
    let path = home.path("function.json");
    let [whole, wrapped] = printed(home, &["init", "--from-file", &path, "--out", "-"]);
    assert!(whole.contains(comment) && wrapped == whole, "{wrapped}");
}
