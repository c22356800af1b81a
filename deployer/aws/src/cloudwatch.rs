//! CloudWatch in one account and region: metrics, alarms and their history, in its protocol AWS JSON 1.0 (Amazon
//! CloudWatch User Guide, "FAQs on CloudWatch supported protocols"). An answer that is not whole is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_lambda::config::SharedCredentialsProvider;
use deployer_core::id::Region;
use deployer_core::rollout::{AlarmChange, AlarmState, AlarmStates, AliasMetrics, Metric, MetricsQuery, NAMESPACE};
use deployer_engine::port::{RolloutCallError, RolloutCallErrorKind};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use super::failure::Failure;
use super::plain_call::PlainService;
use super::rollout_error::rollout_error;
use super::signed_json::{JsonClient, JsonService};

const SERVICE: JsonService = JsonService {
    service: PlainService { id: "CloudWatch", host: "monitoring" },
    signing_name: "monitoring",
    target: "GraniteServiceVersion20100801",
    content_type: "application/x-amz-json-1.0",
    tries: 3,
    timeout: Duration::from_secs(12),
    program: "deployer",
};

/// The seconds of a datapoint.
pub(super) const PERIOD: u32 = 60;
/// The most alarms that one call names and answers (CloudWatch API Reference, DescribeAlarms).
const MOST_ALARMS: usize = 100;
/// CloudWatch ends no list before this many pages only if its answers make no sense.
const MOST_PAGES: usize = 100;

