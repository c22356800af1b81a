//! Rollouts by the real deployer: the traffic of two targets moves in steps, the guard takes a bad release back, and
//! people finish and abort. The deploy role has exactly the rights of the target module.

mod crashes;

use std::collections::BTreeMap;
use std::time::Duration;

use fixtures::Zip;
use jiff::{SignedDuration, Timestamp};
use local_aws::{Answer, Doing as _, Error, LocalAws, OTHER_REGION, REGION, Result, SECOND, Setup};
use serde_json::{Value, json};

use super::statuses;

/// The upload that rolls out.
const KEY: &str = "prod/orders/1.1.0.zip";
/// The targets of `prod`: account and region.
const TARGETS: [(&str, &str); 2] = [(SECOND, REGION), (SECOND, OTHER_REGION)];
/// Longer than a step of the rollout.
const STEP: Duration = Duration::from_secs(10 * 60);

/// The traffic of an alias: its version, and the share in percent of each further one.
type Served = (String, BTreeMap<String, u64>);

/// A rollout of 1.1.0 to the targets of `prod`, which served 1.0.0 before.
struct Rollout {
    aws: LocalAws,
    targets: &'static [(&'static str, &'static str)],
    version_id: String,
}

impl Rollout {
    async fn begin(steps: Value) -> Result<Self> {
        let rollout = Self::upload((Setup::default(), &TARGETS), json!({ "steps": steps })).await?;
        rollout.aws.deliver().await?;
        Ok(rollout)
    }

