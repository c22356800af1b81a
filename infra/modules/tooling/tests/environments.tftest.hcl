# What is made for the environments: deploy roles, promotions, rollouts, parameters.

mock_provider "aws" {
  source = "../../mocks"
}

override_resource {
  target = aws_sqs_queue.wakes
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:mocked-wakes"
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/mocked-wakes"
  }
}

variables {
  artifact_bucket = "acme-artifacts"
  ledger_bucket   = "acme-deployer-ledger"
  package         = { path = "versions.tf" }
  alarm_actions   = ["arn:aws:sns:eu-west-1:123456789012:on-call"]
  ok_actions      = ["arn:aws:sns:eu-west-1:123456789012:pager"]
  environments = {
    dev = {
      targets     = [{ account = "111111111111", region = "eu-west-1" }]
      external_id = "dev-8c1f"
    }
    prod = {
      targets = [
        { account = "222222222222", region = "eu-west-1" },
        { account = "222222222222", region = "us-east-1" },
      ]
      external_id = "prod-51aa"
      promotion   = { from = "dev", soak = "30m" }
    }
  }
}

run "two_environments_may_share_an_account_with_a_role_for_each_or_one_for_both" {
  command = plan

  variables {
    environments = {
      dev   = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "dev-8c1f", function_name = "dev-{function}" }
      test  = { targets = [{ account = "111111111111", region = "us-east-1" }], external_id = "test-77b0" }
      stage = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "stage-0c4d", role_name = "platform/deployer-stage", function_name = "stage-{function}" }
    }
  }

  assert {
    condition = jsondecode(jsonencode(output.deploy_roles)) == {
      "111111111111/platform/deployer-stage" = {
        account       = "111111111111"
        role_name     = "platform/deployer-stage"
        environments  = ["stage"]
        promoted_from = []
        regions       = ["eu-west-1"]
        external_ids  = ["stage-0c4d"]
      }
      "111111111111/deployer-target" = {
        account       = "111111111111"
        role_name     = "deployer-target"
        environments  = ["dev", "test"]
        promoted_from = []
        regions       = ["eu-west-1", "us-east-1"]
        external_ids  = ["dev-8c1f", "test-77b0"]
      }
    }
    error_message = "A role is one per account and role name."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.artifact_bucket).Statement : [statement.Principal.AWS, statement.Condition.ArnLike["aws:PrincipalArn"]] if statement.Effect == "Allow" && contains(flatten([statement.Resource]), "arn:aws:s3:::acme-artifacts/stage/*")
    ] == [[["arn:aws:iam::111111111111:root"], "arn:aws:iam::*:role/platform/deployer-stage"]]
    error_message = "Only its own role may read an environment's artifacts."
  }
}

run "accounts_that_read_the_same_share_a_statement" {
  command = plan

  variables {
    customer_key = true
    environments = {
      dev   = { targets = [for number in range(3) : { account = "11111111111${number}", region = "eu-west-1" }] }
      test  = { targets = [for number in range(3) : { account = "11111111111${number}", region = "us-east-1" }] }
      other = { targets = [{ account = "111111111110", region = "eu-west-2" }], role_name = "deployer-other" }
    }
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.artifact_bucket).Statement : [statement.Principal.AWS, statement.Resource, statement.Condition.ArnLike["aws:PrincipalArn"]] if statement.Effect == "Allow"
      ] == [
      [
        ["arn:aws:iam::111111111110:root", "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111112:root"],
        ["arn:aws:s3:::acme-artifacts/dev/*", "arn:aws:s3:::acme-artifacts/test/*"],
        "arn:aws:iam::*:role/deployer-target",
      ],
      [["arn:aws:iam::111111111110:root"], ["arn:aws:s3:::acme-artifacts/other/*"], "arn:aws:iam::*:role/deployer-other"],
    ]
    error_message = "An account must be named once for all environments that it reads, and a role only in its own account's statement: ${output.policies.artifact_bucket}"
  }

  assert {
    condition = [
      for statement in jsondecode(local.key_policy).Statement : [statement.Sid, length(statement.Principal.AWS), statement.Condition.ArnLike["aws:PrincipalArn"]] if can(statement.Condition.ArnLike)
      ] == [
      ["TargetsReadThroughS3", 1, "arn:aws:iam::*:role/deployer-other"],
      ["TargetsReadThroughS3Too1", 3, "arn:aws:iam::*:role/deployer-target"],
    ]
    error_message = "The key's policy must name an account once for each name of a role: ${local.key_policy}"
  }
}

