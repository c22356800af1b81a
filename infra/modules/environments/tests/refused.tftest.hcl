# Bad input, one thing wrong at a time: each is refused where it was said.

run "no_environments" {
  command = plan

  variables {
    environments = {}
  }

  expect_failures = [var.environments]
}

run "sixty_five_environments" {
  command = plan

  variables {
    environments = { for number in range(65) : "e${number}" => { targets = [{ account = "111111111111", region = "eu-west-1" }] } }
  }

  expect_failures = [var.environments]
}

run "an_environment_name_with_a_capital" {
  command = plan

  variables {
    environments = {
      Dev = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "an_environment_name_that_is_a_path" {
  command = plan

  variables {
    environments = {
      "dev/eu" = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "an_environment_name_of_thirty_three_letters" {
  command = plan

  variables {
    environments = {
      abcdefghijklmnopqrstuvwxyz-abcdef = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "an_environment_without_targets" {
  command = plan

  variables {
    environments = {
      dev = { targets = [] }
    }
  }

  expect_failures = [var.environments]
}

run "an_account_of_eleven_digits" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "11111111111", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "an_account_that_lost_its_leading_zero_as_a_number" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = 012345678901, region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "an_account_that_is_a_pattern" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "*", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_region_that_is_an_availability_zone" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1a" }] }
    }
  }

  expect_failures = [var.environments]
}

# A warning in a plan; in a test a check that fails is a failure.
run "a_misspelt_region" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-wset-1" }, { account = "111111111111", region = "ap-southeast-2" }] }
    }
  }

  expect_failures = [check.regions]
}

run "a_region_that_is_a_pattern" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "*" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_target_twice" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "111111111111", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_role_name_that_begins_with_a_slash" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], role_name = "/ci/deployer" }
    }
  }

  expect_failures = [var.environments]
}

run "a_role_name_that_is_a_pattern" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], role_name = "*" }
    }
  }

  expect_failures = [var.environments]
}

run "an_empty_external_id" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "" }
    }
  }

  expect_failures = [var.environments]
}

run "an_external_id_of_one_character" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "d" }
    }
  }

  expect_failures = [var.environments]
}

run "an_external_id_that_is_a_pattern" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "dev-*" }
    }
  }

  expect_failures = [var.environments]
}

run "an_external_id_that_is_too_long" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = format("%01225d", 0) }
    }
  }

  expect_failures = [var.environments]
}

run "an_external_id_that_two_environments_share" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "same-id" }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], external_id = "same-id" }
      test = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "another-id" }
    }
  }

  expect_failures = [var.environments]
}

run "a_promotion_from_an_unknown_environment" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "stage" } }
    }
  }

  expect_failures = [var.environments]
}

run "a_soak_without_a_unit" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", soak = "30" } }
    }
  }

  expect_failures = [var.environments]
}

run "a_soak_of_more_than_a_year" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", soak = "366d" } }
    }
  }

  expect_failures = [var.environments]
}

run "an_alias_of_digits_only" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], alias = "42" }
    }
  }

  expect_failures = [var.environments]
}

run "an_alias_with_a_dot" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], alias = "live.1" }
    }
  }

  expect_failures = [var.environments]
}

run "a_function_name_that_all_functions_would_share" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "orders" }
    }
  }

  expect_failures = [var.environments]
}

run "a_function_name_with_a_release" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "{function}-{release}" }
    }
  }

  expect_failures = [var.environments]
}

run "a_function_name_that_leaves_no_room" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "{function}${join("", [for letter in range(64) : "x"])}" }
    }
  }

  expect_failures = [var.environments]
}

run "no_version_kept" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], keep_versions = 0 }
    }
  }

  expect_failures = [var.environments]
}

run "no_time_for_the_traffic" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], traffic_within = "0s" }
    }
  }

  expect_failures = [var.environments]
}

run "half_a_version_kept" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], keep_versions = 1.5 }
    }
  }

  expect_failures = [var.environments]
}

run "a_shared_deploy_role_with_an_external_id_for_one_of_its_environments" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "dev-8c1f" }
      test = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_promotion_from_an_unknown_environment_beside_a_known_one" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", also_from = ["stage"] } }
    }
  }

  expect_failures = [var.environments]
}

run "a_promotion_from_one_environment_twice" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", also_from = ["dev"] } }
    }
  }

  expect_failures = [var.environments]
}

