# The queues that wake the deployer, and the one for what it could not handle.
#
# Uploads have a queue, and what moves deployments on has another: the deployer's own ticks, and requests for promotions. So however
# many uploads come at once, nothing that has begun stands behind them.

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = local.sqs_managed_sse
  kms_master_key_id         = lookup(var.keys, "queues", null)
  tags                      = var.tags
}

# One for both: there is one place to look, and a redrive takes each message back to the queue that it came from (SQS API Reference,
# StartMessageMoveTask).
resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn, local.wake_queue_arn]
  })
}

resource "aws_sqs_queue" "uploads" {
  name                       = var.name
  visibility_timeout_seconds = local.visibility_timeout
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = local.sqs_managed_sse
  kms_master_key_id          = lookup(var.keys, "queues", null)
  policy                     = local.queue_policy
  redrive_policy             = local.redrive_policy
  tags                       = var.tags

  # Where requests for promotions still come here, they go to the other queue before this one's policy refuses them.
  # A key's right comes before the key.
  depends_on = [aws_cloudwatch_event_target.promotions, aws_iam_role_policy.deployer]
}

resource "aws_sqs_queue" "wakes" {
  name                       = "${var.name}-wakes"
  visibility_timeout_seconds = local.visibility_timeout
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = local.sqs_managed_sse
  kms_master_key_id          = lookup(var.keys, "queues", null)
  policy                     = local.wake_queue_policy
  redrive_policy             = local.redrive_policy
  tags                       = var.tags

  lifecycle {
    precondition {
      condition     = length(local.wake_queue_policy) <= local.limits.queue_policy
      error_message = "The queue's policy would have ${length(local.wake_queue_policy)} characters, and SQS takes ${local.limits.queue_policy}: administrators names too many, so let a pattern stand for several."
    }
  }

  # A key's right comes before the key.
  depends_on = [aws_iam_role_policy.deployer]
}

locals {
  # A queue has one of the two.
  sqs_managed_sse = contains(keys(var.keys), "queues") ? null : true

  # For whoever sends to the queues and receives from them: the deployer, and people who redrive dead letters.
  uses_keys_of_queues = { for kind, at in local.named : kind => concat(
    contains(keys(var.keys), "queues") ? [{
      Sid       = "UseTheKeyOfTheQueues"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = local.keys[kind].uses.queues
      Condition = { StringEquals = at.through.sqs }
    }] : [],
    local.decrypts.queues ? [{
      Sid       = "DecryptMessages"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = local.keys[kind].decrypts.queues
      Condition = { StringEquals = at.through.sqs }
    }] : [],
  ) }

  # Lambda Developer Guide, "Configuring a queue to use with Lambda": six times the function's timeout.
  visibility_timeout = local.timeout * 6

  # A message that could not be handled comes again after 20 seconds, then 1, 3, 9 and always 10 minutes: two hours.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 20
  })

  tls_only = { for arn in [local.queue_arn, local.wake_queue_arn] : arn => {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Resource  = arn
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  } }

  # Services have no ARN that could be named: what they send is the other statements' matter.
  only_the_deployer = { for arn in [local.queue_arn, local.wake_queue_arn] : arn => [for administrators in [var.administrators] : {
    Sid       = "OnlyTheDeployerAndAdministrators"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["sqs:DeleteMessage", "sqs:PurgeQueue", "sqs:ReceiveMessage", "sqs:SendMessage"]
    Resource  = arn
    Condition = {
      ArnNotLike = { "aws:PrincipalArn" = concat([local.role_arn], administrators) }
      Bool       = { "aws:PrincipalIsAWSService" = "false" }
    }
  } if administrators != null] }

  queue_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "Uploads"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = local.artifact_bucket_arn }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      local.tls_only[local.queue_arn],
    ], local.only_the_deployer[local.queue_arn])
  })

  wake_queue_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "PromotionRequests"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.wake_queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = local.promotions_arn } }
      },
      local.tls_only[local.wake_queue_arn],
    ], local.only_the_deployer[local.wake_queue_arn])
  })
}
