# The smallest chain: one account that the deployer runs in and deploys to.

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account]
}

module "tooling" {
  source = "../../modules/tooling"

  artifact_bucket = "${var.prefix}-artifacts"
  ledger_bucket   = "${var.prefix}-deployer-ledger"
  package         = var.package
  architecture    = var.architecture
  alarm_actions   = var.alarm_topic_arn[*]
  ok_actions      = var.alarm_topic_arn[*]
  environments = {
    dev = {
      targets     = [{ account = var.account, region = var.region }]
      external_id = "dev-${var.prefix}"
    }
  }
}

module "target" {
  source = "../../modules/target"

  deployer        = module.tooling.deployer
  deploy_role     = module.tooling.deploy_roles["${var.account}/deployer-target"]
  functions       = ["hello", "orders-*"]
  execution_roles = ["lambda/*"]
}

# A role for the sample function in artifacts/dev/hello, whose manifest names it.
resource "aws_iam_role" "hello" {
  name = "hello"
  path = "/lambda/"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Lambda", Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
