# The ledger bucket: the only state there is. Written by compare-and-swap only, and never erased.

resource "aws_s3_bucket" "ledger" {
  bucket        = var.ledger_bucket
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_versioning" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "ledger" {
  bucket                  = aws_s3_bucket.ledger.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  rule {
    bucket_key_enabled = contains(keys(var.keys), "ledger")

    apply_server_side_encryption_by_default {
      sse_algorithm     = contains(keys(var.keys), "ledger") ? "aws:kms" : "AES256"
      kms_master_key_id = lookup(var.keys, "ledger", null)
    }
  }

  # A key's right comes before the key.
  depends_on = [aws_iam_role_policy.deployer]
}

# Former versions are for repairs (docs/runbook.md). What is current never expires, and no version of deployer.json does: a published
# version of the deployer names the one that it reads, and may be gone back to.
resource "aws_s3_bucket_lifecycle_configuration" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  dynamic "rule" {
    for_each = local.names.ledger

    content {
      id     = "former-${rule.key}"
      status = "Enabled"

      filter {
        prefix = rule.value
      }

      noncurrent_version_expiration {
        noncurrent_days = 30
      }

      expiration {
        expired_object_delete_marker = true
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.ledger]
}

resource "aws_s3_bucket_policy" "ledger" {
  bucket = aws_s3_bucket.ledger.id
  policy = local.ledger_bucket_policy

  lifecycle {
    precondition {
      condition     = length(local.ledger_bucket_policy) <= local.limits.bucket_policy
      error_message = "The ledger bucket's policy would have ${length(local.ledger_bucket_policy)} characters, and S3 takes ${local.limits.bucket_policy}: administrators names too many, so let a pattern stand for several."
    }
  }

  depends_on = [aws_s3_bucket_public_access_block.ledger]
}

# Where the deployer reads what the trust was made from too. Each version of the function names the version of this object that it reads.
resource "aws_s3_object" "config" {
  bucket       = aws_s3_bucket.ledger.id
  key          = local.names.config_key
  content_type = "application/json"
  content      = jsonencode(local.config)

  # An object takes ten tags at most (Amazon S3 User Guide, "Categorizing your storage using tags"), so it has none, whatever the
  # provider's default_tags are.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  # Not a validation of the variable: that may not look at what follows from it.
  lifecycle {
    precondition {
      condition     = length([for name, before in local.before_64 : name if contains(before, name)]) == 0
      error_message = "Promotions must not go in a circle; these come back to themselves: ${join(", ", [for name, before in local.before_64 : "${name} (from ${join(" and ", local.before_1[name])})" if contains(before, name)])}."
    }

    precondition {
      condition     = length(local.meeting) == 0
      error_message = "Two environments must not be able to mean one function; where they share an account and region, their function_name must keep them apart, such as {environment}_{function} in both. These do not: ${join(", ", local.meeting)}."
    }

    precondition {
      condition     = length(local.other_regions) == 0
      error_message = "The deployer is in the partition ${local.partition}, and no role can be assumed across partitions. These regions are of another, or of none: ${join(", ", local.other_regions)}."
    }
  }

  # Without versioning the object has no version that a function could name.
  depends_on = [aws_s3_bucket_versioning.ledger]
}

locals {
  ledger_bucket_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.ledger_bucket_arn, "${local.ledger_bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      # Sound for everybody, repairs by hand too: whoever writes here says what he writes over (S3 User Guide, "Enforce conditional
      # writes on Amazon S3 buckets": copies and uploads in parts are refused with it, and nobody needs them here). deployer.json is
      # apart, for Terraform writes it without a condition.
      {
        Sid       = "ConditionalWritesOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = [for prefix in values(local.names.ledger) : "${local.ledger_bucket_arn}/${prefix}*"]
        Condition = { Null = { "s3:if-match" = "true", "s3:if-none-match" = "true" } }
      },
      # With a head goes the memory of what was deployed. Only markers are ever deleted; deployer.json is Terraform's.
      {
        Sid         = "TheLedgerIsKept"
        Effect      = "Deny"
        Principal   = "*"
        Action      = "s3:DeleteObject"
        NotResource = concat([for prefix in local.marker_prefixes : "${local.ledger_bucket_arn}/${prefix}*"], ["${local.ledger_bucket_arn}/${local.names.config_key}"])
      },
      {
        Sid       = "VersionsAreKept"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:DeleteObjectVersion"
        Resource  = "${local.ledger_bucket_arn}/*"
      },
      ], [for administrators in [var.administrators] : {
        Sid       = "OnlyTheDeployerAndAdministratorsWrite"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:PutObject"]
        Resource  = "${local.ledger_bucket_arn}/*"
        Condition = { ArnNotLike = { "aws:PrincipalArn" = concat([local.role_arn], administrators) } }
    } if administrators != null])
  })
}