    /// Uploads 1.1.0, and delivers nothing yet. The environment's rollout gets a smoke test and a watch as well.
    async fn upload(
        (setup, targets): (Setup, &'static [(&'static str, &'static str)]),
        mut rollout: Value,
    ) -> Result<Self> {
        let aws = LocalAws::with(setup).await?;
        aws.preview_rollouts();
        aws.deploy("prod/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
        rollout["watch"] = json!("3m");
        rollout["smoke_test"] = json!({ "event": { "ping": true }, "expect": { "ok": true } });
        aws.configure(|config| config["environments"]["prod"]["rollout"] = rollout).await?;
        aws.control().answer_invocations(&json!({ "ok": true, "release": "1.1.0" })).await?;
        let version_id = aws.upload(KEY, Zip::function("1.1.0")).await?;
        Ok(Self { aws, targets, version_id })
    }

    /// Returns what the aliases serve.
    async fn served(&self) -> Result<Vec<Served>> {
        let mut all = Vec::new();
        for (account, region) in self.targets {
            let call = self.aws.clients().lambda(account, region).get_alias().function_name("orders").name("live");
            let alias = call.send().await.doing("reading the alias")?;
            let weights = alias.routing_config.and_then(|routing| routing.additional_version_weights);
            let percent = |(version, part): (String, f64)| (version, (part * 100.0).round() as u64);
            let weights = weights.into_iter().flatten().map(percent).collect();
            all.push((alias.function_version.unwrap_or_default(), weights));
        }
        Ok(all)
    }

    async fn record(&self) -> Result<Value> {
        self.aws.record("prod", "orders").await
    }

    /// Lets CloudWatch count these invocations and errors of both versions in each of the last minutes, and those of the
    /// old one in some minutes of the hours before.
    async fn count(&self, (account, region): (&str, &str), new: (u64, u64), old: (u64, u64)) -> Result<()> {
        let recent = (3..9).flat_map(|minute| [(minute, "2", new), (minute, "1", old)]);
        for (minutes_ago, version, (invocations, errors)) in
            recent.chain((40..240).step_by(10).map(|minute| (minute, "1", old)))
        {
            let minute = (Timestamp::now() - SignedDuration::from_mins(minutes_ago)).as_second();
            let counted = json!({
                "account": account, "region": region, "function": "orders", "resource": "live",
                "version": version, "minute": minute, "invocations": invocations, "errors": errors,
            });
            self.aws.control().count_invocations(&counted).await?;
        }
        Ok(())
    }

    async fn look(&self) -> Result<()> {
        self.command(json!({ "command": "sweep" })).await?;
        self.aws.deliver().await.map(drop)
    }

    /// Lets more than a step's time pass, then looks.
    async fn look_after_a_step(&self) -> Result<()> {
        self.aws.let_rollouts_wait(STEP).await?;
        self.look().await
    }

    async fn command(&self, command: Value) -> Result<Value> {
        match self.aws.invoke(&command).await? {
            Answer::Payload(answer) => Ok(answer),
            other => Err(Error::Unexpected(format!("{command}: {other:?}"))),
        }
    }

    async fn says(&self, action: &str) -> Result<Value> {
        self.command(self.word(action).await?).await
    }

    /// Returns the command with which a person says this about the rollout.
    async fn word(&self, action: &str) -> Result<Value> {
        let deployment = self.record().await?["id"].clone();
        Ok(json!({
            "command": "rollout", "environment": "prod", "function": "orders", "deployment": deployment,
            "action": action, "reason": "asked for", "requested_by": "ann", "id": action,
        }))
    }

    /// Returns the release that is live by the command `status`.
    async fn live(&self) -> Result<Value> {
        let status = self.command(json!({ "command": "status", "environment": "prod", "function": "orders" })).await?;
        Ok(status["functions"][0]["live"]["release"].clone())
    }
}

fn ten_percent() -> Value {
    json!([{ "weight": 10, "for": "3m" }])
}

fn whole(version: &str) -> Vec<Served> {
    vec![(version.to_owned(), BTreeMap::new()); 2]
}

fn split(percent: u64) -> Vec<Served> {
    vec![("1".to_owned(), [("2".to_owned(), percent)].into()); 2]
}

#[tokio::test]
async fn good_release_gets_its_traffic_in_steps_in_both_regions_and_is_live_after_its_watch() -> Result<()> {
    let steps = json!([{ "weight": 10, "for": "3m" }, { "weight": 50, "for": "3m" }]);
    let rollout = Rollout::begin(steps).await?;
    let calls = rollout.aws.control().calls_since(0).await?;
    assert_eq!(rollout.served().await?, split(10));
    assert_eq!(calls.iter().filter(|call| call.operation == "Invoke").count(), 2, "each target is tested once");
    assert_eq!(
        (rollout.record().await?["status"].clone(), rollout.live().await?),
        (json!("in_progress"), json!("1.0.0"))
    );
    assert!(!rollout.aws.has_result(KEY, &rollout.version_id).await?, "CI waits for the commit");
    rollout.look().await?;
    assert_eq!(rollout.served().await?, split(10), "its time is not over");
    for target in TARGETS {
        rollout.count(target, (100, 0), (900, 1)).await?;
    }
    rollout.look_after_a_step().await?;
    assert_eq!(rollout.served().await?, split(50));
    rollout.look_after_a_step().await?;
    assert_eq!((rollout.served().await?, rollout.live().await?), (whole("2"), json!("1.0.0")));
    rollout.look_after_a_step().await?;
    let result = rollout.aws.result(KEY, &rollout.version_id).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded", "succeeded"], "{result:#}");
    assert_eq!((rollout.served().await?, rollout.live().await?), (whole("2"), json!("1.1.0")));
    rollout.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn release_that_fails_in_one_region_is_taken_back_in_both_by_the_guard() -> Result<()> {
    let rollout = Rollout::begin(ten_percent()).await?;
    rollout.count((SECOND, REGION), (100, 0), (900, 1)).await?;
    rollout.count((SECOND, OTHER_REGION), (100, 40), (900, 1)).await?;
    rollout.look_after_a_step().await?;
    assert_eq!(rollout.served().await?, whole("1"));
    let result = rollout.aws.result(KEY, &rollout.version_id).await?;
    assert_eq!(statuses(&result), ["rolled_back", "rolled_back", "rolled_back"], "{result:#}");
    assert_eq!(result["code"], "Unhealthy");
    let because = result["because"].as_str().unwrap_or_default();
    assert!(
        because.starts_with("1.1.0 failed 240 of 1200 ") && because.ends_with("1.1.0 was taken back at 10 %"),
        "{because}"
    );
    assert_eq!((rollout.record().await?["because"].clone(), rollout.live().await?), (json!(because), json!("1.0.0")));
    rollout.aws.same_events_again_change_nothing().await
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn abort_takes_the_release_back_within_the_command_and_is_done_once() -> Result<()> {
    let rollout = Rollout::begin(ten_percent()).await?;
    rollout.says("pause").await?;
    rollout.look_after_a_step().await?;
    assert_eq!(rollout.served().await?, split(10), "a paused rollout takes no step");
    rollout.says("abort").await?;
    assert_eq!((rollout.served().await?, rollout.live().await?), (whole("1"), json!("1.0.0")));
    let result = rollout.aws.result(KEY, &rollout.version_id).await?;
    assert_eq!((&result["status"], &result["code"]), (&json!("rolled_back"), &json!("Aborted")), "{result:#}");
    rollout.says("abort").await?;
    assert_eq!(rollout.record().await?["status"], "rolled_back");
    rollout.aws.same_events_again_change_nothing().await
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn finish_skips_the_waiting_and_the_looks_commit_unproven() -> Result<()> {
    let rollout = Rollout::begin(ten_percent()).await?;
    rollout.says("finish").await?;
    // The steps are skipped, and the last watch lasts, once longer where nothing is counted.
    for _ in 0..4 {
        rollout.look_after_a_step().await?;
    }
    assert_eq!((rollout.served().await?, rollout.live().await?), (whole("2"), json!("1.1.0")));
    let result = rollout.aws.result(KEY, &rollout.version_id).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded", "succeeded"], "{result:#}");
    assert!(result.to_string().contains("unproven"), "{result:#}");
    rollout.aws.same_events_again_change_nothing().await
}

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn failed_smoke_test_ends_the_deployment_before_any_traffic() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.preview_rollouts();
    aws.deploy("prod/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let smoke_test = json!({ "event": {}, "expect": { "ok": true } });
    let set = json!({ "steps": ten_percent(), "smoke_test": smoke_test });
    aws.configure(|config| config["environments"]["prod"]["rollout"] = set).await?;
    aws.control().answer_invocations(&json!({ "ok": "no" })).await?;
    let (result, calls) = aws.calls_of(aws.deploy(KEY, Zip::function("1.1.0"))).await?;
    assert_eq!(statuses(&result), ["failed", "failed", "failed"], "{result:#}");
    assert!(result["because"].as_str().unwrap_or_default().ends_with("no traffic has moved anywhere"), "{result:#}");
    assert!(calls.iter().all(|call| call.operation != "UpdateAlias"), "an alias has moved");
    aws.same_events_again_change_nothing().await
}
