#![allow(clippy::unwrap_used)]
//! Plans as text, from the wanted and the observed state.

mod fields;
mod versions;

use std::collections::BTreeMap;

use super::*;
use crate::artifact::ArtifactRef;
use crate::id::{AccountId, BucketName, EnvironmentName, Region};
use crate::managed_keys::ManagedKeys;
use crate::manifest::{
    DirectS3Read, DurableConfig, FileSystemConfig, FunctionConfig, Manifest, ManifestFormat, S3FilesConfig, Secret,
    TenancyConfig, TenantIsolationMode, VpcConfig,
};
use crate::observed::{Condition, FunctionMetadata, Observed, ObservedAlias, ObservedCode, Settings, Variables};
use crate::package::{Bootstrap, BootstrapKind, INLINE_LIMIT, Machine, Startup};
use crate::record::{TargetError, TargetErrorCode};

const FULL: &str = r#"
    runtime = "provided.al2023"
    handler = "bootstrap"
    role = "orders"
"#;

struct Scene {
    target: Target,
    function: FunctionName,
    alias: AliasName,
    artifact: VerifiedArtifact,
    previously_managed: ManagedKeys,
    known_code: Vec<Sha256>,
}

impl Scene {
    fn new(manifest: &str) -> Self {
        let region = Region::parse("eu-west-1").unwrap();
        let manifest = Manifest::parse(ManifestFormat::Toml, manifest.as_bytes()).unwrap();
        Self {
            target: Target { account: AccountId::parse("111111111111").unwrap(), region: region.clone() },
            function: FunctionName::parse("orders").unwrap(),
            alias: AliasName::parse("live").unwrap(),
            artifact: VerifiedArtifact {
                reference: ArtifactRef {
                    bucket: BucketName::parse("acme-artifacts").unwrap(),
                    key: "dev/orders/2.zip".into(),
                    version_id: "v2".into(),
                },
                region: Some(region),
                sha256: Sha256::of(b"new"),
                size: 1000,
                metadata: BTreeMap::new(),
                config: manifest.for_environment(&EnvironmentName::parse("dev").unwrap()),
                has_manifest: true,
                smoke_tests: vec![],
                startup: Startup {
                    bootstrap: Some(Bootstrap { executable: true, kind: BootstrapKind::Elf(Machine::X86_64) }),
                    ..Startup::default()
                },
            },
            previously_managed: ManagedKeys::default(),
            known_code: vec![],
        }
    }

    fn desired(&self) -> DesiredState<'_> {
        DesiredState {
            target: &self.target,
            function: &self.function,
            alias: &self.alias,
            artifact: &self.artifact,
            previously_managed: &self.previously_managed,
            known_code: &self.known_code,
        }
    }

    fn plan(&self, observed: &Observed) -> Plan {
        plan(&self.desired(), observed).unwrap()
    }

    fn steps(&self, observed: &Observed) -> Vec<&'static str> {
        self.plan(observed).steps.iter().map(Step::name).collect()
    }

    fn error(&self, observed: &Observed) -> (TargetErrorCode, String) {
        let error = TargetError::from(plan(&self.desired(), observed).unwrap_err());
        (error.code, error.message.into())
    }
}

fn code(version: Option<&str>, bytes: &[u8]) -> ObservedCode {
    ObservedCode {
        version: version.map(|v| Version::parse(v).unwrap()),
        sha256: Some(Sha256::of(bytes)),
        settings: Settings {
            runtime: Some("provided.al2023".into()),
            handler: Some("bootstrap".into()),
            role: Some("arn:aws:iam::111111111111:role/orders".into()),
            memory_size: 128,
            timeout: 3,
            layers: vec!["arn:aws:lambda:eu-west-1:111111111111:layer:tools:3".into()],
            variables: Variables::Known([("KEPT".to_owned(), Secret::new("old"))].into()),
            vpc_config: VpcConfig {
                subnet_ids: vec![],
                security_group_ids: vec![],
                ipv6_allowed_for_dual_stack: Some(false),
            },
            ..Settings::default()
        },
        revision: RevisionId("rev-1".into()),
        condition: Condition::Ready,
        last_update_failed: None,
    }
}

