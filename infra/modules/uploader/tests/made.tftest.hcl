# What is made for each kind of CI. The policies word for word are in infra/contract/policies; here is what they must be like.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "ci-orders"
  uploads = {
    artifact_bucket = "acme-artifacts"
    ledger_bucket   = "acme-deployer-ledger"
    environments    = ["dev", "test"]
    region          = "eu-west-1"
  }
  environments = ["dev"]
  functions    = ["orders-*"]
  trust        = { ec2 = true }
}

run "what_any_ci_may_do" {
  command = plan

  variables {
    environments = ["dev", "test"]
    functions    = ["orders-*", "hello"]
  }

  assert {
    condition = {
      for statement in jsondecode(output.policies.permissions).Statement : join(" ", flatten([statement.Effect, statement.Action])) => statement.Resource
      } == {
      "Allow s3:AbortMultipartUpload s3:PutObject" = [
        "arn:aws:s3:::acme-artifacts/dev/orders-*/*.zip",
        "arn:aws:s3:::acme-artifacts/dev/hello/*.zip",
        "arn:aws:s3:::acme-artifacts/test/orders-*/*.zip",
        "arn:aws:s3:::acme-artifacts/test/hello/*.zip",
      ]
      "Allow s3:GetObject" = [
        "arn:aws:s3:::acme-deployer-ledger/results/dev/orders-*/*",
        "arn:aws:s3:::acme-deployer-ledger/results/dev/hello/*",
        "arn:aws:s3:::acme-deployer-ledger/results/test/orders-*/*",
        "arn:aws:s3:::acme-deployer-ledger/results/test/hello/*",
        "arn:aws:s3:::acme-deployer-ledger/results/dev/environment.json",
        "arn:aws:s3:::acme-deployer-ledger/results/test/environment.json",
      ]
      "Allow s3:ListBucket" = "arn:aws:s3:::acme-deployer-ledger"
    }
    error_message = "A CI must upload its functions, read their results, and nothing else: ${output.policies.permissions}"
  }

  assert {
    condition = one([for statement in jsondecode(output.policies.permissions).Statement : statement.Condition if try(statement.Action == "s3:ListBucket", false)]) == {
      StringLike = { "s3:prefix" = ["results/dev/orders-*/*", "results/dev/hello/*", "results/test/orders-*/*", "results/test/hello/*", "results/dev/environment.json", "results/test/environment.json"] }
    }
    error_message = "Only its own results may be listed: ${output.policies.permissions}"
  }

  assert {
    condition     = aws_iam_role.uploader.name == "ci-orders" && aws_iam_role.uploader.assume_role_policy == output.policies.trust && aws_iam_role_policy.uploader.policy == output.policies.permissions
    error_message = "The role must have the policies that are told."
  }
}

run "with_a_key" {
  command = plan

  variables {
    uploads = {
      artifact_bucket  = "acme-artifacts"
      artifact_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"
      ledger_bucket    = "acme-deployer-ledger"
      environments     = ["dev"]
      region           = "eu-west-1"
    }
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Action, statement.Resource, statement.Condition] if strcontains(jsonencode(statement.Action), "kms:")
      ]) == [
      ["kms:Decrypt", "kms:GenerateDataKey"],
      "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001",
      { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } },
    ]
    error_message = "The artifacts' key must be used through S3 only: ${output.policies.permissions}"
  }
}

run "for_a_build_agent" {
  command = plan

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version   = "2012-10-17"
      Statement = [{ Sid = "BuildAgents", Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
    }
    error_message = "EC2 alone must take the role: ${output.policies.trust}"
  }

  assert {
    condition     = output.instance_profile == "ci-orders" && aws_iam_instance_profile.uploader[0].role == "ci-orders"
    error_message = "A build agent must get an instance profile."
  }
}

