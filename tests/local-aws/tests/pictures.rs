//! The pictures in `docs/pictures` show what the real programs print on a terminal.
//!
//! `UPDATE_PICTURES=1 cargo test -p local-aws pictures:: -- --include-ignored` draws them anew. A picture that differs only
//! in ids, times and the like stays as it is.

use std::path::Path;

use fixtures::Zip;
use local_aws::picture::draw;
use local_aws::policies::Policies;
use local_aws::terminal::Terminal;
use local_aws::{Doing as _, Error, LocalAws, REGION, Result, SECOND, SessionKeys, Setup, TOOLING, TerminalStreams};
use regex_lite::Regex;
use serde_json::json;

/// The columns of the terminal that the tests open.
const COLUMNS: usize = 120;
/// The title of the first part of the demo that its picture has no room for.
const DEMO_ENDS_BEFORE: &str = "4. From dev to prod";

/// Patterns of texts that differ from run to run, with the text that replaces them for the comparison.
const VOLATILE: [(&str, &str); 7] = [
    (r#"(</tspan>)?</text>\n<text x="\d+" y="\d+" class="more">(<tspan class="[^"]*">)?"#, ""),
    (r#" y="\d+""#, ""),
    (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "<time>"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<version id>"),
    (r"\d+(\.\d+)? ?(ms|s|min|h|AWS calls|bytes)\b", "<number>"),
    (r" +", " "),
];

#[test]
fn picture_has_the_text_with_its_styles() {
    let svg = draw(
        "a & b",
        12,
        "\u{1b}[1mbold\u{1b}[0m <1>\r\nold\r\u{1b}[2;31mnew\u{1b}[39m dim\u{1b}[0m\n0123456789abcdef\n",
    );
    let texts: Vec<&str> = svg.lines().filter(|line| line.starts_with("<text")).collect();
    assert_eq!(
        texts,
        [
            "<text x=\"16\" y=\"31\"><tspan class=\"bold\">bold</tspan> &lt;1&gt;</text>",
            "<text x=\"16\" y=\"51\"><tspan class=\"dim red\">new</tspan><tspan class=\"dim\"> dim</tspan></text>",
            "<text x=\"16\" y=\"71\">0123456789ab</text>",
            "<text x=\"16\" y=\"91\" class=\"more\">cdef</text>",
        ]
    );
    assert!(svg.contains("<title>a &amp; b</title>") && svg.contains("prefers-color-scheme: dark"), "{svg}");
}

#[tokio::test]
async fn picture_of_status_shows_what_deployctl_prints() -> Result<()> {
    let account = |account: &str| json!([{"account": account, "region": REGION}]);
    let stage = json!({"targets": account("333333333333"), "external_id": "stage-77b0", "promotion": {"from": "dev"}});
    let prod = json!({"targets": account(SECOND), "external_id": "prod-51aa", "promotion": {"from": "stage"},
        "approval": {"required": 1}});
    let aws = LocalAws::with(Setup::default().environment("stage", stage).environment("prod", prod)).await?;
    let keys = operator(&aws).await?;
    let upload = async |key: &str, content: &str| {
        let result = aws.deploy(&format!("dev/{key}.zip"), Zip::function(content)).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
        Ok::<_, Error>(())
    };
    let does = async |line: &str| {
        let said = aws.operate(&keys, &line.split(' ').collect::<Vec<_>>()).await?;
        assert_eq!(said.exit, Some(0), "{line}: {said:?}");
        Ok::<_, Error>(())
    };
    for key in ["invoices/3.0.0", "orders-api/1.4.2", "stock/2.0.0"] {
        upload(key, key).await?;
    }
    for function in ["invoices", "orders-api"] {
        does(&format!("promote -f {function} --from dev --to stage")).await?;
    }
    does("promote -f orders-api --from stage --to prod --no-wait").await?;
    upload("invoices/3.1.0", "3.1.0").await?;
    does("hold -e dev -f stock --reason stock-taking").await?;
    let mut shown = String::new();
    for line in ["status", "status orders-api"] {
        let words: Vec<&str> = line.split(' ').collect();
        let said = aws.operate_on_a_terminal(&keys, TerminalStreams::OutAndErr, &words).await?.end().await?;
        assert_eq!(said.exit, Some(0), "{said:?}");
        shown.push_str(&format!("\u{1b}[2m$\u{1b}[0m \u{1b}[1mdeployctl {line}\u{1b}[0m\n{}\n", said.err));
    }
    compare("status", "deployctl status", &shown)
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn picture_of_the_demo_shows_what_it_prints() -> Result<()> {
    let (terminal, theirs) = Terminal::open()?;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_demo"));
    command.stdin(std::process::Stdio::null()).kill_on_drop(true).env_remove("NO_COLOR").env("TERM", "xterm");
    // Standard error has nothing of the story.
    command.stdout(theirs);
    let mut child = command.spawn().doing("starting the demo")?;
    // The terminal ends when nobody has it open any more.
    drop(command);
    let status = child.wait().await.doing("waiting for the demo")?;
    let shown = terminal.end().await;
    assert!(status.success(), "{shown}");
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let end = lines.iter().position(|line| line.contains(DEMO_ENDS_BEFORE)).unwrap_or(lines.len());
    let shown = format!("\u{1b}[2m$\u{1b}[0m \u{1b}[1mcargo demo\u{1b}[0m\n{}", lines[..end].join("\n"));
    compare("demo", "cargo demo", &shown)
}

/// Compares a picture with the one that is checked in, or writes it.
fn compare(name: &str, title: &str, shown: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/pictures/{name}.svg"));
    let (drawn, found) = (draw(title, COLUMNS, shown), std::fs::read_to_string(&file).unwrap_or_default());
    if masked(&drawn)? == masked(&found)? {
        return Ok(());
    }
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        return std::fs::write(&file, drawn).doing(format!("writing {}", file.display()));
    }
    Err(Error::Unexpected(format!(
        "{} is stale: UPDATE_PICTURES=1 cargo test -p local-aws pictures:: -- --include-ignored\n{drawn}",
        file.display()
    )))
}

/// Returns the lines in some order, without what differs from run to run: parts of a deployment that run beside each
/// other are told in either order.
fn masked(text: &str) -> Result<Vec<String>> {
    let text = masked_text(text)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    Ok(lines)
}

fn masked_text(text: &str) -> Result<String> {
    VOLATILE.iter().try_fold(text.to_owned(), |text, (what, instead)| {
        let what = Regex::new(what).doing("reading a pattern")?;
        Ok(what.replace_all(&text, *instead).into_owned())
    })
}

/// Returns the credentials of a person with the policy `operate`.
async fn operator(aws: &LocalAws) -> Result<SessionKeys> {
    let policies = Policies::from_contract()?;
    let (trust, rights) = (policies.get("tooling/deployer_trust"), policies.get("tooling/operate"));
    aws.roles(TOOLING).create_with(("/", "operate"), &trust, &rights).await?;
    aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/operate"), "ada").await
}
