# The parameters that the tooling account has for a target.

mock_provider "aws" {
  override_data {
    target = module.target.data.aws_caller_identity.current
    values = { account_id = "222222222222" }
  }
}

mock_provider "aws" {
  alias = "tooling"

  override_data {
    target = data.aws_ssm_parameter.deployer
    values = {
      insecure_value = "{\"role_arn\":\"arn:aws:iam::123456789012:role/deployer\",\"function_arn\":\"arn:aws:lambda:eu-west-1:123456789012:function:deployer\",\"queue_arn\":\"arn:aws:sqs:eu-west-1:123456789012:deployer\",\"wake_queue_arn\":\"arn:aws:sqs:eu-west-1:123456789012:deployer-wakes\",\"ledger_bucket\":\"acme-deployer-ledger\",\"artifact_bucket\":\"acme-artifacts\",\"artifact_key_arn\":null,\"region\":\"eu-west-1\"}"
    }
  }

  override_data {
    target = data.aws_ssm_parameter.deploy_role
    values = {
      insecure_value = "{\"account\":\"222222222222\",\"role_name\":\"deployer-target\",\"environments\":[\"prod\"],\"promoted_from\":[],\"regions\":[\"eu-west-1\"],\"external_ids\":[\"prod-51aa\"]}"
    }
  }
}

variables {
  accounts        = { tooling = "123456789012", target = "222222222222" }
  functions       = ["orders-*"]
  execution_roles = ["lambda/*"]
}

run "role_is_made_from_the_parameters" {
  command = plan

  assert {
    condition     = data.aws_ssm_parameter.deploy_role.name == "/deployers/deployer/deploy-roles/222222222222/deployer-target"
    error_message = "The parameter's name must be what the module tooling gives it."
  }

  assert {
    condition     = jsondecode(module.target.policies.trust).Statement[0].Principal.AWS == "arn:aws:iam::123456789012:role/deployer"
    error_message = "The role must trust the deployer that the parameter names."
  }
}

run "parameters_of_a_deployer_and_a_role_with_other_names" {
  command = plan

  variables {
    name      = "releases"
    role_name = "platform/deployer@prod"
  }

  assert {
    condition     = data.aws_ssm_parameter.deployer.name == "/deployers/releases/deployer"
    error_message = "The parameter must be that of the deployer that is named."
  }

  assert {
    condition     = data.aws_ssm_parameter.deploy_role.name == "/deployers/releases/deploy-roles/222222222222/platform/deployer_prod"
    error_message = "The parameter's name must be what the module tooling gives it."
  }
}
