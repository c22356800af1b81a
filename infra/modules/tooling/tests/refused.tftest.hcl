# Bad input, one thing wrong at a time: each is refused where it was said.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = { path = "versions.tf" }
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  environments = {
    dev = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
  }
}

run "a_chain_of_sixty_four_promotions_is_taken" {
  command = plan

  variables {
    environments = {
      for number in range(64) : "e${number}" => {
        targets       = [{ account = "111111111111", region = "eu-west-1" }]
        function_name = "{environment}_{function}"
        promotion     = number == 0 ? null : { from = "e${number - 1}" }
      }
    }
  }
}

run "a_bucket_name_in_capitals" {
  command = plan

  variables {
    artifact_bucket = "Acme-Artifacts"
  }

  expect_failures = [var.artifact_bucket]
}

run "a_ledger_bucket_name_that_is_too_short" {
  command = plan

  variables {
    ledger_bucket = "ab"
  }

  expect_failures = [var.ledger_bucket]
}

run "one_bucket_for_both" {
  command = plan

  variables {
    ledger_bucket = "acme-artifacts"
  }

  expect_failures = [var.ledger_bucket]
}

run "a_promotion_from_itself" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "prod" } }
    }
  }

  expect_failures = [aws_s3_object.config]
}

run "a_circle_of_two_promotions" {
  command = plan

  variables {
    environments = {
      dev   = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      stage = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "prod" } }
      prod  = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "stage" } }
    }
  }

  expect_failures = [aws_s3_object.config]
}

run "a_circle_of_three_promotions" {
  command = plan

  variables {
    environments = {
      dev   = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "prod" } }
      stage = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev" } }
      prod  = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "stage" } }
      test  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
    }
  }

  expect_failures = [aws_s3_object.config]
}

run "a_circle_of_sixty_four_promotions" {
  command = plan

  variables {
    environments = { for number in range(64) : "e${number}" => { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "e${(number + 1) % 64}" } } }
  }

  expect_failures = [aws_s3_object.config]
}

run "more_environments_than_a_bucket_policy_takes" {
  command = plan

  variables {
    environments = {
      for number in range(40) : "e${number}" => {
        targets       = [{ account = "111111111111", region = "eu-west-1" }]
        function_name = "e${number}-{function}"
        role_name     = "deployer-${number}"
        promotion     = number == 0 ? null : { from = "e${number - 1}" }
      }
    }
  }

  expect_failures = [aws_s3_bucket_policy.artifacts[0]]
}

run "more_accounts_than_a_bucket_policy_takes" {
  command = plan

  variables {
    environments = {
      dev = { targets = [for number in range(700) : { account = format("%012d", number), region = "eu-west-1" }] }
    }
  }

  expect_failures = [aws_s3_bucket_policy.artifacts]
}

run "more_accounts_than_a_key_policy_takes" {
  command = plan

  variables {
    customer_key = true
    environments = {
      dev = { targets = [for number in range(1000) : { account = format("%012d", number), region = "eu-west-1" }] }
    }
  }

  expect_failures = [aws_kms_key.artifacts, aws_s3_bucket_policy.artifacts]
}

run "more_deploy_roles_than_eight_policies_take" {
  command = plan

  variables {
    environments = {
      dev = {
        targets   = [for number in range(620) : { account = format("%012d", number), region = "eu-west-1" }]
        role_name = "a-role-name-that-is-as-long-as-the-deployer-takes-it-64-letters"
      }
    }
  }

  expect_failures = [aws_iam_role_policy.deployer, aws_s3_bucket_policy.artifacts]
}

run "more_environments_than_a_role_policy_takes" {
  command = plan

  variables {
    artifact_bucket = "a-bucket-with-a-name-of-sixty-three-letters-as-long-as-s3-takes"
    ledger_bucket   = "a-ledger-with-a-name-of-sixty-three-letters-as-long-as-s3-takes"
    environments = {
      for number in range(64) : "an-environment-of-32-letters-0${format("%02d", number)}" => {
        targets       = [{ account = "123456789012", region = "eu-west-1" }]
        function_name = "e${number}-{function}"
      }
    }
  }

  expect_failures = [aws_iam_role_policy.deployer]
}

