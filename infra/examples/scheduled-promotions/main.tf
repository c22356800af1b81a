# On Tuesdays at nine, all that stage has live is asked to prod. The provider is that of the environment: AWS_PROFILE and AWS_REGION, of
# the account and region that the deployer is in.

module "constants" {
  source = "../../modules/constants"
}

resource "aws_scheduler_schedule_group" "promotions" {
  name = var.name
  tags = var.tags
}

resource "aws_scheduler_schedule" "tuesday_nine" {
  name                         = "tuesday-nine"
  group_name                   = aws_scheduler_schedule_group.promotions.name
  description                  = "Asks for the promotion of ${var.function} from ${var.from} to ${var.to}"
  schedule_expression          = "cron(0 9 ? * TUE *)"
  schedule_expression_timezone = var.zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.event_bus_arn
    role_arn = aws_iam_role.promotions.arn
    input    = local.request

    eventbridge_parameters {
      source      = local.source
      detail_type = module.constants.promotion_requested
    }

    # What cannot be asked until ten is for next Tuesday.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }
  }

  depends_on = [aws_iam_role_policy.promotions]
}

resource "aws_iam_role" "promotions" {
  name                 = var.name
  description          = "The schedule's: asks the deployer for promotions"
  assume_role_policy   = local.schedule_trust
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "promotions" {
  name   = var.name
  role   = aws_iam_role.promotions.id
  policy = local.schedule_policy
}

locals {
  source = "schedules"

  partition = split(":", var.event_bus_arn)[1]
  region    = split(":", var.event_bus_arn)[3]
  account   = split(":", var.event_bus_arn)[4]

  # Each try is an event with an id of its own, and each must be the same request: so that is called by the time that it is for
  # (EventBridge Scheduler User Guide, "Adding context attributes"). jsonencode writes < and > in a way that the scheduler does not know.
  request = replace(replace(jsonencode({
    function     = var.function
    from         = var.from
    to           = var.to
    requested_by = "schedule tuesday-nine"
    id           = "tuesday-nine-<aws.scheduler.scheduled-time>"
  }), "\\u003c", "<"), "\\u003e", ">")

  schedule_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheSchedules"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # EventBridge Scheduler User Guide, "Confused deputy prevention": the schedule's group, never a schedule.
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule-group/${var.name}" }
        StringEquals = { "aws:SourceAccount" = local.account }
      }
    }]
  })

  schedule_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "AskOnTime"
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = var.event_bus_arn
      # Each event of a call, and none without them (modules/tooling/events.tf).
      Condition = {
        "ForAllValues:StringEquals" = {
          "events:detail-type" = module.constants.promotion_requested
          "events:source"      = local.source
        }
        Null = { "events:detail-type" = "false", "events:source" = "false" }
      }
    }]
  })
}
