# Bad input, one thing wrong at a time: each is refused where it was said.

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

run "a_name_with_a_path" {
  command = plan

  variables {
    name = "ci/orders"
  }

  expect_failures = [var.name]
}

run "no_environments" {
  command = plan

  variables {
    environments = []
  }

  expect_failures = [var.environments]
}

run "any_environment" {
  command = plan

  variables {
    environments = ["*"]
  }

  expect_failures = [var.environments]
}

run "an_environment_that_only_takes_promotions" {
  command = plan

  variables {
    environments = ["dev", "prod"]
  }

  expect_failures = [var.environments]
}

run "no_functions" {
  command = plan

  variables {
    functions = []
  }

  expect_failures = [var.functions]
}

run "a_function_that_is_a_path" {
  command = plan

  variables {
    functions = ["*/*"]
  }

  expect_failures = [var.functions]
}

run "a_function_with_a_release" {
  command = plan

  variables {
    functions = ["orders/1.0.0"]
  }

  expect_failures = [var.functions]
}

run "nobody" {
  command = plan

  variables {
    trust = {}
  }

  expect_failures = [var.trust]
}

run "two_kinds_of_trust" {
  command = plan

  variables {
    trust = { ec2 = true, github = { repository = "acme/orders", ref = "refs/heads/main" } }
  }

  expect_failures = [var.trust]
}

run "any_branch_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders" } }
  }

  expect_failures = [var.trust]
}

run "an_empty_branch_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "" } }
  }

  expect_failures = [var.trust]
}

run "a_branch_and_an_environment_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "refs/heads/main", environment = "release" } }
  }

  expect_failures = [var.trust]
}

run "every_ref_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "*" } }
  }

  expect_failures = [var.trust]
}

run "a_branch_in_github_by_its_short_name" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "main" } }
  }

  expect_failures = [var.trust]
}

run "a_pull_request_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "refs/pull/1/merge" } }
  }

  expect_failures = [var.trust]
}

run "every_environment_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", environment = "*" } }
  }

  expect_failures = [var.trust]
}

run "every_repository_of_an_owner" {
  command = plan

  variables {
    trust = { github = { repository = "acme/*", ref = "refs/heads/main" } }
  }

  expect_failures = [var.trust]
}

run "an_owner_without_a_repository" {
  command = plan

  variables {
    trust = { github = { repository = "acme", ref = "refs/heads/main" } }
  }

  expect_failures = [var.trust]
}

run "a_repository_in_github_with_any_id" {
  command = plan

  variables {
    trust = { github = { repository = "acme@*/orders@2", ref = "refs/heads/main" } }
  }

  expect_failures = [var.trust]
}

run "a_repository_in_github_with_an_id_that_is_no_number" {
  command = plan

  variables {
    trust = { github = { repository = "acme@1/orders@main", ref = "refs/heads/main" } }
  }

  expect_failures = [var.trust]
}

run "every_ref_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/orders", ref = "*" } }
  }

  expect_failures = [var.trust]
}

