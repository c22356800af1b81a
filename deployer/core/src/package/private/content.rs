//! Recognizes secrets by the first bytes of a file.

use std::collections::BTreeSet;

use serde_json::Value;

/// The most bytes in which the first line of a private key ends.
pub(super) const LONGEST_MARKER: usize = 128;
/// The words with which the marker of a private key ends.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY";
/// The fewest characters of base64 that the first line of a key has.
const SHORTEST_KEY_LINE: usize = 32;
/// The most bytes between the marker of a key and the end of its first line: its headers, and that line.
const LONGEST_KEY_BEGINNING: usize = 512;
/// The words in the name of a secret access key of AWS, which tools join and write in ways of their own.
const AWS_SECRET: [&str; 3] = ["secret", "access", "key"];
/// The characters with which tools join them.
const JOINTS: [char; 4] = ['-', '_', ' ', '.'];
/// The number of characters of a secret access key, and the fewest different ones that a random key has.
const AWS_SECRET_LENGTH: usize = 40;
const FEWEST_DIFFERENT: usize = 12;

/// Whether a file begins with a private key.
pub(super) fn starts_with_key(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let start = start.get(..LONGEST_MARKER.min(start.len())).unwrap_or_default();
    start.starts_with(b"PuTTY-User-Key-File-") || (start.starts_with(b"----") && has_private_key(start))
}

/// Whether a line of PEM, or of SSH's own format, begins a private key.
pub(super) fn has_private_key(bytes: &[u8]) -> bool {
    bytes.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| {
        let line = line.trim_ascii();
        line.starts_with(b"----") && contains(line, b"BEGIN ") && contains(line, PRIVATE_KEY)
    })
}

/// Whether the marker of a private key stands anywhere, also within a line, and the key itself after it. A text that
/// only names the marker has no key.
pub(super) fn has_key_block(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = find(rest, b"-----BEGIN ") {
        rest = rest.get(at + b"-----BEGIN ".len()..).unwrap_or_default();
        let marker = rest.get(..LONGEST_MARKER.min(rest.len())).unwrap_or_default();
        let marker = marker.get(..find(marker, b"-----").unwrap_or(0)).unwrap_or_default();
        let after = rest.get(marker.len() + b"-----".len()..).unwrap_or_default();
        if contains(marker, PRIVATE_KEY) && begins_with_key_line(after) {
            return true;
        }
    }
    false
}

/// Whether a line of base64 follows, after empty lines and headers such as `Proc-Type: 4,ENCRYPTED`. In JSON the lines
/// are separated by `\n`, in JSON within JSON by more backslashes, and in YAML they are indented.
fn begins_with_key_line(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..LONGEST_KEY_BEGINNING.min(bytes.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes).replace("\\r", "").replace("\\n", "\n");
    let is_around = |c: char| c.is_whitespace() || c == '\\';
    let mut lines =
        text.lines().map(|line| line.trim_matches(is_around)).filter(|line| !line.is_empty() && !line.contains(": "));
    let is_base64 = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    lines.next().is_some_and(|line| line.chars().take_while(is_base64).count() >= SHORTEST_KEY_LINE)
}

/// Whether a file has the credentials of a cloud: a secret access key of AWS, or what Google's tools write as JSON.
pub(super) fn has_credentials(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    has_aws_secret(&text) || has_google_credentials(&text)
}

/// Whether a text has a secret access key of AWS: behind its name, in INI, JSON, YAML, XML or as a variable, or in the
/// column of that name, as the console's CSV has it.
fn has_aws_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let ends = lower.match_indices(AWS_SECRET[0]).filter_map(|(at, _)| end_of_aws_name(&lower, at));
    has_aws_column(text) || ends.filter_map(|end| text.get(end..)).any(|after| is_aws_secret(value_of(after)))
}

/// Returns the end of the name of a secret access key that begins here; `None` if another word does.
fn end_of_aws_name(lower: &str, at: usize) -> Option<usize> {
    let end = AWS_SECRET
        .into_iter()
        .try_fold(lower.get(at..)?, |rest, word| rest.strip_prefix(JOINTS).unwrap_or(rest).strip_prefix(word));
    Some(lower.len() - end?.len())
}

