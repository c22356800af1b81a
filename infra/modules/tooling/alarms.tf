# What a person must hear of.

locals {
  metrics = "Deployer/${var.name}"
  alarms = {
    dead-letters = {
      description = "Messages that the deployer could not handle are in the dead-letter queue: mend the cause that the deployer's log names, then redrive them (deployctl redrive)"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      threshold   = 0
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
    }
    # Not of what was received three times and is put off: SQS leaves that out (SQS Developer Guide, "Available CloudWatch metrics").
    oldest-message = {
      description = "An upload has waited for more than five minutes: more come than maximum_concurrency takes, or Lambda does not deliver them"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      statistic   = "Maximum"
      threshold   = 300
      dimensions  = { QueueName = aws_sqs_queue.uploads.name }
    }
    # Visible are the messages that could be received now: neither those that are worked on or put off (not visible) nor those that
    # are delayed (SQS Developer Guide, "Available CloudWatch metrics"). So this counts what waits for want of an invocation, and says
    # it by itself, whatever becomes of the log. A wave that takes longer than a quarter of an hour is more than was provided for.
    upload-backlog = {
      description = "More uploads than maximum_concurrency takes at once have waited for fifteen minutes: more come than are done, or Lambda does not deliver them"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Minimum"
      threshold   = var.maximum_concurrency
      minutes     = 15
      dimensions  = { QueueName = aws_sqs_queue.uploads.name }
    }
    wake-backlog = {
      description = "More of the deployer's own ticks and requests for promotions than wake_concurrency takes at once have waited for fifteen minutes: more come than are done, or Lambda does not deliver them"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Minimum"
      threshold   = var.wake_concurrency
      minutes     = 15
      dimensions  = { QueueName = aws_sqs_queue.wakes.name }
    }
    # SQS does not say whether what is delayed counts as old, and most ticks are: the deployer tells how long one waited that was due.
    late-wakes = {
      description = "The deployer's own ticks and requests for promotions come more than two minutes late, or not at all: more come than wake_concurrency takes, or Lambda does not deliver them"
      namespace   = local.metrics
      metric      = "LateWakes"
      statistic   = "Sum"
      threshold   = 0
      minutes     = 2
      dimensions  = null
    }
    # Such a message is tried ten minutes after the last try has ended, which may take five: the alarm stays until there was none for longer.
    failing-messages = {
      description = "A message could not be handled in four tries or more, and the deployer's log says why: it is tried every ten minutes until two hours are over, and is a dead letter then"
      namespace   = local.metrics
      metric      = "FailingMessages"
      statistic   = "Sum"
      threshold   = 0
      minutes     = 20
      of_them     = 1
      dimensions  = null
    }
    # Lambda's count, for who is throttled logs nothing. Where the account has too few for a storm, they are free again between two
    # waves of messages: so not in minutes on end.
    throttled = {
      description = "Lambda had no concurrent execution to spare for the deployer in five of the last fifteen minutes: the account has fewer than maximum_concurrency and wake_concurrency ask for (a new account has 10 in all: ask Service Quotas for more of L-B99A9384, or set both lower), or others use them up"
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      statistic   = "Sum"
      threshold   = 0
      minutes     = 15
      of_them     = 5
      dimensions  = { FunctionName = aws_lambda_function.deployer.function_name }
    }
    # Not Lambda's own count, for whoever mistypes a command gets a function error as well, and reads it.
    errors = {
      description = "The deployer ended in an error, or was killed, and its log says why: a ledger object is broken, say, or no time was left"
      namespace   = local.metrics
      metric      = "Errors"
      statistic   = "Sum"
      threshold   = 0
      dimensions  = null
    }
    # Whatever becomes of its log.
    lasting-errors = {
      description = "The deployer has ended in errors for ten minutes on end, its sweeps too"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      statistic   = "Sum"
      threshold   = 0
      minutes     = 10
      dimensions  = { FunctionName = aws_lambda_function.deployer.function_name }
    }
    configuration = {
      description = "deployer.json cannot be loaded, and the deployer's log says why: one that runs goes on with the last good one, one that starts puts its messages off"
      namespace   = local.metrics
      metric      = "UnloadedConfigurations"
      statistic   = "Sum"
      threshold   = 0
      dimensions  = null
    }
    sweep = {
      description = "The deployer was not invoked for five minutes, not even by its schedule: what sleeps is not woken"
      namespace   = "AWS/Lambda"
      metric      = "Invocations"
      statistic   = "Sum"
      threshold   = 1
      dimensions  = { FunctionName = aws_lambda_function.deployer.function_name }
    }
    # While the sweep runs: what it sends for looks is not received, or the looks fail, or an alias cannot be moved back. Where it does not run, the alarm of the sweep rings.
    rollout-overdue = {
      description = "A rollout has not gone on five minutes after its step or its pause had ended, or is not back five minutes after it began to go back: an alias may give a new version traffic until somebody looks"
      namespace   = local.metrics
      metric      = "RolloutOverdue"
      statistic   = "Sum"
      threshold   = 0
      minutes     = 2
      dimensions  = null
    }
    failed-deployments = {
      description = "A deployment has failed: its record says in which target and why"
      namespace   = local.metrics
      metric      = "FailedDeployments"
      statistic   = "Sum"
      threshold   = 0
      dimensions  = null
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "failed_deployments" {
  name           = "${var.name}-failed-deployments"
  log_group_name = aws_cloudwatch_log_group.deployer.name
  pattern        = "{ $.message = \"${local.names.ended_line}*\" && $.status = \"${local.names.failed_status}\" }"

  metric_transformation {
    name      = "FailedDeployments"
    namespace = local.metrics
    value     = "1"
  }
}

# An invocation that ends in an error says so; one that times out, or whose process dies, cannot, so Lambda's own line counts
# (Lambda Developer Guide, "Telemetry API event schema": platform.report, Status).
resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "${var.name}-errors"
  log_group_name = aws_cloudwatch_log_group.deployer.name
  pattern        = "{ $.message = \"${local.names.error_line}*\" }"

  metric_transformation {
    name      = "Errors"
    namespace = local.metrics
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "deaths" {
  name           = "${var.name}-deaths"
  log_group_name = aws_cloudwatch_log_group.deployer.name
  pattern        = "{ $.type = \"platform.report\" && ($.record.status = \"timeout\" || $.record.status = \"failure\" || ($.record.status = \"error\" && $.record.errorType = \"Runtime.*\")) }"

  metric_transformation {
    name      = "Errors"
    namespace = local.metrics
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "unloaded_configurations" {
  name           = "${var.name}-unloaded-configurations"
  log_group_name = aws_cloudwatch_log_group.deployer.name
  pattern        = "{ $.message = \"${local.names.config_line}*\" }"

  metric_transformation {
    name      = "UnloadedConfigurations"
    namespace = local.metrics
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "late_wakes" {
  name           = "${var.name}-late-wakes"
  log_group_name = aws_cloudwatch_log_group.deployer.name
  pattern        = "{ $.message = \"${local.names.queue_line}*\" && $.queue = \"${var.name}-wakes\" }"

  metric_transformation {
    name      = "LateWakes"
    namespace = local.metrics
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "failing_messages" {
  name           = "${var.name}-failing-messages"
  log_group_name = aws_cloudwatch_log_group.deployer.name
  pattern        = "{ $.message = \"${local.names.again_line}*\" }"

  metric_transformation {
    name      = "FailingMessages"
    namespace = local.metrics
    value     = "1"
  }
}

resource "aws_cloudwatch_log_metric_filter" "overdue_rollouts" {
  name           = "${var.name}-overdue-rollouts"
  log_group_name = aws_cloudwatch_log_group.deployer.name
  pattern        = "{ $.message = \"${local.names.overdue_line}*\" }"

  metric_transformation {
    name      = "RolloutOverdue"
    namespace = local.metrics
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "deployer" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.description} (docs/runbook.md#alarm-${each.key})"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.key == "sweep" ? 300 : 60
  evaluation_periods  = try(each.value.minutes, 1)
  datapoints_to_alarm = try(each.value.of_them, each.value.minutes, 1)
  comparison_operator = each.key == "sweep" ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.key == "sweep" ? "breaching" : "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.ok_actions
  tags                = var.tags
}

# A warning, not an error: a trial needs nobody.
check "alarms_tell_somebody" {
  assert {
    condition     = length(var.alarm_actions) > 0
    error_message = "alarm_actions is empty, so nobody hears of an alarm of the deployer ${var.name}: name an SNS topic whose subscribers are people on call."
  }
}
