//! A rollout in three waves over three accounts and two regions, during which the deployer dies in every phase. What it
//! has done by then is done once, and the rollout ends as if nothing had happened.

use std::collections::BTreeMap;

use local_aws::{FIRST, Interrupted, LocalAws, OTHER_REGION, REGION, Result, SECOND, Setup};
use serde_json::{Value, json};

use super::super::{serves, statuses, versions};
use super::{KEY, Rollout, STEP, Served, ten_percent};

/// The account of the last targets.
const THIRD: &str = "333333333333";
/// The targets in the order of the waves: one, then two, then three.
const TARGETS: [(&str, &str); 6] = [
    (FIRST, REGION),
    (FIRST, OTHER_REGION),
    (SECOND, REGION),
    (SECOND, OTHER_REGION),
    (THIRD, REGION),
    (THIRD, OTHER_REGION),
];
/// The head of the function.
const HEAD: &str = "heads/prod/orders.json";
/// The number of targets of each wave.
const WAVES: [usize; 3] = [1, 2, 3];

impl Rollout {
    /// Uploads a release that rolls out in waves.
    async fn in_waves(steps: Value) -> Result<Self> {
        let targets = TARGETS.map(|(account, region)| json!({ "account": account, "region": region }));
        let setup = Setup::only("prod", &json!({ "targets": targets, "external_id": "prod-51aa" }));
        Self::upload((setup, &TARGETS), json!({ "steps": steps, "waves": ["1", "50%", "100%"] })).await
    }

    /// Delivers, kills the deployer at this call of an operation, and lets another one go on.
    async fn is_killed_at(&self, operation: &str, number: u32) -> Result<()> {
        let interrupted = self.aws.deliver_and_kill_at_call(operation, number).await?;
        assert_eq!(interrupted, Interrupted::Killed, "{operation} {number}");
        self.goes_on().await
    }

    /// Lets the lease of a deployer that died end. What it leaves comes again, and the sweep wakes the deployment.
    async fn goes_on(&self) -> Result<()> {
        self.aws.end_leases().await?;
        self.look().await
    }

    /// Lets a step's time pass, and kills the deployer over the look that follows.
    async fn look_is_killed_at(&self, operation: &str, number: u32) -> Result<()> {
        self.aws.let_rollouts_wait(STEP).await?;
        self.command(json!({ "command": "sweep" })).await?;
        self.is_killed_at(operation, number).await
    }

    /// Lets a step's time pass, and kills the deployer once the head says that the release is live, and nothing else does.
    async fn commit_is_killed(&self) -> Result<()> {
        self.aws.let_rollouts_wait(STEP).await?;
        self.command(json!({ "command": "sweep" })).await?;
        assert_eq!(self.aws.deliver_and_kill_at_call("PutObject", 2).await?, Interrupted::Killed);
        let calls = self.aws.control().calls_since(0).await?;
        let last = calls.iter().rev().find(|call| call.operation == "PutObject" && LocalAws::is_by_deployer(call));
        assert_eq!(last.and_then(|call| call.key.as_deref()), Some(HEAD));
        let head = self.aws.ledger_object(HEAD).await?.unwrap_or_default();
        assert_eq!((&head["history"][0]["release"], &head["active"]), (&json!("1.1.0"), &Value::Null), "{head:#}");
        assert_eq!(self.record().await?["status"], "in_progress", "nobody has told of it");
        self.goes_on().await
    }

    /// Gives a word about the rollout to a deployer that dies over its first write, and then again.
    async fn says_to_one_that_dies(&self, action: &str) -> Result<()> {
        let word = self.word(action).await?;
        let interrupted = self.aws.invoke_and_kill_at_call(&word, "PutObject", 1).await?;
        assert_eq!(interrupted, Interrupted::Killed, "{action}");
        self.aws.end_leases().await?;
        self.command(word).await.map(drop)
    }

