# The role in a landing zone.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  event_bus_arn = "arn:aws:events:eu-west-1:123456789012:event-bus/deployer"
}

run "as_it_is" {
  assert {
    condition     = aws_iam_role.promotions.path == "/" && aws_iam_role.promotions.permissions_boundary == null
    error_message = "Nobody must have to say anything."
  }
}

run "in_a_landing_zone" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
    role_path            = "/platform/"
    tags                 = { team = "platform" }
  }

  assert {
    condition     = aws_iam_role.promotions.path == "/platform/" && aws_iam_role.promotions.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "The role must have the path and the boundary that are asked for."
  }

  assert {
    condition     = alltrue([for tags in [aws_iam_role.promotions.tags, aws_scheduler_schedule_group.promotions.tags] : tags.team == "platform"])
    error_message = "All that takes tags must have them."
  }
}

run "a_boundary_that_is_no_policy" {
  command = plan

  variables {
    permissions_boundary = "boundary"
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
