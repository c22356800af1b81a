//! Recognises files that are private, or that no function needs: variables and credentials, private keys, states of
//! tools, and the folders of editors and version control.
//!
//! Names decide where nobody ships such a file on purpose. Content decides where public files have the same names:
//! certifi and botocore bring certificates as `*.pem`, npm packages bring an `.npmrc` without a password, and clients of
//! Kafka bring a key store with certificates only. Content also decides about small data files of any name. In code, an
//! example of a key is no key, and a function without a piece of its code does not run: there only a key at the file's
//! start counts.

mod content;
mod keystore;

use content::{LONGEST_MARKER, has_credentials, has_key_block, has_password, has_private_key, starts_with_key};
use keystore::Contents;

/// The names of files and folders, in lower case.
const NAMES: [&str; 46] = [
    // Credentials, and folders that have them.
    ".aws",
    ".azure",
    ".boto",
    ".databrickscfg",
    ".docker",
    ".dockercfg",
    ".dockerconfigjson",
    ".gcloud",
    ".git-credentials",
    ".gnupg",
    ".htpasswd",
    ".kube",
    ".my.cnf",
    ".mylogin.cnf",
    ".netrc",
    ".oci",
    ".ossutilconfig",
    ".pgpass",
    ".s3cfg",
    ".ssh",
    ".vault-token",
    "_netrc",
    "credentials.tfrc.json",
    "pgpass.conf",
    // States and settings of tools.
    ".cargo",
    ".direnv",
    ".gradle",
    ".m2",
    ".pulumi",
    ".terraform",
    ".terraform.d",
    ".terraformrc",
    ".terragrunt-cache",
    "terraform.rc",
    // Editors and version control.
    ".ds_store",
    ".fleet",
    ".git",
    ".hg",
    ".idea",
    ".svn",
    ".vs",
    ".vscode",
    ".zed",
    "desktop.ini",
    "ehthumbs.db",
    "thumbs.db",
];
/// The names of SSH's keys, which more may follow.
const SSH_KEYS: [&str; 4] = ["id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"];
/// The endings of variables, of key stores that are encrypted as a whole, and of password managers.
const ENDINGS: [&str; 12] = [
    ".env",
    ".kdb",
    ".kdbx",
    ".keychain-db",
    ".ovpn",
    ".p12",
    ".pfx",
    ".pkcs12",
    ".ppk",
    ".psafe3",
    ".tfvars",
    ".tfvars.json",
];
/// The endings of Java's key stores.
const KEY_STORES: [&str; 5] = ["bcfks", "bks", "jceks", "jks", "keystore"];
/// Files that may have a password, and the words of which one stands before it.
const PASSWORDS: [(&str, &[&str]); 6] = [
    (".npmrc", &["_auth", "_password"]),
    (".pypirc", &["password"]),
    (".yarnrc", &["_auth", "_password"]),
    (".yarnrc.yml", &["npmauth"]),
    ("kubeconfig", &["client-key-data:", "password:", "token:"]),
    ("kubeconfig.yaml", &["client-key-data:", "password:", "token:"]),
];
/// The endings of files that hold data: not code, which has examples of keys, and not documents, which explain them.
const DATA: [&str; 18] = [
    "asc",
    "backup",
    "bak",
    "cfg",
    "cnf",
    "conf",
    "config",
    "credentials",
    "csv",
    "ini",
    "json",
    "old",
    "properties",
    "toml",
    "txt",
    "xml",
    "yaml",
    "yml",
];

/// The rule by which a file is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateRule {
    /// Its name alone decides.
    Name,
    /// It is private unless it has public keys or certificates only.
    UnlessPublic,
    /// It is private if it is a key store of Java with a key in it.
    KeyStore,
    /// It is private if it has a private key anywhere.
    KeyWithin,
    /// It is private if this word and a value stand in it.
    Password(&'static [&'static str]),
    /// It is private if it has a private key or the credentials of a cloud. Only small files are looked at.
    Data,
    /// It is private if it begins with a private key. Only small files are looked at.
    KeyAtStart,
}

