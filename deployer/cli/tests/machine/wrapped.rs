//! Texts at the width of a terminal, and texts that a program reads.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;

use super::deployed::{ok, person, server};
use super::home::{Home, Outcome};

/// Runs deployctl with standard output in a pipe, and returns what it prints.
fn piped(home: &Home, arguments: &[&str]) -> String {
    let (Outcome { exit, err }, out) = home.run_with_output(arguments);
    assert_eq!(exit, Some(0), "{err}");
    out
}

/// Runs deployctl with standard output on a terminal of so many columns, and returns what that shows.
pub(super) fn shown(home: &Home, columns: u16, arguments: &[&str]) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).and_then(|()| unlockpt(&ours)).unwrap();
    tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let theirs = File::options().read(true).write(true).open(path).unwrap();
    let mut child = home.command(arguments).env("TERM", "dumb").stdout(theirs).spawn().unwrap();
    let (mut text, mut buffer, mut ours) = (Vec::new(), [0; 4096], File::from(ours));
    // Reading fails when the last process on the other side has closed it.
    while let Ok(length @ 1..) = ours.read(&mut buffer) {
        text.extend_from_slice(&buffer[..length]);
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

/// Returns the columns of the widest line that could be wrapped.
fn widest(text: &str) -> usize {
    let may_be_wrapped = |line: &&str| line.split_whitespace().count() > 1;
    text.lines().filter(may_be_wrapped).map(|line| line.chars().count()).max().unwrap()
}

#[test]
fn answer_is_wrapped_at_the_terminals_width_and_whole_in_a_pipe() {
    let home = Home::new().file("code/index.js", "exports.handler = async () => 'ok';\n");
    let code = home.path("code");
    let validate = ["validate", &code];
    let whole = piped(&home, &validate);
    assert!(whole.lines().count() == 1 && widest(&whole) > 72, "{whole}");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let on_terminal = |home: &Home, columns: usize| {
        let text = shown(home, 72, &validate);
        assert!(text.lines().count() > 1 && widest(&text) <= columns, "{columns}:\n{text}");
        assert_eq!(words(&text), words(&whole));
        text
    };
    let as_wide = on_terminal(&home, 72);
    // Shells export COLUMNS.
    let home = home.with("COLUMNS", "50");
    assert_eq!(piped(&home, &validate), whole);
    assert_ne!(on_terminal(&home, 50), as_wide);
}

#[test]
fn status_table_in_a_pipe_takes_the_width_that_columns_names() {
    let release = "2026.11.28-rc.1-with-a-long-name";
    let status = |environment: &str| {
        json!({"environment": environment, "function": "orders", "active": null, "pending": null, "hold": null,
            "rejected": false, "targets": [], "live": {"release": release, "deployment": "01JD3Z9V7Q0000000000000000",
                "since": "2026-11-30T11:59:00Z", "sha256": null}})
    };
    let report = json!({"functions": [status("dev"), status("prod")]});
    let server = server(move |request| request.body.contains("\"status\"").then(|| ok(&report)));
    let whole = piped(&person(&server), &["status"]);
    let narrow = piped(&person(&server).with("COLUMNS", "40"), &["status"]);
    assert!(widest(&whole) > 40 && widest(&narrow) <= 40, "{whole}\n{narrow}");
}

#[test]
fn file_that_is_printed_stays_as_it_is() {
    let printed = |home: &Home, arguments: &[&str]| [piped(home, arguments), shown(home, 60, arguments)];
    let [whole, wrapped] = printed(&Home::new(), &["completions", "bash"]);
    assert!(whole.lines().any(|line| line.len() > 60) && wrapped == whole);
    let comment = "# A comment of many words, which says what no manifest of the deployer can say about a function";
    let file = r#"{"FunctionName": "orders", "Handler": "index.handler", "Runtime": "nodejs22.x", "Timeout": 3,
        "Role": "arn:aws:iam::111111111111:role/orders", "Description": "D"}"#
        .replace("\"D\"", &format!("{comment:?}"));
    let home = Home::new().file("function.json", &file);
    let path = home.path("function.json");
    let [whole, wrapped] = printed(&home, &["init", "--from-file", &path, "--out", "-"]);
    assert!(whole.contains(comment) && wrapped == whole, "{wrapped}");
}
