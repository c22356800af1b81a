# What is taken, and what the deployer's fields become.

variables {
  environments = {
    prod = {
      targets   = [{ account = "111111111111", region = "eu-west-1" }]
      promotion = { from = "dev" }
      approval  = { required = 1, proven = true, approvers = [{ arn = "arn:aws:iam::111111111111:role/release-*" }] }
      freeze    = [{ days = ["fri"], zone = "UTC" }]
    }
    dev = { targets = [{ account = "222222222222", region = "eu-west-1" }], keep_versions = "5" }
  }
}

# A field that is not in the type would be dropped without a word.
run "every_field_of_the_deployer_is_in_the_type" {
  command = plan

  assert {
    condition = { for of, value in {
      environment = output.environments.prod
      promotion   = output.environments.prod.promotion
      approval    = output.environments.prod.approval
      approver    = output.environments.prod.approval.approvers[0]
      freeze      = output.environments.prod.freeze[0]
      target      = output.environments.prod.targets[0]
    } : of => keys(value) } == local.names.fields
    error_message = "The type must have the fields of names.json: ${jsonencode(output.environments.prod)}"
  }

  assert {
    condition     = output.environments.dev.promotion == null && output.environments.dev.approval == null && length(output.environments.dev.freeze) == 0 && output.environments.dev.keep_versions == 5
    error_message = "What is not said must be null, and a number in quotes a number."
  }
}
