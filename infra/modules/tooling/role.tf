# Who the deployer is, and what it may do in this account. In target accounts it may do nothing but enter the deploy roles.

resource "aws_iam_role" "deployer" {
  name                 = var.name
  description          = "The deployer's: reads artifacts, keeps the ledger, enters the deploy roles"
  assume_role_policy   = local.deployer_trust
  max_session_duration = 3600
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = alltrue([for arn in values(var.keys) : startswith(arn, "arn:${local.partition}:kms:${local.region}:${local.account}:")])
      error_message = "keys must be keys of the deployer's account and region (${local.account}, ${local.region}); these are not: ${join(", ", [for of, arn in var.keys : "${arn} (${of})" if !startswith(arn, "arn:${local.partition}:kms:${local.region}:${local.account}:")])}."
    }
  }
}

resource "aws_iam_role_policy" "deployer" {
  name   = var.name
  role   = aws_iam_role.deployer.id
  policy = local.deployer_policy

  lifecycle {
    precondition {
      condition     = length(local.deployer_policy) <= local.limits.inline_policies
      error_message = "The deployer's policy would have ${length(local.deployer_policy)} characters, and IAM takes ${local.limits.inline_policies}: there are too many environments for one deployer, so lay a second one (docs/limits.md)."
    }

    precondition {
      condition     = alltrue([for policy in local.enter_policies : length(policy) <= local.limits.managed_policy])
      error_message = "One of the ${local.limits.enter_policies} policies for the ${length(local.deploy_roles)} deploy roles that the deployer enters would have ${max(0, [for policy in local.enter_policies : length(policy)]...)} characters, and IAM takes ${local.limits.managed_policy}: there are too many accounts for one deployer, so lay a second one (docs/limits.md)."
    }
  }

  # Where deploy roles move from this policy to others, the deployer can enter them all the time.
  depends_on = [aws_iam_role_policy_attachment.enter]
}

