# Bad input, one thing wrong at a time: each is refused where it was said.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  deployer = {
    role_arn        = "arn:aws:iam::123456789012:role/deployer"
    function_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
    queue_arn       = "arn:aws:sqs:eu-west-1:123456789012:deployer"
    ledger_bucket   = "acme-deployer-ledger"
    artifact_bucket = "acme-artifacts"
    region          = "eu-west-1"
  }
  deploy_role = {
    account      = "123456789012"
    role_name    = "deployer-target"
    environments = ["dev"]
    regions      = ["eu-west-1"]
    external_ids = ["dev-8c1f"]
  }
  functions       = ["*"]
  execution_roles = ["lambda/*"]
}

run "a_whole_account_as_the_deployer" {
  command = plan

  variables {
    deployer = merge(var.deployer, { role_arn = "arn:aws:iam::123456789012:root" })
  }

  expect_failures = [var.deployer]
}

run "a_version_of_the_deployers_function" {
  command = plan

  variables {
    deployer = merge(var.deployer, { function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:deployer:7" })
  }

  expect_failures = [var.deployer]
}

run "a_name_as_the_deployers_function" {
  command = plan

  variables {
    deployer = merge(var.deployer, { function_arn = "deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_url_as_the_deployers_queue" {
  command = plan

  variables {
    deployer = merge(var.deployer, { queue_arn = "https://sqs.eu-west-1.amazonaws.com/123456789012/deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_url_as_the_deployers_wake_queue" {
  command = plan

  variables {
    deployer = merge(var.deployer, { wake_queue_arn = "https://sqs.eu-west-1.amazonaws.com/123456789012/deployer-wakes" })
  }

  expect_failures = [var.deployer]
}

run "an_arn_as_the_ledger_bucket" {
  command = plan

  variables {
    deployer = merge(var.deployer, { ledger_bucket = "arn:aws:s3:::acme-deployer-ledger" })
  }

  expect_failures = [var.deployer]
}

run "one_bucket_for_both" {
  command = plan

  variables {
    deployer = merge(var.deployer, { ledger_bucket = "acme-artifacts" })
  }

  expect_failures = [var.deployer]
}

run "a_function_of_another_account_as_the_deployers" {
  command = plan

  variables {
    deployer = merge(var.deployer, { function_arn = "arn:aws:lambda:eu-west-1:999999999999:function:deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_queue_of_another_account_as_the_deployers" {
  command = plan

  variables {
    deployer = merge(var.deployer, { queue_arn = "arn:aws:sqs:eu-west-1:999999999999:deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_wake_queue_of_another_account_as_the_deployers" {
  command = plan

  variables {
    deployer = merge(var.deployer, { wake_queue_arn = "arn:aws:sqs:eu-west-1:999999999999:deployer-wakes" })
  }

  expect_failures = [var.deployer]
}

run "a_region_that_is_none_as_the_deployers" {
  command = plan

  variables {
    deployer = merge(var.deployer, { region = "eu-west1" })
  }

  expect_failures = [var.deployer]
}

run "an_alias_as_the_key_of_the_artifacts" {
  command = plan

  variables {
    deployer = merge(var.deployer, { artifact_key_arn = "alias/artifacts" })
  }

  expect_failures = [var.deployer]
}

run "an_alias_as_a_former_key_of_the_artifacts" {
  command = plan

  variables {
    deployer = merge(var.deployer, { artifact_decryption_key_arns = ["alias/artifacts"] })
  }

  expect_failures = [var.deployer]
}

run "an_account_number_as_the_deployer" {
  command = plan

  variables {
    deployer = merge(var.deployer, { role_arn = "123456789012" })
  }

  expect_failures = [var.deployer]
}

run "everybody_as_the_deployer" {
  command = plan

  variables {
    deployer = merge(var.deployer, { role_arn = "*" })
  }

  expect_failures = [var.deployer]
}

run "a_pattern_of_roles_as_the_deployer" {
  command = plan

  variables {
    deployer = merge(var.deployer, { role_arn = "arn:aws:iam::123456789012:role/deploy*" })
  }

  expect_failures = [var.deployer]
}

run "a_role_of_any_account_as_the_deployer" {
  command = plan

  variables {
    deployer = merge(var.deployer, { role_arn = "arn:aws:iam::*:role/deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_user_as_the_deployer" {
  command = plan

  variables {
    deployer = merge(var.deployer, { role_arn = "arn:aws:iam::123456789012:user/deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_session_as_the_deployer" {
  command = plan

  variables {
    deployer = merge(var.deployer, { role_arn = "arn:aws:sts::123456789012:assumed-role/deployer/x" })
  }

  expect_failures = [var.deployer]
}

run "an_account_of_eleven_digits" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { account = "12345678901" })
  }

  expect_failures = [var.deploy_role]
}

run "a_role_name_that_begins_with_a_slash" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { role_name = "/ci/deployer-target" })
  }

  expect_failures = [var.deploy_role]
}

run "a_role_name_that_is_a_pattern" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { role_name = "deployer-*" })
  }

  expect_failures = [var.deploy_role]
}

run "no_environments" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { environments = [], external_ids = [] })
  }

  expect_failures = [var.deploy_role]
}

run "an_environment_that_is_a_pattern" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { environments = ["*"] })
  }

  expect_failures = [var.deploy_role]
}

run "a_promotion_from_a_pattern" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { promoted_from = ["*"] })
  }

  expect_failures = [var.deploy_role]
}

run "no_regions" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { regions = [] })
  }

  expect_failures = [var.deploy_role]
}

run "a_region_that_is_a_pattern" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { regions = ["*"] })
  }

  expect_failures = [var.deploy_role]
}

run "an_empty_external_id" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { external_ids = [""] })
  }

  expect_failures = [var.deploy_role]
}