/// A function whose alias serves version 6 with this code.
fn serving(bytes: &[u8]) -> Observed {
    Observed {
        latest: Some(code(None, bytes)),
        metadata: FunctionMetadata { tags: Some(BTreeMap::new()), reserved_concurrency: None },
        alias: Some(ObservedAlias {
            name: AliasName::parse("live").unwrap(),
            version: Some(Version::parse("6").unwrap()),
            weights: BTreeMap::new(),
            revision: RevisionId("alias-1".into()),
            description: String::new(),
            provisioned: None,
            moved_by_deployer: true,
        }),
        serving: Some(code(Some("6"), bytes)),
        publishing_failed: false,
    }
}

#[test]
fn numbers_above_the_known_maximums_are_sent_with_a_warning() {
    let scene = Scene::new(&format!("{FULL}timeout = 1800\nephemeral_storage.size = 10240\n"));
    let plan = scene.plan(&Observed::default());
    assert_eq!(plan.warnings, ["timeout is 1800, more than the 900 that this deployer knows of; Lambda decides"]);
    let Step::Create(new) = &plan.steps[0] else { panic!("{plan}") };
    assert_eq!(new.configuration.timeout, Some(1800));
}

#[test]
fn new_function_is_created_and_gets_its_alias() {
    let scene = Scene::new(FULL);
    let plan = scene.plan(&Observed::default());
    assert_eq!(
        plan.to_string(),
        format!(
            "+ function: orders\n+ code: {}\n+ alias live: the new version\n\
             1. create function (role arn:aws:iam::111111111111:role/orders, x86_64, publishing)\n2. create alias\n",
            Sha256::of(b"new")
        )
    );
    assert_eq!((plan.previous, plan.delivery), (None, Delivery::ByReference));
}

#[test]
fn new_code_is_updated_then_the_alias_moves() {
    let plan = Scene::new("").plan(&serving(b"old"));
    assert_eq!(
        plan.to_string(),
        format!(
            "~ code: {} → {}\n~ alias live: version 6 → the new version\n\
             1. update code (publishing)\n2. move alias (from version 6)\n",
            Sha256::of(b"old"),
            Sha256::of(b"new")
        )
    );
    assert_eq!(plan.previous.unwrap().version.as_str(), "6");
}

#[test]
fn configuration_precedes_code_and_is_published_alone_for_equal_code() {
    let scene = Scene::new("memory_size = 256");
    assert_eq!(scene.steps(&serving(b"old")), ["update configuration", "update code", "move alias"]);
    assert_eq!(scene.steps(&serving(b"new")), ["update configuration", "publish version", "move alias"]);
}

#[test]
fn plan_is_empty_if_the_alias_serves_exactly_this() {
    let scene = Scene::new("memory_size = 128");
    let plan = scene.plan(&serving(b"new"));
    assert!(plan.is_empty());
    assert_eq!(plan.to_string(), "orders: nothing to do\n");
    assert_eq!(plan.serving.unwrap().as_str(), "6");
}

#[test]
fn latest_that_fits_is_published_without_sending() {
    let mut observed = serving(b"old");
    observed.latest = Some(code(None, b"new"));
    assert_eq!(Scene::new("").steps(&observed), ["publish version", "move alias"]);
}

#[test]
fn code_is_sent_again_after_an_update_that_failed() {
    let mut observed = serving(b"old");
    observed.latest =
        Some(ObservedCode { last_update_failed: Some("EniLimitExceeded: …".into()), ..code(None, b"new") });
    assert_eq!(Scene::new("").steps(&observed), ["update code", "move alias"]);
}

#[test]
fn missing_alias_is_created_and_forgotten_weights_are_cleared() {
    let scene = Scene::new("");
    let without = Observed { alias: None, serving: None, ..serving(b"new") };
    assert_eq!(scene.steps(&without), ["publish version", "create alias"]);
    let mut shifting = serving(b"new");
    shifting.alias.as_mut().unwrap().weights = [("7".to_owned(), 0.1)].into();
    let plan = scene.plan(&shifting);
    assert_eq!(
        plan.to_string(),
        "~ alias live: version 6 and 10% to version 7 → only version 6\n1. move alias (from version 6)\n"
    );
}

#[test]
fn lambdas_own_weight_is_awaited_and_not_cleared() {
    let scene = Scene::new("");
    let mut moving = serving(b"new");
    moving.alias.as_mut().unwrap().weights = [("5".to_owned(), 1.0)].into();
    let plan = scene.plan(&moving);
    assert_eq!(plan.to_string(), "1. await traffic (Lambda still holds it on version 5)\n");
    assert!(plan.writes_nothing() && !plan.is_empty());
    // Without provisioned concurrency somebody else set the weight.
    moving.alias.as_mut().unwrap().provisioned = Some(false);
    assert_eq!(scene.steps(&moving), ["move alias"]);
}

