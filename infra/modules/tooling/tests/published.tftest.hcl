# A plan fails where the function is ahead of its newest version, because an apply broke off before it published.

mock_provider "aws" {
  source = "../../mocks"
}

override_resource {
  target = aws_sqs_queue.wakes
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:mocked-wakes"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/mocked-wakes"
  }
}

variables {
  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = { path = "versions.tf" }
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  environments = {
    dev = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
  }
}

run "a_version_of_what_was_changed" {
  assert {
    condition     = aws_lambda_alias.live.function_version == aws_lambda_function.deployer.version
    error_message = "The alias must serve it."
  }
}

run "a_version_with_former_code" {
  command = plan

  override_data {
    target = data.aws_lambda_function.published
    values = { code_sha256 = "former-sha256", description = "mocked" }
  }

  expect_failures = [aws_lambda_alias.live]
}

run "a_version_with_a_former_description" {
  command = plan

  override_data {
    target = data.aws_lambda_function.published
    values = { description = "(deployer 0.0.9)", code_sha256 = "mocked-sha256" }
  }

  expect_failures = [aws_lambda_alias.live]
}

run "a_version_with_a_former_configuration_object" {
  command = plan

  override_data {
    target = data.aws_lambda_function.published
    values = { environment = [{ variables = { DEPLOYER_CONFIG = "s3://acme-deployer-ledger/config/deployer.json?versionId=former" } }], code_sha256 = "mocked-sha256", description = "mocked" }
  }

  expect_failures = [aws_lambda_alias.live]
}

run "a_version_with_former_memory" {
  command = plan

  override_data {
    target = data.aws_lambda_function.published
    values = { memory_size = 256, code_sha256 = "mocked-sha256", description = "mocked" }
  }

  expect_failures = [aws_lambda_alias.live]
}

run "a_version_with_a_former_timeout" {
  command = plan

  override_data {
    target = data.aws_lambda_function.published
    values = { timeout = 60, code_sha256 = "mocked-sha256", description = "mocked" }
  }

  expect_failures = [aws_lambda_alias.live]
}