run "an_external_id_that_is_a_pattern" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { external_ids = ["dev-*"] })
  }

  expect_failures = [var.deploy_role]
}

run "an_external_id_that_is_too_long" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { external_ids = [format("%01225d", 0)] })
  }

  expect_failures = [var.deploy_role]
}

run "an_external_id_for_one_of_two_environments" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { environments = ["dev", "test"] })
  }

  expect_failures = [var.deploy_role]
}

run "no_functions" {
  command = plan

  variables {
    functions = []
  }

  expect_failures = [var.functions]
}

run "a_function_that_is_an_arn" {
  command = plan

  variables {
    functions = ["arn:aws:lambda:eu-west-1:123456789012:function:orders"]
  }

  expect_failures = [var.functions]
}

run "a_function_with_a_qualifier" {
  command = plan

  variables {
    functions = ["orders:live"]
  }

  expect_failures = [var.functions]
}

run "any_role_of_the_account" {
  command = plan

  variables {
    execution_roles = ["*"]
  }

  expect_failures = [var.execution_roles]
}

run "an_execution_role_that_is_an_arn" {
  command = plan

  variables {
    execution_roles = ["arn:aws:iam::123456789012:role/lambda/orders"]
  }

  expect_failures = [var.execution_roles]
}

run "a_path_that_is_a_pattern" {
  command = plan

  variables {
    execution_roles = ["*/orders"]
  }

  expect_failures = [var.execution_roles]
}

run "an_execution_role_that_begins_with_a_slash" {
  command = plan

  variables {
    execution_roles = ["/lambda/orders"]
  }

  expect_failures = [var.execution_roles]
}

run "an_organization_that_is_a_pattern" {
  command = plan

  variables {
    organization_id = "o-*"
  }

  expect_failures = [var.organization_id]
}

run "an_organization_that_is_an_account" {
  command = plan

  variables {
    organization_id = "123456789012"
  }

  expect_failures = [var.organization_id]
}

run "an_empty_organization" {
  command = plan

  variables {
    organization_id = ""
  }

  expect_failures = [var.organization_id]
}

run "a_layer_of_any_account" {
  command = plan

  variables {
    layers = ["arn:aws:lambda:eu-west-1:*:layer:shared:1"]
  }

  expect_failures = [var.layers]
}

run "a_layer_without_its_version" {
  command = plan

  variables {
    layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:shared"]
  }

  expect_failures = [var.layers]
}

run "any_layer" {
  command = plan

  variables {
    layers = ["*"]
  }

  expect_failures = [var.layers]
}

run "a_capacity_provider_by_a_pattern" {
  command = plan

  variables {
    capacity_providers = ["arn:aws:lambda:eu-west-1:123456789012:capacity-provider:*"]
  }

  expect_failures = [var.capacity_providers]
}

run "a_key_by_its_alias" {
  command = plan

  variables {
    function_keys = ["arn:aws:kms:eu-west-1:123456789012:alias/functions"]
  }

  expect_failures = [var.function_keys]
}

run "any_key" {
  command = plan

  variables {
    function_keys = ["arn:aws:kms:eu-west-1:123456789012:key/*"]
  }

  expect_failures = [var.function_keys]
}

run "a_boundary_with_every_service" {
  command = plan

  variables {
    execution_boundary = ["*"]
  }

  expect_failures = [var.execution_boundary]
}

run "a_boundary_with_an_action" {
  command = plan

  variables {
    execution_boundary = ["s3:GetObject"]
  }

  expect_failures = [var.execution_boundary]
}

run "a_boundary_with_rights" {
  command = plan

  variables {
    execution_boundary = ["logs", "iam"]
  }

  expect_failures = [var.execution_boundary]
}

