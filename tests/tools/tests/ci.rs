//! The scripts of the GitHub Action and the GitLab template, with other programs in the place of curl and deployctl.

use std::fs;

use crate::fakes::{Fakes, Ran, root};

const NAME: &str = "deployctl-0.1.0-x86_64-linux";
const ENDED: &str = "dev/orders-api/1.4.2: succeeded after 3 s, deployment 01M8";

/// A deployctl that prints `OUTPUT` and ends with the exit code `CODE`.
const DEPLOYCTL: &str = "printf '%s\\n' \"$OUTPUT\"\nexit \"$CODE\"";

/// Makes a job in which deployctl prints the text and ends with the code.
fn job(code: u8, output: &str) -> Fakes {
    let fakes = Fakes::new().program("deployctl", DEPLOYCTL);
    let summary = fakes.path("summary").to_str().unwrap().to_owned();
    let outputs = fakes.path("outputs").to_str().unwrap().to_owned();
    fakes
        .set("CODE", &code.to_string())
        .set("OUTPUT", output)
        .set("GITHUB_ACTIONS", "true")
        .set("GITHUB_STEP_SUMMARY", &summary)
        .set("GITHUB_OUTPUT", &outputs)
        .set("DEPLOY_ENVIRONMENT", "dev")
        .set("DEPLOY_FUNCTION", "orders-api")
        .set("DEPLOY_RELEASE", "1.4.2")
        .set("DEPLOY_PATH", "build/orders-api")
}

fn push(fakes: &Fakes) -> Ran {
    fakes.run("sh", &[root().join("infra/ci/push.sh")])
}

fn annotations(ran: &Ran) -> Vec<&str> {
    let is_one = |line: &&str| ["::error ", "::warning "].iter().any(|kind| line.starts_with(kind));
    ran.out.lines().filter(is_one).collect()
}

#[test]
fn live_deployment_passes_with_summary_and_no_annotation() {
    let fakes = job(0, ENDED);
    let ran = push(&fakes);
    assert_eq!((ran.code, annotations(&ran)), (0, vec![]), "{ran:?}");
    let call = "push build/orders-api --environment dev --function orders-api --release 1.4.2 --wait --timeout 15m";
    assert_eq!(fakes.log(), format!("deployctl {call}\n"));
    assert!(fakes.read("summary").starts_with(&format!("### dev/orders-api/1.4.2 is live\n\n<pre>\n{ENDED}\n")));
    assert_eq!(fakes.read("outputs"), "exit-code=0\nrelease=1.4.2\n");
}

#[test]
fn release_is_the_commits_first_twelve_digits_if_none_is_given() {
    for variable in ["GITHUB_SHA", "CI_COMMIT_SHA"] {
        let fakes = job(0, ENDED).set("DEPLOY_RELEASE", "").set(variable, "0123456789abcdef0123456789abcdef01234567");
        assert_eq!(push(&fakes).code, 0);
        assert!(fakes.log().contains(" --release 0123456789ab "), "{}", fakes.log());
    }
}

#[test]
fn buckets_that_are_given_go_before_the_environments() {
    let fakes = job(0, ENDED)
        .program("deployctl", "echo \"$DEPLOYER_ARTIFACT_BUCKET $DEPLOYER_LEDGER_BUCKET\"")
        .set("DEPLOYER_ARTIFACT_BUCKET", "old-artifacts")
        .set("DEPLOYER_LEDGER_BUCKET", "acme-ledger")
        .set("DEPLOY_ARTIFACT_BUCKET", "acme-artifacts")
        .set("DEPLOY_LEDGER_BUCKET", "");
    assert!(push(&fakes).out.contains("\nacme-artifacts acme-ledger\n"));
}