/// Returns the text behind a name without what stands before the value, such as `": "`, or `", "value": "` where a list
/// has names and values.
fn value_of(after: &str) -> &str {
    let is_between = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ':' | '>' | '\\' | ',');
    let value = after.trim_start_matches(is_between);
    let named = value.get(..5).filter(|word| word.eq_ignore_ascii_case("value")).and_then(|_| value.get(5..));
    named.map_or(value, |value| value.trim_start_matches(is_between))
}

/// Whether a text begins with a secret access key. The example of AWS's documents, which has the word `EXAMPLE`, is none,
/// nor is a placeholder or a digest: a random key has letters of both cases, and many different ones.
fn is_aws_secret(text: &str) -> bool {
    // Some tools write a slash as `\/` in JSON.
    let is_secret = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '\\');
    let secret: String = text.chars().take_while(is_secret).collect::<String>().replace("\\/", "/");
    let secret = secret.split('\\').next().unwrap_or_default();
    let different: BTreeSet<char> = secret.chars().collect();
    secret.len() == AWS_SECRET_LENGTH
        && !secret.contains("EXAMPLE")
        && different.len() >= FEWEST_DIFFERENT
        && secret.contains(|c: char| c.is_ascii_lowercase())
        && secret.contains(|c: char| c.is_ascii_uppercase())
}

/// Whether the first line names the columns of a table, and a secret access key stands in the column of that name.
fn has_aws_column(text: &str) -> bool {
    let cell = |cell: &str| cell.trim_matches(['\u{feff}', '"', ' ']).to_ascii_lowercase().replace(JOINTS, "");
    let Some(header) = text.lines().next() else { return false };
    [',', ';', '\t'].into_iter().any(|separator| {
        let column = header.split(separator).position(|name| cell(name) == AWS_SECRET.concat());
        column.is_some_and(|column| {
            let mut cells = text.lines().skip(1).filter_map(|line| line.split(separator).nth(column));
            cells.any(|cell| is_aws_secret(cell.trim_start_matches(['"', ' '])))
        })
    })
}

/// Whether a text is a key of a service account, or a person's own login, as Google's tools write them.
fn has_google_credentials(text: &str) -> bool {
    if !(text.contains("service_account") || text.contains("authorized_user")) {
        return false;
    }
    let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else { return false };
    let of = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    match of("type") {
        "service_account" => !of("private_key").is_empty(),
        "authorized_user" => !of("refresh_token").is_empty(),
        _ => false,
    }
}

/// Whether a line sets a password: after the word stands a value that is no variable, such as `${TOKEN}`.
pub(super) fn has_password(line: &str, word: &str) -> bool {
    let line = line.trim_start().to_ascii_lowercase();
    let value = line.split_once(word).map(|(_, rest)| rest.trim_start_matches(char::is_alphanumeric));
    let value = value.map(|rest| rest.trim_matches([' ', '\t', '=', ':', '"']));
    !line.starts_with(['#', ';']) && value.is_some_and(|value| !value.is_empty() && !value.starts_with("${"))
}