run "a_boundary_without_services" {
  command = plan

  variables {
    execution_boundary = []
  }

  expect_failures = [var.execution_boundary]
}

run "a_url_as_the_deployers_dead_letters" {
  command = plan

  variables {
    deployer = merge(var.deployer, { dead_letters_arn = "https://sqs.eu-west-1.amazonaws.com/123456789012/deployer-dead-letters" })
  }

  expect_failures = [var.deployer]
}

run "dead_letters_of_another_account" {
  command = plan

  variables {
    deployer = merge(var.deployer, { dead_letters_arn = "arn:aws:sqs:eu-west-1:999999999999:deployer-dead-letters" })
  }

  expect_failures = [var.deployer]
}

run "a_name_as_the_deployers_bus" {
  command = plan

  variables {
    deployer = merge(var.deployer, { event_bus_arn = "deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_bus_of_another_account" {
  command = plan

  variables {
    deployer = merge(var.deployer, { event_bus_arn = "arn:aws:events:eu-west-1:999999999999:event-bus/deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_schedule_as_the_deployers_group_of_schedules" {
  command = plan

  variables {
    deployer = merge(var.deployer, { schedules_arn = "arn:aws:scheduler:eu-west-1:123456789012:schedule/deployer/deployer-sweep" })
  }

  expect_failures = [var.deployer]
}

run "a_group_of_schedules_of_another_account" {
  command = plan

  variables {
    deployer = merge(var.deployer, { schedules_arn = "arn:aws:scheduler:eu-west-1:999999999999:schedule-group/deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_name_as_the_deployers_log_group" {
  command = plan

  variables {
    deployer = merge(var.deployer, { log_group_arn = "/aws/lambda/deployer" })
  }

  expect_failures = [var.deployer]
}

run "the_streams_of_the_deployers_log_group" {
  command = plan

  variables {
    deployer = merge(var.deployer, { log_group_arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer:*" })
  }

  expect_failures = [var.deployer]
}

run "a_log_group_of_another_account" {
  command = plan

  variables {
    deployer = merge(var.deployer, { log_group_arn = "arn:aws:logs:eu-west-1:999999999999:log-group:/aws/lambda/deployer" })
  }

  expect_failures = [var.deployer]
}

run "a_subnet_that_is_a_pattern" {
  command = plan

  variables {
    vpc = { subnet_ids = ["subnet-*"] }
  }

  expect_failures = [var.vpc]
}

run "no_subnets_at_all" {
  command = plan

  variables {
    vpc = { subnet_ids = [] }
  }

  expect_failures = [var.vpc]
}

run "a_security_group_by_its_name" {
  command = plan

  variables {
    vpc = { security_group_ids = ["default"] }
  }

  expect_failures = [var.vpc]
}

run "no_security_groups_at_all" {
  command = plan

  variables {
    vpc = { security_group_ids = [] }
  }

  expect_failures = [var.vpc]
}

run "a_tag_key_that_is_a_pattern" {
  command = plan

  variables {
    function_tags = { "team-*" = [] }
  }

  expect_failures = [var.function_tags]
}

run "an_empty_tag_key" {
  command = plan

  variables {
    function_tags = { "" = [] }
  }

  expect_failures = [var.function_tags]
}

run "a_tag_value_that_is_a_pattern" {
  command = plan

  variables {
    function_tags = { team = ["orders-*"] }
  }

  expect_failures = [var.function_tags]
}

run "a_code_signing_configuration_by_its_id" {
  command = plan

  variables {
    code_signing_config_arn = "csc-0f6c334abcdea4d8b"
  }

  expect_failures = [var.code_signing_config_arn]
}

run "any_code_signing_configuration" {
  command = plan

  variables {
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:*"
  }

  expect_failures = [var.code_signing_config_arn]
}

run "a_permissions_boundary_by_its_name" {
  command = plan

  variables {
    permissions_boundary = "landing-zone"
  }

  expect_failures = [var.permissions_boundary]
}

run "a_role_as_the_permissions_boundary" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::123456789012:role/landing-zone"
  }

  expect_failures = [var.permissions_boundary]
}

run "a_provider_that_is_logged_in_elsewhere" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { account = "222222222222" })
  }

  expect_failures = [aws_iam_role.deploy]
}

run "a_policy_that_is_longer_than_iam_takes" {
  command = plan

  variables {
    functions = [for number in range(60) : format("function-with-a-long-name-%03d", number)]
  }

  expect_failures = [aws_iam_role_policy.deploy]
}

run "a_boundary_that_is_longer_than_iam_takes" {
  command = plan

  variables {
    execution_boundary = [for number in range(300) : format("service-number-%03d", number)]
  }

  expect_failures = [aws_iam_policy.execution_boundary[0]]
}
