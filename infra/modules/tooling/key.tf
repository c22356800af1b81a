# The key of the artifact bucket, where one is wanted.

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
  through_s3 = { "kms:ViaService" = "s3.${local.region}.${local.dns}" }

  # The accounts whose deploy roles have one name, as in the artifact bucket's policy.
  decrypters = { for role in local.other_roles : role.role_name => role.account... }

  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      # So that the key can always be managed; using it is apart.
      {
        Sid       = "TheAccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action = [
          "kms:CancelKeyDeletion", "kms:Create*", "kms:Delete*", "kms:Describe*", "kms:Disable*", "kms:Enable*", "kms:Get*", "kms:List*",
          "kms:Put*", "kms:Revoke*", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*",
        ]
        Resource = "*"
      },
      # Whom this account's own policies allow it: uploaders and the deployer.
      {
        Sid       = "TheAccountUsesItThroughS3"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = local.through_s3 }
      },
      ], [for number, role_name in keys(local.decrypters) : {
        Sid       = "TargetsReadThroughS3${number == 0 ? "" : "Too${number}"}"
        Effect    = "Allow"
        Principal = { AWS = [for account in local.decrypters[role_name] : "arn:${local.partition}:iam::${account}:root"] }
        Action    = "kms:Decrypt"
        Resource  = "*"
        Condition = {
          ArnLike      = { "aws:PrincipalArn" = "arn:${local.partition}:iam::*:role/${role_name}" }
          StringEquals = local.through_s3
        }
    }])
  })
}
