# What wakes the deployer beside uploads: the sweep, each minute, and promotion requests on a bus of its own.

resource "aws_cloudwatch_event_bus" "deployer" {
  name = var.name
}

resource "aws_cloudwatch_event_rule" "promotions" {
  name           = "${var.name}-promotions"
  description    = "Promotion requests go to the deployer's queue"
  event_bus_name = aws_cloudwatch_event_bus.deployer.name
  event_pattern  = jsonencode({ "detail-type" = [local.names.promotion_requested] })
}

resource "aws_cloudwatch_event_target" "promotions" {
  rule           = aws_cloudwatch_event_rule.promotions.name
  event_bus_name = aws_cloudwatch_event_bus.deployer.name
  target_id      = "queue"
  arn            = aws_sqs_queue.uploads.arn
}

resource "aws_iam_role" "sweep" {
  name               = "${var.name}-sweep"
  description        = "The schedule's: invokes the deployer"
  assume_role_policy = local.sweep_trust
}

resource "aws_iam_role_policy" "sweep" {
  name   = "${var.name}-sweep"
  role   = aws_iam_role.sweep.id
  policy = local.sweep_policy
}

resource "aws_scheduler_schedule_group" "deployer" {
  name = var.name
}

resource "aws_scheduler_schedule" "sweep" {
  name                = "${var.name}-sweep"
  group_name          = aws_scheduler_schedule_group.deployer.name
  description         = "Wakes what nobody works on: a lost message costs a minute and not a deployment"
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.function_arn
    role_arn = aws_iam_role.sweep.arn
    input    = jsonencode(local.names.sweep)

    # The next minute tries again.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }

  depends_on = [aws_iam_role_policy.sweep, aws_lambda_function.deployer]
}

locals {
  sweep_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheSchedule"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # EventBridge Scheduler User Guide, "Confused deputy prevention": the schedule's group, never a schedule.
      Condition = {
        ArnEquals    = { "aws:SourceArn" = local.schedules_arn }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })

  sweep_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WakeTheDeployer"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = local.function_arn
    }]
  })
}
