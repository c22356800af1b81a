# What a person must hear of.

locals {
  metrics = "Deployer/${var.name}"
  alarms = {
    dead-letters = {
      description = "Messages that the deployer could not handle are in the dead-letter queue: read the deployer's log, then redrive them"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      threshold   = 0
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
    }
    oldest-message = {
      description = "A message has waited for more than an hour: the deployer is throttled, or cannot read its configuration or its ledger"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      statistic   = "Maximum"
      threshold   = 3600
      dimensions  = { QueueName = aws_sqs_queue.uploads.name }
    }
    errors = {
      description = "The deployer ended in an error, and its log says which: a ledger object is broken, the configuration cannot be loaded, or somebody gave a command that it does not know"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      statistic   = "Sum"
      threshold   = 0
      dimensions  = { FunctionName = aws_lambda_function.deployer.function_name }
    }
    sweep = {
      description = "The deployer was not invoked for five minutes, not even by its schedule: what sleeps is not woken"
      namespace   = "AWS/Lambda"
      metric      = "Invocations"
      statistic   = "Sum"
      threshold   = 1
      dimensions  = { FunctionName = aws_lambda_function.deployer.function_name }
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

resource "aws_cloudwatch_metric_alarm" "deployer" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.key == "sweep" ? 300 : 60
  evaluation_periods  = 1
  comparison_operator = each.key == "sweep" ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.key == "sweep" ? "breaching" : "notBreaching"
  alarm_actions       = var.alarm_actions
}