    /// Asserts that the first waves serve these shares of the new version, and the others the old version alone.
    async fn waves_serve(&self, percent: &[u64]) -> Result<()> {
        let expected = WAVES.iter().zip(percent.iter().chain(std::iter::repeat(&0)));
        let expected: Vec<_> = expected.flat_map(|(targets, percent)| vec![share(*percent); *targets]).collect();
        assert_eq!(self.served().await?, expected);
        Ok(())
    }

    /// Returns the calls of an operation that were carried out for the new release in a target, each in these words.
    async fn done(&self, (account, region): (&str, &str), operation: &str) -> Result<Vec<String>> {
        let calls = self.aws.control().calls_since(0).await?;
        let is_done = |call: &&local_aws::Call| {
            (call.account.as_str(), call.region.as_str()) == (account, region)
                && call.operation == operation
                && call.status == Some(200)
        };
        Ok(calls.iter().filter(is_done).map(|call| words(&call.parameters)).collect())
    }

    /// Returns the moves in the record: wave, share of the new version in percent, number of targets.
    async fn moves(&self) -> Result<Vec<[u64; 3]>> {
        let record = self.record().await?;
        let moves = record["rollout"]["moves"].as_array().cloned().unwrap_or_default();
        let number = |one: &Value, field: &str| one[field].as_u64().unwrap_or_default();
        Ok(moves.iter().map(|one| ["wave", "weight", "targets"].map(|field| number(one, field))).collect())
    }
}

/// Returns what an alias serves while the new version has this share in percent.
fn share(percent: u64) -> Served {
    match percent {
        0 => ("1".to_owned(), BTreeMap::new()),
        100 => ("2".to_owned(), BTreeMap::new()),
        percent => ("1".to_owned(), [("2".to_owned(), percent)].into()),
    }
}