# A promotion brings the very object of the environment that it was uploaded to, however far back.
run "a_chain_of_three" {
  command = plan

  variables {
    environments = {
      dev   = { targets = [{ account = "111111111111", region = "eu-west-1" }], external_id = "dev-8c1f" }
      stage = { targets = [{ account = "333333333333", region = "eu-west-1" }], external_id = "stage-0c4d", promotion = { from = "dev" } }
      prod  = { targets = [{ account = "222222222222", region = "eu-west-1" }], external_id = "prod-51aa", promotion = { from = "stage" } }
      # In the deployer's own account, where the deploy role's own policy is enough.
      tools = { targets = [{ account = "123456789012", region = "eu-west-1" }], external_id = "tools-3b7a" }
    }
  }

  assert {
    condition = {
      for statement in jsondecode(output.policies.artifact_bucket).Statement : join(" ", statement.Principal.AWS) => statement.Resource if statement.Effect == "Allow"
      } == {
      for account, environments in {
        "111111111111" = ["dev"]
        "333333333333" = ["dev", "stage"]
        "222222222222" = ["dev", "prod", "stage"]
      } : "arn:aws:iam::${account}:root" => [for environment in environments : "arn:aws:s3:::acme-artifacts/${environment}/*"]
    }
    error_message = "Each must read its own artifacts and those of all that it is promoted from: prod those of dev, stage and prod, dev only its own; the deployer's account is not let in: ${output.policies.artifact_bucket}"
  }

  assert {
    condition = jsonencode({ for role in values(output.deploy_roles) : one(role.environments) => sort(role.promoted_from) }) == jsonencode({
      dev   = []
      stage = ["dev"]
      prod  = ["dev", "stage"]
      tools = []
    })
    error_message = "Each deploy role must be told where its artifacts come from: ${jsonencode(output.deploy_roles)}"
  }
}

run "a_rollout_with_all_that_it_may_have_and_an_empty_one" {
  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }], rollout = {} }
      once = { targets = [{ account = "333333333333", region = "eu-west-1" }], rollout = { steps = [] } }
      prod = {
        targets = [{ account = "222222222222", region = "eu-west-1" }]
        rollout = {
          steps            = [{ weight = 10, for = "10m" }, { weight = 50, for = "1h", then = "pause" }]
          watch            = "15m"
          waves            = ["1", "100%"]
          alarms           = ["{function}-5xx"]
          already_alarming = "refuse"
          guard            = { errors = 7, significance = 0.001 }
          when_quiet       = "pause"
          when_unshiftable = "refuse"
          on_newer         = "replace"
          pause_expires    = "2h"
          smoke_test       = [{ event = jsonencode({ ping = true }), expect = jsonencode({ ok = [1] }), timeout = "5s" }, { event = jsonencode("hello") }]
        }
      }
    }
  }

  assert {
    condition = jsondecode(aws_s3_object.config.content).environments == {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }], rollout = {} }
      once = { targets = [{ account = "333333333333", region = "eu-west-1" }], rollout = { steps = [] } }
      prod = {
        targets = [{ account = "222222222222", region = "eu-west-1" }]
        rollout = {
          steps            = [{ weight = 10, for = "10m" }, { weight = 50, for = "1h", then = "pause" }]
          watch            = "15m"
          waves            = ["1", "100%"]
          alarms           = ["{function}-5xx"]
          already_alarming = "refuse"
          guard            = { errors = 7, significance = 0.001 }
          when_quiet       = "pause"
          when_unshiftable = "refuse"
          on_newer         = "replace"
          pause_expires    = "2h"
          smoke_test       = [{ event = { ping = true }, expect = { ok = [1] }, timeout = "5s" }, { event = "hello" }]
        }
      }
    }
    error_message = "A rollout must be in deployer.json as it was given: ${aws_s3_object.config.content}"
  }
}

