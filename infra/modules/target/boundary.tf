# The permissions boundary for execution roles, where one is wanted: what a deployed function can never do, whatever its role says.
# The deployer makes no roles, so whoever makes them sets it: permissions_boundary = module.target.execution_boundary_arn.

resource "aws_iam_policy" "execution_boundary" {
  count = var.execution_boundary == null ? 0 : 1

  name        = "${var.deploy_role.role_name}-execution-boundary"
  description = "What functions deployed here may use at most"
  policy      = local.execution_boundary
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
        Resource = ["arn:${local.partition}:iam::*:role/${var.deploy_role.role_name}", var.deployer.role_arn]
      },
      {
        Sid    = "NeverTouchTheDeployer"
        Effect = "Deny"
        Action = ["lambda:*", "s3:*", "sqs:*"]
        Resource = concat(
          compact([var.deployer.function_arn, "${var.deployer.function_arn}:*", var.deployer.queue_arn, var.deployer.wake_queue_arn]),
          flatten([for bucket in [var.deployer.artifact_bucket, var.deployer.ledger_bucket] : ["arn:${local.partition}:s3:::${bucket}", "arn:${local.partition}:s3:::${bucket}/*"]]),
        )
      },
    ]
  })
}
