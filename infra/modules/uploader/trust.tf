# Who takes the role.

locals {
  github = try(concat([for one in [var.trust.github] : one if one.repository != null], var.trust.github.repositories), [])
  gitlab = try(concat([for one in [var.trust.gitlab] : one if one.project != null], var.trust.gitlab.projects), [])

  # The identity provider of the kind that is given: its address, and the audience and the subjects of the tokens that it gives to CI.
  oidc = one(concat(
    # GitHub Docs, "Configuring OpenID Connect in Amazon Web Services".
    [for given in [var.trust.github] : {
      host     = "token.actions.githubusercontent.com"
      audience = "sts.amazonaws.com"
      subjects = [for one in local.github : try(coalesce(one.environment), null) != null ? "repo:${one.repository}:environment:${one.environment}" : "repo:${one.repository}:ref:${one.ref}"]
    } if given != null],
    # GitLab Docs, "Configure OpenID Connect in AWS to retrieve temporary credentials".
    [for given in [var.trust.gitlab] : {
      host     = given.host
      audience = "https://${given.host}"
      subjects = [for one in local.gitlab : "project_path:${one.project}:ref_type:${one.ref_type}:ref:${one.ref}"]
    } if given != null],
    # Atlassian Support, "Deploy on AWS using Bitbucket Pipelines OpenID Connect": the braces are part of the ids, and the last part of a
    # subject is the step, which has another id in each run. No part of it is the branch.
    [for given in [var.trust.bitbucket] : {
      host     = "api.bitbucket.org/2.0/workspaces/${given.workspace}/pipelines-config/identity/oidc"
      audience = "ari:cloud:bitbucket::workspace/${given.workspace_id}"
      subjects = [for one in given.repositories : "{${one.repository_id}}:{${one.environment_id}}:*"]
    } if given != null],
    # Buildkite Docs, "OIDC with AWS" and "buildkite-agent oidc": after the ref come the commit and the step's key.
    [for given in [var.trust.buildkite] : {
      host     = "agent.buildkite.com"
      audience = "sts.amazonaws.com"
      subjects = [for one in given.pipelines : "organization:${given.organization}:pipeline:${one.pipeline}:ref:${one.ref}:commit:*:step:*"]
    } if given != null],
    # CircleCI Docs, "Using OpenID Connect tokens in jobs": the subject of CIRCLE_OIDC_TOKEN_V2. The user is matched by the length of its id:
    # a * would also match a user, another origin and a branch whose name goes on with this origin and ref.
    [for given in [var.trust.circleci] : {
      host     = "oidc.circleci.com/org/${given.organization_id}"
      audience = given.organization_id
      subjects = [for one in given.projects : "org/${given.organization_id}/project/${one.project_id}/user/${local.any_uuid}/vcs-origin/${one.origin}/vcs-ref/${one.ref}"]
    } if given != null],
    [for given in [var.trust.oidc] : {
      host     = trimprefix(given.issuer, "https://")
      audience = given.audience
      subjects = given.subjects
    } if given != null],
  ))

  any_uuid = "????????-????-????-????-????????????"

  by_oidc = local.oidc == null ? [] : [{
    Sid       = "CiOfTheRepository"
    Effect    = "Allow"
    Action    = "sts:AssumeRoleWithWebIdentity"
    Principal = { Federated = "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.oidc.host}" }
    Condition = {
      StringEquals = { "${local.oidc.host}:aud" = local.oidc.audience }
      StringLike   = { "${local.oidc.host}:sub" = distinct(local.oidc.subjects) }
    }
  }]

  # Amazon EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity" and "Grant Pods access to AWS resources based on
  # tags". The tags are EKS's words: a pod cannot choose them. They must not be disabled in the association. That EKS gives STS a source, the
  # EKS Best Practices Guide says ("Identity and Access Management", with aws:SourceOrgId); of aws:SourceAccount no page speaks.
  by_eks_pods = var.trust.eks_pods == null ? [] : [{
    Sid       = "PodsOfTheServiceAccount"
    Effect    = "Allow"
    Action    = ["sts:AssumeRole", "sts:TagSession"]
    Principal = { Service = "pods.eks.amazonaws.com" }
    Condition = {
      StringEquals = {
        "aws:SourceAccount"                         = local.account
        "aws:RequestTag/eks-cluster-arn"            = var.trust.eks_pods.cluster_arn
        "aws:RequestTag/kubernetes-namespace"       = var.trust.eks_pods.namespace
        "aws:RequestTag/kubernetes-service-account" = var.trust.eks_pods.service_account
      }
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

  # The statements have different types, which concat takes and a list does not.
  trust = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.by_oidc, local.by_eks_pods, local.by_ec2, local.by_name)
  })
}