/// CloudWatch with the credentials of one session.
#[derive(Debug, Clone)]
pub(super) struct CloudWatch {
    client: JsonClient,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricData {
    #[serde(default)]
    metric_data_results: Vec<MetricDataResult>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDataResult {
    id: String,
    status_code: Option<String>,
    #[serde(default)]
    timestamps: Vec<f64>,
    #[serde(default)]
    values: Vec<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarms {
    #[serde(default)]
    metric_alarms: Vec<Alarm>,
    #[serde(default)]
    composite_alarms: Vec<Alarm>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    alarm_name: String,
    state_value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct History {
    #[serde(default)]
    alarm_history_items: Vec<HistoryItem>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HistoryItem {
    timestamp: f64,
    #[serde(default)]
    history_data: String,
}

impl CloudWatch {
    /// Makes a client for this region with a session's credentials.
    pub fn new(sdk: &SdkConfig, region: &Region, credentials: SharedCredentialsProvider) -> Self {
        Self { client: JsonClient::new(sdk, SERVICE, region).with_credentials(credentials) }
    }

    /// Reads the metrics of an alias by GetMetricData. A call takes 500 metrics, and one look has seven; answers come in
    /// pages, of which a metric's last one says `Complete` (CloudWatch API Reference, GetMetricData and
    /// MetricDataResult).
    pub async fn metrics(&self, query: &MetricsQuery) -> Result<AliasMetrics, RolloutCallError> {
        let what = format!("GetMetricData of {}:{}", query.function, query.alias);
        let metrics = query.metrics();
        let queries: Vec<Value> =
            metrics.iter().enumerate().map(|(at, metric)| metric_query(at, *metric, query)).collect();
        let body = json!({
            "MetricDataQueries": queries,
            "StartTime": query.from.as_second(),
            "EndTime": query.until.as_second(),
            "ScanBy": "TimestampAscending",
        });
        let mut found = AliasMetrics::default();
        let mut complete = BTreeSet::new();
        let pages = self.pages("GetMetricData", &what, body, |page: &MetricData| page.next_token.clone()).await?;
        for result in pages.into_iter().flat_map(|page| page.metric_data_results) {
            let metric = result.id.strip_prefix('m').and_then(|at| metrics.get(at.parse::<usize>().ok()?)).copied();
            let Some(metric) = metric else { return Err(unusable(&what, "a metric that nobody asked for")) };
            match result.status_code.as_deref() {
                Some("Complete") => drop(complete.insert(metric)),
                Some("PartialData") => {}
                Some("Forbidden") => {
                    let message = format!("{what}: CloudWatch may not show {} (Forbidden)", metric.name());
                    return Err(RolloutCallError { kind: RolloutCallErrorKind::Denied, message });
                }
                _ => return Err(unusable(&what, "an error in place of a metric")),
            }
            if result.timestamps.len() != result.values.len() {
                return Err(unusable(&what, "values without times"));
            }
            for (time, value) in result.timestamps.into_iter().zip(result.values) {
                let minute = time_of(time).ok_or_else(|| unusable(&what, "a time that is none"))?;
                found.insert(metric, minute, value.round() as u64);
            }
        }
        if complete.len() == metrics.len() { Ok(found) } else { Err(unusable(&what, "a part of the metrics")) }
    }

    /// Reads the states of alarms by DescribeAlarms, which leaves composite alarms out unless their type is named.
    pub async fn alarms(&self, names: &[String]) -> Result<AlarmStates, RolloutCallError> {
        let mut found = BTreeMap::new();
        for names in names.chunks(MOST_ALARMS) {
            let what = format!("DescribeAlarms of {}", names.join(", "));
            let body = json!({
                "AlarmNames": names,
                "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
                "MaxRecords": MOST_ALARMS,
            });
            let pages = self.pages("DescribeAlarms", &what, body, |page: &Alarms| page.next_token.clone()).await?;
            let alarms = pages.into_iter().flat_map(|page| page.metric_alarms.into_iter().chain(page.composite_alarms));
            for Alarm { alarm_name, state_value } in alarms.filter(|alarm| names.contains(&alarm.alarm_name)) {
                let state =
                    AlarmState::parse(&state_value).ok_or_else(|| unusable(&what, "a state that is unknown"))?;
                found.insert(alarm_name, state);
            }
        }
        Ok(AlarmStates::of(names, found))
    }

    /// Reads the states that an alarm went to since a time, by DescribeAlarmHistory (CloudWatch API Reference,
    /// AlarmHistoryItem: the data of an item is JSON in a string).
    pub async fn alarm_changes(&self, name: &str, since: Timestamp) -> Result<Vec<AlarmChange>, RolloutCallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Change {
            new_state: NewState,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct NewState {
            state_value: String,
        }
        let what = format!("DescribeAlarmHistory of {name}");
        let body = json!({
            "AlarmName": name,
            "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
            "HistoryItemType": "StateUpdate",
            "StartDate": since.as_second(),
            "MaxRecords": 100,
        });
        let pages = self.pages("DescribeAlarmHistory", &what, body, |page: &History| page.next_token.clone()).await?;
        let change = |item: HistoryItem| {
            let change: Change = serde_json::from_str(&item.history_data).ok()?;
            Some(AlarmChange { at: time_of(item.timestamp)?, to: AlarmState::parse(&change.new_state.state_value)? })
        };
        let items = pages.into_iter().flat_map(|page| page.alarm_history_items);
        let changes: Option<Vec<_>> = items.map(change).collect();
        changes.ok_or_else(|| unusable(&what, "a change that is none"))
    }

    /// Makes a reading call only to learn if it is allowed.
    pub async fn attempt(&self, operation: &'static str, body: &Value) -> Result<(), Failure> {
        self.client.read::<IgnoredAny>(operation, body).await.map(drop)
    }

    /// Reads all pages of a list.
    async fn pages<P: DeserializeOwned>(
        &self,
        operation: &'static str,
        what: &str,
        mut body: Value,
        next: impl Fn(&P) -> Option<String>,
    ) -> Result<Vec<P>, RolloutCallError> {
        let mut pages = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: P = self.client.read(operation, &body).await.map_err(|failure| rollout_error(what, &failure))?;
            let token = next(&page).filter(|token| !token.is_empty());
            pages.push(page);
            match token {
                Some(token) => body["NextToken"] = token.into(),
                None => return Ok(pages),
            }
        }
        Err(unusable(what, "pages without end"))
    }
}

fn metric_query(at: usize, metric: Metric, query: &MetricsQuery) -> Value {
    let dimension = |(name, value)| json!({ "Name": name, "Value": value });
    let dimensions: Vec<Value> = query.dimensions(metric).into_iter().map(dimension).collect();
    json!({
        "Id": format!("m{at}"),
        "MetricStat": {
            "Metric": { "Namespace": NAMESPACE, "MetricName": metric.name(), "Dimensions": dimensions },
            "Period": PERIOD,
            "Stat": "Sum",
        },
    })
}

fn time_of(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond((seconds * 1_000.0).round() as i64).ok()
}

fn unusable(what: &str, found: &str) -> RolloutCallError {
    let message = format!("{what}: CloudWatch answered with {found}");
    RolloutCallError { kind: RolloutCallErrorKind::Unavailable, message }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "cloudwatch_tests.rs"]
mod tests;
