# Policies for people, and for what acts for them: to be attached to their groups, permission sets or roles.

resource "aws_iam_policy" "look" {
  name        = "${var.name}-look"
  description = "Reads the deployer's ledger, and nothing else"
  policy      = local.look_policy
  path        = var.role_path
  tags        = var.tags
}

resource "aws_iam_policy" "operate" {
  name        = "${var.name}-operate"
  description = "Reads the deployer's ledger, and gives the deployer commands"
  policy      = local.operate_policy
  path        = var.role_path
  tags        = var.tags

  # People call the function itself until the alias is there.
  depends_on = [aws_lambda_alias.live]
}

resource "aws_iam_policy" "request" {
  name        = "${var.name}-request"
  description = "Asks the deployer for promotions by events, and nothing else"
  policy      = local.request_policy
  path        = var.role_path
  tags        = var.tags
}

resource "aws_iam_policy" "approve" {
  name        = "${var.name}-approve"
  description = "Approves and declines promotions by events, and nothing else"
  policy      = local.approve_policy
  path        = var.role_path
  tags        = var.tags
}

locals {
  # Who looks without the deployer needs its configuration: which environments there are, and where they go.
  looked_at = concat([for name, prefix in local.names.ledger : "${prefix}*" if !contains(["asked", "open"], name)], [local.names.config_key])

  look = concat([
    {
      Sid      = "ReadTheLedger"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [for object in local.looked_at : "${local.ledger_bucket_arn}/${object}"]
    },
    {
      Sid       = "ListTheLedger"
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = local.ledger_bucket_arn
      Condition = { StringLike = { "s3:prefix" = local.looked_at } }
    },
    ], length(local.ledger_keys) > 0 ? [{
      Sid       = "DecryptTheLedger"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = local.ledger_keys
      Condition = { StringEquals = local.through.s3 }
  }] : [])

  look_policy = jsonencode({ Version = "2012-10-17", Statement = local.look })

  operate_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.look, [
      {
        Sid      = "CommandTheDeployer"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = local.alias_arn
      },
      {
        Sid      = "ReadTheLog"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"]
        Resource = "${local.log_group_arn}:*"
      },
      # SQS moves messages with the rights of the person who asks for it (SQS Developer Guide, "Troubleshoot Amazon SQS dead-letter
      # queue and DLQ redrive issues"): it receives and deletes here, and sends there.
      {
        Sid    = "RedriveDeadLetters"
        Effect = "Allow"
        Action = [
          "sqs:CancelMessageMoveTask", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
          "sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask",
        ]
        Resource = local.dead_letters_arn
      },
      {
        Sid      = "SendThemBack"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = [local.queue_arn, local.wake_queue_arn]
      },
    ], local.uses_keys_of_queues.here)
  })

  request_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AskForPromotions"
      Effect    = "Allow"
      Action    = "events:PutEvents"
      Resource  = local.event_bus_arn
      Condition = local.puts.requests
    }]
  })

  approve_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ApproveOrDeclinePromotions"
      Effect    = "Allow"
      Action    = "events:PutEvents"
      Resource  = local.event_bus_arn
      Condition = local.puts.decisions
    }]
  })
}