#[test]
fn refused_manifest_is_annotated_at_its_line_of_the_repository() {
    let refused = "error: build/orders-api would be refused in dev, and is not uploaded:\n  \
                   function.toml: memory: unknown field; did you mean memory_size?\n  \
                   function.toml: timeout: 100% wrong, found \"a\"";
    let fakes = job(3, refused);
    fakes.write("build/orders-api/function.toml", "");
    let ran = push(&fakes);
    assert_eq!(ran.code, 3);
    assert_eq!(
        annotations(&ran),
        [
            "::error file=build/orders-api/function.toml,title=dev/orders-api/1.4.2 is refused::memory: unknown field; \
             did you mean memory_size?",
            "::error file=build/orders-api/function.toml,title=dev/orders-api/1.4.2 is refused::timeout: 100%25 wrong, \
             found \"a\"",
        ]
    );
    assert!(fakes.read("summary").starts_with("### dev/orders-api/1.4.2 is refused\n"));
    assert_eq!(fakes.read("outputs"), "exit-code=3\nrelease=1.4.2\n");
    // The manifest that is built from another place.
    let elsewhere = push(&fakes.set("DEPLOY_MANIFEST", "./deploy/a,b.toml"));
    assert!(annotations(&elsewhere)[0].starts_with("::error file=deploy/a%2Cb.toml,title="), "{elsewhere:?}");
}

#[test]
fn refusal_by_a_rule_is_annotated_with_the_whole_text() {
    let ran = push(&job(3, "dev/orders-api/1.4.2: refused after 0 s, deployment 01M8\n  Held: stock-taking"));
    assert_eq!(ran.code, 3);
    assert_eq!(
        annotations(&ran),
        ["::error title=dev/orders-api/1.4.2 is refused::dev/orders-api/1.4.2: refused after 0 s, deployment \
             01M8%0A  Held: stock-taking"]
    );
}

#[test]
fn superseded_upload_is_a_warning_and_still_exit_code_3() {
    let ran = push(&job(3, "dev/orders-api/1.4.2: superseded after 2 s, deployment 01M8"));
    assert_eq!(ran.code, 3);
    assert!(annotations(&ran)[0].starts_with("::warning title=dev/orders-api/1.4.2 is superseded"), "{ran:?}");
}

#[test]
fn deployment_that_does_not_end_in_time_is_exit_code_4_and_annotated() {
    let fakes = job(4, "error: after 90s there is no result").set("DEPLOY_TIMEOUT", "90s");
    let ran = push(&fakes);
    assert_eq!(ran.code, 4);
    let title = "dev/orders-api/1.4.2 has not ended within 90s, and goes on";
    let escaped = title.replace(',', "%2C");
    assert_eq!(annotations(&ran), [format!("::error title={escaped}::error: after 90s there is no result")]);
    assert!(fakes.read("summary").starts_with(&format!("### {title}\n")));
    assert!(fakes.log().ends_with(" --wait --timeout 90s\n"));
}

#[test]
fn failed_wrong_and_interrupted_pushes_keep_their_exit_code() {
    for (code, title) in [
        (1, "dev/orders-api/1.4.2 failed"),
        (2, "dev/orders-api/1.4.2: wrong use of deployctl"),
        (130, "dev/orders-api/1.4.2: deployctl ended with exit code 130"),
    ] {
        let ran = push(&job(code, "error: it"));
        assert_eq!(ran.code, i32::from(code));
        let title = title.replace(':', "%3A");
        assert_eq!(annotations(&ran), [format!("::error title={title}::error: it")]);
    }
}

#[test]
fn output_of_deployctl_gives_the_runner_no_command_and_the_summary_no_markup() {
    let fakes = job(1, "::add-mask::forged\n</pre><script>&");
    let ran = push(&fakes);
    let lines: Vec<&str> = ran.out.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").unwrap();
    assert_eq!(token.len(), 32);
    assert_eq!(lines[1..4], ["::add-mask::forged", "</pre><script>&", &format!("::{token}::")]);
    assert!(fakes.read("summary").contains("&lt;/pre&gt;&lt;script&gt;&amp;\n</pre>\n"), "{}", fakes.read("summary"));
    assert_ne!(push(&fakes).out.lines().next(), Some(lines[0]), "the token is the same twice");
}

