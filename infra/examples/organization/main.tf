# dev takes uploads; stage and prod take what the environment before has live. prod is in two regions. The key of the artifacts is
# the account's own.

locals {
  environments = {
    dev = {
      targets     = [{ account = var.accounts.dev, region = "eu-west-1" }]
      external_id = "dev-${var.prefix}"
    }
    stage = {
      targets     = [{ account = var.accounts.stage, region = "eu-west-1" }]
      external_id = "stage-${var.prefix}"
      promotion   = { from = "dev", automatic = true }
    }
    prod = {
      targets = [
        { account = var.accounts.prod, region = "eu-west-1" },
        { account = var.accounts.prod, region = "us-east-1" },
      ]
      external_id        = "prod-${var.prefix}"
      immutable_releases = true
      promotion          = { from = "stage", automatic = true, soak = "30m" }
    }
  }
}

module "tooling" {
  source    = "../../modules/tooling"
  providers = { aws = aws.tooling }

  artifact_bucket = "${var.prefix}-artifacts"
  ledger_bucket   = "${var.prefix}-deployer-ledger"
  package         = var.package
  architecture    = var.architecture
  customer_key    = true
  alarm_actions   = var.alarm_topic_arn[*]
  ok_actions      = var.alarm_topic_arn[*]
  environments    = local.environments
}

module "dev" {
  source    = "../../modules/target"
  providers = { aws = aws.dev }

  deployer        = module.tooling.deployer
  deploy_role     = module.tooling.deploy_roles["${var.accounts.dev}/deployer-target"]
  functions       = ["orders-*", "billing"]
  execution_roles = ["lambda/*"]
  organization_id = var.organization_id
}

module "stage" {
  source    = "../../modules/target"
  providers = { aws = aws.stage }

  deployer        = module.tooling.deployer
  deploy_role     = module.tooling.deploy_roles["${var.accounts.stage}/deployer-target"]
  functions       = ["orders-*", "billing"]
  execution_roles = ["lambda/*"]
  organization_id = var.organization_id
}

module "prod" {
  source    = "../../modules/target"
  providers = { aws = aws.prod }

  deployer           = module.tooling.deployer
  deploy_role        = module.tooling.deploy_roles["${var.accounts.prod}/deployer-target"]
  organization_id    = var.organization_id
  functions          = ["orders-*", "billing"]
  execution_roles    = ["lambda/*"]
  execution_boundary = ["dynamodb", "logs", "s3", "sqs", "xray"]
}

# GitHub Actions, for releases of the main branch.
module "ci" {
  source    = "../../modules/uploader"
  providers = { aws = aws.tooling }

  name         = "ci-orders"
  uploads      = module.tooling.uploads
  environments = ["dev"]
  functions    = ["orders-*"]
  trust        = { github = { repository = "acme/orders", ref = "refs/heads/main" } }
}