run "every_project_of_a_group" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/*", ref = "main" } }
  }

  expect_failures = [var.trust]
}

run "a_group_without_a_project" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme", ref = "main" } }
  }

  expect_failures = [var.trust]
}

run "an_unknown_kind_of_ref_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/orders", ref = "main", ref_type = "any" } }
  }

  expect_failures = [var.trust]
}

run "a_gitlab_by_its_url" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/orders", ref = "main", host = "https://gitlab.example.com/" } }
  }

  expect_failures = [var.trust]
}

run "everybody" {
  command = plan

  variables {
    trust = { principals = ["*"] }
  }

  expect_failures = [var.trust]
}

run "a_whole_account" {
  command = plan

  variables {
    trust = { principals = ["arn:aws:iam::333333333333:root"] }
  }

  expect_failures = [var.trust]
}

run "an_account_number" {
  command = plan

  variables {
    trust = { principals = ["333333333333"] }
  }

  expect_failures = [var.trust]
}

run "every_role_of_an_account" {
  command = plan

  variables {
    trust = { principals = ["arn:aws:iam::333333333333:role/*"] }
  }

  expect_failures = [var.trust]
}

run "a_repository_and_a_list_of_them_in_github" {
  command = plan

  variables {
    trust = { github = { repository = "acme/orders", ref = "refs/heads/main", repositories = [{ repository = "acme/orders", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "a_ref_beside_a_list_of_repositories_in_github" {
  command = plan

  variables {
    trust = { github = { ref = "refs/heads/main", repositories = [{ repository = "acme/orders", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "no_repository_in_github" {
  command = plan

  variables {
    trust = { github = { ref = "refs/heads/main" } }
  }

  expect_failures = [var.trust]
}

run "an_empty_list_of_repositories_in_github" {
  command = plan

  variables {
    trust = { github = { repositories = [] } }
  }

  expect_failures = [var.trust]
}

run "any_repository_among_others_in_github" {
  command = plan

  variables {
    trust = { github = { repositories = [{ repository = "acme/orders", ref = "refs/heads/main" }, { repository = "acme/*", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "any_branch_among_others_in_github" {
  command = plan

  variables {
    trust = { github = { repositories = [{ repository = "acme/orders", ref = "refs/heads/main" }, { repository = "acme/billing" }] } }
  }

  expect_failures = [var.trust]
}

run "a_pull_request_among_others_in_github" {
  command = plan

  variables {
    trust = { github = { repositories = [{ repository = "acme/orders", ref = "refs/heads/main" }, { repository = "acme/billing", ref = "refs/pull/1/merge" }] } }
  }

  expect_failures = [var.trust]
}

run "every_environment_among_others_in_github" {
  command = plan

  variables {
    trust = { github = { repositories = [{ repository = "acme/orders", ref = "refs/heads/main" }, { repository = "acme/billing", environment = "*" }] } }
  }

  expect_failures = [var.trust]
}

run "a_project_and_a_list_of_them_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/orders", ref = "main", projects = [{ project = "acme/orders", ref = "main" }] } }
  }

  expect_failures = [var.trust]
}

run "no_project_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { ref = "main" } }
  }

  expect_failures = [var.trust]
}

run "a_project_without_a_ref_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { project = "acme/orders" } }
  }

  expect_failures = [var.trust]
}

run "every_ref_among_others_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { projects = [{ project = "acme/orders", ref = "main" }, { project = "acme/billing", ref = "*" }] } }
  }

  expect_failures = [var.trust]
}

run "an_unknown_kind_of_ref_among_others_in_gitlab" {
  command = plan

  variables {
    trust = { gitlab = { projects = [{ project = "acme/orders", ref = "main", ref_type = "any" }] } }
  }

  expect_failures = [var.trust]
}

run "any_workspace_in_bitbucket" {
  command = plan

  variables {
    trust = { bitbucket = { workspace = "*", workspace_id = "c0ffee00-0000-4000-8000-0000000000aa", repositories = [{ repository_id = "c0ffee00-0000-4000-8000-0000000000bb", environment_id = "c0ffee00-0000-4000-8000-0000000000cc" }] } }
  }

  expect_failures = [var.trust]
}

run "a_workspace_in_bitbucket_by_its_url" {
  command = plan

  variables {
    trust = { bitbucket = { workspace = "bitbucket.org/acme", workspace_id = "c0ffee00-0000-4000-8000-0000000000aa", repositories = [{ repository_id = "c0ffee00-0000-4000-8000-0000000000bb", environment_id = "c0ffee00-0000-4000-8000-0000000000cc" }] } }
  }

  expect_failures = [var.trust]
}

run "a_workspace_in_bitbucket_by_its_name_for_an_id" {
  command = plan

  variables {
    trust = { bitbucket = { workspace = "acme", workspace_id = "acme", repositories = [{ repository_id = "c0ffee00-0000-4000-8000-0000000000bb", environment_id = "c0ffee00-0000-4000-8000-0000000000cc" }] } }
  }

  expect_failures = [var.trust]
}

run "no_repository_in_bitbucket" {
  command = plan

  variables {
    trust = { bitbucket = { workspace = "acme", workspace_id = "c0ffee00-0000-4000-8000-0000000000aa", repositories = [] } }
  }

  expect_failures = [var.trust]
}

run "a_repository_in_bitbucket_by_its_name" {
  command = plan

  variables {
    trust = { bitbucket = { workspace = "acme", workspace_id = "c0ffee00-0000-4000-8000-0000000000aa", repositories = [{ repository_id = "orders", environment_id = "c0ffee00-0000-4000-8000-0000000000cc" }] } }
  }

  expect_failures = [var.trust]
}

run "a_repository_in_bitbucket_with_braces" {
  command = plan

  variables {
    trust = { bitbucket = { workspace = "acme", workspace_id = "c0ffee00-0000-4000-8000-0000000000aa", repositories = [{ repository_id = "{c0ffee00-0000-4000-8000-0000000000bb}", environment_id = "c0ffee00-0000-4000-8000-0000000000cc" }] } }
  }

  expect_failures = [var.trust]
}

run "every_environment_in_bitbucket" {
  command = plan

  variables {
    trust = { bitbucket = { workspace = "acme", workspace_id = "c0ffee00-0000-4000-8000-0000000000aa", repositories = [{ repository_id = "c0ffee00-0000-4000-8000-0000000000bb", environment_id = "*" }] } }
  }

  expect_failures = [var.trust]
}

run "any_organization_in_buildkite" {
  command = plan

  variables {
    trust = { buildkite = { organization = "*", pipelines = [{ pipeline = "orders", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "no_pipeline_in_buildkite" {
  command = plan

  variables {
    trust = { buildkite = { organization = "acme", pipelines = [] } }
  }

  expect_failures = [var.trust]
}

run "every_pipeline_in_buildkite" {
  command = plan

  variables {
    trust = { buildkite = { organization = "acme", pipelines = [{ pipeline = "*", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "a_pipeline_in_buildkite_with_more_of_a_subject" {
  command = plan

  variables {
    trust = { buildkite = { organization = "acme", pipelines = [{ pipeline = "orders:ref", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "every_ref_in_buildkite" {
  command = plan

  variables {
    trust = { buildkite = { organization = "acme", pipelines = [{ pipeline = "orders", ref = "*" }] } }
  }

  expect_failures = [var.trust]
}

run "a_branch_in_buildkite_by_its_short_name" {
  command = plan

  variables {
    trust = { buildkite = { organization = "acme", pipelines = [{ pipeline = "orders", ref = "main" }] } }
  }

  expect_failures = [var.trust]
}

run "an_organization_in_circleci_by_its_name" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "acme", projects = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "github.com/acme/orders", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "no_project_in_circleci" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "c0ffee00-0000-4000-8000-0000000000aa", projects = [] } }
  }

  expect_failures = [var.trust]
}

run "every_project_in_circleci" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "c0ffee00-0000-4000-8000-0000000000aa", projects = [{ project_id = "*", origin = "github.com/acme/orders", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "every_origin_in_circleci" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "c0ffee00-0000-4000-8000-0000000000aa", projects = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "*", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "every_repository_of_an_owner_in_circleci" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "c0ffee00-0000-4000-8000-0000000000aa", projects = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "github.com/acme/*", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "an_origin_in_circleci_by_its_url" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "c0ffee00-0000-4000-8000-0000000000aa", projects = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "https://github.com/acme/orders", ref = "refs/heads/main" }] } }
  }

  expect_failures = [var.trust]
}

run "every_ref_in_circleci" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "c0ffee00-0000-4000-8000-0000000000aa", projects = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "github.com/acme/orders", ref = "*" }] } }
  }

  expect_failures = [var.trust]
}

run "a_branch_in_circleci_by_its_short_name" {
  command = plan

  variables {
    trust = { circleci = { organization_id = "c0ffee00-0000-4000-8000-0000000000aa", projects = [{ project_id = "c0ffee00-0000-4000-8000-0000000000bb", origin = "github.com/acme/orders", ref = "main" }] } }
  }

  expect_failures = [var.trust]
}

run "an_issuer_without_https" {
  command = plan

  variables {
    trust = { oidc = { issuer = "ci.example.com", audience = "deployer", subjects = ["repo:acme/orders:*"] } }
  }

  expect_failures = [var.trust]
}

run "an_issuer_in_clear" {
  command = plan

  variables {
    trust = { oidc = { issuer = "http://ci.example.com", audience = "deployer", subjects = ["repo:acme/orders:*"] } }
  }

  expect_failures = [var.trust]
}

run "any_issuer" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://*.example.com", audience = "deployer", subjects = ["repo:acme/orders:*"] } }
  }

  expect_failures = [var.trust]
}

run "an_issuer_with_a_slash_at_its_end" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com/", audience = "deployer", subjects = ["repo:acme/orders:*"] } }
  }

  expect_failures = [var.trust]
}

run "no_audience" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "", subjects = ["repo:acme/orders:*"] } }
  }

  expect_failures = [var.trust]
}

run "any_audience" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "*", subjects = ["repo:acme/orders:*"] } }
  }

  expect_failures = [var.trust]
}

run "no_subject" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = [] } }
  }

  expect_failures = [var.trust]
}

run "an_empty_subject" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = [""] } }
  }

  expect_failures = [var.trust]
}

run "any_subject" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = ["*"] } }
  }

  expect_failures = [var.trust]
}

run "any_subject_among_others" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = ["repo:acme/orders:*", "*"] } }
  }

  expect_failures = [var.trust]
}

run "a_subject_of_wildcards" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = ["?*"] } }
  }

  expect_failures = [var.trust]
}

run "a_subject_that_begins_with_a_wildcard" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = ["*:acme/orders"] } }
  }

  expect_failures = [var.trust]
}

run "a_subject_with_nothing_but_its_kind" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = ["repo:*"] } }
  }

  expect_failures = [var.trust]
}

run "a_subject_with_a_wildcard_in_its_kind" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = ["rep*:acme/orders"] } }
  }

  expect_failures = [var.trust]
}

run "a_subject_with_a_policy_variable" {
  command = plan

  variables {
    trust = { oidc = { issuer = "https://ci.example.com", audience = "deployer", subjects = ["repo:$${aws:username}"] } }
  }

  expect_failures = [var.trust]
}

run "any_cluster" {
  command = plan

  variables {
    trust = { eks_pods = { cluster_arn = "arn:aws:eks:eu-west-1:123456789012:cluster/*", namespace = "builds", service_account = "orders" } }
  }

  expect_failures = [var.trust]
}

run "a_cluster_by_its_name" {
  command = plan

  variables {
    trust = { eks_pods = { cluster_arn = "ci", namespace = "builds", service_account = "orders" } }
  }

  expect_failures = [var.trust]
}

run "any_namespace" {
  command = plan

  variables {
    trust = { eks_pods = { cluster_arn = "arn:aws:eks:eu-west-1:123456789012:cluster/ci", namespace = "*", service_account = "orders" } }
  }

  expect_failures = [var.trust]
}

run "no_namespace" {
  command = plan

  variables {
    trust = { eks_pods = { cluster_arn = "arn:aws:eks:eu-west-1:123456789012:cluster/ci", namespace = "", service_account = "orders" } }
  }

  expect_failures = [var.trust]
}

run "any_service_account" {
  command = plan

  variables {
    trust = { eks_pods = { cluster_arn = "arn:aws:eks:eu-west-1:123456789012:cluster/ci", namespace = "builds", service_account = "build-*" } }
  }

  expect_failures = [var.trust]
}

run "a_cluster_of_another_account" {
  command = plan

  variables {
    trust = { eks_pods = { cluster_arn = "arn:aws:eks:eu-west-1:999999999999:cluster/ci", namespace = "builds", service_account = "orders" } }
  }

  expect_failures = [aws_iam_role.uploader]
}

run "more_repositories_than_a_trust_policy_takes" {
  command = plan

  variables {
    trust = { github = { repositories = [for number in range(60) : { repository = "acme/repository-of-a-team-${number}", ref = "refs/heads/main" }] } }
  }

  expect_failures = [aws_iam_role.uploader]
}

run "more_functions_than_an_inline_policy_takes" {
  command = plan

  variables {
    functions = [for number in range(64) : "orders-of-a-shop-${number}"]
  }

  expect_failures = [aws_iam_role_policy.uploader]
}

run "a_quota_below_what_every_account_has" {
  command = plan

  variables {
    trust_policy_quota = 1024
  }

  expect_failures = [var.trust_policy_quota]
}

run "a_quota_above_what_iam_gives" {
  command = plan

  variables {
    trust_policy_quota = 10240
  }

  expect_failures = [var.trust_policy_quota]
}

run "a_boundary_by_its_name" {
  command = plan

  variables {
    permissions_boundary = "ci-boundary"
  }

  expect_failures = [var.permissions_boundary]
}

run "a_role_for_a_boundary" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::123456789012:role/ci"
  }

  expect_failures = [var.permissions_boundary]
}

run "a_path_without_a_slash_at_its_end" {
  command = plan

  variables {
    role_path = "/ci"
  }

  expect_failures = [var.role_path]
}

run "a_path_without_a_slash_at_its_beginning" {
  command = plan

  variables {
    role_path = "ci/"
  }

  expect_failures = [var.role_path]
}

run "a_tag_of_aws" {
  command = plan

  variables {
    tags = { "aws:team" = "orders" }
  }

  expect_failures = [var.tags]
}

run "a_tag_with_a_sign_that_tags_cannot_have" {
  command = plan

  variables {
    tags = { team = "orders;billing" }
  }

  expect_failures = [var.tags]
}