#[test]
fn another_release_moves_an_alias_whose_traffic_lambda_holds_back() {
    let mut moving = serving(b"old");
    moving.alias.as_mut().unwrap().weights = [("5".to_owned(), 1.0)].into();
    let plan = Scene::new("").plan(&moving);
    assert_eq!(plan.steps.last().map(Step::name), Some("move alias"));
    assert_eq!(plan.traffic, Some(Version::parse("5").unwrap()), "callers meet version 5");
}

#[test]
fn rollback_during_a_transition_moves_to_the_version_with_the_traffic() {
    let name = |text: &str| Version::parse(text).unwrap();
    let mut alias = serving(b"bad").alias.unwrap();
    alias.weights = [("5".to_owned(), 1.0)].into();
    let (function, live) = (FunctionName::parse("orders").unwrap(), AliasName::parse("live").unwrap());
    let back = |to: &str| super::plan_restore(&function, &live, (&name(to), Sha256::of(b"5")), Some(&alias));
    assert_eq!(back("5").steps.iter().map(Step::name).collect::<Vec<_>>(), ["move alias"]);
    assert_eq!(back("6").steps, [Step::AwaitTraffic { from: name("5") }]);
}

#[test]
fn rollback_says_only_where_the_alias_shares_its_traffic() {
    let (function, live) = (FunctionName::parse("orders").unwrap(), AliasName::parse("live").unwrap());
    let back = |alias: &ObservedAlias| {
        let to = Version::parse("5").unwrap();
        super::plan_restore(&function, &live, (&to, Sha256::of(b"5")), Some(alias)).to_string()
    };
    let mut alias = serving(b"bad").alias.unwrap();
    assert!(back(&alias).starts_with("~ alias live: version 6 → version 5\n"), "{}", back(&alias));
    alias.weights = [("5".to_owned(), 0.1)].into();
    assert!(
        back(&alias).starts_with("~ alias live: version 6 and 10% to version 5 → only version 5\n"),
        "{}",
        back(&alias)
    );
}

#[test]
fn traffic_that_lambda_moves_meanwhile_is_no_foreign_change() {
    let scene = Scene::new("");
    let mut held = serving(b"before");
    held.alias.as_mut().unwrap().weights = [("5".to_owned(), 1.0)].into();
    let whole = serving(b"before");
    assert_eq!(foreign_change(&scene.desired(), &held, &whole), None);
    held.alias.as_mut().unwrap().weights = [("5".to_owned(), 0.5)].into();
    assert!(foreign_change(&scene.desired(), &held, &whole).is_some(), "somebody has ended a split");
}

#[test]
fn move_with_a_lost_answer_is_no_foreign_change() {
    let scene = Scene::new("");
    let mut after = serving(b"new");
    (after.alias.as_mut().unwrap().version, after.serving.as_mut().unwrap().version) =
        (Version::parse("7").ok(), Version::parse("7").ok());
    after.alias.as_mut().unwrap().weights = [("6".to_owned(), 1.0)].into();
    assert_eq!(foreign_change(&scene.desired(), &serving(b"old"), &after), None);
    after.alias.as_mut().unwrap().weights = [("6".to_owned(), 0.5)].into();
    assert!(foreign_change(&scene.desired(), &serving(b"old"), &after).is_some());
}

#[test]
fn alias_on_latest_is_moved_to_a_version() {
    let mut observed = serving(b"new");
    observed.alias.as_mut().unwrap().version = None;
    observed.serving = Some(code(None, b"new"));
    let scene = Scene::new("");
    assert_eq!(scene.steps(&observed), ["publish version", "move alias"]);
    assert_eq!(scene.plan(&observed).previous, None);
}

