//! The cases that were met in the field, each with its right value.

use deployer_core::record::{Code, TargetErrorCode};

use super::archive::{Entry, archive, commented};
use super::manifests::{
    NODE, NODE_JS, PROGRAM, PROVIDED, bootstrap, elf, index, node_and, node_with, other_bootstrap, provided_with, toml,
};
use super::{Fixture, Live, Verdict, rules};
use crate::fixtures::X86_64;
use Verdict::{Deployed, Fails, Refused, Warned};

/// All fixtures, by name.
#[must_use]
pub fn corpus() -> Vec<Fixture> {
    let mut all = [programs(), code(), manifests(), readers(), seen_by_the_deployer(), rules::rules()].concat();
    all.sort_unstable_by_key(|fixture| fixture.name);
    all
}

pub(super) fn fixture(name: &'static str, why: &'static str, bytes: Vec<u8>, right: Verdict, live: Live) -> Fixture {
    Fixture { name, why, bytes, new: Some(right), live: (live, right) }
}

pub(super) fn bad(says: &'static str) -> Verdict {
    Refused(Code::InvalidArtifact, says)
}

pub(super) fn bad_manifest(says: &'static str) -> Verdict {
    Refused(Code::InvalidManifest, says)
}

fn programs() -> Vec<Fixture> {
    let made_on = |host: u8, mode: fn(u32) -> u32| {
        archive(&[bootstrap(), toml(PROVIDED)].map(|entry| entry.with(|e| (e.host, e.mode) = (host, mode(e.mode)))))
    };
    let mode = |mode: u32| archive(&[bootstrap().mode(mode), toml(PROVIDED)]);
    let layer = "layers = [\"arn:aws:lambda:eu-west-1:111111111111:layer:php-84:7\"]\n";
    let wrapped = archive(&[
        Entry::folder("orders-api"),
        Entry::file("orders-api/bootstrap", elf(X86_64, "wrapped")).mode(0o100_755),
        Entry::file("orders-api/function.toml", PROVIDED),
    ]);
    let in_layer =
        archive(&[Entry::file("index.php", "<?php return fn() => 1;\n"), toml(&format!("{PROVIDED}{layer}"))]);
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, PROGRAM);
    vec![
        case("bootstrap-mode-755", "everybody may start it", mode(0o100_755), Deployed),
        case(
            "bootstrap-mode-700",
            "Lambda's user owns nothing",
            mode(0o100_700),
            bad("files that only their owner may read, and Lambda's user owns none: `bootstrap` (mode 700); chmod"),
        ),
        case(
            "bootstrap-mode-744",
            "the executable bit is the owner's alone",
            mode(0o100_744),
            bad("bootstrap is not executable for everybody: chmod 755 bootstrap"),
        ),
        case("bootstrap-host-macos", "macOS has Unix modes", made_on(19, |mode| mode), Deployed),
        case(
            "bootstrap-host-fat",
            "no Unix modes were given, so no executable bit",
            made_on(0, |_| 0),
            bad("bootstrap is not executable"),
        ),
        case(
            "bootstrap-with-folder-mode",
            "a file by its name, a folder by its mode",
            mode(0o040_755),
            bad("a file for some readers and a folder for others: `bootstrap`"),
        ),
        case("provided-runtime-in-layer", "the runtime's bootstrap is in the layer", in_layer, Deployed),
        case("wrapped-provided", "Finder, Explorer and GitHub wrap", wrapped, bad("zip what is in orders-api")),
    ]
}

