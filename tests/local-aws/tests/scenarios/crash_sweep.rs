//! Kills the deployer at its calls and checks that the deployment is completed as if nothing had happened.
//!
//! All functions of a sweep are in one local AWS: first each deployment is killed at its own call, then time passes,
//! then all are woken in the same way.

use std::time::Duration;

use fixtures::Zip;
use local_aws::{Answer, Error, FIRST, Fault, Interrupted, LocalAws, Moment, REGION, Result, ServedVersion, shown};
use serde_json::{Value, json};

/// SQS's longest delay of a message, which is longer than any lease.
const LONG: Duration = Duration::from_secs(900);

/// The kind of deployment.
#[derive(Clone, Copy)]
enum Kind {
    /// The creation of a function.
    Create,
    /// An update of code and configuration of an existing function.
    Update,
}

/// The way in which the deployment is resumed.
#[derive(Clone, Copy, PartialEq)]
enum ResumedBy {
    /// The message comes again after the lease's end.
    Message,
    /// The message comes again at once, and leaves a tick for the time after the lease's end.
    Tick,
    /// The message is lost, and the sweep resumes it.
    Sweep,
}

/// The calls at which a deployer is killed.
#[derive(Clone, Copy)]
enum Calls {
    /// Every seventh call.
    EverySeventh,
    /// Every call.
    Every,
}

impl Calls {
    fn of(self, calls: u32) -> Vec<u32> {
        let step = match self {
            Self::EverySeventh => 7,
            Self::Every => 1,
        };
        (1..=calls).step_by(step).collect()
    }
}

/// A final state without ids, times and names, which differ between functions.
#[derive(Debug, Clone, PartialEq)]
struct FinalState {
    live: Option<ServedVersion>,
    records: Vec<Value>,
    has_result: bool,
    head: Value,
}

/// A function whose deployment was killed, with its upload.
struct Killed {
    function: String,
    moment: Option<Moment>,
    version_id: String,
}

impl Kind {
    fn key(self, function: &str) -> String {
        match self {
            Self::Create => format!("dev/{function}/1.0.0.zip"),
            Self::Update => format!("dev/{function}/1.1.0.zip"),
        }
    }

    fn zip(self) -> Zip {
        match self {
            Self::Create => Zip::function("1.0.0"),
            Self::Update => {
                Zip::function("1.1.0").with("memory_size = 256", "memory_size = 512").with("samples", "orders")
            }
        }
    }

    /// Makes the state before the deployment.
    async fn prepare(self, aws: &LocalAws, functions: &[String]) -> Result<()> {
        if let Self::Update = self {
            for function in functions {
                aws.upload(&format!("dev/{function}/1.0.0.zip"), Zip::function("1.0.0")).await?;
            }
            aws.deliver().await?;
        }
        Ok(())
    }
}

async fn end(aws: &LocalAws, kind: Kind, point: &Killed) -> Result<FinalState> {
    let Killed { function, version_id, .. } = point;
    let records = aws.records("dev", function).await?;
    let result = match aws.has_result(&kind.key(function), version_id).await? {
        true => Some(aws.result(&kind.key(function), version_id).await?),
        false => None,
    };
    let has_result = result.is_some() && result.as_ref() == records.last();
    let shown = |record: &Value| {
        let mut record = record.clone();
        for own in ["id", "function", "started_at", "claimed_at", "finished_at", "cause"] {
            record[own].take();
        }
        for own in ["key", "version_id"] {
            record["artifact"][own].take();
        }
        for target in record["targets"].as_array_mut().into_iter().flatten() {
            target["function_name"].take();
            // It can be missing where the owner was killed between CreateFunction and its note of it.
            target.as_object_mut().map(|fields| fields.remove("created"));
        }
        record
    };
    let head = aws.ledger_object(&format!("heads/dev/{function}.json")).await?.unwrap_or_default();
    let lengths = |name: &str| head[name].as_array().map(Vec::len);
    let is_the_last = |id: &Value| records.last().is_some_and(|record| record["id"] == *id);
    let head = json!({
        "active": head["active"], "pending": head["pending"], "outbox": head["outbox"],
        "live is the last": is_the_last(&head["history"][0]["deployment"]),
        "served by the last": is_the_last(&head["targets"][0]["deployment"]),
        "named": head["targets"][0]["named"],
        "lengths": [lengths("history"), lengths("requests"), lengths("ended"), lengths("targets")],
    });
    Ok(FinalState {
        live: aws.live(FIRST, REGION, function).await?,
        records: records.iter().map(shown).collect(),
        has_result,
        head,
    })
}

