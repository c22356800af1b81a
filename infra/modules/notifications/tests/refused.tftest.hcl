# Bad input, one thing wrong at a time: each is refused where it was said.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  event_bus_arn = "arn:aws:events:eu-west-1:123456789012:event-bus/deployer"
}

run "the_name_of_a_bus" {
  command = plan

  variables {
    event_bus_arn = "deployer"
  }

  expect_failures = [var.event_bus_arn]
}

run "a_name_with_a_blank" {
  command = plan

  variables {
    name = "the deployer"
  }

  expect_failures = [var.name]
}

run "a_name_that_leaves_no_room_for_those_of_rules" {
  command = plan

  variables {
    name = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwx"
  }

  expect_failures = [var.name]
}

run "an_address_that_is_a_name" {
  command = plan

  variables {
    emails = ["oncall"]
  }

  expect_failures = [var.emails]
}

run "a_boundary_that_is_no_policy" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::123456789012:role/boundary"
  }

  expect_failures = [var.permissions_boundary]
}

run "a_role_path_without_its_last_slash" {
  command = plan

  variables {
    role_path = "/platform"
  }

  expect_failures = [var.role_path]
}

run "a_role_path_without_its_first_slash" {
  command = plan

  variables {
    role_path = "platform/"
  }

  expect_failures = [var.role_path]
}

run "a_role_path_with_an_empty_part" {
  command = plan

  variables {
    role_path = "/platform//releases/"
  }

  expect_failures = [var.role_path]
}

run "a_role_path_that_is_too_long" {
  command = plan

  variables {
    role_path = "/${join("", [for number in range(64) : "platform/"])}"
  }

  expect_failures = [var.role_path]
}

run "a_key_by_its_alias" {
  command = plan

  variables {
    key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/topic"
  }

  expect_failures = [var.key_arn]
}
