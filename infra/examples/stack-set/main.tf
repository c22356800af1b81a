# The deployer in one account, and its deploy roles in as many others as there are, by StackSets: no provider for each account.

locals {
  prod = [for account in var.prod_accounts : { account = account, region = var.region }]
}

module "constants" {
  source = "../../modules/constants"
}

module "tooling" {
  source = "../../modules/tooling"

  artifact_bucket = "${var.prefix}-artifacts"
  ledger_bucket   = "${var.prefix}-deployer-ledger"
  package         = var.package
  architecture    = var.architecture
  alarm_actions   = var.alarm_topic_arn[*]
  ok_actions      = var.alarm_topic_arn[*]

  permissions_boundary = var.permissions_boundary
  role_path            = var.role_path
  tags                 = var.tags

  environments = {
    dev = {
      targets     = [{ account = var.dev_account, region = var.region }]
      external_id = "dev-${var.prefix}"
      role_name   = "deployer-dev"
    }
    prod = {
      targets     = local.prod
      external_id = "prod-${var.prefix}"
      role_name   = "platform/deployer-prod"
      promotion   = { from = "dev", automatic = true, soak = "30m" }
    }
  }
}