run "for_a_branch_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "refs/heads/main" } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
        Condition = {
          StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
          StringLike   = { "token.actions.githubusercontent.com:sub" = ["repo:acme/orders:ref:refs/heads/main"] }
        }
      }]
    }
    error_message = "The repository's branch alone must take the role: ${output.policies.trust}"
  }

  assert {
    condition     = length(aws_iam_instance_profile.uploader) == 0 && output.instance_profile == null
    error_message = "Only a build agent may get an instance profile."
  }
}

run "for_a_repository_in_github_that_tells_its_ids" {
  command = plan

  variables {
    trust = { github = { repository = "acme@1/orders@2", ref = "refs/heads/main" } }
  }

  assert {
    condition     = jsondecode(output.policies.trust).Statement[0].Condition.StringLike == { "token.actions.githubusercontent.com:sub" = ["repo:acme@1/orders@2:ref:refs/heads/main"] }
    error_message = "The repository with these ids alone must take the role: ${output.policies.trust}"
  }
}

run "for_tags_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "refs/tags/v*" } }
  }

  assert {
    condition     = jsondecode(output.policies.trust).Statement[0].Condition.StringLike == { "token.actions.githubusercontent.com:sub" = ["repo:acme/orders:ref:refs/tags/v*"] }
    error_message = "The repository's tags alone must take the role: ${output.policies.trust}"
  }
}

run "for_an_environment_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", environment = "release" } }
  }

  assert {
    condition     = jsondecode(output.policies.trust).Statement[0].Condition.StringLike == { "token.actions.githubusercontent.com:sub" = ["repo:acme/orders:environment:release"] }
    error_message = "The repository's environment alone must take the role: ${output.policies.trust}"
  }
}

run "for_a_branch_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/shop/orders", ref = "main" } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/gitlab.com" }
        Condition = {
          StringEquals = { "gitlab.com:aud" = "https://gitlab.com" }
          StringLike   = { "gitlab.com:sub" = ["project_path:acme/shop/orders:ref_type:branch:ref:main"] }
        }
      }]
    }
    error_message = "The project's branch alone must take the role: ${output.policies.trust}"
  }
}

run "for_tags_in_a_gitlab_of_ones_own" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/orders", ref = "v*", ref_type = "tag", host = "gitlab.example.com" } }
  }

  assert {
    condition = [jsondecode(output.policies.trust).Statement[0].Principal, jsondecode(output.policies.trust).Statement[0].Condition] == [
      { Federated = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com" },
      {
        StringEquals = { "gitlab.example.com:aud" = "https://gitlab.example.com" }
        StringLike   = { "gitlab.example.com:sub" = ["project_path:acme/orders:ref_type:tag:ref:v*"] }
      },
    ]
    error_message = "The project's tags alone must take the role: ${output.policies.trust}"
  }
}

run "for_several_repositories_in_github" {
  command = plan

  variables {
    trust = { github = { repositories = [
      { repository = "acme/orders", ref = "refs/heads/main" },
      { repository = "acme/billing", environment = "release" },
      { repository = "acme/orders", ref = "refs/heads/main" },
    ] } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
        Condition = {
          StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
          StringLike   = { "token.actions.githubusercontent.com:sub" = ["repo:acme/orders:ref:refs/heads/main", "repo:acme/billing:environment:release"] }
        }
      }]
    }
    error_message = "Each of the repositories must be named, once: ${output.policies.trust}"
  }
}

run "for_several_projects_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { projects = [{ project = "acme/orders", ref = "main" }, { project = "acme/billing", ref = "v*", ref_type = "tag" }] } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/gitlab.com" }
        Condition = {
          StringEquals = { "gitlab.com:aud" = "https://gitlab.com" }
          StringLike   = { "gitlab.com:sub" = ["project_path:acme/orders:ref_type:branch:ref:main", "project_path:acme/billing:ref_type:tag:ref:v*"] }
        }
      }]
    }
    error_message = "Each of the projects must be named: ${output.policies.trust}"
  }
}