run "more_requesters_than_a_bus_policy_takes" {
  command = plan

  variables {
    promotion_requesters = [for number in range(150) : "arn:aws:iam::${format("%012d", number)}:role/release"]
  }

  expect_failures = [aws_cloudwatch_event_bus_policy.requests]
}

run "a_name_with_a_blank" {
  command = plan

  variables {
    name = "the deployer"
  }

  expect_failures = [var.name]
}

run "a_name_of_forty_one_letters" {
  command = plan

  variables {
    name = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmn"
  }

  expect_failures = [var.name]
}

run "an_unknown_architecture" {
  command = plan

  variables {
    architecture = "aarch64"
  }

  expect_failures = [var.architecture]
}

run "a_single_invocation_at_once" {
  command = plan

  variables {
    maximum_concurrency = 1
  }

  expect_failures = [var.maximum_concurrency]
}

run "more_than_a_thousand_invocations_at_once" {
  command = plan

  variables {
    maximum_concurrency = 1001
  }

  expect_failures = [var.maximum_concurrency]
}

run "half_an_invocation" {
  command = plan

  variables {
    maximum_concurrency = 2.5
  }

  expect_failures = [var.maximum_concurrency]
}

run "a_single_wake_at_once" {
  command = plan

  variables {
    wake_concurrency = 1
  }

  expect_failures = [var.wake_concurrency]
}

run "more_than_a_thousand_wakes_at_once" {
  command = plan

  variables {
    wake_concurrency = 1001
  }

  expect_failures = [var.wake_concurrency]
}

run "half_a_wake" {
  command = plan

  variables {
    wake_concurrency = 2.5
  }

  expect_failures = [var.wake_concurrency]
}

run "a_log_kept_for_a_hundred_days" {
  command = plan

  variables {
    log_retention_days = 100
  }

  expect_failures = [var.log_retention_days]
}

run "a_package_of_neither_form" {
  command = plan

  variables {
    package = { version = "0.1.0" }
  }

  expect_failures = [var.package]
}

run "a_package_of_both_forms" {
  command = plan

  variables {
    package = { path = "versions.tf", bucket = "acme-releases" }
  }

  expect_failures = [var.package]
}

run "a_package_in_s3_without_its_version_and_hash" {
  command = plan

  variables {
    package = { bucket = "acme-releases", key = "deployer.zip" }
  }

  expect_failures = [var.package]
}

run "a_package_with_an_empty_path" {
  command = plan

  variables {
    package = { path = " " }
  }

  expect_failures = [var.package]
}

run "a_package_in_s3_without_versioning" {
  command = plan

  variables {
    package = { bucket = "b", key = "k", version_id = "null", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  }

  expect_failures = [var.package]
}

run "a_package_with_a_hash_in_base64" {
  command = plan

  variables {
    package = { bucket = "b", key = "k", version_id = "v", sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
  }

  expect_failures = [var.package]
}

run "a_package_whose_version_has_a_space" {
  command = plan

  variables {
    package = { path = "versions.tf", version = "0.1 beta" }
  }

  expect_failures = [var.package]
}

run "a_live_version_that_is_an_alias" {
  command = plan

  variables {
    live_version = "live"
  }

  expect_failures = [var.live_version]
}

run "a_live_version_of_latest" {
  command = plan

  variables {
    live_version = "$LATEST"
  }

  expect_failures = [var.live_version]
}

run "a_circle_through_the_second_of_two_environments" {
  command = plan

  variables {
    environments = {
      dev   = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      stage = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", also_from = ["prod"] } }
      prod  = { targets = [{ account = "111111111111", region = "eu-west-1" }], promotion = { from = "dev", also_from = ["stage"] } }
    }
  }

  expect_failures = [aws_s3_object.config]
}

run "requests_from_any_role_of_an_account" {
  command = plan

  variables {
    promotion_requesters = ["arn:aws:iam::333333333333:role/*"]
  }

  expect_failures = [var.promotion_requesters]
}

run "requests_from_a_whole_account" {
  command = plan

  variables {
    promotion_requesters = ["arn:aws:iam::333333333333:root"]
  }

  expect_failures = [var.promotion_requesters]
}

run "environments_that_may_mean_one_function" {
  command = plan

  variables {
    environments = {
      team     = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "{environment}-{function}" }
      team-pay = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "{environment}-{function}" }
    }
  }

  expect_failures = [aws_s3_object.config]
}

