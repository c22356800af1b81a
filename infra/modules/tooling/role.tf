# Who the deployer is, and what it may do in this account. In target accounts it may do nothing but enter the deploy roles.

resource "aws_iam_role" "deployer" {
  name                 = var.name
  description          = "The deployer's: reads artifacts, keeps the ledger, enters the deploy roles"
  assume_role_policy   = local.deployer_trust
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "deployer" {
  name   = var.name
  role   = aws_iam_role.deployer.id
  policy = local.deployer_policy

  # IAM User Guide, "IAM and AWS STS quotas": a role's inline policies.
  lifecycle {
    precondition {
      condition     = local.deployer_policy_length <= 10240
      error_message = "The deployer's policy would have ${local.deployer_policy_length} characters, and IAM takes 10240: there are too many environments and accounts for one deployer, so lay a second one."
    }
  }
}

locals {
  deployer_policy_length = length(local.deployer_policy)

  deployer_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Lambda"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  deployer_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "EnterTargets"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole", "sts:SetSourceIdentity"]
          Resource = local.deploy_role_arns
        },
        {
          Sid      = "ReadArtifacts"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = [for environment in keys(var.environments) : "${local.artifact_bucket_arn}/${environment}/*"]
        },
        # Without it what is missing looks like a denial.
        {
          Sid      = "SeeWhatIsMissing"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = [local.artifact_bucket_arn, local.ledger_bucket_arn]
        },
        {
          Sid      = "ReadTheLedger"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = [for prefix in concat(values(local.names.ledger), [local.names.config_key]) : "${local.ledger_bucket_arn}/${trimsuffix(prefix, "/") == prefix ? prefix : "${prefix}*"}"]
        },
        {
          Sid      = "WriteTheLedger"
          Effect   = "Allow"
          Action   = "s3:PutObject"
          Resource = [for prefix in values(local.names.ledger) : "${local.ledger_bucket_arn}/${prefix}*"]
        },
        {
          Sid      = "ClearMarkers"
          Effect   = "Allow"
          Action   = "s3:DeleteObject"
          Resource = local.marker_arns
        },
        # Lambda receives and deletes under this role; the deployer itself puts messages off, and looks whether the queues keep up.
        # Where it cannot load deployer.json, it asks for the queue's URL.
        {
          Sid    = "WorkOnTheQueues"
          Effect = "Allow"
          Action = [
            "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage",
          ]
          Resource = [local.queue_arn, local.wake_queue_arn]
        },
        # Its ticks. They go to the queue of uploads while deployer.json names no other: before an update is whole, and on the way back.
        {
          Sid      = "WakeItself"
          Effect   = "Allow"
          Action   = "sqs:SendMessage"
          Resource = [local.queue_arn, local.wake_queue_arn]
        },
        {
          Sid       = "TellWhatHappens"
          Effect    = "Allow"
          Action    = "events:PutEvents"
          Resource  = local.event_bus_arn
          Condition = { StringEquals = { "events:source" = local.names.event_source } }
        },
        # For the doctor: uploads without a version are ignored, and what was given up is seen by nobody else.
        {
          Sid      = "SeeWhetherUploadsAreVersions"
          Effect   = "Allow"
          Action   = "s3:GetBucketVersioning"
          Resource = local.artifact_bucket_arn
        },
        {
          Sid      = "CountDeadLetters"
          Effect   = "Allow"
          Action   = "sqs:GetQueueAttributes"
          Resource = local.dead_letters_arn
        },
        {
          Sid      = "WriteTheLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${local.log_group_arn}:*"
        },
        # Lambda tells which function a call comes from (Developer Guide, "Using source function ARN to control function access behavior"):
        # another function that was given this role gets nowhere with it.
        {
          Sid       = "OnlyAsTheDeployersFunction"
          Effect    = "Deny"
          Action    = ["events:PutEvents", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "sts:AssumeRole", "sts:SetSourceIdentity"]
          Resource  = "*"
          Condition = { ArnNotLike = { "lambda:SourceFunctionArn" = [local.function_arn, "${local.function_arn}:*"] } }
        },
      ],
      var.customer_key ? [{
        Sid       = "DecryptArtifacts"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = one(aws_kms_key.artifacts[*].arn)
        Condition = { StringEquals = local.through_s3 }
      }] : [],
    )
  })
}
