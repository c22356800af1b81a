# The permissions boundary for execution roles, where one is wanted: what a deployed function can never do, whatever its role says.
# The deployer makes no roles, so whoever makes them sets it: permissions_boundary = module.target.execution_boundary_arn.

resource "aws_iam_policy" "execution_boundary" {
  count = var.execution_boundary == null ? 0 : 1

  name        = "${local.role_name}-execution-boundary"
  description = "What functions deployed here may use at most"
  policy      = local.execution_boundary
  tags        = var.tags

  # IAM User Guide, "IAM and AWS STS quotas": a managed policy.
  lifecycle {
    precondition {
      condition     = length(local.execution_boundary) <= 6144
      error_message = "The execution boundary would have ${length(local.execution_boundary)} characters, and IAM takes 6144: name fewer services in execution_boundary."
    }
  }
}

locals {
  execution_boundary = var.execution_boundary == null ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "UseTheseServices"
        Effect   = "Allow"
        Action   = [for service in var.execution_boundary : "${service}:*"]
        Resource = "*"
      },
      {
        Sid    = "NeverDeploy"
        Effect = "Deny"
        Action = [
          "lambda:AddPermission", "lambda:Create*", "lambda:Delete*", "lambda:PublishVersion", "lambda:Put*", "lambda:RemovePermission",
          "lambda:Update*",
        ]
        Resource = "*"
      },
      {
        Sid      = "NeverEnterADeployRole"
        Effect   = "Deny"
        Action   = "sts:AssumeRole"
        Resource = "arn:${local.partition}:iam::*:role/${var.deploy_role.role_name}"
      },
      # Nor become it, nor be given its role.
      {
        Sid      = "NeverTouchTheDeployer"
        Effect   = "Deny"
        Action   = "*"
        Resource = local.deployers
      },
    ]
  })

  # What is the deployer's. The rules are those of its bus, the schedules those of its group.
  deployers = concat(
    [var.deployer.role_arn, var.deployer.function_arn, "${var.deployer.function_arn}:*"],
    compact([var.deployer.queue_arn, var.deployer.wake_queue_arn, var.deployer.dead_letters_arn]),
    local.artifact_keys,
    flatten([for bus in compact([var.deployer.event_bus_arn]) : [bus, "${replace(bus, ":event-bus/", ":rule/")}/*"]]),
    flatten([for group in compact([var.deployer.schedules_arn]) : [group, "${replace(group, ":schedule-group/", ":schedule/")}/*"]]),
    flatten([for log in compact([var.deployer.log_group_arn]) : [log, "${log}:*"]]),
    flatten([for bucket in [var.deployer.artifact_bucket, var.deployer.ledger_bucket] : ["arn:${local.partition}:s3:::${bucket}", "arn:${local.partition}:s3:::${bucket}/*"]]),
  )
}