# Deploy roles for which the role's own policy has no room.
resource "aws_iam_policy" "enter" {
  for_each = local.enter_policies

  name        = "${var.name}-enter-${each.key}"
  description = "The deployer's: enters deploy roles"
  policy      = each.value
  path        = var.role_path
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "enter" {
  for_each = local.enter_policies

  role       = aws_iam_role.deployer.name
  policy_arn = aws_iam_policy.enter[each.key].arn
}

locals {
  # The role's own policy names the deploy roles while it has room for all of them. Else managed policies do, each some of them.
  # Which of the two is decided by the longest ARNs there can be: Terraform must know it before it reads account and region.
  named = { for kind, at in {
    here    = { account = local.account, dns = local.dns, partition = local.partition, region = local.region }
    longest = { account = "000000000000", dns = "amazonaws.com.cn", partition = "aws-us-gov", region = "ap-southeast-100" }
    } : kind => {
    artifacts = "arn:${at.partition}:s3:::${var.artifact_bucket}"
    bus       = "arn:${at.partition}:events:${at.region}:${at.account}:event-bus/${var.name}"
    function  = "arn:${at.partition}:lambda:${at.region}:${at.account}:function:${var.name}"
    key       = "arn:${at.partition}:kms:${at.region}:${at.account}:key/00000000-0000-0000-0000-000000000000"
    ledger    = "arn:${at.partition}:s3:::${var.ledger_bucket}"
    log_group = "arn:${at.partition}:logs:${at.region}:${at.account}:log-group:${local.log_group}"
    queue     = "arn:${at.partition}:sqs:${at.region}:${at.account}:${var.name}"
    roles     = [for role in values(local.deploy_roles) : "arn:${at.partition}:iam::${role.account}:role/${role.role_name}"]
    through   = { for service in ["s3", "sqs"] : service => { "kms:ViaService" = "${service}.${at.region}.${at.dns}" } }
  } }

  # Keys may be made in the same apply, so the longest ARN of a key stands for each of them. Their policies are made from named, and must
  # not wait for them.
  keys = {
    here = { uses = local.used_keys, decrypts = local.decryption_keys }
    longest = {
      uses     = { for of in keys(local.used_keys) : of => local.named.longest.key }
      decrypts = { for of, arns in var.decryption_keys : of => [for arn in arns : local.named.longest.key] }
    }
  }

  enter_targets = { for kind, roles in merge({ none = [] }, { for kind, names in local.named : kind => names.roles }) : kind => {
    Sid      = "EnterTargets"
    Effect   = "Allow"
    Action   = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    Resource = roles
  } }
  enters_itself = local.limits.inline_policies >= length(jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.enter_targets.longest], local.deployer_rest.longest)
  }))

  # A deploy role's account and name decide which policy names it, and not its place among the others. Terraform changes these policies
  # beside each other, so a role that another account pushed from one to the next would for seconds be in none.
  entered = { for key, role in local.deploy_roles :
    1 + parseint(substr(sha256(key), 0, 8), 16) % local.limits.enter_policies
    => "arn:${local.partition}:iam::${role.account}:role/${role.role_name}"... if !local.enters_itself
  }
  enter_policies = { for number, roles in local.entered : number => jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.enter_targets.none, { Resource = roles })]
  }) }

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
      local.enters_itself ? [local.enter_targets.here] : [],
      local.deployer_rest.here,
    )
  })

  # All but EnterTargets.
  deployer_rest = { for kind, at in local.named : kind => concat(
    [
      {
        Sid      = "ReadArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [for environment in keys(local.environments) : "${at.artifacts}/${environment}/*"]
      },
      # Without it what is missing looks like a denial.
      {
        Sid      = "SeeWhatIsMissing"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = [at.artifacts, at.ledger]
      },
      {
        Sid      = "ReadTheLedger"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [for prefix in concat(values(local.names.ledger), [local.names.config_key]) : "${at.ledger}/${trimsuffix(prefix, "/") == prefix ? prefix : "${prefix}*"}"]
      },
      # Its version of deployer.json, which DEPLOYER_CONFIG names.
      {
        Sid      = "ReadItsConfiguration"
        Effect   = "Allow"
        Action   = "s3:GetObjectVersion"
        Resource = "${at.ledger}/${local.names.config_key}"
      },
      {
        Sid      = "WriteTheLedger"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = [for prefix in values(local.names.ledger) : "${at.ledger}/${prefix}*"]
      },
      {
        Sid      = "ClearMarkers"
        Effect   = "Allow"
        Action   = "s3:DeleteObject"
        Resource = [for prefix in local.marker_prefixes : "${at.ledger}/${prefix}*"]
      },
      # Lambda receives and deletes under this role; the deployer itself puts messages off, and looks whether the queues keep up.
      # Where it cannot load deployer.json, it asks for the queue's URL.
      {
        Sid    = "WorkOnTheQueues"
        Effect = "Allow"
        Action = [
          "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage",
        ]
        Resource = [at.queue, "${at.queue}-wakes"]
      },
      # Its ticks. They go to the queue of uploads while deployer.json names no other: before an update is whole, and on the way back.
      {
        Sid      = "WakeItself"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = [at.queue, "${at.queue}-wakes"]
      },
      {
        Sid      = "TellWhatHappens"
        Effect   = "Allow"
        Action   = "events:PutEvents"
        Resource = at.bus
        Condition = {
          "ForAllValues:StringEquals" = { "events:source" = local.names.event_source }
          Null                        = { "events:source" = "false" }
        }
      },
      # For the doctor: uploads without a version are ignored, and what was given up is seen by nobody else.
      {
        Sid      = "SeeWhetherUploadsAreVersions"
        Effect   = "Allow"
        Action   = "s3:GetBucketVersioning"
        Resource = at.artifacts
      },
      {
        Sid      = "CountDeadLetters"
        Effect   = "Allow"
        Action   = "sqs:GetQueueAttributes"
        Resource = "${at.queue}-dead-letters"
      },
      {
        Sid      = "WriteTheLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${at.log_group}:*"
      },
      # Lambda tells which function a call comes from (Developer Guide, "Using source function ARN to control function access behavior"):
      # another function that was given this role gets nowhere with it.
      {
        Sid       = "OnlyAsTheDeployersFunction"
        Effect    = "Deny"
        Action    = ["events:PutEvents", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "sts:AssumeRole", "sts:SetSourceIdentity"]
        Resource  = "*"
        Condition = { ArnNotLike = { "lambda:SourceFunctionArn" = [at.function, "${at.function}:*"] } }
      },
    ],
    contains(keys(var.keys), "ledger") ? [{
      Sid       = "UseTheKeyOfTheLedger"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = local.keys[kind].uses.ledger
      Condition = { StringEquals = at.through.s3 }
    }] : [],
    local.decrypts.ledger ? [{
      Sid       = "DecryptTheLedger"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = local.keys[kind].decrypts.ledger
      Condition = { StringEquals = at.through.s3 }
    }] : [],
    local.uses_keys_of_queues[kind],
    local.has_artifact_key || local.decrypts.artifacts ? [{
      Sid       = "DecryptArtifacts"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = concat(local.has_artifact_key ? [local.keys[kind].uses.artifacts] : [], lookup(local.keys[kind].decrypts, "artifacts", []))
      Condition = { StringEquals = at.through.s3 }
    }] : [],
  ) }
}