run "environments_of_one_account_whose_names_keep_functions_apart" {
  command = plan

  variables {
    environments = {
      dev      = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "{function}-{environment}" }
      prod     = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "{function}-{environment}" }
      test     = { targets = [{ account = "111111111111", region = "us-east-1" }] }
      team     = { targets = [{ account = "222222222222", region = "eu-west-1" }], function_name = "{environment}_{function}" }
      team-pay = { targets = [{ account = "222222222222", region = "eu-west-1" }], function_name = "{environment}_{function}" }
    }
  }
}

run "a_region_of_another_partition" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "cn-north-1" }] }
    }
  }

  expect_failures = [aws_s3_object.config]
}

run "a_region_of_no_partition" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "xx-west-1" }] }
    }
  }

  expect_failures = [aws_s3_object.config]
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

run "an_unknown_field_promotoin" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotoin = { from = "dev" } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_promotion_with_a_capital" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], Promotion = { from = "dev" } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_aproval" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], aproval = { required = 1 } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_soak_beside_the_promotion" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], soak = "1h" }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_a_name_that_is_like_no_other" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], xyzzy = 1 }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_form_of_a_promotion" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { form = "dev" } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_requird_of_an_approval" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], approval = { requird = 1 } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_wach_of_a_rollout" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], rollout = { wach = "10m" } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_errrors_of_a_guard" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], rollout = { guard = { errrors = 5 } } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_wieght_of_a_step" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], rollout = { steps = [{ wieght = 10, weight = 10, for = "10m" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_expects_of_a_smoke_test" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], rollout = { smoke_test = [{ event = "{}", expects = "{}" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_sesion_names_of_an_approver" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], approval = { required = 1, approvers = [{ arn = "arn:aws:iam::123456789012:role/people", sesion_names = "trusted" }] } }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_zon_of_a_freeze" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = { targets = [{ account = "222222222222", region = "eu-west-1" }], freeze = [{ first = "2026-12-20", last = "2027-01-02", zone = "UTC" }, { days = ["fri"], zon = "UTC" }] }
    }
  }

  expect_failures = [var.environments]
}

run "an_unknown_field_acount_of_a_target" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }, { acount = "222222222222", region = "eu-west-1" }] }
    }
  }

  expect_failures = [var.environments]
}

run "no_alarm_actions" {
  command = plan

  variables {
    alarm_actions = []
  }

  expect_failures = [check.alarms_tell_somebody]
}

run "alarm_actions_that_are_no_arn" {
  command = plan

  variables {
    alarm_actions = ["on-call"]
  }

  expect_failures = [var.alarm_actions]
}

run "six_alarm_actions" {
  command = plan

  variables {
    alarm_actions = [for number in range(6) : "arn:aws:sns:eu-west-1:123456789012:on-call-${number}"]
  }

  expect_failures = [var.alarm_actions]
}

run "ok_actions_that_are_no_arn" {
  command = plan

  variables {
    ok_actions = ["https://example.com/pager"]
  }

  expect_failures = [var.ok_actions]
}

run "six_ok_actions" {
  command = plan

  variables {
    ok_actions = [for number in range(6) : "arn:aws:sns:eu-west-1:123456789012:on-call-${number}"]
  }

  expect_failures = [var.ok_actions]
}

run "access_logs_in_a_logged_bucket" {
  command = plan

  variables {
    access_log_bucket = "acme-deployer-ledger"
  }

  expect_failures = [var.access_log_bucket]
}

run "an_access_log_bucket_in_capitals" {
  command = plan

  variables {
    access_log_bucket = "Acme-Logs"
  }

  expect_failures = [var.access_log_bucket]
}

run "an_empty_list_of_approvers" {
  command = plan

  variables {
    approvers = []
  }

  expect_failures = [var.approvers]
}

run "approvers_that_are_everybody" {
  command = plan

  variables {
    approvers = ["*"]
  }

  expect_failures = [var.approvers]
}

