# What wakes the deployer beside uploads: the sweep, each minute, and on a bus of its own, where it tells what happens too, whoever
# asks for promotions, approves or declines them.

resource "aws_cloudwatch_event_bus" "deployer" {
  name               = var.name
  kms_key_identifier = lookup(var.keys, "bus", null)
  tags               = var.tags
}

resource "aws_cloudwatch_event_rule" "promotions" {
  name           = "${var.name}-promotions"
  description    = "Requests for promotions, approvals and refusals of them go to the deployer's queue of wakes"
  event_bus_name = aws_cloudwatch_event_bus.deployer.name
  event_pattern = jsonencode({
    "detail-type" = [local.names.promotion_requested, local.names.promotion_approved, local.names.promotion_declined]
  })
  tags = var.tags
}

resource "aws_cloudwatch_event_target" "promotions" {
  rule           = aws_cloudwatch_event_rule.promotions.name
  event_bus_name = aws_cloudwatch_event_bus.deployer.name
  target_id      = "queue"
  arn            = aws_sqs_queue.wakes.arn
}

# Within this account the sender's own policy is enough.
resource "aws_cloudwatch_event_bus_policy" "requests" {
  count = local.event_bus_has_policy ? 1 : 0

  event_bus_name = aws_cloudwatch_event_bus.deployer.name
  policy         = local.event_bus_policy

  lifecycle {
    precondition {
      condition     = length(local.event_bus_policy) <= local.limits.bus_policy
      error_message = "The bus's policy would have ${length(local.event_bus_policy)} characters, and EventBridge takes ${local.limits.bus_policy}: promotion_requesters and approvers name too many roles, so let some share a role, or a pattern in approvers."
    }
  }
}

resource "aws_iam_role" "sweep" {
  name                 = "${var.name}-sweep"
  description          = "The schedule's: invokes the deployer"
  assume_role_policy   = local.sweep_trust
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "sweep" {
  name   = "${var.name}-sweep"
  role   = aws_iam_role.sweep.id
  policy = local.sweep_policy

  # The schedule calls the function itself until the alias is there.
  depends_on = [aws_lambda_alias.live]
}

resource "aws_scheduler_schedule_group" "deployer" {
  name = var.name
  tags = var.tags
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
    arn      = local.alias_arn
    role_arn = aws_iam_role.sweep.arn
    input    = jsonencode(local.names.sweep)

    # The next minute tries again.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }

  depends_on = [aws_iam_role_policy.sweep, aws_lambda_alias.live]
}

locals {
  event_bus_has_policy = length(var.promotion_requesters) > 0 || var.approvers != null

  # For whoever sends to the bus: what the deployer tells must be the deployer's, and what AWS tells, AWS's. A call puts up to ten events,
  # and the Service Authorization Reference ("Amazon EventBridge") calls both keys lists. So each event of a call must fit; a key that is
  # not there would fit too, so both must be. That is right for a call of one event, and where AWS asks for each event by itself.
  puts = { for what, detail_types in {
    requests  = [local.names.promotion_requested]
    decisions = [local.names.promotion_approved, local.names.promotion_declined]
    } : what => {
    "ForAllValues:StringEquals"  = { "events:detail-type" = detail_types }
    "ForAllValues:StringNotLike" = { "events:source" = ["aws.*", local.names.event_source] }
    Null                         = { "events:detail-type" = "false", "events:source" = "false" }
  } }

  # The account is named, and the role by condition, as in the artifact bucket's policy.
  event_bus_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      length(var.promotion_requesters) == 0 ? [] : [{
        Sid       = "OtherAccountsAskForPromotions"
        Effect    = "Allow"
        Principal = { AWS = distinct([for arn in var.promotion_requesters : "arn:${local.partition}:iam::${split(":", arn)[4]}:root"]) }
        Action    = "events:PutEvents"
        Resource  = local.event_bus_arn
        Condition = merge(local.puts.requests, { ArnEquals = { "aws:PrincipalArn" = var.promotion_requesters } })
      }],
      # One event that approves is enough for a call to be refused.
      [for approvers in [var.approvers] : {
        Sid       = "OnlyApproversApprove"
        Effect    = "Deny"
        Principal = "*"
        Action    = "events:PutEvents"
        Resource  = local.event_bus_arn
        Condition = {
          ArnNotLike                 = { "aws:PrincipalArn" = approvers }
          "ForAnyValue:StringEquals" = { "events:detail-type" = [local.names.promotion_approved, local.names.promotion_declined] }
        }
      } if approvers != null],
    )
  })

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
      Resource = local.alias_arn
    }]
  })
}