#[test]
fn push_with_a_missing_or_two_line_value_does_not_call_deployctl() {
    for (variable, value, message) in [
        ("DEPLOY_ENVIRONMENT", "", "name the environment to deploy to"),
        ("DEPLOY_FUNCTION", "", "name the function to deploy"),
        ("DEPLOY_PATH", "", "name the folder or the zip to deploy"),
        ("DEPLOY_RELEASE", "", "name the release"),
        ("DEPLOY_RELEASE", "1\nexit-code=0", "one line each"),
    ] {
        let fakes = job(0, ENDED).set(variable, value);
        let ran = push(&fakes);
        assert_eq!((ran.code, fakes.log().as_str()), (2, ""), "{variable}: {ran:?}");
        assert!(annotations(&ran)[0].contains(message), "{variable}: {ran:?}");
    }
}

/// Makes the archive of a release, whose deployctl is a fake, and a curl that answers with it.
fn release(fakes: Fakes) -> (Fakes, String) {
    fakes.executable(
        &format!("{NAME}/deployctl"),
        &format!("#!/bin/sh\necho \"deployctl $*\" >>\"$LOG\"\n{DEPLOYCTL}\n"),
    );
    fakes.write(&format!("{NAME}/ci/push.sh"), &fs::read_to_string(root().join("infra/ci/push.sh")).unwrap());
    assert_eq!(fakes.run("tar", &["-czf", "archive.tar.gz", NAME]).code, 0);
    let sha256 = fakes.run("sha256sum", &["archive.tar.gz"]).out[..64].to_owned();
    let archive = fakes.path("archive.tar.gz").to_str().unwrap().to_owned();
    let fakes = fakes
        .program("curl", "while [ \"$1\" != --output ]; do shift; done\ncp \"$ARCHIVE\" \"$2\"")
        .program("uname", "case \"$1\" in -s) echo \"$SYSTEM\" ;; *) echo x86_64 ;; esac")
        .set("SYSTEM", "Linux")
        .set("ARCHIVE", &archive);
    (fakes, sha256)
}

fn fetching() -> (Fakes, String) {
    let (fakes, sha256) = release(Fakes::new());
    fs::create_dir(fakes.path("temp")).unwrap();
    let named = |name: &str| fakes.path(name).to_str().unwrap().to_owned();
    let (temp, path, outputs) = (named("temp"), named("path"), named("outputs"));
    let fakes = fakes
        .set("RUNNER_TEMP", &temp)
        .set("GITHUB_PATH", &path)
        .set("GITHUB_OUTPUT", &outputs)
        .set("DEPLOYCTL_VERSION", "0.1.0")
        .set("DEPLOYCTL_SHA256", &sha256)
        .set("DEPLOYCTL_RELEASES", "https://example.com/acme/deployer/releases/download/");
    (fakes, sha256)
}

fn fetch(fakes: &Fakes) -> Ran {
    fakes.run("sh", &[root().join("infra/ci/github/fetch.sh")])
}

/// Returns the number of files below the folder into which a release is unpacked.
fn unpacked(fakes: &Fakes) -> usize {
    fakes.run("find", &["temp", "-type", "f"]).out.lines().count()
}

#[test]
fn fetched_release_with_the_checksum_is_on_path() {
    let (fakes, _) = fetching();
    let ran = fetch(&fakes);
    assert_eq!(ran.code, 0, "{ran:?}");
    let folder = fakes.read("path").trim().to_owned();
    assert_eq!(fakes.read("outputs"), format!("folder={folder}\n"));
    assert!(folder.ends_with(NAME) && std::path::Path::new(&folder).join("deployctl").exists(), "{folder}");
    let url = "https://example.com/acme/deployer/releases/download/v0.1.0/deployctl-0.1.0-x86_64-linux.tar.gz";
    assert!(fakes.log().contains(&format!(" {url}\n")), "{}", fakes.log());
    assert!(fakes.log().contains(" --proto =https "), "{}", fakes.log());
}

