# Who has read and written what, for auditors: S3's server access logs of the module's buckets, where a bucket for them is named.

locals {
  logged_buckets = merge(
    { for bucket in aws_s3_bucket.artifacts : "artifacts" => bucket.id },
    { ledger = aws_s3_bucket.ledger.id },
  )
}

resource "aws_s3_bucket_logging" "access" {
  for_each = { for bucket, name in local.logged_buckets : bucket => name if var.access_log_bucket != null }

  bucket        = each.value
  target_bucket = var.access_log_bucket
  target_prefix = "${each.value}/"
}