run "approvers_by_an_account_alone" {
  command = plan

  variables {
    approvers = ["123456789012"]
  }

  expect_failures = [var.approvers]
}

run "an_empty_list_of_uploaders" {
  command = plan

  variables {
    uploaders = []
  }

  expect_failures = [var.uploaders]
}

run "uploaders_that_are_everybody" {
  command = plan

  variables {
    uploaders = ["*"]
  }

  expect_failures = [var.uploaders]
}

run "uploaders_by_an_account_alone" {
  command = plan

  variables {
    uploaders = ["123456789012"]
  }

  expect_failures = [var.uploaders]
}

run "an_empty_list_of_administrators" {
  command = plan

  variables {
    administrators = []
  }

  expect_failures = [var.administrators]
}

run "administrators_that_are_everybody" {
  command = plan

  variables {
    administrators = ["*"]
  }

  expect_failures = [var.administrators]
}

run "administrators_by_an_account_alone" {
  command = plan

  variables {
    administrators = ["123456789012"]
  }

  expect_failures = [var.administrators]
}

run "approvers_by_an_assumed_role" {
  command = plan

  variables {
    approvers = ["arn:aws:sts::123456789012:assumed-role/approver/ann"]
  }

  expect_failures = [var.approvers]
}

run "more_administrators_than_policies_take" {
  command = plan

  variables {
    administrators = [for number in range(500) : format("arn:aws:iam::123456789012:role/platform-%03d", number)]
  }

  expect_failures = [aws_s3_bucket_policy.ledger, aws_sqs_queue.wakes]
}

run "more_approvers_than_a_bus_policy_takes" {
  command = plan

  variables {
    approvers = [for number in range(300) : format("arn:aws:iam::123456789012:role/approver-%03d", number)]
  }

  expect_failures = [aws_cloudwatch_event_bus_policy.requests]
}

run "a_key_for_what_is_not_there" {
  command = plan

  variables {
    keys = { leger = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001" }
  }

  expect_failures = [var.keys]
}

run "a_key_by_its_alias" {
  command = plan

  variables {
    keys = { ledger = "arn:aws:kms:eu-west-1:123456789012:alias/ledger" }
  }

  expect_failures = [var.keys]
}

run "a_key_of_another_account" {
  command = plan

  variables {
    keys = { artifacts = "arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000001" }
  }

  expect_failures = [aws_iam_role.deployer]
}

run "a_key_of_another_region" {
  command = plan

  variables {
    keys = { log = "arn:aws:kms:us-east-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001" }
  }

  expect_failures = [aws_iam_role.deployer]
}

run "two_keys_for_artifacts" {
  command = plan

  variables {
    customer_key = true
    keys         = { artifacts = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001" }
  }

  expect_failures = [var.keys]
}

run "a_decryption_key_for_what_is_not_there" {
  command = plan

  variables {
    decryption_keys = { log = ["arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"] }
  }

  expect_failures = [var.decryption_keys]
}

run "a_decryption_key_by_its_alias" {
  command = plan

  variables {
    decryption_keys = { ledger = ["arn:aws:kms:eu-west-1:123456789012:alias/ledger"] }
  }

  expect_failures = [var.decryption_keys]
}

run "a_decryption_key_that_encrypts_too" {
  command = plan

  variables {
    keys            = { ledger = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001" }
    decryption_keys = { ledger = ["arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"] }
  }

  expect_failures = [var.decryption_keys]
}

run "a_bucket_of_the_owner_in_another_region" {
  command = plan

  variables {
    existing_bucket = true
  }

  override_data {
    target = data.aws_s3_bucket.artifacts
    values = { bucket_regional_domain_name = "acme-artifacts.s3.us-east-1.amazonaws.com" }
  }

  expect_failures = [data.aws_s3_bucket.artifacts]
}

run "a_bucket_of_the_owner_with_a_key_of_the_module" {
  command = plan

  variables {
    existing_bucket = true
    customer_key    = true
  }

  override_data {
    target = data.aws_s3_bucket.artifacts
    values = { bucket_regional_domain_name = "acme-artifacts.s3.eu-west-1.amazonaws.com" }
  }

  expect_failures = [var.existing_bucket]
}