#[test]
fn fetched_release_with_another_checksum_is_not_unpacked() {
    let (fakes, sha256) = fetching();
    let other = "0".repeat(64);
    let fakes = fakes.set("DEPLOYCTL_SHA256", &other);
    let ran = fetch(&fakes);
    assert_eq!((ran.code, unpacked(&fakes)), (1, 0), "{ran:?}");
    assert!(ran.out.contains(&format!("has the sha256 {sha256}, not {other}: it is not run")), "{ran:?}");
    assert_eq!(fakes.read("path") + &fakes.read("outputs"), "");
}

#[test]
fn archive_without_deployctl_and_failing_curl_fail() {
    let (fakes, _) = fetching();
    let fakes = fakes.program("curl", "exit 22");
    let ran = fetch(&fakes);
    assert!(ran.code == 1 && ran.out.contains(".tar.gz cannot be fetched"), "{ran:?}");
    let (fakes, _) = fetching();
    let fakes = fakes.set("DEPLOYCTL_VERSION", "0.1.1");
    let ran = fetch(&fakes);
    assert!(ran.code == 1 && ran.out.contains("holds no deployctl-0.1.1-x86_64-linux/deployctl"), "{ran:?}");
    assert_eq!(fakes.read("path"), "");
}

#[test]
fn wrong_inputs_are_told_before_anything_is_fetched() {
    let url = "releases must be";
    for (variable, value, message) in [
        ("DEPLOYCTL_VERSION", "", "version must be that of a release"),
        ("DEPLOYCTL_VERSION", "../0.1.0", "version must be that of a release"),
        ("DEPLOYCTL_VERSION", "latest", "version must be that of a release"),
        ("DEPLOYCTL_VERSION", "0.1.0\n::add-mask::x", "version must be that of a release"),
        ("DEPLOYCTL_SHA256", "", "sha256 must be 64 digits"),
        ("DEPLOYCTL_SHA256", "abc", "sha256 must be 64 digits"),
        ("DEPLOYCTL_SHA256", &"g".repeat(64), "sha256 must be 64 digits"),
        ("DEPLOYCTL_RELEASES", "", url),
        ("DEPLOYCTL_RELEASES", "http://example.com", url),
        ("DEPLOYCTL_RELEASES", "https://example.com\n::add-mask::x", url),
        ("SYSTEM", "Darwin", "not for Darwin on x86_64"),
    ] {
        let (fakes, _) = fetching();
        let fakes = fakes.set(variable, value);
        let ran = fetch(&fakes);
        assert_eq!((ran.code, ran.out.lines().count()), (2, 1), "{variable}={value}: {ran:?}");
        assert!(ran.out.contains(message) && !fakes.log().contains("curl"), "{variable}={value}: {ran:?}");
    }
}

/// Returns the script of the GitLab template.
fn gitlab_script() -> String {
    let template = fs::read_to_string(root().join("infra/ci/gitlab/deployctl.yml")).unwrap();
    let (_, script) = template.split_once("  script:\n    - |\n").unwrap();
    let lines = script.lines().map_while(|line| line.strip_prefix("      "));
    lines.map(|line| format!("{line}\n")).collect()
}

fn gitlab(code: u8, output: &str) -> (Fakes, String) {
    let (fakes, sha256) = release(job(code, output).program("deployctl", "exit 99"));
    let fakes = fakes
        .set("GITHUB_ACTIONS", "")
        .set("GITHUB_STEP_SUMMARY", "")
        .set("GITHUB_OUTPUT", "")
        .set("DEPLOY_SUMMARY", "deployctl-summary.md")
        .set("DEPLOYCTL_VERSION", "0.1.0")
        .set("DEPLOYCTL_SHA256", &sha256)
        .set("DEPLOYCTL_ARCHITECTURE", "x86_64")
        .set("DEPLOYCTL_RELEASES", "https://example.com/releases")
        .set("AWS_ID_TOKEN", "token");
    (fakes, sha256)
}