impl PrivateRule {
    /// The most bytes of a file that are looked at.
    pub const MOST_BYTES: usize = 1 << 20;
    /// The size from which a file is no single key, and no file of credentials.
    pub const SMALL: u64 = 1 << 16;

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
            || (name.starts_with('.') && name.ends_with("_history"))
            || ENDINGS.iter().any(|ending| name.ends_with(ending))
            || (SSH_KEYS.iter().any(is_ssh_key) && !name.ends_with(".pub"));
        if is_private {
            return Self::Name;
        }
        if let Some((_, words)) = PASSWORDS.iter().find(|(file, _)| name == *file) {
            return Self::Password(words);
        }
        match name.trim_start_matches('.').rsplit_once('.') {
            Some((_, "key")) => Self::UnlessPublic,
            Some((_, "pem" | "crt" | "cer" | "p8")) => Self::KeyWithin,
            Some((_, ending)) if KEY_STORES.contains(&ending) => Self::KeyStore,
            Some((_, ending)) if DATA.contains(&ending) => Self::Data,
            None if name != "bootstrap" => Self::Data,
            _ => Self::KeyAtStart,
        }
    }

    /// Returns the number of bytes to read of a file of this size; none: its content decides nothing.
    #[must_use]
    pub fn bytes_to_read(self, size: u64) -> Option<usize> {
        match self {
            Self::Name => None,
            Self::KeyAtStart => (size < Self::SMALL).then_some(LONGEST_MARKER),
            Self::Data => (size < Self::SMALL).then_some(Self::SMALL as usize),
            Self::UnlessPublic | Self::KeyStore | Self::KeyWithin | Self::Password(_) => Some(Self::MOST_BYTES),
        }
    }

    /// Whether nobody can tell if a file is private: it is a key store that is not read, because it is too large or of an
    /// unknown format.
    #[must_use]
    pub fn is_unknown(self, bytes: &[u8]) -> bool {
        self == Self::KeyStore && Contents::of(bytes) == Contents::Unknown
    }

    /// Whether a file is private, by its name and its first bytes.
    #[must_use]
    pub fn is_private(self, bytes: &[u8]) -> bool {
        match self {
            Self::Name => true,
            Self::UnlessPublic => has_private_key(bytes) || !content::contains(bytes, b"-----BEGIN "),
            Self::KeyStore => Contents::of(bytes) == Contents::Key,
            Self::KeyWithin => has_private_key(bytes),
            Self::Password(words) => {
                let text = String::from_utf8_lossy(bytes);
                text.lines().any(|line| words.iter().any(|word| has_password(line, word)))
            }
            Self::Data => starts_with_key(bytes) || has_key_block(bytes) || has_credentials(bytes),
            Self::KeyAtStart => starts_with_key(bytes),
        }
    }
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
            ".s3cfg",
            ".boto",
            ".pgpass",
            ".netrc",
            ".docker",
            ".dockercfg",
            ".kube",
            ".gnupg",
            "prod.env",
            "passwords.kdbx",
            ".bash_history",
            ".my.cnf",
        ] {
            assert_eq!(PrivateRule::of(name), PrivateRule::Name, "{name}");
        }
        for name in ["env", "id_rsa.pub", "id_rsakit.py", "history", "terraform.tf", "environment.py", "boto.py"] {
            assert_ne!(PrivateRule::of(name), PrivateRule::Name, "{name}");
        }
    }

    #[test]
    fn data_is_searched_for_secrets_and_code_only_at_its_start() {
        for name in ["config.json", "application.YML", "credentials", "notes.txt", ".gitignore", "app.config"] {
            assert_eq!(PrivateRule::of(name), PrivateRule::Data, "{name}");
        }
        for name in ["index.js", "handler.py", "README.md", "Main.class", "bootstrap", "id_rsa.pub"] {
            assert_eq!(PrivateRule::of(name), PrivateRule::KeyAtStart, "{name}");
        }
        let line = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
        let key = format!("-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----\n");
        let secrets = [
            format!("key: |\n  {}", key.replace('\n', "\n  ")),
            "[default]\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4M\n".to_owned(),
            r#"{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nMII"}"#.to_owned(),
        ];
        for secret in &secrets {
            assert!(PrivateRule::of("settings.json").is_private(secret.as_bytes()), "{secret}");
            assert!(!PrivateRule::of("settings.py").is_private(secret.as_bytes()), "{secret}");
        }
        assert!(!PrivateRule::of("package.json").is_private(br#"{"name": "orders", "private": true}"#));
    }

    #[test]
    fn key_stores_of_java_are_private_where_a_key_is_in_them() {
        let trust_store = b"\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x00";
        let key = b"\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01";
        for name in ["kafka.client.truststore.jks", "debug.keystore", "a.JCEKS"] {
            let rule = PrivateRule::of(name);
            for (bytes, is_private, is_unknown) in
                [(&trust_store[..], false, false), (key, true, false), (b"\xfe\xed", false, true), (b"", false, true)]
            {
                assert_eq!((rule.is_private(bytes), rule.is_unknown(bytes)), (is_private, is_unknown), "{name}");
            }
        }
        assert!(!PrivateRule::of("a.json").is_unknown(b""));
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
    fn only_small_files_are_read_for_secrets() {
        assert_eq!(PrivateRule::of("index.js").bytes_to_read(100), Some(128));
        assert_eq!(PrivateRule::of("index.js").bytes_to_read(65_536), None);
        assert_eq!(PrivateRule::of("a.json").bytes_to_read(100), Some(65_536));
        assert_eq!(PrivateRule::of("a.json").bytes_to_read(65_536), None);
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
            (".yarnrc", "\"//registry.npmjs.org/:_authToken\" npm_1234\n"),
            ("kubeconfig", "users:\n- name: a\n  user:\n    client-key-data: LS0t\n"),
            ("kubeconfig", "    token: eyJh\n"),
            (".yarnrc.yml", "npmAuthToken: \"1234\"\n"),
        ] {
            assert!(is_private(name, text), "{name}: {text}");
        }
        for (name, text) in [
            (".npmrc", "package-lock=false\n"),
            (".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n# _auth=x\n"),
            (".pypirc", "[distutils]\nindex-servers = pypi\npassword =\n"),
            ("kubeconfig", "    exec:\n      args: [eks, get-token]\n      command: aws\n"),
        ] {
            assert!(!is_private(name, text), "{name}: {text}");
        }
    }
}
