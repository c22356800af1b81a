# From the tooling account to itself (dev) and to another (prod).

module "tooling" {
  source    = "../../modules/tooling"
  providers = { aws = aws.tooling }

  artifact_bucket = "${var.prefix}-artifacts"
  ledger_bucket   = "${var.prefix}-deployer-ledger"
  package         = var.package
  architecture    = var.architecture
  alarm_actions   = var.alarm_topic_arn[*]
  ok_actions      = var.alarm_topic_arn[*]
  environments = {
    dev = {
      targets     = [{ account = var.accounts.tooling, region = var.region }]
      external_id = "dev-${var.prefix}"
    }
    prod = {
      targets     = [{ account = var.accounts.prod, region = var.region }]
      external_id = "prod-${var.prefix}"
    }
  }
}

module "dev" {
  source    = "../../modules/target"
  providers = { aws = aws.tooling }

  deployer        = module.tooling.deployer
  deploy_role     = module.tooling.deploy_roles["${var.accounts.tooling}/deployer-target"]
  functions       = ["hello", "orders-*"]
  execution_roles = ["lambda/*"]
}

module "prod" {
  source    = "../../modules/target"
  providers = { aws = aws.prod }

  deployer           = module.tooling.deployer
  deploy_role        = module.tooling.deploy_roles["${var.accounts.prod}/deployer-target"]
  functions          = ["hello", "orders-*"]
  execution_roles    = ["lambda/*"]
  execution_boundary = ["logs"]
}

# CI, here a build agent of the tooling account.
module "ci" {
  source    = "../../modules/uploader"
  providers = { aws = aws.tooling }

  name         = "build-agent"
  uploads      = module.tooling.uploads
  environments = ["dev", "prod"]
  functions    = ["hello", "orders-*"]
  trust        = { ec2 = true }
}
