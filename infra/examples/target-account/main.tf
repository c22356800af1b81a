# A target whose account has a configuration of its own: it reads what it must know of the deployer from the SSM parameters of the
# tooling account.

locals {
  # The module tooling writes _ where SSM takes no sign of a role's name.
  deploy_role = replace("${var.accounts.target}/${var.role_name}", "/[^A-Za-z0-9_.\\/-]/", "_")
}

data "aws_ssm_parameter" "deployer" {
  provider = aws.tooling

  name = "/deployers/${var.name}/deployer"
}

data "aws_ssm_parameter" "deploy_role" {
  provider = aws.tooling

  name = "/deployers/${var.name}/deploy-roles/${local.deploy_role}"
}

module "target" {
  source = "../../modules/target"

  deployer        = jsondecode(data.aws_ssm_parameter.deployer.insecure_value)
  deploy_role     = jsondecode(data.aws_ssm_parameter.deploy_role.insecure_value)
  functions       = var.functions
  execution_roles = var.execution_roles
  organization_id = var.organization_id
}
