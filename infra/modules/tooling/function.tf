# The deployer.

resource "aws_cloudwatch_log_group" "deployer" {
  name              = local.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = lookup(var.keys, "log", null)
  tags              = var.tags
}

resource "aws_lambda_function" "deployer" {
  function_name    = var.name
  description      = "Publishes what CI uploads to ${var.artifact_bucket} in the target accounts"
  role             = aws_iam_role.deployer.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  memory_size      = 512
  timeout          = local.timeout
  tags             = var.tags

  environment {
    # As the AWS SDKs define them (AWS SDKs and Tools Reference Guide, "FIPS endpoints", "Dual-stack endpoints").
    variables = merge(
      { (local.names.config_variable) = "s3://${var.ledger_bucket}/${local.names.config_key}" },
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

# Ticks that the deployer sends itself are counted as a loop after about 16 (Lambda Developer Guide, "Use Lambda recursive loop
# detection"). Long waits are the sweep's, whose chains are short; this is for many short ones.
resource "aws_lambda_function_recursion_config" "deployer" {
  function_name  = aws_lambda_function.deployer.function_name
  recursive_loop = "Allow"
}

# The schedule invokes asynchronously. A sweep that ended in an error is followed by the next minute's, not by two more of its own.
resource "aws_lambda_function_event_invoke_config" "deployer" {
  function_name          = aws_lambda_function.deployer.function_name
  maximum_retry_attempts = 0
}

# A batch is answered for when all of it is done, so a slow message would hold the others of its batch: one by one.
resource "aws_lambda_event_source_mapping" "uploads" {
  event_source_arn        = aws_sqs_queue.uploads.arn
  function_name           = aws_lambda_function.deployer.function_name
  batch_size              = 1
  enabled                 = true
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  # Nothing wakes a deployer that has no configuration yet.
  depends_on = [aws_s3_object.config]
}

resource "aws_lambda_event_source_mapping" "wakes" {
  event_source_arn        = aws_sqs_queue.wakes.arn
  function_name           = aws_lambda_function.deployer.function_name
  batch_size              = 1
  enabled                 = true
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.wake_concurrency
  }

  depends_on = [aws_s3_object.config]
}
