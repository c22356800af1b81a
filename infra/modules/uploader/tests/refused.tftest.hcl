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