run "for_deployment_environments_in_bitbucket" {
  command = plan

  variables {
    trust = { bitbucket = {
      workspace    = "acme"
      workspace_id = "c0ffee00-0000-4000-8000-0000000000aa"
      repositories = [{ repository_id = "c0ffee00-0000-4000-8000-0000000000bb", environment_id = "c0ffee00-0000-4000-8000-0000000000cc" }]
    } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc" }
        Condition = {
          StringEquals = { "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc:aud" = "ari:cloud:bitbucket::workspace/c0ffee00-0000-4000-8000-0000000000aa" }
          StringLike   = { "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc:sub" = ["{c0ffee00-0000-4000-8000-0000000000bb}:{c0ffee00-0000-4000-8000-0000000000cc}:*"] }
        }
      }]
    }
    error_message = "The repository's deployment environment alone must take the role: ${output.policies.trust}"
  }
}

run "for_branches_in_buildkite" {
  command = plan

  variables {
    trust = { buildkite = { organization = "acme", pipelines = [{ pipeline = "orders", ref = "refs/heads/main" }, { pipeline = "billing", ref = "refs/tags/v*" }] } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/agent.buildkite.com" }
        Condition = {
          StringEquals = { "agent.buildkite.com:aud" = "sts.amazonaws.com" }
          StringLike   = { "agent.buildkite.com:sub" = ["organization:acme:pipeline:orders:ref:refs/heads/main:commit:*:step:*", "organization:acme:pipeline:billing:ref:refs/tags/v*:commit:*:step:*"] }
        }
      }]
    }
    error_message = "The pipelines' refs alone must take the role: ${output.policies.trust}"
  }
}

run "for_a_branch_in_circleci" {
  command = plan

  variables {
    trust = { circleci = {
      organization_id = "c0ffee00-0000-4000-8000-0000000000aa"
      projects        = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "github.com/acme/orders", ref = "refs/heads/main" }]
    } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.circleci.com/org/c0ffee00-0000-4000-8000-0000000000aa" }
        Condition = {
          StringEquals = { "oidc.circleci.com/org/c0ffee00-0000-4000-8000-0000000000aa:aud" = "c0ffee00-0000-4000-8000-0000000000aa" }
          StringLike   = { "oidc.circleci.com/org/c0ffee00-0000-4000-8000-0000000000aa:sub" = ["org/c0ffee00-0000-4000-8000-0000000000aa/project/c0ffee00-0000-4000-8000-0000000000bb/user/????????-????-????-????-????????????/vcs-origin/github.com/acme/orders/vcs-ref/refs/heads/main"] }
        }
      }]
    }
    error_message = "The repository's branch alone must take the role, for any user: ${output.policies.trust}"
  }
}

