# Who takes the role.

locals {
  github_host = "token.actions.githubusercontent.com"
  gitlab_host = try(var.trust.gitlab.host, "gitlab.com")

  # GitHub Docs, "Configuring OpenID Connect in Amazon Web Services"; GitLab Docs, "Configure OpenID Connect in AWS".
  oidc = (
    var.trust.github != null ? {
      host     = local.github_host
      audience = "sts.amazonaws.com"
      subject  = try(coalesce(var.trust.github.environment), null) != null ? "repo:${var.trust.github.repository}:environment:${var.trust.github.environment}" : "repo:${var.trust.github.repository}:ref:${var.trust.github.ref}"
    } :
    var.trust.gitlab != null ? {
      host     = local.gitlab_host
      audience = "https://${local.gitlab_host}"
      subject  = "project_path:${var.trust.gitlab.project}:ref_type:${var.trust.gitlab.ref_type}:ref:${var.trust.gitlab.ref}"
    } : null
  )

  by_oidc = local.oidc == null ? [] : [{
    Sid       = "CiOfTheRepository"
    Effect    = "Allow"
    Action    = "sts:AssumeRoleWithWebIdentity"
    Principal = { Federated = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.oidc.host}" }
    Condition = {
      StringEquals = { "${local.oidc.host}:aud" = local.oidc.audience }
      StringLike   = { "${local.oidc.host}:sub" = local.oidc.subject }
    }
  }]

  by_ec2 = var.trust.ec2 ? [{
    Sid       = "BuildAgents"
    Effect    = "Allow"
    Action    = "sts:AssumeRole"
    Principal = { Service = local.partition == "aws-cn" ? "ec2.amazonaws.com.cn" : "ec2.amazonaws.com" }
  }] : []

  by_name = length(var.trust.principals) == 0 ? [] : [{
    Sid       = "ThesePrincipals"
    Effect    = "Allow"
    Action    = "sts:AssumeRole"
    Principal = { AWS = var.trust.principals }
  }]

  # One list of three would want all of them to be of one type.
  trust = jsonencode({
    Version   = "2012-10-17"
    Statement = jsondecode(local.oidc != null ? jsonencode(local.by_oidc) : var.trust.ec2 ? jsonencode(local.by_ec2) : jsonencode(local.by_name))
  })
}