/// Runs a deployment without a kill and returns its final state and number of calls.
async fn undisturbed(aws: &LocalAws, kind: Kind) -> Result<(FinalState, u32)> {
    let function = "undisturbed".to_owned();
    kind.prepare(aws, std::slice::from_ref(&function)).await?;
    aws.deployer().kill();
    let version_id = aws.upload(&kind.key(&function), kind.zip()).await?;
    let (_, calls) = aws.calls_of(aws.deliver()).await?;
    let made = calls.iter().filter(|call| LocalAws::is_by_deployer(call)).count();
    let end = end(aws, kind, &Killed { function, moment: None, version_id }).await?;
    assert_eq!(end.records.last().map(|record| &record["status"]), Some(&json!("succeeded")), "{end:#?}");
    Ok((end, u32::try_from(made).unwrap_or_default()))
}

/// Kills each function's deployment at its own moment and removes its message from the queue.
async fn kill_at_each(aws: &LocalAws, kind: Kind, moments: Vec<Moment>) -> Result<Vec<(Killed, Value)>> {
    let functions: Vec<String> = (1..=moments.len()).map(|number| format!("orders-{number}")).collect();
    kind.prepare(aws, &functions).await?;
    let mut points = Vec::new();
    for (function, moment) in functions.into_iter().zip(moments) {
        aws.deployer().kill();
        let version_id = aws.upload(&kind.key(&function), kind.zip()).await?;
        let interrupted = aws.deliver_and_kill_at(moment).await?;
        if interrupted == Interrupted::Killed {
            let message = aws.take_messages().await?.pop().unwrap_or_default();
            points.push((Killed { function, moment: Some(moment), version_id }, message));
        }
    }
    Ok(points)
}

/// Lets time pass and wakes the killed deployments.
async fn wake(aws: &LocalAws, how: ResumedBy, messages: &[Value]) -> Result<()> {
    let send = async || {
        for message in messages {
            aws.mapping().send(&message.to_string()).await?;
        }
        aws.deliver().await
    };
    match how {
        ResumedBy::Message => {
            aws.end_leases().await?;
            send().await?;
        }
        ResumedBy::Tick => {
            send().await?;
            aws.end_leases().await?;
            aws.advance_queue_time(LONG).await?;
            aws.deliver().await?;
        }
        ResumedBy::Sweep => {
            aws.end_leases().await?;
            let answer = aws.invoke(&json!({"command": "sweep"})).await?;
            assert!(matches!(&answer, Answer::Payload(swept) if swept["failed"] == 0), "{answer:?}");
            aws.deliver().await?;
        }
    }
    Ok(())
}

