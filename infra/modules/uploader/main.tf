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
  results             = [for place in local.places : "${local.names.ledger.results}${place}/*"]
}

resource "aws_iam_role" "uploader" {
  name                 = var.name
  description          = "CI: uploads ${join(", ", var.functions)} to ${join(", ", var.environments)}"
  assume_role_policy   = local.trust
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "uploader" {
  name   = var.name
  role   = aws_iam_role.uploader.id
  policy = local.permissions
}

resource "aws_iam_instance_profile" "uploader" {
  count = var.trust.ec2 ? 1 : 0

  name = var.name
  role = aws_iam_role.uploader.name
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
      var.uploads.ledger_key_arn == null ? [] : [{
        Sid       = "DecryptResults"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.uploads.ledger_key_arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.uploads.region}.${local.names.partitions[local.partition].dns_suffix}" } }
      }],
    )
  })
}
