# Who the deployer is, and what it may do in this account. In target accounts it may do nothing but enter the deploy roles.

resource "aws_iam_role" "deployer" {
  name                 = var.name
  description          = "The deployer's: reads artifacts, keeps the ledger, enters the deploy roles"
  assume_role_policy   = local.deployer_trust
  max_session_duration = 3600
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "deployer" {
  name   = var.name
  role   = aws_iam_role.deployer.id
  policy = local.deployer_policy

  lifecycle {
    precondition {
      condition     = local.deployer_policy_length <= local.limits.inline_policies
      error_message = "The deployer's policy would have ${local.deployer_policy_length} characters, and IAM takes ${local.limits.inline_policies}: there are too many environments for one deployer, so lay a second one (docs/limits.md)."
    }

    precondition {
      condition     = length(local.enter_policies) <= local.limits.attached_policies
      error_message = "The deployer's role would have ${length(local.enter_policies)} policies for the ${length(local.deploy_role_arns)} deploy roles that it enters, and IAM attaches ${local.limits.attached_policies} to a role: there are too many accounts for one deployer, so lay a second one (docs/limits.md)."
    }
  }

  # Where deploy roles move from this policy to others, the deployer can enter them all the time.
  depends_on = [aws_iam_role_policy_attachment.enter]
}

# Deploy roles for which the role's own policy has no room.
resource "aws_iam_policy" "enter" {
  count = length(local.enter_policies)

  name        = "${var.name}-enter-${count.index + 1}"
  description = "The deployer's: enters deploy roles"
  policy      = local.enter_policies[count.index]
  path        = var.role_path
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "enter" {
  count = length(local.enter_policies)

  role       = aws_iam_role.deployer.name
  policy_arn = aws_iam_policy.enter[count.index].arn
}

locals {
  # The role's own policy names the deploy roles while it has room for all of them. Else managed policies do, each as many as it takes.
  enter_targets = { for kind, arns in { all = local.deploy_role_arns, none = [] } : kind => {
    Sid      = "EnterTargets"
    Effect   = "Allow"
    Action   = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    Resource = arns
  } }
  enters_itself = length(jsonencode(local.enter_targets.all)) + 1 + local.deployer_rest_length <= local.limits.inline_policies

  entered_at_once = floor(
    (local.limits.managed_policy - length(jsonencode({ Version = "2012-10-17", Statement = [local.enter_targets.none] })))
    / (max([for arn in local.deploy_role_arns : length(arn)]...) + 3)
  )
  enter_policies = local.enters_itself ? [] : [for arns in chunklist(local.deploy_role_arns, local.entered_at_once) : jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.enter_targets.none, { Resource = arns })]
  })]

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
    Version   = "2012-10-17"
    Statement = concat(local.enters_itself ? [local.enter_targets.all] : [], local.deployer_rest, [for arn in aws_kms_key.artifacts[*].arn : merge(local.decrypt_artifacts, { Resource = arn })])
  })

  # Lengths are known before the key is made.
  deployer_rest_length = length(jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.deployer_rest, var.customer_key ? [local.decrypt_artifacts] : [])
  }))
  deployer_policy_length = local.deployer_rest_length + (local.enters_itself ? length(jsonencode(local.enter_targets.all)) + 1 : 0)

  decrypt_artifacts = {
    Sid       = "DecryptArtifacts"
    Effect    = "Allow"
    Action    = "kms:Decrypt"
    Resource  = "arn:${local.partition}:kms:${local.region}:${local.account}:key/00000000-0000-0000-0000-000000000000"
    Condition = { StringEquals = local.through_s3 }
  }

  deployer_rest = [
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
  ]
}