pub(super) fn contains(bytes: &[u8], what: &[u8]) -> bool {
    find(bytes, what).is_some()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|found| found == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";

    #[test]
    fn key_block_is_found_in_yaml_json_and_between_other_lines() {
        for text in [
            format!("tls:\n  key: |\n    -----BEGIN EC PRIVATE KEY-----\n    {LINE}\n"),
            format!("{{\"key\": \"-----BEGIN PRIVATE KEY-----\\n{LINE}\\n\"}}"),
            format!("a key:\r\n-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\n{LINE}\r\n"),
            format!(r#"{{"body": "{{\"key\": \"-----BEGIN PRIVATE KEY-----\\n{LINE}\\n\"}}"}}"#),
            format!(r#"{{"key": "-----BEGIN PRIVATE KEY-----\r\n{LINE}\r\n"}}"#),
            format!("-----BEGIN CERTIFICATE-----\n{LINE}\n-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{LINE}\n"),
        ] {
            assert!(has_key_block(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn marker_without_a_key_is_no_key() {
        for text in [
            "it begins with -----BEGIN PRIVATE KEY-----\nand so on\n",
            "key: \"-----BEGIN PRIVATE KEY-----\\n...\\n\"\n",
            "key: -----BEGIN PRIVATE KEY-----\n<your key>\n",
            r#"{"body": "{\"key\": \"-----BEGIN PRIVATE KEY-----\\n...\\n\"}"}"#,
            "-----BEGIN PRIVATE KEY",
            "-----BEGIN CERTIFICATE-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n",
            "-----BEGIN PUBLIC KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n",
        ] {
            assert!(!has_key_block(text.as_bytes()), "{text}");
        }
    }

    /// Texts in which `@` stands for a value, with what they are.
    const WITH_SECRET: [(&str, &str); 17] = [
        ("INI", "[default]\naws_secret_access_key = @\n"),
        ("variable", "  AWS_SECRET_ACCESS_KEY=\"@\""),
        ("shell", "export AWS_SECRET_ACCESS_KEY='@'"),
        ("YAML", "AWS_SECRET_ACCESS_KEY: @"),
        ("YAML of a chart", "  aws:\n    secretAccessKey: @\n"),
        ("JSON", "    \"aws_secret_access_key\": \"@\","),
        ("aws iam create-access-key", "{\n    \"AccessKey\": {\n        \"SecretAccessKey\": \"@\"\n    }\n}\n"),
        ("console's CSV", "\u{feff}Access key ID,Secret access key\r\nAKIAIOSFODNN7ABCDEFG,@\r\n"),
        ("CSV of a user", "User name,Password,Access key ID,Secret access key,Console\na,,AKIA,@,https://a"),
        ("quoted CSV", "\"Access key ID\",\"Secret access key\"\n\"AKIA\",\"@\"\n"),
        ("second occurrence", r#"{"required":["SecretAccessKey"],"SecretAccessKey":"","b":{"SecretAccessKey":"@"}}"#),
        ("JSON in JSON", r#"{"body": "{\"SecretAccessKey\": \"@\"}"}"#),
        ("variables of a container", r#"[{"name": "AWS_SECRET_ACCESS_KEY", "value": "@"}]"#),
        ("variables of a pod", "- name: AWS_SECRET_ACCESS_KEY\n  value: @\n"),
        ("XML", "<SecretAccessKey>@</SecretAccessKey>"),
        ("properties", "aws.secret-access-key=@"),
        ("lines in one string", r#"{"env": "A=1\nAWS_SECRET_ACCESS_KEY=@\nB=2"}"#),
    ];

    #[test]
    fn secret_access_key_is_found_however_tools_write_it() {
        for (what, text) in WITH_SECRET {
            for secret in ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4M", r"wJalrXUtnFEMI\/K7MDENG\/bPxRfiCYzRfQ9aTk4M"] {
                assert!(has_credentials(text.replace('@', secret).as_bytes()), "{what}");
            }
        }
    }

    #[test]
    fn placeholder_type_or_example_is_no_secret_access_key() {
        for (what, text) in WITH_SECRET {
            for value in [
                "",
                "...",
                "<your secret access key>",
                "${AWS_SECRET_ACCESS_KEY}",
                "{{ secret }}",
                "string",
                "AWS::NoValue",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "YOURSECRETACCESSKEYYOURSECRETACCESSKEYAB",
                "356a192b7913b04c54574d18c28d46e6395428ab",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4MwJalrXUt",
            ] {
                let text = text.replace('@', value);
                assert!(!has_credentials(text.as_bytes()), "{what}: {text}");
            }
        }
        for text in [
            r#""aws_secret_access_key": {"type": "string"}"#,
            r#"{"required": ["SecretAccessKey"], "hash": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4M"}"#,
            "a secret access key has 40 characters, and",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4M",
        ] {
            assert!(!has_credentials(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn credentials_of_google_are_found_and_what_only_names_them_is_not() {
        for text in [
            r#"{"type": "service_account", "project_id": "acme", "private_key": "-----BEGIN PRIVATE KEY-----\nMII"}"#,
            "\u{feff}{\"client_id\": \"a\", \"refresh_token\": \"1//0g\", \"type\": \"authorized_user\"}\n",
        ] {
            assert!(has_credentials(text.as_bytes()), "{text}");
        }
        for text in [
            r#"{"type": "service_account", "client_email": "orders@acme.example"}"#,
            r#"{"type": "external_account", "service_account_impersonation_url": "https://a.example"}"#,
            r#"{"enum": ["service_account", "authorized_user"], "private_key": {"type": "string"}}"#,
            "service_account private_key",
        ] {
            assert!(!has_credentials(text.as_bytes()), "{text}");
        }
    }
}