/// Returns what UpdateAlias was asked for, such as `1, 10 % to 2`.
fn words(parameters: &Value) -> String {
    let mut words = parameters["FunctionVersion"].as_str().unwrap_or_default().to_owned();
    for (version, part) in parameters["RoutingConfig"]["AdditionalVersionWeights"].as_object().into_iter().flatten() {
        words.push_str(&format!(", {:.0} % to {version}", part.as_f64().unwrap_or_default() * 100.0));
    }
    words
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn release_in_three_waves_is_live_once_wherever_its_deployer_dies() -> Result<()> {
    let rollout = Rollout::in_waves(json!([{ "weight": 10, "for": "3m" }, { "weight": 50, "for": "3m" }])).await?;
    for target in TARGETS {
        rollout.count(target, (100, 0), (900, 1)).await?;
    }
    // Publishing: four of six targets have the version, and nobody knows.
    rollout.is_killed_at("UpdateFunctionCode", 4).await?;
    rollout.waves_serve(&[10]).await?;
    for percent in [50, 100] {
        rollout.look_after_a_step().await?;
        rollout.waves_serve(&[percent]).await?;
    }
    // Smoke: the second wave begins.
    rollout.look_is_killed_at("Invoke", 1).await?;
    rollout.waves_serve(&[100, 10]).await?;
    // Shifting: one of two aliases has moved.
    rollout.look_is_killed_at("UpdateAlias", 1).await?;
    rollout.waves_serve(&[100, 50]).await?;
    rollout.says_to_one_that_dies("pause").await?;
    rollout.look_after_a_step().await?;
    rollout.waves_serve(&[100, 50]).await?;
    rollout.says_to_one_that_dies("continue").await?;
    rollout.look_after_a_step().await?;
    rollout.waves_serve(&[100, 100]).await?;
    // Watching: the look ends the second wave, and begins the third.
    rollout.look_is_killed_at("GetMetricData", 1).await?;
    rollout.waves_serve(&[100, 100, 10]).await?;
    rollout.look_is_killed_at("UpdateAlias", 2).await?;
    rollout.waves_serve(&[100, 100, 50]).await?;
    rollout.look_after_a_step().await?;
    rollout.waves_serve(&[100, 100, 100]).await?;
    assert!(!rollout.aws.has_result(KEY, &rollout.version_id).await?, "the last watch is not over");
    // The commit: the release is live in the head, and nobody has told of it.
    rollout.commit_is_killed().await?;
    rollout.waves_serve(&[100, 100, 100]).await?;

    let result = rollout.aws.result(KEY, &rollout.version_id).await?;
    assert_eq!(statuses(&result), ["succeeded"; 7], "{result:#}");
    assert_eq!((&result, rollout.live().await?), (&rollout.record().await?, json!("1.1.0")));
    let steps = (1..).zip([1, 2, 3]).flat_map(|(wave, targets)| [10, 50, 100].map(|weight| [wave, weight, targets]));
    assert_eq!(rollout.moves().await?, steps.collect::<Vec<_>>());
    for target in TARGETS {
        let live = rollout.aws.live(target.0, target.1, "orders").await?;
        assert_eq!(versions(live), serves("2", &["1", "2"]), "{target:?}");
        let moved = rollout.done(target, "UpdateAlias").await?;
        assert_eq!(moved, ["1, 10 % to 2", "1, 50 % to 2", "2"], "{target:?}");
        assert_eq!(rollout.done(target, "UpdateFunctionCode").await?.len(), 1, "{target:?} is published once");
        // Those over whose smoke tests a deployer has died may be tested again.
        let most = if TARGETS[1..3].contains(&target) { 2 } else { 1 };
        let tested = rollout.done(target, "Invoke").await?.len();
        assert!((1..=most).contains(&tested), "{target:?} is tested {tested} times");
    }
    rollout.aws.same_events_again_change_nothing().await
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn bad_release_is_taken_back_from_two_waves_by_a_deployer_that_dies_on_the_way() -> Result<()> {
    let rollout = Rollout::in_waves(ten_percent()).await?;
    for target in TARGETS {
        let failed = if target == (SECOND, REGION) { 40 } else { 0 };
        rollout.count(target, (100, failed), (900, 1)).await?;
    }
    rollout.aws.deliver().await?;
    rollout.look_after_a_step().await?;
    rollout.look_after_a_step().await?;
    rollout.waves_serve(&[100, 10]).await?;
    // Two of three aliases are back, and nobody knows.
    rollout.look_is_killed_at("UpdateAlias", 2).await?;
    rollout.waves_serve(&[]).await?;

    let result = rollout.aws.result(KEY, &rollout.version_id).await?;
    assert_eq!((&result["status"], &result["code"]), (&json!("rolled_back"), &json!("Unhealthy")), "{result:#}");
    assert_eq!((&result, rollout.live().await?), (&rollout.record().await?, json!("1.0.0")));
    let mut moves = rollout.moves().await?;
    let back = moves.split_off(3);
    assert_eq!(moves, [[1, 10, 1], [1, 100, 1], [2, 10, 2]]);
    assert!(back.contains(&[1, 0, 1]) && back.contains(&[2, 0, 2]) && back.len() == 2, "{back:?}");
    for (target, ways) in
        TARGETS.iter().zip([&["1, 10 % to 2", "2"][..], &["1, 10 % to 2"], &["1, 10 % to 2"], &[], &[], &[]])
    {
        let moved = rollout.done(*target, "UpdateAlias").await?;
        let (there, back) = moved.split_at(ways.len().min(moved.len()));
        assert_eq!(there, ways, "{target:?}");
        assert!(back.iter().all(|words| words == "1") && back.is_empty() == ways.is_empty(), "{target:?}: {back:?}");
        let live = rollout.aws.live(target.0, target.1, "orders").await?;
        assert_eq!(versions(live), serves("1", &["1", "2"]), "{target:?}");
    }
    rollout.aws.same_events_again_change_nothing().await
}
