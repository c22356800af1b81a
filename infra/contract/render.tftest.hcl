# `terraform test -json -verbose` tells the outputs, and with them every policy.

mock_provider "aws" {
  source = "../mocks"
}

override_data {
  target = module.dev.data.aws_caller_identity.current
  values = { account_id = "111111111111" }
}

override_data {
  target = module.prod.data.aws_caller_identity.current
  values = { account_id = "222222222222" }
}

run "render" {
  command = apply
}
