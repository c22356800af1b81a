# Rollouts: what is taken, and bad input, one thing wrong at a time.

run "the_safe_default_and_everything_of_the_design_are_taken" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], rollout = {} }
      prod = {
        targets = [for number in range(20) : { account = format("%012d", number + 1), region = "us-east-1" }]
        rollout = {
          steps      = [{ weight = 10, for = "10m" }, { weight = 50, for = "10m", then = "pause" }]
          watch      = "10m", waves = ["1", "10%", "100%"], alarms = ["{function}-5xx"], already_alarming = "disarm"
          guard      = { invocations = 50, errors = 5, margin = 1.0, significance = 0.0005 }
          when_quiet = "proceed", when_unshiftable = "all-at-once", on_newer = "wait", pause_expires = "1d"
          smoke_test = [{ event = jsonencode({ ping = true }), expect = jsonencode({ ok = true }), timeout = "5s" }]
        }
      }
      all = { targets = [{ account = "222222222222", region = "eu-west-1" }], rollout = { steps = [], waves = ["9"] } }
    }
  }

  assert {
    condition     = length(output.environments.all.rollout.steps) == 0 && output.environments.dev.rollout.steps == null
    error_message = "No steps are another thing than none said: ${jsonencode(output.environments.all.rollout)}"
  }
}

run "a_weight_of_zero" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 0, for = "10m" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_weight_of_a_hundred" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 100, for = "10m" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_weight_that_is_no_whole_number" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 2.5, for = "10m" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "weights_that_do_not_rise" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 10, for = "10m" }, { weight = 10, for = "10m" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_step_of_one_minute" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 10, for = "1m" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_step_without_a_unit" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 10, for = "600" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_step_that_stops" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 10, for = "10m", then = "stop" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "no_watch" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { watch = "0s" } }
    }
  }

  expect_failures = [output.environments]
}

run "an_empty_watch" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { watch = "" } }
    }
  }

  expect_failures = [output.environments]
}

run "a_rollout_of_more_than_two_days" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { steps = [{ weight = 10, for = "24h" }], waves = ["1", "100%"] } }
    }
  }

  expect_failures = [output.environments]
}

run "no_waves" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { waves = [] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_wave_of_nothing" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { waves = ["0", "100%"] } }
    }
  }

  expect_failures = [output.environments]
}

run "waves_that_do_not_rise" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { waves = ["50%", "10%", "100%"] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_last_wave_of_some_targets" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { waves = ["1"] } }
    }
  }

  expect_failures = [output.environments]
}

run "an_alarm_twice" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { alarms = ["a", "a"] } }
    }
  }

  expect_failures = [output.environments]
}

run "an_alarm_of_a_release" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { alarms = ["{release}-5xx"] } }
    }
  }

  expect_failures = [output.environments]
}

run "an_alarm_that_is_an_arn" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { alarms = ["arn:aws:cloudwatch:eu-west-1:111111111111:alarm:a"] } }
    }
  }

  expect_failures = [output.environments]
}

run "twenty_one_alarms" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { alarms = [for number in range(21) : "a${number}"] } }
    }
  }

  expect_failures = [output.environments]
}

run "an_unknown_choice" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { when_quiet = "ignore" } }
    }
  }

  expect_failures = [output.environments]
}

run "a_guard_of_no_errors" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { guard = { errors = 0 } } }
    }
  }

  expect_failures = [output.environments]
}

run "a_margin_above_a_hundred_points" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { guard = { margin = 101 } } }
    }
  }

  expect_failures = [output.environments]
}

run "a_significance_of_ten_percent" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { guard = { significance = 0.1 } } }
    }
  }

  expect_failures = [output.environments]
}

run "a_pause_that_ends_at_once" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { pause_expires = "0s" } }
    }
  }

  expect_failures = [output.environments]
}

run "a_smoke_test_that_is_no_json" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { smoke_test = [{ event = "{ping" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "a_smoke_test_of_two_minutes" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { smoke_test = [{ event = "{}", timeout = "120s" }] } }
    }
  }

  expect_failures = [output.environments]
}

run "six_smoke_tests" {
  command = plan

  variables {
    environments = {
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }, { account = "222222222222", region = "eu-west-1" }], rollout = { smoke_test = [for number in range(6) : { event = "${number}" }] } }
    }
  }

  expect_failures = [output.environments]
}
