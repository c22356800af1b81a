# What is told to whom. The policies word for word are in infra/contract/policies.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  event_bus_arn = "arn:aws:events:eu-west-1:123456789012:event-bus/deployer"
}

run "with_an_address" {
  variables {
    emails = ["oncall@example.com"]
  }

  assert {
    condition     = length(setsubtract(flatten(values(local.notices)[*].what), local.names.events)) == 0
    error_message = "Only what the deployer tells can be told on: ${jsonencode(values(local.notices)[*].what)}"
  }

  assert {
    condition     = alltrue([for rule in values(aws_cloudwatch_event_rule.notices) : jsondecode(rule.event_pattern).source == ["deployer"] && rule.event_bus_name == "deployer"])
    error_message = "Only what the deployer itself tells is believed."
  }

  assert {
    condition = { for notice, rule in aws_cloudwatch_event_rule.notices : notice => jsondecode(rule.event_pattern)["detail-type"] } == {
      failed       = ["Deployment Failed", "Promotion Refused", "Deployment Rolled Back"]
      rolled-back  = ["Deployment Rolled Back"]
      not-recorded = ["Promotion Refused"]
      paused       = ["Rollout Paused"]
      wanted       = ["Promotion Waiting"]
    }
    error_message = "People must hear of failures, refusals, rollbacks, rollouts that are paused and of approvals that are wanted."
  }

  # One event must not be told twice.
  assert {
    condition = { for notice, rule in aws_cloudwatch_event_rule.notices : notice => jsondecode(rule.event_pattern).detail } == {
      failed       = { because = [{ prefix = "" }], environment = [{ prefix = "" }] }
      rolled-back  = { because = [null], environment = [{ prefix = "" }] }
      not-recorded = { because = [{ prefix = "" }], environment = [{ exists = false }] }
      paused       = { because = [{ prefix = "" }], environment = [{ prefix = "" }] }
      wanted       = { because = [{ prefix = "" }], code = ["Waiting"], approvals_wanted = [{ numeric = [">", 0] }] }
    }
    error_message = "Each must be told by one rule alone, which has what its sentences need."
  }

  assert {
    condition = split("\n", one(aws_cloudwatch_event_target.notices["wanted"].input_transformer).input_template) == tolist([
      "\"Approval wanted: <function> <release> for <environment>\"",
      "\"Approvals wanted: <wanted>\"",
      "\"Why: <because>\"",
      "\"To approve: deployctl approve -e <environment> -f <function> --deployment <deployment>\"",
    ])
    error_message = "Who is asked to approve must be told how: ${one(aws_cloudwatch_event_target.notices["wanted"].input_transformer).input_template}"
  }

  assert {
    condition = alltrue([
      for target in values(aws_cloudwatch_event_target.notices) :
      jsonencode(toset(flatten(regexall("<([a-z]+)>", one(target.input_transformer).input_template)))) == jsonencode(toset(keys(one(target.input_transformer).input_paths)))
    ])
    error_message = "Each variable of a text must have a path, and no other: EventBridge refuses the rest."
  }

  assert {
    condition     = alltrue([for target in values(aws_cloudwatch_event_target.notices) : target.arn == aws_sns_topic.notifications.arn && target.role_arn == aws_iam_role.notifications.arn])
    error_message = "The rules must publish to the topic under their role."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.publish_trust).Statement : [statement.Principal, sort(statement.Condition.ArnEquals["aws:SourceArn"]), statement.Condition.StringEquals]
      ] == [[
        { Service = "events.amazonaws.com" },
        sort([for notice in keys(aws_cloudwatch_event_rule.notices) : "arn:aws:events:eu-west-1:123456789012:rule/deployer/deployer-notifications-${notice}"]),
        { "aws:SourceAccount" = "123456789012" },
    ]]
    error_message = "The role must be these rules' alone: ${output.policies.publish_trust}"
  }

  assert {
    condition     = aws_sns_topic_policy.notifications.policy == output.policies.topic && aws_iam_role_policy.notifications.policy == output.policies.publish && aws_iam_role.notifications.assume_role_policy == output.policies.publish_trust
    error_message = "Topic and role must have the policies that are told."
  }

  assert {
    condition     = { for subscription in values(aws_sns_topic_subscription.emails) : subscription.endpoint => subscription.protocol } == { "oncall@example.com" = "email" }
    error_message = "Each address must be told by e-mail."
  }
}

run "in_china" {
  command = plan

  variables {
    event_bus_arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/releases"
    name          = "releases"
  }

  assert {
    condition     = jsondecode(output.policies.publish).Statement[0].Resource == "arn:aws-cn:sns:cn-north-1:123456789012:releases"
    error_message = "Everything must be where the bus is: ${output.policies.publish}"
  }
}

# tests/infra looks at every resource of this run.
run "with_boundary_path_and_tags" {
  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/platform/boundary"
    role_path            = "/platform/releases/"
    tags                 = { owner = "platform", cost-center = "4711" }
    emails               = ["oncall@example.com"]
  }

  assert {
    condition     = jsondecode(output.policies.topic).Statement[0].Condition == { ArnNotEquals = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/platform/releases/deployer-notifications" } }
    error_message = "The topic must be the role's by its ARN with the path: ${output.policies.topic}"
  }
}

run "with_a_key_of_the_owner" {
  variables {
    key_arn = "arn:aws:kms:eu-west-1:123456789012:key/topic"
  }

  assert {
    condition     = aws_sns_topic.notifications.kms_master_key_id == "arn:aws:kms:eu-west-1:123456789012:key/topic"
    error_message = "The topic must be encrypted with the owner's key."
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.publish).Statement : "${statement.Sid} ${statement.Resource}"] == ["TellPeople arn:aws:sns:eu-west-1:123456789012:deployer-notifications", "UseTheKeyOfTheTopic arn:aws:kms:eu-west-1:123456789012:key/topic"]
    error_message = "Who publishes to the topic must be able to use its key."
  }
}
