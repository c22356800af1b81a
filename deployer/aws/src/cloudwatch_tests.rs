//! Answers of CloudWatch: pages, parts, errors.

use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::rollout::{Counted, MetricOf};

use super::super::stub_http::{Answer, RecordingConnector, ok, stub_config};
use super::*;

const MINUTE: i64 = 1_790_000_040;

fn query() -> MetricsQuery {
    MetricsQuery {
        function: FunctionName::parse("orders").unwrap(),
        alias: AliasName::parse("live").unwrap(),
        new: Version::parse("8").unwrap(),
        old: None,
        from: Timestamp::from_second(MINUTE - 3_600).unwrap(),
        until: Timestamp::from_second(MINUTE + 600).unwrap(),
    }
}

fn cloudwatch(sdk: &SdkConfig) -> CloudWatch {
    CloudWatch::new(sdk, &Region::parse("eu-west-1").unwrap(), sdk.credentials_provider().unwrap())
}

fn stub(answers: impl IntoIterator<Item = Answer>) -> CloudWatch {
    cloudwatch(&stub_config(answers))
}

/// The id, the status, and the times and sums of a metric.
type MetricResult<'a> = (&'a str, &'a str, &'a [(i64, f64)]);

/// An answer of GetMetricData with these results, and the token of the next page.
fn metrics(results: &[MetricResult<'_>], next: Option<&str>) -> Answer {
    let result = |(id, status, values): &MetricResult<'_>| {
        let (times, sums): (Vec<i64>, Vec<f64>) = values.iter().copied().unzip();
        json!({ "Id": id, "Label": "x", "StatusCode": status, "Timestamps": times, "Values": sums })
    };
    let results: Vec<Value> = results.iter().map(result).collect();
    ok(json!({ "MetricDataResults": results, "NextToken": next, "Messages": [] }).to_string().leak())
}