run "a_promotion_that_requires_most" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", require = "most" } }
    }
  }

  expect_failures = [var.environments]
}

run "a_promotion_of_the_oldest" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", policy = "oldest" } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approval_without_a_promotion" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], approval = { required = 1 } }
    }
  }

  expect_failures = [var.environments]
}

run "nobody_s_approval" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 0 } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approver_without_an_account" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, proven = true, approvers = [{ arn = "arn:aws:iam::*:role/release" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approver_that_is_a_session" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, proven = true, approvers = [{ arn = "arn:aws:sts::123456789012:assumed-role/release/ann" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approver_with_a_path_and_a_star" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, proven = true, approvers = [{ arn = "arn:aws:iam::123456789012:role/team/release-*" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approver_whose_sessions_are_misspelt" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, proven = true, approvers = [{ arn = "arn:aws:iam::123456789012:role/release", session_names = "yes" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "a_user_with_session_names" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, proven = true, approvers = [{ arn = "arn:aws:iam::123456789012:user/ann", session_names = "trusted" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "proven_approvals_of_anybody" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, proven = true } }
    }
  }

  expect_failures = [var.environments]
}

run "approvers_that_nobody_proves" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, approvers = [{ arn = "arn:aws:iam::123456789012:role/release-*" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approver_twice" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, proven = true, approvers = [{ arn = "arn:aws:iam::123456789012:role/release-*" }, { arn = "arn:aws:iam::123456789012:role/release-*" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "fewer_approvers_than_approvals" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 2, proven = true, approvers = [{ arn = "arn:aws:iam::123456789012:role/a/release" }, { arn = "arn:aws:iam::123456789012:role/b/release" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "a_command_that_cannot_be_proven" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, proven = ["rollback"] }
    }
  }

  expect_failures = [var.environments]
}

run "a_command_proven_twice" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev" }, proven = ["hold", "hold"] }
    }
  }

  expect_failures = [var.environments]
}

run "the_approval_of_eleven" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 11 } }
    }
  }

  expect_failures = [var.environments]
}

run "the_approval_of_half_a_person" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1.5 } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approval_that_expires_at_once" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, expires = "0m" } }
    }
  }

  expect_failures = [var.environments]
}

run "an_approval_that_expires_without_a_unit" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, approval = { required = 1, expires = "7" } }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_without_a_promotion" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], freeze = [{ days = ["fri"], zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_of_no_time" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_of_days_and_of_dates" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = ["fri"], first = "2026-12-20", last = "2027-01-02", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_without_an_end" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = ["fri"], from = "16:00", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_from_and_to_without_days" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ from = "16:00", to = "18:00", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_on_no_days" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = [], zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_without_a_last_day" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ first = "2026-12-20", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_on_a_day_that_is_written_out" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = ["friday"], zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_until_twenty_four_o_clock" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = ["fri"], from = "16:00", to = "24:00", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_from_an_hour_of_one_digit" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = ["fri"], from = "8:00", to = "10:00", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_from_a_day_that_is_not_in_the_calendar" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ first = "2026-02-29", last = "2026-03-01", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_whose_dates_are_written_otherwise" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ first = "20.12.2026", last = "02.01.2027", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_that_ends_before_it_begins" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ first = "2027-01-02", last = "2026-12-20", zone = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_in_a_zone_with_a_blank" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = ["fri"], zone = "Europe/Ber lin" }] }
    }
  }

  expect_failures = [var.environments]
}

run "a_freeze_that_is_forgotten" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, freeze = [{ days = ["fri"], zone = "UTC" }], when_frozen = "forget" }
    }
  }

  expect_failures = [var.environments]
}

run "what_to_do_in_a_freeze_that_there_is_not" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" }, when_frozen = "wait" }
    }
  }

  expect_failures = [var.environments]
}

run "an_execution_role_with_its_account" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], execution_role = "arn:aws:iam::111111111111:role/x" }
    }
  }

  expect_failures = [var.environments]
}

run "a_log_group_by_its_arn" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], log_groups = ["arn:aws:logs:eu-west-1:111111111111:log-group:x"] }
    }
  }

  expect_failures = [var.environments]
}

run "a_dead_letter_target_by_its_name" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], dead_letter_targets = ["{function}-dead"] }
    }
  }

  expect_failures = [var.environments]
}

run "an_execution_role_that_leads_out_of_its_path" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], execution_role = "../{function}" }
    }
  }

  expect_failures = [var.environments]
}