fn code() -> Vec<Fixture> {
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, NODE_JS);
    let semver = Entry::file("node_modules/semver/bin/semver.js", "#!/usr/bin/env node\n").mode(0o100_755);
    let npm = [semver, Entry::link("node_modules/.bin/semver", "../semver/bin/semver.js")];
    let pnpm = [
        Entry::file("node_modules/.pnpm/lib@1.0.0/node_modules/lib/index.js", "module.exports=1\n"),
        Entry::link("node_modules/lib", ".pnpm/lib@1.0.0/node_modules/lib"),
    ];
    let opt = [Entry::link("node_modules", "/opt/nodejs/node_modules")];
    let wrapped = [
        Entry::folder("orders-api"),
        index().with(|e| e.name = b"orders-api/index.js".to_vec()),
        Entry::file("orders-api/function.toml", NODE),
        Entry::file("__MACOSX/orders-api/._index.js", [0, 5, 22, 7]),
    ];
    let private_folder = [
        Entry::folder("src").mode(0o040_700),
        index().with(|e| e.name = b"src/index.js".to_vec()),
        toml(&NODE.replace("index.", "src/index.")),
    ];
    let elsewhere = [index().with(|e| e.name = b"dist/index.js".to_vec()), toml(NODE)];
    let handle = "runtime = \"java21\"\nhandler = \"com.acme.Handler::handle\"\nrole = \"fn-exec\"\n";
    let license = || Entry::file("META-INF/LICENSE", "Apache\n");
    let class = Entry::file("com/acme/Handler.class", [0xca, 0xfe, 0xba, 0xbe]);
    let java = Live { runtime: "java21", handler: "com.acme.Handler::handle", has_layer: false };
    let dotted: Vec<Entry> = [Entry::folder("."), index(), toml(NODE)]
        .into_iter()
        .map(|entry| {
            entry.with(|e| {
                if e.name != b"./" {
                    e.name.splice(..0, *b"./").for_each(drop)
                }
            })
        })
        .collect();
    vec![
        case("symlink-npm-bin", "npm's links to programs", node_and(&npm), Deployed),
        case("symlink-pnpm", "pnpm's trees live by links", node_and(&pnpm), Deployed),
        case("symlink-opt-layer", "a link into a layer", node_and(&opt), Deployed),
        case("wrapped-node", "Finder, Explorer and GitHub wrap", archive(&wrapped), bad("zip what is in orders-api")),
        case(
            "node-handler-missing",
            "it could not start",
            archive(&elsewhere),
            bad("the zip has no file for the handler index.handler of nodejs22.x"),
        ),
        case(
            "node-mode-600",
            "Lambda's user owns nothing",
            archive(&[index().mode(0o100_600), toml(NODE)]),
            bad("`index.js` (mode 600); chmod -R a+rX"),
        ),
        case(
            "node-dir-mode-700",
            "Lambda's user owns nothing",
            archive(&private_folder),
            bad("`src/` (mode 700); chmod -R a+rX"),
        ),
        case(
            "node-mode-none",
            "a mode without a type is a tool's default",
            archive(&[index().mode(0o600), toml(NODE)]),
            Deployed,
        ),
        fixture(
            "duplicate-same-bytes",
            "fat jars hold META-INF/LICENSE twice",
            archive(&[class, license(), license(), toml(handle)]),
            Deployed,
            java,
        ),
        case("dot-slash", "readers differ on ./name", archive(&dotted), bad("zip with * in place of .")),
    ]
}

fn manifests() -> Vec<Fixture> {
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, NODE_JS);
    let named = |name: &str, text: &[u8]| archive(&[index(), Entry::file(name, text)]);
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(NODE.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let bom = format!("\u{feff}{}", NODE.replace('\n', "\r\n"));
    vec![
        case(
            "manifest-case",
            "a manifest that nobody would read",
            named("Function.toml", NODE.as_bytes()),
            bad_manifest("the manifest's name is function.toml"),
        ),
        case(
            "manifest-yaml",
            "a manifest that nobody would read",
            named("function.yaml", b"runtime: nodejs22.x\n"),
            bad_manifest("the manifest's name is function.toml"),
        ),
        case("toml-bom", "Windows' editors write it", named("function.toml", bom.as_bytes()), Deployed),
        case(
            "toml-utf16",
            "PowerShell's default",
            named("function.toml", &utf16),
            bad_manifest("UTF-16 (PowerShell's default): save"),
        ),
        case(
            "field-timeout-1800",
            "AWS raises it",
            node_with("timeout = 1800\n"),
            Warned("timeout is 1800, more than the 900"),
        ),
        case(
            "field-memory-32768",
            "AWS raises it",
            node_with("memory_size = 32768\n"),
            Warned("memory_size is 32768, more than the 10240"),
        ),
        case(
            "field-awslayer",
            "it is in Lambda's own pattern",
            node_with("layers = [\"arn:aws:lambda:::awslayer:AmazonLinux2\"]\n"),
            Deployed,
        ),
        Fixture {
            live: (
                NODE_JS,
                Fails(
                    TargetErrorCode::InvalidConfiguration,
                    "only when it creates it, and this one was created without it",
                ),
            ),
            ..case(
                "field-durable",
                "Lambda takes it when it creates the function",
                node_with("[durable_config]\nexecution_timeout = 3600\nretention_period = 7\n"),
                Deployed,
            )
        },
        case(
            "field-source-kms",
            "Lambda takes it",
            node_with("source_kms_key_arn = \"arn:aws:kms:eu-west-1:111111111111:key/1\"\n"),
            Deployed,
        ),
        case(
            "field-publish",
            "known in Terraform, here the deployer's",
            node_with("publish = true\n"),
            bad_manifest("function.toml: publish: known"),
        ),
        case(
            "field-function-name",
            "known in Terraform, here the deployer's",
            node_with("function_name = \"orders\"\n"),
            bad_manifest("function.toml: function_name: known"),
        ),
        case(
            "function-json-lambroll",
            "lambroll's file",
            named("function.json", LAMBROLL.as_bytes()),
            bad_manifest("lambroll"),
        ),
    ]
}

