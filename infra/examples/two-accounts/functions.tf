# Roles for the sample function in artifacts/dev/hello, whose manifest names lambda/hello. The deployer passes roles, and makes none.

locals {
  lambda_trust = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Lambda", Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role" "hello_in_dev" {
  provider = aws.tooling

  name               = "hello"
  path               = "/lambda/"
  assume_role_policy = local.lambda_trust
}

resource "aws_iam_role" "hello_in_prod" {
  provider = aws.prod

  name                 = "hello"
  path                 = "/lambda/"
  assume_role_policy   = local.lambda_trust
  permissions_boundary = module.prod.execution_boundary_arn
}
