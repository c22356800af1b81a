# `terraform test -json -verbose` tells the outputs, and with them every policy.

mock_provider "aws" {
  source = "../../mocks"

  override_data {
    target = module.least.data.aws_caller_identity.current
    values = { account_id = "111111111111" }
  }

  override_data {
    target = module.most.data.aws_caller_identity.current
    values = { account_id = "111111111111" }
  }

  override_data {
    target = module.organization_only.data.aws_caller_identity.current
    values = { account_id = "111111111111" }
  }
}

run "render" {
  command = apply
}
