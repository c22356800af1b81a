# The deployer.

resource "aws_cloudwatch_log_group" "deployer" {
  name              = local.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = lookup(var.keys, "log", null)
  tags              = var.tags
}

resource "aws_lambda_function" "deployer" {
  function_name     = var.name
  description       = "Publishes what CI uploads to ${var.artifact_bucket} in the target accounts (deployer ${local.package_version})"
  role              = aws_iam_role.deployer.arn
  runtime           = "provided.al2023"
  handler           = "bootstrap"
  architectures     = [var.architecture]
  filename          = var.package.path
  s3_bucket         = var.package.bucket
  s3_key            = var.package.key
  s3_object_version = var.package.version_id
  source_code_hash  = local.package_hash
  publish           = true
  memory_size       = 512
  timeout           = local.timeout
  tags              = var.tags

  environment {
    # The configuration by its version: each version of the function keeps the one that it was published with, so that going back takes
    # the configuration back, and an older deployer never meets a field that it does not know.
    # The others as the AWS SDKs define them (AWS SDKs and Tools Reference Guide, "FIPS endpoints", "Dual-stack endpoints").
    variables = merge(
      { (local.names.config_variable) = "s3://${var.ledger_bucket}/${local.names.config_key}?versionId=${aws_s3_object.config.version_id}" },
      { for what in [var.preview] : (local.names.preview_variable) => what if what != null },
      { for use in [var.use_fips_endpoints] : "AWS_USE_FIPS_ENDPOINT" => "true" if use },
      { for use in [var.use_dual_stack_endpoints] : "AWS_USE_DUALSTACK_ENDPOINT" => "true" if use },
    )
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.deployer.name
  }

  depends_on = [aws_iam_role_policy.deployer]
}

# The newest version. Terraform's resource tells the hash of its code as it was before a change of the code.
data "aws_lambda_function" "published" {
  function_name = aws_lambda_function.deployer.function_name
  qualifier     = aws_lambda_function.deployer.version
}

# What Terraform has changed and then publishes.
data "aws_lambda_function" "latest" {
  function_name = var.name
  qualifier     = "$LATEST"

  depends_on = [aws_lambda_function.deployer]
}

# Whatever calls the deployer calls this alias, so moving it is the whole of an update and of going back.
resource "aws_lambda_alias" "live" {
  name             = local.names.deployer_alias
  description      = "What uploads, ticks, the schedule and people call"
  function_name    = aws_lambda_function.deployer.function_name
  function_version = coalesce(var.live_version, aws_lambda_function.deployer.version)

  # Nothing calls code other than what was meant.
  lifecycle {
    precondition {
      condition     = var.package.sha256 == null || data.aws_lambda_function.published.code_sha256 == local.package_hash
      error_message = "The object in S3 is not the package that was meant: its SHA-256 is ${data.aws_lambda_function.published.code_sha256} in base64, and package.sha256 is ${coalesce(local.package_hash, "-")}. The alias stays where it is. Mend package, and apply again; if package is right, an apply broke off: upload the object again, and give its new version_id."
    }

    # Where an apply breaks off between change and publish, Terraform believes that all is done, and plans nothing.
    precondition {
      condition     = local.configured.latest == local.configured.published
      error_message = "The function ${var.name} has other code or another configuration than its newest version, ${data.aws_lambda_function.published.version}: an apply broke off before it published, or somebody changed the function. Give package another version, such as version = \"${local.names.version}+again\", which makes Terraform publish, and apply."
    }
  }
}

check "package" {
  assert {
    condition     = var.package.path == null || local.package_at_hand
    error_message = "There is no file ${coalesce(var.package.path, "-")}. A plan and a destroy do without it, and an apply fails. artifacts/build makes artifacts/deployer.zip: name its path, as seen from the root module, in package."
  }
}

locals {
  configured = { for name, function in { latest = data.aws_lambda_function.latest, published = data.aws_lambda_function.published } :
    name => [function.code_sha256, function.description, function.environment, function.memory_size, function.timeout]
  }

  package_at_hand = try(fileexists(var.package.path), false)
  package_version = coalesce(var.package.version, var.package.sha256 == null ? local.names.version : "of sha256 ${substr(var.package.sha256, 0, 12)}")

  # Without the file a plan shows a change of the code, and an apply fails at it before anything is published: never the former code under
  # a new configuration.
  package_hash = var.package.path == null ? local.sha256_in_base64 : local.package_at_hand ? filebase64sha256(var.package.path) : "no file ${var.package.path}"

  # Lambda tells hashes in base64: three hexadecimal digits are two of its letters, and the 64th digit is the last letter.
  base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  sha256 = coalesce(var.package.sha256, join("", [for number in range(64) : "0"]))
  sha256_in_base64 = join("", concat(
    flatten([for number in range(21) : [
      for bits in [parseint(substr(local.sha256, 3 * number, 3), 16)] : [substr(local.base64, floor(bits / 64), 1), substr(local.base64, bits % 64, 1)]
    ]]),
    [substr(local.base64, 4 * parseint(substr(local.sha256, 63, 1), 16), 1), "="],
  ))
}

# Ticks that the deployer sends itself are counted as a loop after about 16 (Lambda Developer Guide, "Use Lambda recursive loop
# detection"). Long waits are the sweep's, whose chains are short; this is for many short ones.
resource "aws_lambda_function_recursion_config" "deployer" {
  function_name  = aws_lambda_function.deployer.function_name
  recursive_loop = "Allow"
}

# The schedule invokes asynchronously. A sweep that ended in an error is followed by the next minute's, not by two more of its own.
resource "aws_lambda_function_event_invoke_config" "deployer" {
  function_name          = aws_lambda_function.deployer.function_name
  qualifier              = aws_lambda_alias.live.name
  maximum_retry_attempts = 0
}

# A batch is answered for when all of it is done, so a slow message would hold the others of its batch: one by one.
resource "aws_lambda_event_source_mapping" "uploads" {
  event_source_arn        = aws_sqs_queue.uploads.arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 1
  enabled                 = true
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }
}

resource "aws_lambda_event_source_mapping" "wakes" {
  event_source_arn        = aws_sqs_queue.wakes.arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 1
  enabled                 = true
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.wake_concurrency
  }
}
