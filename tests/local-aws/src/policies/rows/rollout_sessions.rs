//! Rows about the sessions of a rollout of `orders-api` in `prod`: each does one thing.

use super::sessions::{FUNCTION, really, within};
use super::{Row, may, may_not};

const METRICS: [&str; 3] = ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"];
const ALARM: &str = "arn:aws:cloudwatch:eu-west-1:222222222222:alarm:orders-5xx";
/// Functions that are not the rollout's, without and with a version.
const OTHERS: [&str; 6] = [
    "arn:aws:lambda:eu-west-1:222222222222:function:hello",
    "arn:aws:lambda:us-east-1:222222222222:function:orders-api",
    "arn:aws:lambda:eu-west-1:111111111111:function:orders-api",
    "arn:aws:lambda:eu-west-1:222222222222:function:hello:7",
    "arn:aws:lambda:us-east-1:222222222222:function:orders-api:7",
    "arn:aws:lambda:eu-west-1:111111111111:function:orders-api:7",
];

pub(super) fn rows(rows: &mut Vec<Row>) {
    for (session, actions) in [
        ("session/look", ["lambda:GetAlias", "lambda:GetFunction"]),
        ("session/move", ["lambda:GetAlias", "lambda:UpdateAlias"]),
        ("session/make", ["lambda:GetAlias", "lambda:CreateAlias"]),
    ] {
        for action in actions {
            may(rows, "a rollout's session works on its function", really(session, action, FUNCTION));
            may(rows, "and on its versions", really(session, action, format!("{FUNCTION}:7")));
            for other in OTHERS {
                may_not(rows, "on no other", within(session, action, other));
            }
        }
        for action in ["lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:InvokeFunction"] {
            may_not(rows, "brings no code and calls none", within(session, action, format!("{FUNCTION}:7")));
        }
        for other in ["s3:GetObject", "iam:PassRole", "lambda:DeleteFunction"] {
            may_not(rows, "and does nothing else", within(session, other, FUNCTION));
        }
    }
    for action in METRICS {
        may(rows, "a look reads metrics and alarms", really("session/look", action, ALARM));
        for session in ["session/move", "session/make", "session/set", "session/free", "session/smoke"] {
            may_not(rows, "the others read none", within(session, action, ALARM));
        }
    }
    for action in ["cloudwatch:PutMetricAlarm", "cloudwatch:SetAlarmState", "cloudwatch:DeleteAlarms"] {
        may_not(rows, "and a look writes none", within("session/look", action, ALARM));
    }
    for action in ["lambda:UpdateAlias", "lambda:CreateAlias"] {
        may_not(rows, "a look moves nothing", within("session/look", action, FUNCTION));
        may_not(rows, "nor does a test", within("session/smoke", action, format!("{FUNCTION}:7")));
    }
    settings(rows);
    let smoke = "session/smoke";
    may(rows, "a test invokes its version", really(smoke, "lambda:InvokeFunction", format!("{FUNCTION}:7")));
    for other in
        [FUNCTION.to_owned(), format!("{FUNCTION}:8"), format!("{FUNCTION}:live"), format!("{FUNCTION}:$LATEST")]
            .into_iter()
            .chain(OTHERS.map(str::to_owned))
    {
        may_not(rows, "and nothing else", within(smoke, "lambda:InvokeFunction", other));
    }
    for action in ["lambda:GetFunction", "lambda:InvokeAsync", "s3:GetObject"] {
        may_not(rows, "and only invokes", within(smoke, action, format!("{FUNCTION}:7")));
    }
}

/// Rows about the sessions that set the function's tags and reserved concurrency.
fn settings(rows: &mut Vec<Row>) {
    let set = ["lambda:TagResource", "lambda:UntagResource", "lambda:PutFunctionConcurrency"];
    let free = ["lambda:DeleteFunctionConcurrency"];
    for (session, actions, others) in [("session/set", &set[..], &free[..]), ("session/free", &free[..], &set[..])] {
        for place in [FUNCTION.to_owned(), format!("{FUNCTION}:7")] {
            may(rows, "what the function had is read", really(session, "lambda:GetFunction", place));
        }
        may(rows, "its tags too", really(session, "lambda:ListTags", FUNCTION));
        for other in OTHERS {
            for action in ["lambda:GetFunction", "lambda:ListTags"] {
                may_not(rows, "and of no other", within(session, action, other));
            }
        }
        for action in actions {
            may(rows, "what a release sets on its function is set", really(session, action, FUNCTION));
            may_not(rows, "not on a version", within(session, action, format!("{FUNCTION}:7")));
            for other in OTHERS {
                may_not(rows, "nor on another function", within(session, action, other));
            }
        }
        let never = [
            "lambda:UpdateAlias",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:InvokeFunction",
        ];
        for action in others.iter().copied().chain(never) {
            may_not(rows, "and nothing else is done", within(session, action, FUNCTION));
        }
    }
}
