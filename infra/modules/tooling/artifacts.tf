# The artifact bucket: CI writes, the deployer and the deploy roles read. Nothing here ever expires, for a head may go back to
# an artifact however old it is.

# Where it is the owner's (existing_bucket), so is everything about it: S3 has one policy and one notification for each bucket.
data "aws_s3_bucket" "artifacts" {
  count = 1 - local.makes_bucket

  bucket = var.artifact_bucket

  # Lambda copies code from buckets of its own region, and S3 notifies queues of its own region.
  lifecycle {
    postcondition {
      # Not self.region, which is the provider's from its major 6 on.
      condition     = strcontains(self.bucket_regional_domain_name, ".${local.region}.")
      error_message = "The bucket ${var.artifact_bucket} (${self.bucket_regional_domain_name}) is in another region than the deployer, which is in ${local.region}: they must be in one region. Take another bucket, or lay the deployer there."
    }
  }
}

resource "aws_s3_bucket" "artifacts" {
  count = local.makes_bucket

  bucket        = var.artifact_bucket
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_versioning" "artifacts" {
  count = local.makes_bucket

  bucket = aws_s3_bucket.artifacts[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "artifacts" {
  count = local.makes_bucket

  bucket = aws_s3_bucket.artifacts[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  count = local.makes_bucket

  bucket                  = aws_s3_bucket.artifacts[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  count = local.makes_bucket

  bucket = aws_s3_bucket.artifacts[0].id

  rule {
    bucket_key_enabled = local.has_artifact_key

    apply_server_side_encryption_by_default {
      sse_algorithm     = local.has_artifact_key ? "aws:kms" : "AES256"
      kms_master_key_id = local.artifact_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  count = local.makes_bucket

  bucket = aws_s3_bucket.artifacts[0].id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "artifacts" {
  count = local.makes_bucket

  bucket = aws_s3_bucket.artifacts[0].id
  policy = local.artifact_bucket_policy

  lifecycle {
    precondition {
      condition     = length(local.artifact_bucket_policy) <= local.limits.bucket_policy
      error_message = "The artifact bucket's policy would have ${length(local.artifact_bucket_policy)} characters, and S3 takes ${local.limits.bucket_policy}: there are too many environments and accounts for one deployer, so lay a second one (docs/limits.md)."
    }
  }

  # S3 takes one change of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.artifacts]
}

resource "aws_s3_bucket_notification" "artifacts" {
  count = local.makes_bucket

  bucket = aws_s3_bucket.artifacts[0].id

  queue {
    id        = "uploads"
    queue_arn = aws_sqs_queue.uploads.arn
    # Of every key: one that is not ours to deploy is told in the deployer's log.
    events = ["s3:ObjectCreated:*"]
  }
}

locals {
  makes_bucket = var.existing_bucket ? 0 : 1

  # The accounts whose deploy roles have one name and read the artifacts of the same environments, so that a statement names an
  # account once for all of them.
  readers = { for role in local.other_roles : jsonencode({
    environments = sort(concat(role.environments, tolist(role.promoted_from)))
    role_name    = role.role_name
  }) => role.account... }

  # A policy that names a role which does not exist yet is not taken, and one that named it keeps its unique id when the role is
  # made anew. So the account is named, and the role by condition (IAM User Guide, "AWS JSON policy elements: Principal"). The condition
  # leaves the account open, which only the principals can be of: that is a third of what the roles' ARNs take.
  artifact_bucket_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.artifact_bucket_arn, "${local.artifact_bucket_arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        # An S3 write by the function that S3 wakes would be a loop.
        {
          Sid       = "TheDeployerNeverWrites"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["s3:DeleteObject", "s3:PutObject"]
          Resource  = "${local.artifact_bucket_arn}/*"
          Condition = { ArnEquals = { "aws:PrincipalArn" = local.role_arn } }
        },
        # A head may go back to any of them.
        {
          Sid       = "VersionsAreKept"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:DeleteObjectVersion"
          Resource  = "${local.artifact_bucket_arn}/*"
        },
      ],
      [for uploaders in [var.uploaders] : {
        Sid       = "OnlyUploadersUpload"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "${local.artifact_bucket_arn}/*"
        Condition = { ArnNotLike = { "aws:PrincipalArn" = uploaders } }
      } if uploaders != null],
      # Whoever deploys to an environment reads what was uploaded there, or to those that it is promoted from. Within this account a
      # deploy role's own policy is enough.
      [for number, key in keys(local.readers) : {
        Sid       = "TargetsRead${number + 1}"
        Effect    = "Allow"
        Principal = { AWS = [for account in local.readers[key] : "arn:${local.partition}:iam::${account}:root"] }
        Action    = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource  = [for environment in jsondecode(key).environments : "${local.artifact_bucket_arn}/${environment}/*"]
        Condition = { ArnLike = { "aws:PrincipalArn" = "arn:${local.partition}:iam::*:role/${jsondecode(key).role_name}" } }
      }],
    )
  })
}