run "from_several_environments_with_all_that_a_promotion_may_wait_for" {
  variables {
    environments = {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      qa   = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev", automatic = true } }
      perf = { targets = [{ account = "333333333333", region = "eu-west-1" }], promotion = { from = "dev", automatic = false } }
      prod = {
        targets   = [{ account = "444444444444", region = "eu-west-1" }]
        promotion = { from = "qa", also_from = ["perf"], require = "any", automatic = true, soak = "30m", policy = "in-order" }
        approval = {
          required  = 2
          expires   = "7d"
          proven    = true
          approvers = [{ arn = "arn:aws:iam::123456789012:role/release-*" }, { arn = "arn:aws:iam::123456789012:role/people", session_names = "trusted" }]
        }
        proven = ["hold", "override-freeze"]
        freeze = [
          { days = ["fri", "sat", "sun"], from = "16:00", to = "08:00", zone = "Europe/Berlin" },
          { days = ["wed"], zone = "UTC" },
          { first = "2026-12-20", last = "2027-01-02", zone = "America/Argentina/Buenos_Aires" },
        ]
        when_frozen = "refuse"
      }
    }
  }

  assert {
    condition = jsondecode(aws_s3_object.config.content).environments == {
      dev  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      qa   = { targets = [{ account = "222222222222", region = "eu-west-1" }], promotion = { from = "dev", automatic = true } }
      perf = { targets = [{ account = "333333333333", region = "eu-west-1" }], promotion = { from = "dev", automatic = false } }
      prod = {
        targets   = [{ account = "444444444444", region = "eu-west-1" }]
        promotion = { from = ["qa", "perf"], require = "any", automatic = true, soak = "30m", policy = "in-order" }
        approval = {
          required  = 2
          expires   = "7d"
          proven    = true
          approvers = [{ arn = "arn:aws:iam::123456789012:role/release-*" }, { arn = "arn:aws:iam::123456789012:role/people", session_names = "trusted" }]
        }
        proven = ["hold", "override-freeze"]
        freeze = [
          { days = ["fri", "sat", "sun"], from = "16:00", to = "08:00", zone = "Europe/Berlin" },
          { days = ["wed"], zone = "UTC" },
          { first = "2026-12-20", last = "2027-01-02", zone = "America/Argentina/Buenos_Aires" },
        ]
        when_frozen = "refuse"
      }
    }
    error_message = "deployer.json must be what was given, without what was not: ${aws_s3_object.config.content}"
  }

  assert {
    condition = jsonencode({ for role in values(output.deploy_roles) : one(role.environments) => sort(role.promoted_from) }) == jsonencode({
      dev  = []
      perf = ["dev"]
      prod = ["dev", "perf", "qa"]
      qa   = ["dev"]
    })
    error_message = "Artifacts come by each way there is: ${jsonencode(output.deploy_roles)}"
  }

  assert {
    condition = {
      for statement in jsondecode(output.policies.artifact_bucket).Statement : join(" ", statement.Principal.AWS) => statement.Resource if statement.Effect == "Allow"
      } == {
      for account, environments in {
        "111111111111" = ["dev"]
        "222222222222" = ["dev", "qa"]
        "333333333333" = ["dev", "perf"]
        "444444444444" = ["dev", "perf", "prod", "qa"]
      } : "arn:aws:iam::${account}:root" => [for environment in environments : "arn:aws:s3:::acme-artifacts/${environment}/*"]
    }
    error_message = "Each must read its own artifacts and those of all that it is promoted from, by each way: ${output.policies.artifact_bucket}"
  }

  assert {
    condition     = length(aws_cloudwatch_event_bus_policy.requests) == 0 && output.policies.event_bus == null
    error_message = "Where no other account may ask, the bus has no policy."
  }
}

run "what_waits_where_nothing_was_said_is_left_to_the_deployer" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      prod = {
        targets   = [{ account = "222222222222", region = "eu-west-1" }]
        promotion = { from = "dev" }
        approval  = { required = 1 }
        freeze    = [{ days = ["sun"], from = "22:00", to = "22:00", zone = "Etc/GMT+5" }, { first = "2028-02-29", last = "2028-02-29", zone = "UTC" }]
      }
    }
  }
}

run "more_deploy_roles_than_the_own_policy_takes_are_entered_by_others" {
  command = plan

  variables {
    customer_key = true
    environments = {
      dev = { targets = [for number in range(300) : { account = format("%012d", number), region = "eu-west-1" }] }
    }
  }

  assert {
    condition = (
      keys(aws_iam_policy.enter) == ["1", "2", "3", "4", "5", "6", "7", "8"]
      && { for number, attachment in aws_iam_role_policy_attachment.enter : number => attachment.role } == { for number, policy in aws_iam_policy.enter : number => "deployer" }
      && alltrue([for number, policy in aws_iam_policy.enter : policy.name == "deployer-enter-${number}" && policy.policy == output.policies["enter_${number}"] && length(policy.policy) <= 6144])
    )
    error_message = "Managed policies must be made, attached and told, none longer than IAM takes."
  }

  assert {
    condition = sort(flatten([for policy in aws_iam_policy.enter : [for statement in jsondecode(policy.policy).Statement : statement.Resource]])) == tolist([
      for number in range(300) : format("arn:aws:iam::%012d:role/deployer-target", number)
    ])
    error_message = "They must name every deploy role once."
  }

  assert {
    condition = alltrue([
      for policy in aws_iam_policy.enter : [for statement in jsondecode(policy.policy).Statement : [statement.Sid, statement.Effect, statement.Action]]
      == [["EnterTargets", "Allow", ["sts:AssumeRole", "sts:SetSourceIdentity"]]]
    ])
    error_message = "They must allow to enter, and nothing else."
  }

  assert {
    condition     = !contains([for statement in local.deployer_rest.here : statement.Sid], "EnterTargets") && !local.enters_itself
    error_message = "The role's own policy must name none then."
  }
}

