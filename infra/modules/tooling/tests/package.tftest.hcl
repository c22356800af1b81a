# The deployer's code from an object in S3: in a file of its own, because what the mocked Lambda answers holds for all runs of a file.

mock_provider "aws" {
  source = "../../mocks"
}

override_data {
  target = data.aws_lambda_function.published
  values = { code_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", description = "mocked" }
}

override_data {
  target = data.aws_lambda_function.latest
  values = { code_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", description = "mocked" }
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
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  environments = {
    dev = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
  }
}

run "a_package_in_s3" {
  variables {
    package = {
      bucket     = "acme-releases"
      key        = "deployer/0.1.0/x86_64.zip"
      version_id = "3HL4kqtJ"
      # Of nothing: printf '' | sha256sum, and in base64 by openssl.
      sha256 = "E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }
  }

  assert {
    condition     = aws_lambda_function.deployer.filename == null && aws_lambda_function.deployer.s3_bucket == "acme-releases" && aws_lambda_function.deployer.s3_key == "deployer/0.1.0/x86_64.zip" && aws_lambda_function.deployer.s3_object_version == "3HL4kqtJ"
    error_message = "The code must be that of the object's version."
  }

  assert {
    condition     = aws_lambda_function.deployer.source_code_hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    error_message = "The hash must be as Lambda tells it: ${aws_lambda_function.deployer.source_code_hash}"
  }

  assert {
    condition     = endswith(aws_lambda_function.deployer.description, "(deployer of sha256 E3B0C44298fc)")
    error_message = "Without a version the description must tell the package by its hash: ${aws_lambda_function.deployer.description}"
  }
}

run "another_hash_than_that_of_the_object_moves_no_alias" {
  variables {
    package = {
      bucket     = "acme-releases"
      key        = "deployer.zip"
      version_id = "3HL4kqtJ"
      sha256     = "00b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }
  }

  expect_failures = [aws_lambda_alias.live]
}