const LAMBROLL: &str = r#"{
 "FunctionName": "orders-api",
 "Description": "orders",
 "Handler": "index.handler",
 "MemorySize": 256,
 "Role": "arn:aws:iam::111111111111:role/fn-exec",
 "Runtime": "nodejs22.x",
 "Timeout": 30,
 "Environment": { "Variables": { "LOG_LEVEL": "info" } },
 "Layers": [],
 "Tags": { "team": "orders" }
}
"#;

/// Zips of which other readers would open another `bootstrap` than the one that was verified.
fn readers() -> Vec<Fixture> {
    let case = |name, why, bytes, right| fixture(name, why, bytes, right, PROGRAM);
    let inner = archive(&[other_bootstrap(), toml(PROVIDED)]);
    let comment = [&inner[..], b"\n"].concat();
    let renamed = || other_bootstrap().with(|e| e.name = b"zz".to_vec());
    let path = [&[0x75, 0x70, 14, 0, 1][..], &super::archive::checksum(b"zz").to_le_bytes(), b"bootstrap"].concat();
    vec![
        case(
            "comment-eocd-one-byte-after",
            "Python opens the zip in the comment",
            commented(&[bootstrap(), toml(PROVIDED)], &comment),
            bad("more than one end of central directory"),
        ),
        case(
            "local-name-of-another-entry",
            "readers of streams see bootstrap twice",
            provided_with(&[renamed().with(|e| e.local_name = Some(b"bootstrap".to_vec()))]),
            bad("local header contradicts the zip's directory"),
        ),
        case(
            "unicode-path-central",
            "readers that know the field see bootstrap twice",
            provided_with(&[renamed().with(|e| e.extra = path)]),
            bad("a second name that is another one: `zz`"),
        ),
        case(
            "unlisted-local-entry-last",
            "readers of streams see bootstrap twice",
            provided_with(&[other_bootstrap().with(|e| e.is_listed = false)]),
            bad("an entry that its directory does not list"),
        ),
    ]
}

/// Zips of code alone: the function as it is decides.
fn seen_by_the_deployer() -> Vec<Fixture> {
    let case = |name, why, entries: &[Entry], live, right| Fixture {
        name,
        why,
        bytes: archive(entries),
        new: None,
        live: (live, right),
    };
    let elsewhere = index().with(|e| e.name = b"dist/index.js".to_vec());
    let layered = |live: Live| Live { has_layer: true, ..live };
    let php = Entry::file("index.php", "<?php return fn() => 1;\n");
    vec![
        case("code-only-node", "its configuration is left alone", &[index()], NODE_JS, Deployed),
        case(
            "code-only-runtime-in-layer",
            "the function has layers",
            std::slice::from_ref(&php),
            layered(PROGRAM),
            Deployed,
        ),
        case(
            "code-only-without-bootstrap",
            "the function has no layers",
            &[php],
            PROGRAM,
            Fails(TargetErrorCode::InvalidConfiguration, "the zip has no file bootstrap at its root"),
        ),
        case(
            "code-only-handler-missing",
            "the function has no layers",
            std::slice::from_ref(&elsewhere),
            NODE_JS,
            Fails(TargetErrorCode::InvalidConfiguration, "no file for the handler index.handler"),
        ),
        case(
            "code-only-handler-in-layer",
            "the function has layers",
            &[elsewhere],
            layered(NODE_JS),
            Warned("unless one of the function's layers has it"),
        ),
    ]
}
