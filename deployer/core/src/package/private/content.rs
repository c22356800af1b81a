//! What the first bytes of a file say about secrets in it.

use serde_json::Value;

/// The most bytes in which the first line of a private key ends.
pub(super) const LONGEST_MARKER: usize = 128;
/// The words with which the marker of a private key ends.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY";
/// The fewest characters of base64 that the first line of a key has.
const SHORTEST_KEY_LINE: usize = 32;
/// The most bytes between the marker of a key and the end of its first line: its headers, and that line.
const LONGEST_KEY_BEGINNING: usize = 512;
/// The name of a secret access key of AWS, and the number of its characters.
const AWS_SECRET: &str = "aws_secret_access_key";
const AWS_SECRET_LENGTH: usize = 40;

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
/// are separated by `\n`, and in YAML they are indented.
fn begins_with_key_line(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..LONGEST_KEY_BEGINNING.min(bytes.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes).replace("\\r", "").replace("\\n", "\n");
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains(": "));
    let is_base64 = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    lines.next().is_some_and(|line| line.chars().take_while(is_base64).count() >= SHORTEST_KEY_LINE)
}

/// Whether a file has the credentials of a cloud: a secret access key of AWS, or what Google's tools write as JSON.
pub(super) fn has_credentials(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    [AWS_SECRET, "AWS_SECRET_ACCESS_KEY"].iter().any(|word| text.contains(word)) && text.lines().any(has_aws_secret)
        || has_google_credentials(&text)
}

/// Whether a line sets a secret access key of AWS, in INI, JSON, YAML or as a variable. The example of AWS's documents,
/// which ends in `EXAMPLEKEY`, is none.
fn has_aws_secret(line: &str) -> bool {
    let Some(at) = line.to_ascii_lowercase().find(AWS_SECRET) else { return false };
    let value =
        line.get(at + AWS_SECRET.len()..).unwrap_or_default().trim_start_matches([' ', '\t', '"', '\'', '=', ':']);
    let is_secret = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let secret: String = value.chars().take_while(is_secret).collect();
    secret.len() == AWS_SECRET_LENGTH && !secret.contains("EXAMPLE")
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
            "-----BEGIN PRIVATE KEY",
            "-----BEGIN CERTIFICATE-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n",
            "-----BEGIN PUBLIC KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n",
        ] {
            assert!(!has_key_block(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn secret_access_key_is_found_and_the_example_of_the_documents_is_not() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4M";
        for line in [
            format!("aws_secret_access_key = {secret}"),
            format!("  AWS_SECRET_ACCESS_KEY=\"{secret}\""),
            format!("export AWS_SECRET_ACCESS_KEY='{secret}'"),
            format!("AWS_SECRET_ACCESS_KEY: {secret}"),
            format!("    \"aws_secret_access_key\": \"{secret}\","),
        ] {
            assert!(has_credentials(format!("[default]\n{line}\n").as_bytes()), "{line}");
        }
        for line in [
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key =",
            "AWS_SECRET_ACCESS_KEY=${SECRET}",
            "\"aws_secret_access_key\": {\"type\": \"string\"}",
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4MwJalrXUt",
        ] {
            assert!(!has_credentials(line.as_bytes()), "{line}");
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