run "for_another_provider" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com/oidc/acme", audience = "deployer", subjects = ["repo:acme/orders:*", "repo:acme/*:branch:main", "{c0ffee00-0000-4000-8000-0000000000bb}:*", "release-bot"] } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "CiOfTheRepository"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/ci.example.com/oidc/acme" }
        Condition = {
          StringEquals = { "ci.example.com/oidc/acme:aud" = "deployer" }
          StringLike   = { "ci.example.com/oidc/acme:sub" = ["repo:acme/orders:*", "repo:acme/*:branch:main", "{c0ffee00-0000-4000-8000-0000000000bb}:*", "release-bot"] }
        }
      }]
    }
    error_message = "The subjects alone must take the role: ${output.policies.trust}"
  }
}

run "for_pods_of_a_cluster" {
  command = plan

  variables {
    trust = { eks_pods = { cluster_arn = "arn:aws:eks:eu-west-1:123456789012:cluster/ci", namespace = "builds", service_account = "orders" } }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "PodsOfTheServiceAccount"
        Effect    = "Allow"
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        Principal = { Service = "pods.eks.amazonaws.com" }
        Condition = {
          StringEquals = {
            "aws:SourceAccount"                         = "123456789012"
            "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:eu-west-1:123456789012:cluster/ci"
            "aws:RequestTag/kubernetes-namespace"       = "builds"
            "aws:RequestTag/kubernetes-service-account" = "orders"
          }
        }
      }]
    }
    error_message = "Pods of the service account alone must take the role: ${output.policies.trust}"
  }
}

run "for_named_principals" {
  command = plan

  variables {
    trust = { principals = ["arn:aws:iam::333333333333:role/ci", "arn:aws:iam::333333333333:user/legacy/jenkins"] }
  }

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "ThesePrincipals"
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { AWS = ["arn:aws:iam::333333333333:role/ci", "arn:aws:iam::333333333333:user/legacy/jenkins"] }
      }]
    }
    error_message = "The named principals alone must take the role: ${output.policies.trust}"
  }
}

run "in_an_account_with_rules_for_roles" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/ci/boundary"
    role_path            = "/ci/teams/"
    tags                 = { team = "orders", cost-center = "4711 / a" }
  }

  assert {
    condition     = aws_iam_role.uploader.permissions_boundary == "arn:aws:iam::123456789012:policy/ci/boundary" && aws_iam_role.uploader.path == "/ci/teams/" && aws_iam_role.uploader.tags == tomap({ team = "orders", cost-center = "4711 / a" })
    error_message = "The role must have the boundary, the path and the tags."
  }

  assert {
    condition     = aws_iam_instance_profile.uploader[0].path == "/ci/teams/" && aws_iam_instance_profile.uploader[0].tags == tomap({ team = "orders", cost-center = "4711 / a" })
    error_message = "The instance profile must have the path and the tags."
  }
}

run "in_an_account_with_longer_trust_policies" {
  command = plan

  variables {
    trust_policy_quota = 8192
    trust              = { github = { repositories = [for number in range(60) : { repository = "acme/repository-of-a-team-${number}", ref = "refs/heads/main" }] } }
  }

  assert {
    condition     = length(output.policies.trust) > 2048 && length(jsondecode(output.policies.trust).Statement[0].Condition.StringLike["token.actions.githubusercontent.com:sub"]) == 60
    error_message = "All repositories must be named: ${output.policies.trust}"
  }
}

run "for_as_many_functions_as_a_description_cannot_name" {
  command = plan

  variables {
    functions = [for number in range(40) : "orders-of-a-shop-with-a-long-name-${number}"]
  }

  assert {
    condition     = length(aws_iam_role.uploader.description) == 1000
    error_message = "IAM takes 1,000 characters of a description: ${aws_iam_role.uploader.description}"
  }
}

run "with_a_key_of_the_ledger" {
  variables {
    uploads = {
      artifact_bucket = "acme-artifacts"
      ledger_bucket   = "acme-deployer-ledger"
      ledger_key_arn  = "arn:aws:kms:eu-west-1:123456789012:key/ledger"
      environments    = ["dev"]
      region          = "eu-west-1"
    }
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.permissions).Statement : [statement.Action, statement.Resource] if statement.Sid == "DecryptResults"] == [["kms:Decrypt", ["arn:aws:kms:eu-west-1:123456789012:key/ledger"]]]
    error_message = "CI must be able to read its results: ${output.policies.permissions}"
  }
}

run "with_former_keys_of_the_ledger" {
  command = plan

  variables {
    uploads = {
      artifact_bucket            = "acme-artifacts"
      ledger_bucket              = "acme-deployer-ledger"
      ledger_decryption_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/former", "arn:aws:kms:eu-west-1:123456789012:key/first"]
      environments               = ["dev"]
      region                     = "eu-west-1"
    }
  }

  assert {
    condition = [for statement in jsondecode(output.policies.permissions).Statement : [statement.Sid, statement.Action, statement.Resource] if strcontains(jsonencode(statement.Action), "kms:")] == [
      ["DecryptResults", "kms:Decrypt", ["arn:aws:kms:eu-west-1:123456789012:key/former", "arn:aws:kms:eu-west-1:123456789012:key/first"]]
    ]
    error_message = "CI must be able to read the results that former keys have encrypted: ${output.policies.permissions}"
  }
}
