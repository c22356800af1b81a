//! Recognises files that are private, or that no function needs: variables and credentials, private keys, states of
//! tools, and the folders of editors and version control.
//!
//! Names decide where nobody ships such a file on purpose. Content decides where public files have the same names:
//! certifi and botocore bring certificates as `*.pem`, and npm packages bring an `.npmrc` without a password.

/// The names of files and folders, in lower case.
const NAMES: [&str; 26] = [
    ".aws",
    ".azure",
    ".docker",
    ".ds_store",
    ".fleet",
    ".gcloud",
    ".git",
    ".git-credentials",
    ".gnupg",
    ".hg",
    ".idea",
    ".kube",
    ".pgpass",
    ".ssh",
    ".svn",
    ".terraform",
    ".terraform.d",
    ".terraformrc",
    ".terragrunt-cache",
    ".vault-token",
    ".vs",
    ".vscode",
    ".zed",
    "credentials.tfrc.json",
    "terraform.rc",
    "thumbs.db",
];
/// The names of SSH's keys, which more may follow.
const SSH_KEYS: [&str; 4] = ["id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"];
/// The endings of key stores and of Terraform's variables.
const ENDINGS: [&str; 5] = [".p12", ".pfx", ".ppk", ".tfvars", ".tfvars.json"];
/// Files that may have a password, and the words of which one stands before it.
const PASSWORDS: [(&str, &[&str]); 5] = [
    (".netrc", &["password"]),
    ("_netrc", &["password"]),
    (".npmrc", &["_auth", "_password"]),
    (".pypirc", &["password"]),
    (".yarnrc.yml", &["npmauth"]),
];

/// The rule by which a file is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateRule {
    /// Its name alone decides.
    Name,
    /// It is private unless it has public keys or certificates only.
    UnlessPublic,
    /// It is private if it has a private key anywhere.
    KeyWithin,
    /// It is private if it begins with a private key.
    KeyAtStart,
    /// It is private if this word and a value stand in it.
    Password(&'static [&'static str]),
}

impl PrivateRule {
    /// The most bytes of a file that are looked at.
    pub const MOST_BYTES: usize = 1 << 20;
    /// The size from which a file is no single key.
    pub const KEY_SIZE: u64 = 1 << 16;

    /// Returns the rule for a file or a folder of this name. A folder is private by its name alone.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let is_ssh_key = |key: &&str| {
            name.strip_prefix(*key).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        };
        let is_private = NAMES.contains(&name.as_str())
            || name.starts_with(".env")
            || name.contains(".tfstate")
            || ENDINGS.iter().any(|ending| name.ends_with(ending))
            || (SSH_KEYS.iter().any(is_ssh_key) && !name.ends_with(".pub"));
        if is_private {
            return Self::Name;
        }
        if let Some((_, words)) = PASSWORDS.iter().find(|(file, _)| name == *file) {
            return Self::Password(words);
        }
        match name.rsplit_once('.') {
            Some((_, "key")) => Self::UnlessPublic,
            Some((_, "pem" | "crt" | "cer" | "p8")) => Self::KeyWithin,
            _ => Self::KeyAtStart,
        }
    }

    /// Returns the number of bytes to read of a file of this size; none: its content decides nothing.
    #[must_use]
    pub fn bytes_to_read(self, size: u64) -> Option<usize> {
        match self {
            Self::Name => None,
            Self::KeyAtStart => (size < Self::KEY_SIZE).then_some(LONGEST_MARKER),
            Self::UnlessPublic | Self::KeyWithin | Self::Password(_) => Some(Self::MOST_BYTES),
        }
    }

    /// Whether a file is private, by its name and its first bytes.
    #[must_use]
    pub fn is_private(self, bytes: &[u8]) -> bool {
        match self {
            Self::Name => true,
            Self::UnlessPublic => has_private_key(bytes) || !contains(bytes, b"-----BEGIN "),
            Self::KeyWithin => has_private_key(bytes),
            Self::KeyAtStart => {
                let start = bytes.trim_ascii_start();
                let start = start.get(..LONGEST_MARKER.min(start.len())).unwrap_or_default();
                start.starts_with(b"PuTTY-User-Key-File-") || (start.starts_with(b"----") && has_private_key(start))
            }
            Self::Password(words) => {
                let text = String::from_utf8_lossy(bytes);
                text.lines().any(|line| words.iter().any(|word| has_password(line, word)))
            }
        }
    }
}

/// The most bytes in which the first line of a private key ends.
const LONGEST_MARKER: usize = 128;