/// Kills a deployment at each chosen call and returns the number of calls.
async fn sweep(kind: Kind, how: ResumedBy, which: Calls) -> Result<usize> {
    let aws = LocalAws::start().await?;
    let (expected, calls) = undisturbed(&aws, kind).await?;
    let moments: Vec<_> = which.of(calls).into_iter().map(Moment::After).collect();
    let tried = moments.len();
    let (points, messages): (Vec<_>, Vec<_>) = kill_at_each(&aws, kind, moments).await?.into_iter().unzip();
    assert!(points.len() + 2 >= tried, "of {tried} calls only {} were reached", points.len());
    wake(&aws, how, &messages).await?;

    let mut differ = Vec::new();
    for point in &points {
        let found = end(&aws, kind, point).await?;
        // Without its message, a request that never reached the ledger is unknown. Any other must have been woken.
        let unknown = how == ResumedBy::Sweep && found.head["lengths"] != expected.head["lengths"];
        let is_open =
            !found.head["active"].is_null() || found.head["pending"].as_array().is_some_and(|waits| !waits.is_empty());
        let never_began = unknown && !is_open && found.records.len() < expected.records.len() && !found.has_result;
        if found != expected && !never_began {
            differ.push(format!("{:?} {}: {found:#?}", point.moment, point.function));
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {} ends differ from\n{expected:#?}\n{}",
        differ.len(),
        points.len(),
        differ.join("\n")
    );

    nothing_is_left(&aws).await?;
    if how != ResumedBy::Sweep {
        the_same_messages_again_do_nothing(&aws, &messages).await?;
    }
    Ok(points.len())
}

/// Checks that neither messages nor markers are left after a sweep.
async fn nothing_is_left(aws: &LocalAws) -> Result<()> {
    assert_eq!((aws.dead_letters().await?, aws.mapping().in_queue().await?), (0, 0));
    aws.advance_queue_time(LONG).await?;
    aws.deliver().await?;
    assert_eq!(aws.mapping().delayed().await?, 0, "ticks do not go on for ever");
    aws.age_markers().await?;
    let answer = aws.invoke(&json!({"command": "sweep"})).await?;
    let Answer::Payload(swept) = &answer else { return Err(Error::Unexpected(format!("{answer:?}"))) };
    assert_eq!((&swept["woken"], &swept["completed"], &swept["failed"]), (&json!(0), &json!(0), &json!(0)), "{swept}");
    assert_eq!(aws.ledger_keys("open/").await?, [""; 0], "{swept}");
    Ok(())
}

async fn the_same_messages_again_do_nothing(aws: &LocalAws, messages: &[Value]) -> Result<()> {
    for message in messages {
        aws.mapping().send(&message.to_string()).await?;
    }
    let (_, calls) = aws.calls_of(aws.deliver()).await?;
    let wrong: Vec<_> = calls.iter().filter(|call| call.service == "lambda").collect();
    assert!(wrong.is_empty(), "{}", shown(wrong));
    Ok(())
}

/// Sends a newer release while a killed deployment's lease still holds, and then the older message again. Returns the
/// number of calls.
async fn overtake(kind: Kind, which: Calls) -> Result<usize> {
    let aws = LocalAws::start().await?;
    let (_, calls) = undisturbed(&aws, kind).await?;
    let moments = which.of(calls).into_iter().map(Moment::After).collect();
    let (points, messages): (Vec<_>, Vec<_>) = kill_at_each(&aws, kind, moments).await?.into_iter().unzip();
    let mut newest = Vec::new();
    for Killed { function, .. } in &points {
        let key = format!("dev/{function}/2.0.0.zip");
        newest.push((aws.upload(&key, Zip::function("2.0.0")).await?, key));
    }
    aws.deliver().await?;
    wake(&aws, ResumedBy::Tick, &messages).await?;
    for (Killed { function, moment, version_id }, (newest, key)) in points.iter().zip(&newest) {
        let result = aws.result(key, newest).await?;
        assert_eq!(result["status"], "succeeded", "{moment:?} {function}: {result:#}");
        let served = aws.live(FIRST, REGION, function).await?.map(|live| live.sha256);
        assert_eq!(served.as_deref(), result["artifact"]["sha256"].as_str(), "{moment:?} {function}");
        let older = aws.result(&kind.key(function), version_id).await?;
        let ended = older["status"] == "succeeded" || older["status"] == "superseded";
        assert!(ended, "{moment:?} {function}: {older:#}");
        let head = aws.ledger_object(&format!("heads/dev/{function}.json")).await?.unwrap_or_default();
        assert_eq!([&head["active"], &head["pending"], &head["outbox"]], [&Value::Null, &json!([]), &json!([])]);
        assert_eq!(head["history"][0]["deployment"], result["id"], "{moment:?} {function}");
    }
    nothing_is_left(&aws).await?;
    Ok(points.len())
}

/// Loses at each chosen call the answer, or the call itself, without a kill, and returns the number of calls.
async fn lose_each(kind: Kind, is_done: bool, which: Calls) -> Result<usize> {
    let aws = LocalAws::start().await?;
    let (expected, calls) = undisturbed(&aws, kind).await?;
    let calls = which.of(calls);
    let functions: Vec<String> = calls.iter().map(|number| format!("orders-{number}")).collect();
    kind.prepare(&aws, &functions).await?;
    let mut differ = Vec::new();
    for (call, function) in calls.iter().zip(functions) {
        aws.deployer().kill();
        let version_id = aws.upload(&kind.key(&function), kind.zip()).await?;
        let fault = Fault::no_answer().of_session("deployer").after(call - 1);
        aws.control().fault(&if is_done { fault.although_done() } else { fault }).await?;
        aws.deliver().await?;
        aws.control().no_faults().await?;
        let found = end(&aws, kind, &Killed { function, moment: None, version_id }).await?;
        if found != expected {
            differ.push(format!("call {call}: {found:#?}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {} ends differ from\n{expected:#?}\n{}",
        differ.len(),
        calls.len(),
        differ.join("\n")
    );
    nothing_is_left(&aws).await?;
    Ok(calls.len())
}

macro_rules! sweeps {
    ($($name:ident: $points:expr;)*) => {
        $(#[tokio::test]
        async fn $name() -> Result<()> {
            let sweep: fn(Calls) -> _ = $points;
            let points = sweep(Calls::EverySeventh).await?;
            println!("{points} points");
            assert!(points >= 3, "only {points} points were tried");
            Ok(())
        })*

        /// The same sweeps over every call.
        mod every_call {
            use super::*;

            $(#[tokio::test]
            #[ignore = "long: cargo verify"]
            async fn $name() -> Result<()> {
                let sweep: fn(Calls) -> _ = $points;
                let points = sweep(Calls::Every).await?;
                println!("{points} points");
                assert!(points >= 15, "only {points} points were tried");
                Ok(())
            })*
        }
    };
}

sweeps! {
    creation_killed_at_any_call_is_completed_by_its_message: |which| sweep(Kind::Create, ResumedBy::Message, which);
    creation_killed_at_any_call_is_completed_by_a_tick: |which| sweep(Kind::Create, ResumedBy::Tick, which);
    creation_killed_at_any_call_is_completed_by_the_sweep: |which| sweep(Kind::Create, ResumedBy::Sweep, which);
    update_killed_at_any_call_is_completed_by_its_message: |which| sweep(Kind::Update, ResumedBy::Message, which);
    update_killed_at_any_call_is_completed_by_a_tick: |which| sweep(Kind::Update, ResumedBy::Tick, which);
    update_killed_at_any_call_is_completed_by_the_sweep: |which| sweep(Kind::Update, ResumedBy::Sweep, which);
    newer_release_is_live_whenever_the_one_before_was_killed: |which| async move {
        Ok::<_, Error>(overtake(Kind::Create, which).await? + overtake(Kind::Update, which).await?)
    };
    lost_answer_of_any_call_changes_no_end: |which| async move {
        Ok::<_, Error>(lose_each(Kind::Create, true, which).await? + lose_each(Kind::Update, true, which).await?)
    };
    lost_call_changes_no_end_whichever_it_is: |which| async move {
        Ok::<_, Error>(lose_each(Kind::Create, false, which).await? + lose_each(Kind::Update, false, which).await?)
    };
}
