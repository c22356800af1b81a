# What is taken, and what the deployer's fields become.

variables {
  environments = {
    prod = {
      targets   = [{ account = "111111111111", region = "eu-west-1" }]
      promotion = { from = "dev" }
      approval  = { required = 1, proven = true, approvers = [{ arn = "arn:aws:iam::111111111111:role/release-*" }] }
      freeze    = [{ days = ["fri"], zone = "UTC" }]
      rollout = {
        steps  = [{ weight = 10, for = "10m" }, { weight = 50, for = "1h", then = "pause" }], waves = ["1"], guard = { errors = 5 }
        alarms = ["{function}-5xx"], smoke_test = [{ event = jsonencode({ ping = true }) }]
      }
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
      rollout     = output.environments.prod.rollout
      step        = output.environments.prod.rollout.steps[0]
      guard       = output.environments.prod.rollout.guard
      smoke_test  = output.environments.prod.rollout.smoke_test[0]
    } : of => keys(value) } == local.names.fields
    error_message = "The type must have the fields of names.json: ${jsonencode(output.environments.prod)}"
  }

  assert {
    condition     = output.environments.dev.promotion == null && output.environments.dev.approval == null && output.environments.dev.rollout == null && length(output.environments.dev.freeze) == 0 && output.environments.dev.keep_versions == 5
    error_message = "What is not said must be null, and a number in quotes a number."
  }
}

# A check that warns would fail the test.
run "every_kind_of_region_name_is_taken_without_a_warning" {
  command = plan

  variables {
    environments = {
      dev = { targets = [for region in [
        "us-east-1", "us-west-2", "eu-central-2", "eu-north-1", "eu-south-2", "ap-northeast-3", "ap-southeast-5", "ap-south-1", "ap-east-1",
        "sa-east-1", "ca-west-1", "me-south-1", "af-south-1", "il-central-1", "mx-central-1", "cn-northwest-1", "us-gov-west-1", "us-iso-east-1",
        "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1",
      ] : { account = "111111111111", region = region }] }
    }
  }

  assert {
    condition     = length(output.environments.dev.targets) == 22
    error_message = "Every region must be taken: ${jsonencode(output.environments.dev.targets)}"
  }
}
