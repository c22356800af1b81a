# The deploy role of one account: who may enter it.

data "aws_caller_identity" "current" {}

locals {
  names = jsondecode(file("${path.module}/../names.json"))

  account   = var.deploy_role.account
  partition = split(":", var.deployer.role_arn)[1]
  # The role's path is a part of role_name: platform/deployer-target.
  role_name = reverse(split("/", var.deploy_role.role_name))[0]
  role_path = "/${trimsuffix(var.deploy_role.role_name, local.role_name)}"
  role_arn  = "arn:${local.partition}:iam::${local.account}:role/${var.deploy_role.role_name}"
}

resource "aws_iam_role" "deploy" {
  name                 = local.role_name
  path                 = local.role_path
  description          = "Entered by the deployer: publishes functions of ${join(", ", var.deploy_role.environments)}"
  assume_role_policy   = local.trust
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = data.aws_caller_identity.current.account_id == local.account
      error_message = "This deploy role belongs to account ${local.account}, but the provider is logged in to ${data.aws_caller_identity.current.account_id}."
    }
  }
}

resource "aws_iam_role_policy" "deploy" {
  name   = local.role_name
  role   = aws_iam_role.deploy.id
  policy = local.permissions

  # IAM User Guide, "IAM and AWS STS quotas": a role's inline policies.
  lifecycle {
    precondition {
      condition     = local.permissions_length <= 10240
      error_message = "The deploy role's policy would have ${local.permissions_length} characters, and IAM takes 10240: name functions by fewer patterns, or divide them between deploy roles (another role_name of the environment)."
    }
  }
}

locals {
  in_the_organization = var.organization_id == null ? {} : { "aws:PrincipalOrgID" = var.organization_id }
  with_an_external_id = length(var.deploy_role.external_ids) == 0 ? {} : { "sts:ExternalId" = var.deploy_role.external_ids }
  for_a_deployment    = { StringLike = { "sts:SourceIdentity" = "${local.names.session_prefix}*" } }
  known               = merge(local.with_an_external_id, local.in_the_organization)

  # The external id belongs to AssumeRole only (Service Authorization Reference, "Condition keys for AWS STS"), so that naming the
  # deployment is a statement apart. The deployer sends no session tags, so sts:TagSession is not there.
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheDeployerEnters"
        Effect    = "Allow"
        Principal = { AWS = var.deployer.role_arn }
        Action    = "sts:AssumeRole"
        Condition = merge(local.for_a_deployment, length(local.known) == 0 ? {} : { StringEquals = local.known })
      },
      {
        Sid       = "AndNamesItsDeployment"
        Effect    = "Allow"
        Principal = { AWS = var.deployer.role_arn }
        Action    = "sts:SetSourceIdentity"
        Condition = merge(local.for_a_deployment, var.organization_id == null ? {} : { StringEquals = local.in_the_organization })
      },
    ]
  })
}
