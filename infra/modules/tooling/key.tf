# The key of the artifact bucket, where one is wanted.

resource "aws_kms_key" "artifacts" {
  count = var.customer_key ? 1 : 0

  description             = "Encrypts the artifacts in ${var.artifact_bucket}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = local.key_policy
}

resource "aws_kms_alias" "artifacts" {
  count = var.customer_key ? 1 : 0

  name          = "alias/${var.name}-artifacts"
  target_key_id = aws_kms_key.artifacts[0].key_id
}

locals {
  through_s3 = { "kms:ViaService" = "s3.${local.region}.${local.dns}" }

  other_roles = [for role in values(local.deploy_roles) : role if role.account != local.account]

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
      ], length(local.other_roles) == 0 ? [] : [{
        Sid       = "TargetsReadThroughS3"
        Effect    = "Allow"
        Principal = { AWS = distinct([for role in local.other_roles : "arn:${local.partition}:iam::${role.account}:root"]) }
        Action    = "kms:Decrypt"
        Resource  = "*"
        Condition = {
          ArnEquals    = { "aws:PrincipalArn" = sort([for role in local.other_roles : role.arn]) }
          StringEquals = local.through_s3
        }
    }])
  })
}