#[test]
fn variables_are_merged_and_never_shown() {
    let scene = Scene::new("[environment.variables]\nTOKEN = \"s3cr3t\"");
    let plan = scene.plan(&serving(b"new"));
    let Some(Step::UpdateConfiguration(sent)) = plan.steps.first() else { panic!("{plan}") };
    let variables: Vec<(&str, &str)> =
        sent.variables.as_ref().unwrap().iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(variables, [("KEPT", "old"), ("TOKEN", "s3cr3t")]);
    let json = serde_json::to_string(&plan.changes.iter().map(PlannedChange::from).collect::<Vec<_>>()).unwrap();
    for text in [plan.to_string(), json, format!("{plan:?}")] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    assert!(plan.to_string().starts_with("+ environment.variables.TOKEN: ***\n"));
}

#[test]
fn keys_of_the_last_deployment_that_are_unnamed_are_removed() {
    let mut scene = Scene::new("[environment.variables]\nMODE = \"1\"\n[tags]\nteam = \"orders\"");
    scene.previously_managed.variables = ["KEPT".to_owned(), "MODE".to_owned(), "GONE".to_owned()].into();
    scene.previously_managed.tags = ["team".to_owned(), "stage".to_owned(), "gone".to_owned()].into();
    let mut observed = serving(b"new");
    let tags = [("team", "orders"), ("stage", "dev"), ("other", "stays")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    observed.metadata.tags = Some(tags.into());
    let plan = scene.plan(&observed);
    let Some(Step::UpdateConfiguration(sent)) = plan.steps.first() else { panic!("{plan}") };
    assert_eq!(sent.variables.as_ref().unwrap().keys().collect::<Vec<_>>(), ["MODE"]);
    assert!(plan.steps.contains(&Step::Untag(vec!["stage".into()])), "{plan}");
    assert!(plan.to_string().contains("- environment.variables.KEPT: ***\n"), "{plan}");
    assert!(plan.to_string().contains("- tags.stage: dev\n"), "{plan}");
    scene.artifact.has_manifest = false;
    scene.artifact.config = FunctionConfig::default();
    assert!(scene.plan(&observed).is_empty(), "without a manifest the configuration is left alone");
}

#[test]
fn variables_that_cannot_be_read_are_not_overwritten() {
    let scene = Scene::new("[environment.variables]\nMODE = \"1\"");
    let mut observed = serving(b"new");
    for code in [observed.latest.as_mut().unwrap(), observed.serving.as_mut().unwrap()] {
        code.settings.variables = Variables::Unreadable { because: "AccessDeniedException: KMS".into() };
    }
    let (code, message) = scene.error(&observed);
    assert_eq!(code, TargetErrorCode::InvalidConfiguration);
    assert!(message.contains("cannot be read (AccessDeniedException: KMS)"), "{message}");
    assert!(Scene::new("").plan(&observed).is_empty(), "what is not named is not touched");
}

#[test]
fn variables_above_lambdas_limit_are_never_sent() {
    let long = |name: &str, length: usize| format!("{name} = \"{}\"\n", "x".repeat(length));
    let scene = Scene::new(&format!("[environment.variables]\n{}", long("NEW", 2000)));
    let mut observed = serving(b"new");
    for code in [observed.latest.as_mut().unwrap(), observed.serving.as_mut().unwrap()] {
        code.settings.variables = Variables::Known([("OLD".to_owned(), Secret::new("y".repeat(2100)))].into());
    }
    let (code, message) = scene.error(&observed);
    assert_eq!(code, TargetErrorCode::InvalidConfiguration);
    assert!(message.contains("take 4119 bytes as JSON, and Lambda takes 4096"), "{message}");
    assert!(!message.contains("xxx") && !message.contains("yyy"));
}

#[test]
fn unnamed_fields_stay_and_an_empty_list_empties() {
    assert!(Scene::new("").plan(&serving(b"new")).is_empty());
    let plan = Scene::new("layers = []").plan(&serving(b"new"));
    let Some(Step::UpdateConfiguration(sent)) = plan.steps.first() else { panic!("{plan}") };
    assert_eq!(**sent, Configuration { layers: Some(vec![]), ..Configuration::default() });
}

#[test]
fn tags_and_concurrency_change_without_a_new_version() {
    let scene = Scene::new("reserved_concurrent_executions = 5\n[tags]\nteam = \"orders\"");
    assert_eq!(scene.steps(&serving(b"new")), ["tag", "reserve concurrency"]);
    let mut same = serving(b"new");
    same.metadata = FunctionMetadata {
        tags: Some([("team".to_owned(), "orders".to_owned()), ("other".to_owned(), "stays".to_owned())].into()),
        reserved_concurrency: Some(5),
    };
    assert!(scene.plan(&same).is_empty());
    let unreserved = Scene::new("reserved_concurrent_executions = -1");
    assert_eq!(unreserved.steps(&same), ["free concurrency"]);
}

#[test]
fn another_architecture_sends_the_code_again() {
    let mut scene = Scene::new("architectures = [\"arm64\"]");
    scene.artifact.startup.bootstrap = Some(Bootstrap { executable: true, kind: BootstrapKind::Elf(Machine::Aarch64) });
    let plan = scene.plan(&serving(b"new"));
    assert_eq!(
        plan.steps[0],
        Step::UpdateCode(CodeSettings { architecture: Some(Architecture::Arm64), source_key: None })
    );
    assert!(plan.to_string().contains("~ architectures: x86_64 → arm64\n"));
}

#[test]
fn bootstrap_of_the_wrong_machine_is_refused_even_without_a_manifest() {
    let mut scene = Scene::new("");
    scene.artifact.startup.bootstrap = Some(Bootstrap { executable: true, kind: BootstrapKind::Elf(Machine::Aarch64) });
    let (code, message) = scene.error(&serving(b"old"));
    assert_eq!(code, TargetErrorCode::InvalidConfiguration);
    assert!(message.contains("aarch64") && message.contains("x86_64"), "{message}");
    scene.artifact.startup.bootstrap = None;
    let mut python = serving(b"old");
    for code in [python.latest.as_mut().unwrap(), python.serving.as_mut().unwrap()] {
        code.settings.runtime = Some("python3.13".into());
    }
    assert_eq!(scene.steps(&python), ["update code", "move alias"], "other runtimes need no bootstrap");
}

#[test]
fn function_without_role_runtime_and_handler_cannot_be_created() {
    let (code, message) = Scene::new("handler = \"bootstrap\"").error(&Observed::default());
    assert_eq!(code, TargetErrorCode::InvalidConfiguration);
    assert_eq!(
        message,
        "function orders does not exist in 111111111111/eu-west-1, and to create it the manifest must name role, \
         runtime: add it to function.toml, or correct the function's name in the key"
    );
}

#[test]
fn failed_version_is_replaced_and_not_published_unchanged() {
    let mut observed = serving(b"new");
    observed.serving.as_mut().unwrap().condition = Condition::Failed { because: "InvalidRuntime: …".into() };
    assert_eq!(Scene::new("").steps(&observed), ["update code", "move alias"]);
}

#[test]
fn failed_function_gets_no_plan() {
    let mut observed = serving(b"old");
    observed.latest.as_mut().unwrap().condition = Condition::Failed { because: "InvalidSubnet: gone".into() };
    let (code, message) = Scene::new("").error(&observed);
    assert_eq!(code, TargetErrorCode::FunctionFailed);
    assert!(message.contains("is in state Failed (InvalidSubnet: gone): delete it and try again"), "{message}");
}

#[test]
fn another_region_gets_the_code_inline_up_to_fifty_megabytes() {
    let mut scene = Scene::new("");
    scene.target.region = Region::parse("us-east-1").unwrap();
    scene.artifact.size = INLINE_LIMIT;
    assert_eq!(scene.plan(&serving(b"old")).delivery, Delivery::Inline);
    scene.artifact.size = INLINE_LIMIT + 1;
    let (code, message) = scene.error(&serving(b"old"));
    assert_eq!(code, TargetErrorCode::CodeTooLarge);
    assert!(message.contains("us-east-1 is not the artifact bucket's region (eu-west-1)"), "{message}");
    assert!(scene.plan(&serving(b"new")).is_empty(), "nothing is sent, so nothing is too large");
}

#[test]
fn code_in_no_bucket_is_sent_inline_up_to_fifty_megabytes() {
    let mut scene = Scene::new("");
    scene.artifact.region = None;
    scene.artifact.size = INLINE_LIMIT;
    assert_eq!(scene.plan(&serving(b"old")).delivery, Delivery::Inline);
    scene.artifact.size = INLINE_LIMIT + 1;
    let (code, message) = scene.error(&serving(b"old"));
    assert_eq!(code, TargetErrorCode::CodeTooLarge);
    assert_eq!(
        message,
        "the zip has 52428801 bytes, and Lambda takes at most 52428800 bytes sent along: make the zip smaller (move \
         dependencies to a layer), or push it to a deployer, whose uploads Lambda copies by itself"
    );
}

#[test]
fn planning_after_the_plan_was_applied_makes_no_changes() {
    let scene = Scene::new("memory_size = 256\ntimeout = 30\n[environment.variables]\nMODE = \"1\"\n[tags]\nb = \"2\"");
    let mut after = serving(b"new");
    for code in [after.latest.as_mut().unwrap(), after.serving.as_mut().unwrap()] {
        code.settings.memory_size = 256;
        code.settings.timeout = 30;
        code.settings.variables =
            Variables::Known([("KEPT".to_owned(), Secret::new("old")), ("MODE".to_owned(), Secret::new("1"))].into());
    }
    after.metadata.tags = Some([("b".to_owned(), "2".to_owned())].into());
    assert!(!scene.plan(&serving(b"old")).is_empty());
    assert!(scene.plan(&after).is_empty());
}

#[test]
fn conflict_is_foreign_only_if_the_plan_had_read_the_change() {
    let scene = Scene::new("memory_size = 256");
    let foreign = |after: &Observed| foreign_change(&scene.desired(), &serving(b"old"), after);

    let mut ours = serving(b"old");
    ours.latest = Some(code(None, b"new"));
    ours.latest.as_mut().unwrap().settings.memory_size = 256;
    ours.latest.as_mut().unwrap().revision = RevisionId("rev-9".into());
    assert_eq!(foreign(&ours), None, "our own lost answer");

    let mut unnamed = serving(b"old");
    unnamed.latest.as_mut().unwrap().settings.timeout = 60;
    unnamed.metadata.tags = Some([("by".to_owned(), "others".to_owned())].into());
    assert_eq!(foreign(&unnamed), None, "what the manifest does not name is not ours to judge");

    let mut other_code = serving(b"old");
    other_code.latest = Some(code(None, b"theirs"));
    assert_eq!(
        foreign(&other_code).unwrap(),
        format!("expected code {}, found {}", Sha256::of(b"old").to_short_hex(), Sha256::of(b"theirs").to_short_hex())
    );

    let mut late = Scene::new("memory_size = 256");
    late.known_code = vec![Sha256::of(b"theirs")];
    assert_eq!(
        foreign_change(&late.desired(), &serving(b"old"), &other_code),
        None,
        "a stopped deployment's late write"
    );

    let mut named = serving(b"old");
    named.latest.as_mut().unwrap().settings.memory_size = 512;
    assert_eq!(foreign(&named).unwrap(), "expected memory_size to be 128, found 512");

    let mut rebuilt = Scene::new("architectures = [\"arm64\"]");
    rebuilt.artifact.startup.bootstrap =
        Some(Bootstrap { executable: true, kind: BootstrapKind::Elf(Machine::Aarch64) });
    let mut was = serving(b"old");
    was.latest.as_mut().unwrap().settings.architectures = Architecture::Arm64;
    assert_eq!(
        foreign_change(&rebuilt.desired(), &was, &serving(b"old")).unwrap(),
        "expected architectures to be arm64, found x86_64"
    );

    let mut moved = serving(b"old");
    moved.alias.as_mut().unwrap().version = Some(Version::parse("5").unwrap());
    assert_eq!(foreign(&moved).unwrap(), "expected alias live to serve version 6, found version 5");

    assert_eq!(foreign(&Observed::default()).unwrap(), "expected the function to exist, found it deleted");
}

#[test]
fn empty_value_removes_a_setting_and_equals_an_absent_one() {
    let scene = Scene::new("kms_key_arn = \"\"\n[dead_letter_config]\ntarget_arn = \"\"");
    assert!(scene.plan(&serving(b"new")).is_empty());
    let mut set = serving(b"new");
    for code in [set.latest.as_mut().unwrap(), set.serving.as_mut().unwrap()] {
        code.settings.kms_key_arn = Some("arn:aws:kms:eu-west-1:111111111111:key/k".into());
    }
    assert_eq!(scene.steps(&set), ["update configuration", "publish version", "move alias"]);
}

#[test]
fn new_function_gets_every_named_field() {
    let config = FunctionConfig { memory_size: Some(512), description: Some("d".into()), ..FunctionConfig::default() };
    let sent = Configuration::all_of(&config).unwrap();
    assert_eq!(sent, Configuration { memory_size: Some(512), description: Some("d".into()), ..Default::default() });
}