/// The four metrics besides the first, without a datapoint.
const OTHERS: [MetricResult<'static>; 4] =
    [("m1", "Complete", &[]), ("m2", "Complete", &[]), ("m3", "Complete", &[]), ("m4", "Complete", &[])];

async fn failed(answers: impl IntoIterator<Item = Answer>) -> RolloutCallErrorKind {
    stub(answers).metrics(&query()).await.unwrap_err().kind
}

#[tokio::test]
async fn metrics_come_together_from_all_pages() {
    let first = metrics(&[("m0", "PartialData", &[(MINUTE, 12.0)])], Some("more"));
    let rest = ("m0", "Complete", &[(MINUTE + 60, 3.0)][..]);
    let second = metrics(&[&[rest][..], &OTHERS].concat(), None);
    let found = stub([first, second]).metrics(&query()).await.unwrap();
    let mut expected = AliasMetrics::default();
    let metric = Metric { of: MetricOf::New, counts: Counted::Invocations };
    expected.insert(metric, Timestamp::from_second(MINUTE).unwrap(), 12);
    expected.insert(metric, Timestamp::from_second(MINUTE + 60).unwrap(), 3);
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn metrics_that_are_not_whole_are_unavailable() {
    let with = |first: MetricResult<'_>| metrics(&[&[first][..], &OTHERS].concat(), None);
    for answer in [
        metrics(&OTHERS, None),
        with(("m0", "PartialData", &[(MINUTE, 12.0)])),
        with(("m0", "InternalError", &[])),
        with(("m9", "Complete", &[])),
        metrics(&[&[("m0", "PartialData", &[][..])][..], &OTHERS].concat(), Some("again and again")),
        ok("no JSON"),
        ok(r#"{"MetricDataResults": [{"Id": "m0", "StatusCode": "Complete", "Timestamps": [1], "Values": []}]}"#),
    ] {
        assert_eq!(failed([answer.clone()]).await, RolloutCallErrorKind::Unavailable, "{answer:?}");
    }
    assert_eq!(failed([with(("m0", "Forbidden", &[]))]).await, RolloutCallErrorKind::Denied);
}

#[tokio::test(start_paused = true)]
async fn throttled_call_is_tried_again_and_a_denied_one_is_not() {
    let throttled = (400, vec![], r#"{"__type": "com.amazonaws.cloudwatch#Throttling", "message": "Rate exceeded"}"#);
    let whole = metrics(&[&[("m0", "Complete", &[][..])][..], &OTHERS].concat(), None);
    assert!(stub([throttled.clone(), (500, vec![], ""), whole.clone()]).metrics(&query()).await.is_ok());
    assert_eq!(failed([throttled]).await, RolloutCallErrorKind::Throttled);
    let denied = (400, vec![], r#"{"__type": "AccessDeniedException", "Message": "not authorized"}"#);
    let error = stub([denied, whole]).metrics(&query()).await.unwrap_err();
    assert_eq!(error.kind, RolloutCallErrorKind::Denied);
    assert_eq!(error.message, "GetMetricData of orders:live: AccessDeniedException: not authorized");
}

#[tokio::test(start_paused = true)]
async fn request_names_operation_metrics_and_times() {
    let calls = RecordingConnector::default();
    let _ = cloudwatch(&calls.config("eu-west-1", false, false)).metrics(&query()).await;
    assert_eq!(calls.last_host(), "monitoring.eu-west-1.amazonaws.com");
    assert_eq!(calls.last_header("x-amz-target"), "GraniteServiceVersion20100801.GetMetricData");
    assert_eq!(calls.last_header("content-type"), "application/x-amz-json-1.0");
    assert!(calls.last_header("authorization").contains("/eu-west-1/monitoring/aws4_request"));
    let body: Value = serde_json::from_str(&calls.last_body()).unwrap();
    assert_eq!((body["StartTime"].as_i64(), body["EndTime"].as_i64()), (Some(MINUTE - 3_600), Some(MINUTE + 600)));
    let stat = |metric: &str, dimensions: Value| {
        json!({ "Metric": { "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions },
            "Period": 60, "Stat": "Sum" })
    };
    let function = json!({ "Name": "FunctionName", "Value": "orders" });
    let resource = json!({ "Name": "Resource", "Value": "orders:live" });
    let version = json!({ "Name": "ExecutedVersion", "Value": "8" });
    let queries = &body["MetricDataQueries"];
    assert_eq!(queries[1], json!({ "Id": "m1", "MetricStat": stat("Errors", json!([function, resource, version])) }));
    assert_eq!(queries[4], json!({ "Id": "m4", "MetricStat": stat("Invocations", json!([function])) }));
    assert_eq!(queries.as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn alarms_of_both_types_are_found_and_the_others_are_missing() {
    let names = ["a", "b", "c"].map(str::to_owned);
    let first = ok(r#"{"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK"}], "NextToken": "more"}"#);
    let second = ok(r#"{"MetricAlarms": [], "CompositeAlarms": [{"AlarmName": "b", "StateValue": "ALARM"},
        {"AlarmName": "other", "StateValue": "ALARM"}], "NextToken": null}"#);
    let states = stub([first, second]).alarms(&names).await.unwrap();
    assert_eq!(states.found, [("a".into(), AlarmState::Ok), ("b".into(), AlarmState::Alarm)].into());
    assert_eq!(states.missing, ["c".to_owned()].into());
}

#[tokio::test(start_paused = true)]
async fn alarms_are_asked_for_by_a_hundred_and_both_types() {
    let calls = RecordingConnector::default();
    let config = calls.config("eu-west-1", false, false);
    let names: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    let answered = stub([ok("{}")]).alarms(&names).await.unwrap();
    assert_eq!(answered.missing.len(), 101);
    let _ = cloudwatch(&config).alarms(&names).await;
    let body: Value = serde_json::from_str(&calls.last_body()).unwrap();
    assert_eq!(body["AlarmNames"].as_array().unwrap().len(), 100);
    assert_eq!(body["AlarmTypes"], json!(["MetricAlarm", "CompositeAlarm"]));
}

#[tokio::test]
async fn no_name_asks_for_no_alarm() {
    assert_eq!(stub([(500, vec![], "")]).alarms(&[]).await.unwrap(), AlarmStates::default());
}

#[tokio::test(start_paused = true)]
async fn state_that_nobody_knows_is_no_state() {
    let answer = ok(r#"{"MetricAlarms": [{"AlarmName": "a", "StateValue": "PAUSED"}]}"#);
    let error = stub([answer]).alarms(&["a".to_owned()]).await.unwrap_err();
    assert_eq!(error.kind, RolloutCallErrorKind::Unavailable);
}

#[tokio::test]
async fn history_is_read_from_its_items() {
    let item = |second: i64, to: &str| {
        let data = json!({ "version": "1.0", "oldState": { "stateValue": "OK" }, "newState": { "stateValue": to } });
        json!({ "AlarmName": "a", "Timestamp": second, "HistoryItemType": "StateUpdate", "HistoryData": data.to_string() })
    };
    let answer = json!({ "AlarmHistoryItems": [item(MINUTE + 60, "OK"), item(MINUTE, "ALARM")] });
    let cloudwatch = stub([ok(answer.to_string().leak())]);
    let changes = cloudwatch.alarm_changes("a", Timestamp::from_second(MINUTE).unwrap()).await.unwrap();
    let change = |second: i64, to| AlarmChange { at: Timestamp::from_second(second).unwrap(), to };
    assert_eq!(changes, [change(MINUTE + 60, AlarmState::Ok), change(MINUTE, AlarmState::Alarm)]);
}

#[tokio::test]
async fn history_that_cannot_be_read_is_unavailable() {
    let answer = ok(r#"{"AlarmHistoryItems": [{"Timestamp": 1, "HistoryData": "truncated {"}]}"#);
    let error = stub([answer]).alarm_changes("a", Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert_eq!(error.kind, RolloutCallErrorKind::Unavailable);
    assert_eq!(error.message, "DescribeAlarmHistory of a: CloudWatch answered with a change that is none");
}
