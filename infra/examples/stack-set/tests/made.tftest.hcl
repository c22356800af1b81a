# Sixty accounts: one stack set for dev and one for prod, and a stack in each account.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  prefix                  = "acme"
  alarm_topic_arn         = "arn:aws:sns:eu-west-1:123456789012:on-call"
  package                 = { path = "versions.tf" }
  dev_account             = "111111111111"
  prod_accounts           = [for number in range(59) : tostring(222222222200 + number)]
  organizational_unit_ids = ["ou-exam-12345678"]
  organization_id         = "o-exampleorg1"
  functions               = ["orders-*", "billing"]
  execution_roles         = ["lambda/*"]
}

run "sixty_accounts" {
  assert {
    condition     = length(aws_cloudformation_stack_set_instance.target) == 60
    error_message = "Each account must have a stack of its own."
  }

  assert {
    condition     = sort(keys(aws_cloudformation_stack_set.target)) == tolist(["deployer-dev", "platform/deployer-prod"])
    error_message = "Roles that are alike must share a stack set."
  }

  assert {
    condition     = aws_cloudformation_stack_set_instance.target["222222222258/platform/deployer-prod"].deployment_targets[0].accounts == toset(["222222222258"])
    error_message = "A stack must be of its account alone."
  }

  assert {
    condition     = length(aws_cloudformation_stack_set_instance.target["222222222258/platform/deployer-prod"].parameter_overrides) == 0
    error_message = "Nobody must have to say anything of a boundary."
  }

  assert {
    condition     = aws_cloudformation_stack_set.target["platform/deployer-prod"].parameters.PromotedFrom1 == "dev"
    error_message = "The role of prod must read what is promoted to it."
  }
}

run "role_of_prod_has_its_path" {
  command = plan

  assert {
    condition     = [for name in ["RoleName", "RolePath"] : aws_cloudformation_stack_set.target["platform/deployer-prod"].parameters[name]] == ["deployer-prod", "/platform/"]
    error_message = "The template takes name and path apart."
  }

  assert {
    condition     = aws_cloudformation_stack_set.target["deployer-dev"].parameters.RolePath == "/"
    error_message = "A role without a path must have none."
  }
}

run "in_a_landing_zone" {
  command = plan

  variables {
    permissions_boundary        = "arn:aws:iam::123456789012:policy/platform/boundary"
    target_permissions_boundary = "platform/boundary"
    role_path                   = "/platform/"
    tags                        = { team = "platform" }
  }

  assert {
    condition     = aws_cloudformation_stack_set_instance.target["222222222258/platform/deployer-prod"].parameter_overrides == tomap({ PermissionsBoundary = "arn:aws:iam::222222222258:policy/platform/boundary" })
    error_message = "A boundary must be a policy of the role's own account."
  }

  assert {
    condition     = aws_cloudformation_stack_set.target["deployer-dev"].tags.team == "platform"
    error_message = "StackSets gives the tags to each stack."
  }

  assert {
    condition     = module.tooling.deployer.role_arn == "arn:aws:iam::123456789012:role/platform/deployer"
    error_message = "The deployer's role must have the path that is asked for."
  }
}

run "a_boundary_of_one_account_for_all" {
  command = plan

  variables {
    target_permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
  }

  expect_failures = [var.target_permissions_boundary]
}

run "too_many_patterns" {
  command = plan

  variables {
    functions = ["a", "b", "c", "d"]
  }

  expect_failures = [var.functions]
}

run "too_many_execution_roles" {
  command = plan

  variables {
    execution_roles = ["a/*", "b/*", "c/*", "d/*"]
  }

  expect_failures = [var.execution_roles]
}