/// Whether a line of PEM, or of SSH's own format, begins a private key.
fn has_private_key(bytes: &[u8]) -> bool {
    bytes.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| {
        let line = line.trim_ascii();
        line.starts_with(b"----") && contains(line, b"BEGIN ") && contains(line, b"PRIVATE KEY")
    })
}

/// Whether a line sets a password: after the word stands a value that is no variable, such as `${TOKEN}`.
fn has_password(line: &str, word: &str) -> bool {
    let line = line.trim_start().to_ascii_lowercase();
    let value = line.split_once(word).map(|(_, rest)| rest.trim_start_matches(char::is_alphanumeric));
    let value = value.map(|rest| rest.trim_matches([' ', '\t', '=', ':', '"']));
    !line.starts_with(['#', ';']) && value.is_some_and(|value| !value.is_empty() && !value.starts_with("${"))
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|found| found == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n";
    const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n";

    #[test]
    fn private_names_need_no_content() {
        for name in [
            ".env",
            ".env.local",
            ".envrc",
            ".ENV",
            ".terraform",
            "terraform.tfstate",
            "terraform.tfstate.backup",
            ".aws",
            ".ssh",
            ".git",
            ".DS_Store",
            ".idea",
            ".vscode",
            "id_rsa",
            "id_rsa_work",
            "id_ed25519.bak",
            "server.p12",
            "server.PFX",
            "putty.ppk",
            "prod.tfvars",
            "prod.auto.tfvars.json",
            ".git-credentials",
        ] {
            assert_eq!(PrivateRule::of(name), PrivateRule::Name, "{name}");
        }
        for name in ["env", "id_rsa.pub", "id_rsakit.py", ".gitignore", "terraform.tf", "environment.py", "bootstrap"] {
            assert_eq!(PrivateRule::of(name), PrivateRule::KeyAtStart, "{name}");
        }
    }

    #[test]
    fn certificates_and_public_keys_are_public_and_private_keys_are_not() {
        let is_private = |name: &str, bytes: &[u8]| PrivateRule::of(name).is_private(bytes);
        let public = b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n";
        let both = [CERTIFICATE, KEY].concat();
        for name in ["cacert.pem", "server.crt", "server.key"] {
            assert!(!is_private(name, CERTIFICATE) && !is_private(name, public), "{name}");
            assert!(is_private(name, KEY) && is_private(name, &both), "{name}");
        }
        assert!(is_private("licence.key", b"7f00") && !is_private("dummy.pem", b"nothing"));
        for key in [
            &b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"[..],
            b"\r\n-----BEGIN OPENSSH PRIVATE KEY-----\r\n",
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
            b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n",
            b"PuTTY-User-Key-File-3: ssh-ed25519\n",
        ] {
            assert!(is_private("deploy_key", key), "{}", String::from_utf8_lossy(key));
        }
        assert!(!is_private("pem.py", b"MARKER = '-----BEGIN PRIVATE KEY-----'\n"));
        assert!(!is_private("readme.md", &[b"a key begins so:\n", KEY].concat()));
    }

    #[test]
    fn only_small_files_are_read_for_a_key_at_their_start() {
        assert_eq!(PrivateRule::of("index.js").bytes_to_read(100), Some(128));
        assert_eq!(PrivateRule::of("index.js").bytes_to_read(65_536), None);
        assert_eq!(PrivateRule::of("all.pem").bytes_to_read(65_536), Some(1 << 20));
        assert_eq!(PrivateRule::of(".env").bytes_to_read(1), None);
    }

    #[test]
    fn registry_files_are_private_only_with_a_password() {
        let is_private = |name: &str, text: &str| PrivateRule::of(name).is_private(text.as_bytes());
        for (name, text) in [
            (".npmrc", "save-exact=true\n//registry.npmjs.org/:_authToken=npm_1234\n"),
            (".npmrc", "_auth = dXNlcjpw\n"),
            (".npmrc", "//npm.acme.example/:username=ci\n//npm.acme.example/:_password=dXNlcjpw\n"),
            (".pypirc", "[pypi]\nusername = __token__\npassword: pypi-1234\n"),
            (".netrc", "machine a.example login b password c\n"),
            (".yarnrc.yml", "npmAuthToken: \"1234\"\n"),
        ] {
            assert!(is_private(name, text), "{name}: {text}");
        }
        for (name, text) in [
            (".npmrc", "package-lock=false\n"),
            (".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n# _auth=x\n"),
            (".pypirc", "[distutils]\nindex-servers = pypi\npassword =\n"),
            (".netrc", ""),
        ] {
            assert!(!is_private(name, text), "{name}: {text}");
        }
    }
}