#[test]
fn gitlab_job_runs_the_fetched_deployctl_and_keeps_its_exit_code() {
    let script = gitlab_script();
    for (code, output) in
        [(0, ENDED), (3, "dev/orders-api/1.4.2: refused after 0 s\n  Held: stock-taking"), (4, "error: late")]
    {
        let (fakes, _) = gitlab(code, output);
        let ran = fakes.run("sh", &["-c", &script]);
        assert_eq!(ran.code, i32::from(code), "{ran:?}");
        assert!(fakes.log().contains("deployctl push build/orders-api "), "{}", fakes.log());
        assert!(fakes.read("deployctl-summary.md").contains(output.lines().last().unwrap()));
        assert!(!ran.out.contains("::"), "a command of GitHub's runner: {ran:?}");
        assert_eq!(ran.err.contains("error: dev/orders-api/1.4.2 is refused\n"), code == 3, "{ran:?}");
    }
}

#[test]
fn wrong_use_outside_of_github_is_told_in_plain_words() {
    let ran = push(&job(0, ENDED).set("GITHUB_ACTIONS", "").set("DEPLOY_FUNCTION", ""));
    let message = "error: DEPLOY_FUNCTION is empty: name the function to deploy\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (2, "", message));
}

#[test]
fn gitlab_job_does_not_run_a_release_with_another_checksum() {
    for sha256 in ["0".repeat(64), String::new()] {
        let (fakes, _) = gitlab(0, ENDED);
        let fakes = fakes.set("DEPLOYCTL_SHA256", &sha256);
        let ran = fakes.run("sh", &["-c", &gitlab_script()]);
        assert!(ran.code != 0 && !fakes.log().contains("deployctl push"), "{ran:?}");
    }
}

#[test]
fn action_and_template_set_only_variables_that_the_scripts_read() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let (push, fetch) = (read("infra/ci/push.sh"), read("infra/ci/github/fetch.sh"));
    let template = read("infra/ci/gitlab/deployctl.yml");
    for (file, scripts) in [
        ("infra/ci/github/action.yml", push.clone() + &fetch),
        ("infra/ci/gitlab/deployctl.yml", push + &gitlab_script()),
    ] {
        let text = read(file);
        let set: Vec<&str> =
            text.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name).collect();
        let ours = set.iter().filter(|name| name.starts_with("DEPLOY_") || name.starts_with("DEPLOYCTL_"));
        let unread: Vec<_> =
            ours.filter(|name| !scripts.contains(**name) && !text.contains(&format!("${name}/"))).collect();
        assert!(unread.is_empty(), "{file} sets {unread:?}, which no script reads");
        for needed in ["DEPLOY_ENVIRONMENT", "DEPLOY_FUNCTION", "DEPLOY_PATH", "DEPLOY_RELEASE", "DEPLOY_TIMEOUT"] {
            assert!(set.contains(&needed), "{file} does not set {needed}");
        }
    }
    assert!(template.contains("options: [x86_64, aarch64]"));
}

#[test]
fn workflows_pin_each_action_by_its_commit() {
    let text = fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    let uses: Vec<&str> = text.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, of)| of).collect();
    assert!(uses.len() > 3, "{uses:?}");
    for of in uses {
        let (commit, version) = of.split_once('@').unwrap().1.split_once(" # v").unwrap();
        let is_commit = commit.len() == 40 && commit.chars().all(|digit| digit.is_ascii_hexdigit());
        assert!(is_commit && !version.is_empty(), "{of} is not a commit with its version");
    }
}
