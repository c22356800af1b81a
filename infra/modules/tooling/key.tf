# The key of the artifact bucket, where one is wanted, and what the policies of keys must say that the owner has made (var.keys).

resource "aws_kms_key" "artifacts" {
  count = var.customer_key ? 1 : 0

  description             = "Encrypts the artifacts in ${var.artifact_bucket}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = local.key_policy
  tags                    = var.tags

  lifecycle {
    precondition {
      condition     = length(local.key_policy) <= local.limits.key_policy
      error_message = "The key's policy would have ${length(local.key_policy)} characters, and KMS takes ${local.limits.key_policy}: there are too many accounts for one deployer, so lay a second one (docs/limits.md)."
    }
  }
}

resource "aws_kms_alias" "artifacts" {
  count = var.customer_key ? 1 : 0

  name          = "alias/${var.name}-artifacts"
  target_key_id = aws_kms_key.artifacts[0].key_id
}

locals {
  through = local.named.here.through

  # Whether there is one is known before the key is made.
  has_artifact_key = var.customer_key || contains(keys(var.keys), "artifacts")
  artifact_key_arn = var.customer_key ? one(aws_kms_key.artifacts[*].arn) : lookup(var.keys, "artifacts", null)

  # Those that only decrypt: nothing is encrypted with them, or nothing any more.
  decryption_keys = { for of in ["artifacts", "ledger", "queues"] : of => distinct(lookup(var.decryption_keys, of, [])) }

  # How many there are is known before the keys are made; which of them are one is not.
  decrypts = { for of in ["artifacts", "ledger", "queues"] : of => length(lookup(var.decryption_keys, of, [])) > 0 }

  # Every key that something is encrypted with, by what it is.
  used_keys = merge(var.keys, var.customer_key ? { artifacts = local.artifact_key_arn } : {})

  # All that decrypt the ledger.
  ledger_keys = concat([for of, key in var.keys : key if of == "ledger"], local.decryption_keys.ledger)

  # The accounts whose deploy roles have one name, as in the artifact bucket's policy.
  decrypters = { for role in local.other_roles : role.role_name => role.account... }

  # So that the key can always be managed; using it is apart.
  account_administers = {
    Sid       = "TheAccountAdministers"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action = [
      "kms:CancelKeyDeletion", "kms:Create*", "kms:Delete*", "kms:Describe*", "kms:Disable*", "kms:Enable*", "kms:Get*", "kms:List*",
      "kms:Put*", "kms:Revoke*", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*",
    ]
    Resource = "*"
  }

  # Whom this account's own policies allow it: uploaders, the deployer, people.
  account_uses_it = { for service, through in local.through : service => {
    Sid       = "TheAccountUsesItThrough${title(service)}"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = "*"
    Condition = { StringEquals = through }
  } }

  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([local.account_administers, local.account_uses_it.s3], [for number, role_name in keys(local.decrypters) : {
      Sid       = "TargetsReadThroughS3${number == 0 ? "" : "Too${number}"}"
      Effect    = "Allow"
      Principal = { AWS = [for account in local.decrypters[role_name] : "arn:${local.partition}:iam::${account}:root"] }
      Action    = "kms:Decrypt"
      Resource  = "*"
      Condition = {
        ArnLike      = { "aws:PrincipalArn" = "arn:${local.partition}:iam::*:role/${role_name}" }
        StringEquals = local.through.s3
      }
    }])
  })

  ledger_key_policy = jsonencode({ Version = "2012-10-17", Statement = [local.account_administers, local.account_uses_it.s3] })

  # S3 and EventBridge encrypt as themselves what they send (SQS Developer Guide, "Amazon SQS Key management"). No condition says of what:
  # that page says that both give KMS a source, but not whether that is the bucket and the rule or the queue, and where EventBridge sends to
  # encrypted topics it gives none (SNS Developer Guide, "Managing Amazon SNS encryption keys and costs"). The queues' own policies name the
  # bucket and the rule.
  queues_key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [local.account_administers, local.account_uses_it.sqs, {
      Sid       = "UploadsAndEventsAreSent"
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "s3.amazonaws.com"] }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
    }]
  })

  # Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service".
  log_key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [local.account_administers, {
      Sid       = "TheLogIsEncrypted"
      Effect    = "Allow"
      Principal = { Service = "logs.${local.region}.${local.dns}" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource  = "*"
      Condition = { ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = local.log_group_arn } }
    }]
  })

  # EventBridge User Guide, "Encrypting EventBridge event buses with AWS KMS keys": describing a key has no encryption context.
  bus_key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [local.account_administers, {
      Sid       = "TheBusDescribesIt"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "kms:DescribeKey"
      Resource  = "*"
      }, {
      Sid       = "TheBusIsEncrypted"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource  = "*"
      Condition = { StringEquals = { "kms:EncryptionContext:aws:events:event-bus:arn" = local.event_bus_arn } }
    }]
  })
}