run "deploy_roles_of_many_accounts" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [for number in range(200) : { account = format("5%011d", number * 7919), region = "eu-west-1" }], function_name = "{environment}-{function}" }
      prod = { targets = [for number in range(200) : { account = format("5%011d", number * 7919), region = "eu-west-1" }], role_name = "deployer-prod", function_name = "{environment}-{function}" }
    }
  }
}

# Terraform changes the policies beside each other: a role that moved from one to another would for a while be in none.
run "an_account_that_comes_first_moves_no_other_role" {
  command = plan

  variables {
    environments = {
      dev  = { targets = [for account in concat(["000000000001"], [for number in range(200) : format("5%011d", number * 7919)]) : { account = account, region = "eu-west-1" }], function_name = "{environment}-{function}" }
      prod = { targets = [for number in range(200) : { account = format("5%011d", number * 7919), region = "eu-west-1" }], role_name = "deployer-prod", function_name = "{environment}-{function}" }
    }
  }

  assert {
    condition = length([for name, policy in run.deploy_roles_of_many_accounts.policies : name if startswith(name, "enter_")]) == 8 && alltrue([
      for name, policy in run.deploy_roles_of_many_accounts.policies :
      length(setsubtract(jsondecode(policy).Statement[0].Resource, jsondecode(output.policies[name]).Statement[0].Resource)) == 0
      if startswith(name, "enter_")
    ])
    error_message = "Each deploy role must stay in its policy."
  }

  assert {
    condition = length(flatten([
      for name, policy in output.policies : jsondecode(policy).Statement[0].Resource if startswith(name, "enter_")
    ])) == 401
    error_message = "The new role must be in one of them."
  }
}

run "names_that_differ_in_a_dash_are_two_environments" {
  command = plan

  variables {
    environments = {
      eu1  = { targets = [{ account = "111111111111", region = "eu-west-1" }] }
      eu-1 = { targets = [{ account = "111111111111", region = "eu-central-1" }] }
    }
  }

  assert {
    condition     = length(distinct(jsondecode(output.policies.artifact_bucket).Statement[*].Sid)) == length(jsondecode(output.policies.artifact_bucket).Statement)
    error_message = "Each statement has a Sid of its own."
  }
}

run "parameters_tell_a_target_of_its_own_configuration_what_the_outputs_tell" {
  assert {
    condition     = jsondecode(aws_ssm_parameter.target["deployer"].value).role_arn == output.deployer.role_arn && jsondecode(aws_ssm_parameter.target["deployer"].value).wake_queue_arn == output.deployer.wake_queue_arn
    error_message = "The parameter deployer must hold the output deployer."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.target["deploy-roles/222222222222/deployer-target"].value).external_ids[0] == "prod-51aa"
    error_message = "The parameter of a deploy role must hold its element of the output deploy_roles."
  }

  assert {
    condition     = aws_ssm_parameter.target["deploy-roles/222222222222/deployer-target"].name == "/deployers/deployer/deploy-roles/222222222222/deployer-target"
    error_message = "The parameter's name must be what examples/target-account reads."
  }
}

run "parameter_of_a_role_with_other_letters_has_a_name_that_ssm_takes" {
  command = plan

  variables {
    environments = {
      dev = { targets = [{ account = "111111111111", region = "eu-west-1" }], role_name = "a+b=c,d@e" }
    }
  }

  assert {
    condition     = aws_ssm_parameter.target["deploy-roles/111111111111/a+b=c,d@e"].name == "/deployers/deployer/deploy-roles/111111111111/a_b_c_d_e"
    error_message = "SSM takes letters, digits and . - _ / only."
  }
}
