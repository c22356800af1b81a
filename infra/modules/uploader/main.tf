# The role of a CI: it may upload what it is allowed to, and read what came of it. Nothing else.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  names = jsondecode(file("${path.module}/../names.json"))

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  artifact_bucket_arn = "arn:${local.partition}:s3:::${var.uploads.artifact_bucket}"
  ledger_bucket_arn   = "arn:${local.partition}:s3:::${var.uploads.ledger_bucket}"
  places              = [for pair in setproduct(var.environments, var.functions) : "${pair[0]}/${pair[1]}"]
  ledger_keys         = compact(concat([var.uploads.ledger_key_arn], var.uploads.ledger_decryption_key_arns))

  # The results of its functions, and what the deployer tells about its environments.
  results = concat(
    [for place in local.places : "${local.names.ledger.results}${place}/*"],
    [for environment in var.environments : "${local.names.ledger.results}${environment}/${local.names.environment_notice}"],
  )
}

resource "aws_iam_role" "uploader" {
  name                 = var.name
  path                 = var.role_path
  description          = substr("CI: uploads ${join(", ", var.functions)} to ${join(", ", var.environments)}", 0, 1000)
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary
  max_session_duration = 3600
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = length(local.trust) <= var.trust_policy_quota
      error_message = "The role's trust policy has ${length(local.trust)} characters, and IAM takes ${var.trust_policy_quota} in this account: trust fewer of them, make several uploaders, or have the quota raised (aws service-quotas request-service-quota-increase --region us-east-1 --service-code iam --quota-code L-C07B4B0D --desired-value 8192) and say so in trust_policy_quota."
    }

    # EKS gives pods only roles of the cluster's own account (Amazon EKS User Guide, "Create IAM role with trust policy required by EKS Pod
    # Identity").
    precondition {
      condition     = var.trust.eks_pods == null || try(split(":", var.trust.eks_pods.cluster_arn)[4], "") == local.account
      error_message = "trust.eks_pods.cluster_arn must be a cluster of the account that the role is made in, ${local.account}: EKS gives a pod only roles of its cluster's account. Where the cluster is in another one, let the role of its pods take this one (principals)."
    }
  }
}

resource "aws_iam_role_policy" "uploader" {
  name   = var.name
  role   = aws_iam_role.uploader.id
  policy = local.permissions

  lifecycle {
    precondition {
      condition     = length(local.permissions) <= 10240
      error_message = "The role's policy has ${length(local.permissions)} characters, and IAM takes 10,240 in the inline policies of a role: write the functions as patterns (orders-*), or make several uploaders. It grows with the number of environments times that of functions, here ${length(var.environments)} times ${length(var.functions)}."
    }
  }
}

resource "aws_iam_instance_profile" "uploader" {
  count = var.trust.ec2 ? 1 : 0

  name = var.name
  path = var.role_path
  role = aws_iam_role.uploader.name
  tags = var.tags
}

locals {
  permissions = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # What is large goes up in parts, and who gives up takes them back: else they lie there until the bucket's lifecycle ends them.
          Sid      = "Upload"
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
          Resource = [for place in local.places : "${local.artifact_bucket_arn}/${place}/*${local.names.artifact_suffix}"]
        },
        {
          Sid      = "ReadResults"
          Effect   = "Allow"
          Action   = "s3:GetObject"
          Resource = [for results in local.results : "${local.ledger_bucket_arn}/${results}"]
        },
        # Without it a result that is not there yet looks like a denial.
        {
          Sid       = "SeeThatAResultIsMissing"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = local.ledger_bucket_arn
          Condition = { StringLike = { "s3:prefix" = local.results } }
        },
      ],
      var.uploads.artifact_key_arn == null ? [] : [{
        Sid       = "EncryptUploads"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.uploads.artifact_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.uploads.region}.${local.names.partitions[local.partition].dns_suffix}" } }
      }],
      length(local.ledger_keys) == 0 ? [] : [{
        Sid       = "DecryptResults"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = local.ledger_keys
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.uploads.region}.${local.names.partitions[local.partition].dns_suffix}" } }
      }],
    )
  })
}
