# What is made of the contract's example. The policies word for word are in infra/contract/policies; here is what they must be like.

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

run "with_everything" {
  variables {
    customer_key         = true
    keys                 = { for name in ["bus", "ledger", "log", "queues"] : name => "arn:aws:kms:eu-west-1:123456789012:key/${name}" }
    promotion_requesters = ["arn:aws:iam::333333333333:role/release"]
  }

  assert {
    condition = alltrue(flatten([
      for name in ["approve", "artifact_bucket", "deployer", "event_bus", "ledger_bucket", "look", "operate", "queue", "request", "sweep", "wake_queue"] : [
        for statement in jsondecode(output.policies[name]).Statement : [
          for arn in flatten([try(statement.Resource, statement.NotResource)]) : length(split(":", arn)) >= 6 && startswith(arn, "arn:aws:") && split(":", arn)[4] != "*"
          if statement.Sid != "OnlyAsTheDeployersFunction"
        ]
      ]
    ]))
    error_message = "Each resource must be an ARN of six segments, and none of any account."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [for text in values(output.policies) : jsondecode(text)] : [
        for statement in policy.Statement : [
          for action in flatten([statement.Action]) : !endswith(action, "*") || startswith(action, "kms:") if statement.Effect == "Allow"
        ]
      ]
    ]))
    error_message = "No action is allowed by a pattern, but for administering the key."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [for text in values(output.policies) : jsondecode(text)] : [
        for statement in policy.Statement : [
          for action in flatten([statement.Action]) : split(":", action)[0] != "iam" if statement.Effect == "Allow"
        ]
      ]
    ]))
    error_message = "Nobody is allowed anything of IAM."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [for text in values(output.policies) : jsondecode(text)] : [
        for statement in policy.Statement : statement.Effect == "Deny" || statement.Principal != "*" if can(statement.Principal)
      ]
    ]))
    error_message = "Nothing is allowed to everybody."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [for text in values(output.policies) : jsondecode(text)] : [
        length(distinct(policy.Statement[*].Sid)) == length(policy.Statement),
        [for statement in policy.Statement : can(regex("^[A-Za-z0-9]+$", statement.Sid))],
      ]
    ]))
    error_message = "Each statement has a Sid of its own."
  }

  # The deployer's own rights.

  assert {
    condition = [
      for statement in jsondecode(output.policies.deployer).Statement : [statement.Action, statement.Resource]
      if statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : startswith(action, "sts:")])
      ] == [[
        ["sts:AssumeRole", "sts:SetSourceIdentity"],
        ["arn:aws:iam::111111111111:role/deployer-target", "arn:aws:iam::222222222222:role/deployer-target"],
    ]]
    error_message = "The deployer must be able to enter the environments' roles, and no other."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.deployer).Statement : [statement.Effect, statement.Resource, statement.Condition] if statement.Sid == "OnlyAsTheDeployersFunction"
      ] == [[
        "Deny", "*",
        { ArnNotLike = { "lambda:SourceFunctionArn" = ["arn:aws:lambda:eu-west-1:123456789012:function:deployer", "arn:aws:lambda:eu-west-1:123456789012:function:deployer:*"] } },
    ]]
    error_message = "Another function with the deployer's role must get nowhere: ${output.policies.deployer}"
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policies.deployer).Statement : statement.Resource if statement.Effect == "Allow" && contains(flatten([statement.Action]), "s3:PutObject")
      ])) == toset([
      for prefix in ["asked", "deployments", "groups", "heads", "open", "rejects", "results", "sweeps"] : "arn:aws:s3:::acme-deployer-ledger/${prefix}/*"
    ])
    error_message = "The deployer must write the ledger, and neither artifacts nor deployer.json."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.deployer).Statement : flatten([statement.Resource]) if anytrue([for action in flatten([statement.Action]) : startswith(action, "s3:Delete")])
    ] == [["arn:aws:s3:::acme-deployer-ledger/open/*", "arn:aws:s3:::acme-deployer-ledger/asked/*", "arn:aws:s3:::acme-deployer-ledger/groups/open/*"]]
    error_message = "The deployer must delete markers, and nothing else."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.deployer).Statement : alltrue([for key in flatten([statement.Resource]) : startswith(key, "arn:aws:kms:eu-west-1:123456789012:key/") && statement.Condition == { StringEquals = { "kms:ViaService" = endswith(key, "/queues") ? "sqs.eu-west-1.amazonaws.com" : "s3.eu-west-1.amazonaws.com" } }])
      if anytrue([for action in flatten([statement.Action]) : startswith(action, "kms:")])
    ])
    error_message = "The deployer must use keys only through S3 and SQS."
  }

  assert {
    condition     = jsondecode(output.policies.deployer_trust).Statement[*].Principal == [{ Service = "lambda.amazonaws.com" }]
    error_message = "The deployer's role is Lambda's alone."
  }

  assert {
    condition     = aws_iam_role.deployer.assume_role_policy == output.policies.deployer_trust && aws_iam_role_policy.deployer.policy == output.policies.deployer
    error_message = "The deployer's role must have the policies that are told."
  }

  assert {
    condition = alltrue([
      for policy in ["look", "operate"] : [for statement in jsondecode(output.policies[policy]).Statement : statement.Resource if statement.Action == "s3:GetObject"] == [[
        "arn:aws:s3:::acme-deployer-ledger/deployments/*",
        "arn:aws:s3:::acme-deployer-ledger/groups/*",
        "arn:aws:s3:::acme-deployer-ledger/heads/*",
        "arn:aws:s3:::acme-deployer-ledger/rejects/*",
        "arn:aws:s3:::acme-deployer-ledger/results/*",
        "arn:aws:s3:::acme-deployer-ledger/sweeps/*",
        "arn:aws:s3:::acme-deployer-ledger/config/deployer.json",
      ]]
    ])
    error_message = "People must read the ledger and deployer.json, and nothing else: ${output.policies.look}"
  }

  # The artifact bucket.

  assert {
    condition = [
      for statement in jsondecode(output.policies.artifact_bucket).Statement : {
        principal = statement.Principal
        action    = statement.Action
        resource  = statement.Resource
        condition = statement.Condition
      } if statement.Effect == "Allow"
      ] == [
      {
        principal = { AWS = ["arn:aws:iam::222222222222:root"] }
        action    = ["s3:GetObject", "s3:GetObjectVersion"]
        resource  = ["arn:aws:s3:::acme-artifacts/dev/*", "arn:aws:s3:::acme-artifacts/prod/*"]
        condition = { ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/deployer-target" } }
      },
      {
        principal = { AWS = ["arn:aws:iam::111111111111:root"] }
        action    = ["s3:GetObject", "s3:GetObjectVersion"]
        resource  = ["arn:aws:s3:::acme-artifacts/dev/*"]
        condition = { ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::*:role/deployer-target" } }
      },
    ]
    error_message = "The deploy roles of each environment, and of those that it is promoted to, must read its artifacts: the account as principal, the role by condition, and nobody else."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(output.policies.artifact_bucket).Statement : contains(flatten([statement.Action]), "s3:PutObject") && statement.Condition == { ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::123456789012:role/deployer" } }
      if statement.Effect == "Deny" && can(statement.Condition)
    ])
    error_message = "The deployer must be denied to write where uploads arrive."
  }

  assert {
    condition = alltrue([
      for name in ["artifact_bucket", "ledger_bucket"] : anytrue([
        for statement in jsondecode(output.policies[name]).Statement : statement.Condition == { Bool = { "aws:SecureTransport" = "false" } } && statement.Principal == "*" && statement.Action == "s3:*" && length(statement.Resource) == 2
        if statement.Effect == "Deny" && can(statement.Condition)
      ])
    ])
    error_message = "Both buckets must refuse what does not come over TLS."
  }

  assert {
    condition     = aws_s3_bucket_policy.artifacts[0].policy == output.policies.artifact_bucket && aws_s3_bucket_policy.ledger.policy == output.policies.ledger_bucket
    error_message = "The buckets must have the policies that are told."
  }

  assert {
    condition     = one(aws_s3_bucket_versioning.artifacts[0].versioning_configuration).status == "Enabled" && one(aws_s3_bucket_versioning.ledger.versioning_configuration).status == "Enabled"
    error_message = "Both buckets must keep versions."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.artifacts[0].rule : length(rule.expiration) == 0 && length(rule.noncurrent_version_expiration) == 0 && length(rule.transition) == 0 && length(rule.noncurrent_version_transition) == 0
    ])
    error_message = "No artifact may ever expire: a head may go back to it."
  }

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.artifacts[0].rule : rule.status == "Enabled" && one(rule.abort_incomplete_multipart_upload).days_after_initiation == 7 if length(rule.abort_incomplete_multipart_upload) > 0
    ])
    error_message = "Parts of an upload that nobody ended must not lie in the artifact bucket for ever."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.ledger.rule : alltrue([for expiration in rule.expiration : expiration.expired_object_delete_marker && expiration.days == 0 && expiration.date == null])])
    error_message = "What is current in the ledger may never expire."
  }

  assert {
    condition = alltrue(flatten([
      for block in [aws_s3_bucket_public_access_block.artifacts[0], aws_s3_bucket_public_access_block.ledger] :
      [block.block_public_acls, block.block_public_policy, block.ignore_public_acls, block.restrict_public_buckets]
    ]))
    error_message = "Both buckets must be closed to the public."
  }

  assert {
    condition     = alltrue([for controls in [aws_s3_bucket_ownership_controls.artifacts[0], aws_s3_bucket_ownership_controls.ledger] : one(controls.rule).object_ownership == "BucketOwnerEnforced"])
    error_message = "Both buckets' objects must be the buckets' owner's."
  }

  assert {
    condition     = one(aws_s3_bucket_notification.artifacts[0].queue).queue_arn == aws_sqs_queue.uploads.arn && one(aws_s3_bucket_notification.artifacts[0].queue).events == toset(["s3:ObjectCreated:*"])
    error_message = "Each upload must be told to the queue of uploads."
  }

  # The key.

  assert {
    condition     = aws_kms_key.artifacts[0].policy == output.policies.key && one(one(aws_s3_bucket_server_side_encryption_configuration.artifacts[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "With customer_key artifacts must be encrypted with the key that has the policy that is told."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.key).Statement : [statement.Principal, statement.Action, statement.Condition] if can(statement.Condition.ArnLike)
      ] == [[
        { AWS = ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"] },
        "kms:Decrypt",
        {
          ArnLike      = { "aws:PrincipalArn" = "arn:aws:iam::*:role/deployer-target" }
          StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" }
        },
    ]]
    error_message = "The deploy roles, and they alone of other accounts, must decrypt through S3."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.key).Statement : can(statement.Condition.StringEquals["kms:ViaService"])
      if length(setintersection(flatten([statement.Action]), ["kms:*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncrypt*", "kms:CreateGrant"])) > 0
    ])
    error_message = "Nobody may use the key but through S3."
  }

  # deployer.json.

  assert {
    condition = jsondecode(aws_s3_object.config.content) == {
      account         = "123456789012"
      artifact_bucket = "acme-artifacts"
      ledger_bucket   = "acme-deployer-ledger"
      queue_url       = "https://sqs.eu-west-1.amazonaws.com/123456789012/mocked"
      wake_queue_url  = "https://sqs.eu-west-1.amazonaws.com/123456789012/mocked-wakes"
      event_bus       = "deployer"
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
    error_message = "deployer.json must be what was given, without what was not: ${aws_s3_object.config.content}"
  }

  assert {
    condition     = !strcontains(aws_s3_object.config.content, "null")
    error_message = "deployer.json must have no nulls: ${aws_s3_object.config.content}"
  }

  assert {
    condition     = aws_s3_object.config.bucket == aws_s3_bucket.ledger.id && aws_s3_object.config.key == "config/deployer.json"
    error_message = "deployer.json must be where the deployer looks for it."
  }

  # The function and what wakes it.

  assert {
    condition     = aws_lambda_function.deployer.runtime == "provided.al2023" && aws_lambda_function.deployer.handler == "bootstrap" && aws_lambda_function.deployer.architectures == tolist(["x86_64"])
    error_message = "The function must run provided.al2023 on the architecture that is given."
  }

  assert {
    condition     = one(aws_lambda_function.deployer.environment).variables == tomap({ DEPLOYER_CONFIG = "s3://acme-deployer-ledger/config/deployer.json?versionId=mocked-version" })
    error_message = "Each version of the function must name the version of the configuration that it reads."
  }

  assert {
    condition     = aws_lambda_function.deployer.publish && aws_lambda_alias.live.function_name == "deployer" && aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_version == aws_lambda_function.deployer.version && aws_lambda_function_event_invoke_config.deployer.qualifier == "live" && output.live_version == aws_lambda_function.deployer.version
    error_message = "Each change of the function must be a version of its own, and the alias must serve it."
  }

  assert {
    condition     = aws_lambda_function.deployer.description == "Publishes what CI uploads to acme-artifacts in the target accounts (deployer ${local.names.version})"
    error_message = "The function's description must tell the deployer's version: ${aws_lambda_function.deployer.description}"
  }

  assert {
    condition     = aws_lambda_function.deployer.filename == "versions.tf" && aws_lambda_function.deployer.source_code_hash == filebase64sha256("versions.tf") && aws_lambda_function.deployer.s3_bucket == null
    error_message = "The code must be that of the file at path."
  }

  assert {
    condition     = toset([for rule in aws_s3_bucket_lifecycle_configuration.ledger.rule : one(rule.filter).prefix]) == toset(values(local.names.ledger)) && alltrue([for rule in aws_s3_bucket_lifecycle_configuration.ledger.rule : rule.status == "Enabled" && one(rule.noncurrent_version_expiration).noncurrent_days == 30])
    error_message = "Former versions of the ledger's objects must expire after 30 days, and those of deployer.json never: versions of the function name them."
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.uploads, aws_sqs_queue.wakes] :
      queue.visibility_timeout_seconds == 6 * aws_lambda_function.deployer.timeout && queue.message_retention_seconds == 1209600 && endswith(queue.kms_master_key_id, "/queues")
    ])
    error_message = "A message of either queue must be hidden for six times the function's timeout, be kept for two weeks, and be encrypted."
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.uploads, aws_sqs_queue.wakes] :
      jsondecode(queue.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead_letters.arn && jsondecode(queue.redrive_policy).maxReceiveCount >= 5
    ])
    error_message = "What cannot be handled must go to the dead-letter queue, and not before five tries."
  }

  assert {
    condition     = aws_sqs_queue.uploads.name == "deployer" && aws_sqs_queue.wakes.name == "deployer-wakes"
    error_message = "The queues must be called as policies call them."
  }

  assert {
    condition = {
      for statement in concat(jsondecode(output.policies.queue).Statement, jsondecode(output.policies.wake_queue).Statement) :
      "${statement.Principal.Service} to ${statement.Resource}" => statement.Condition if statement.Effect == "Allow"
      } == {
      "s3.amazonaws.com to arn:aws:sqs:eu-west-1:123456789012:deployer" = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::acme-artifacts" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
      "events.amazonaws.com to arn:aws:sqs:eu-west-1:123456789012:deployer-wakes" = {
        ArnEquals = { "aws:SourceArn" = "arn:aws:events:eu-west-1:123456789012:rule/deployer/deployer-promotions" }
      }
    }
    error_message = "Only this artifact bucket may tell of uploads, and only this rule may wake: ${output.policies.queue} ${output.policies.wake_queue}"
  }

  assert {
    condition = alltrue([
      for name in ["queue", "wake_queue"] : anytrue([
        for statement in jsondecode(output.policies[name]).Statement : statement.Condition == { Bool = { "aws:SecureTransport" = "false" } } && statement.Principal == "*" && statement.Action == "sqs:*"
        if statement.Effect == "Deny"
      ])
    ])
    error_message = "Both queues must refuse what does not come over TLS."
  }

  assert {
    condition     = aws_sqs_queue.uploads.policy == output.policies.queue && aws_sqs_queue.wakes.policy == output.policies.wake_queue
    error_message = "The queues must have the policies that are told."
  }

  assert {
    condition = {
      for mapping in [aws_lambda_event_source_mapping.uploads, aws_lambda_event_source_mapping.wakes] :
      mapping.event_source_arn => "${mapping.batch_size}, at most ${one(mapping.scaling_config).maximum_concurrency} at once"
      } == {
      (aws_sqs_queue.uploads.arn) = "1, at most 100 at once"
      (aws_sqs_queue.wakes.arn)   = "1, at most 20 at once"
    }
    error_message = "No message may be held by another of its batch, and however many uploads there are, wakes must have invocations of their own."
  }

  assert {
    condition = alltrue([
      for mapping in [aws_lambda_event_source_mapping.uploads, aws_lambda_event_source_mapping.wakes] :
      mapping.enabled && mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.function_name == aws_lambda_alias.live.arn
    ])
    error_message = "Both mappings must be on, and take failures of single messages."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.deployer).Statement : flatten([statement.Resource]) if contains(flatten([statement.Action]), "sqs:SendMessage")
    ] == [["arn:aws:sqs:eu-west-1:123456789012:deployer", "arn:aws:sqs:eu-west-1:123456789012:deployer-wakes"]]
    error_message = "The deployer must send to its own queues only: ${output.policies.deployer}"
  }

  assert {
    condition     = aws_lambda_function_recursion_config.deployer.recursive_loop == "Allow"
    error_message = "The deployer's ticks to itself must not be stopped as a loop."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = ["arn:aws:sqs:eu-west-1:123456789012:deployer", "arn:aws:sqs:eu-west-1:123456789012:deployer-wakes"] }
    error_message = "The dead-letter queue must be that of both queues, and of no other."
  }

  assert {
    condition     = aws_scheduler_schedule.sweep.schedule_expression == "rate(1 minute)" && one(aws_scheduler_schedule.sweep.target).input == "{\"command\":\"sweep\"}" && one(aws_scheduler_schedule.sweep.target).arn == "arn:aws:lambda:eu-west-1:123456789012:function:deployer:live"
    error_message = "The deployer must sweep each minute."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.sweep_trust).Statement : [statement.Principal, statement.Condition]
      ] == [[
        { Service = "scheduler.amazonaws.com" },
        {
          ArnEquals    = { "aws:SourceArn" = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/deployer" }
          StringEquals = { "aws:SourceAccount" = "123456789012" }
        },
    ]]
    error_message = "The schedule's role must be of this schedule's group alone."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.promotions.event_pattern) == { detail-type = ["Promotion Requested", "Promotion Approved", "Promotion Declined"] } && aws_cloudwatch_event_target.promotions.arn == aws_sqs_queue.wakes.arn
    error_message = "Requests for promotions, approvals and refusals must go where no upload stands before them."
  }

  # Who sends to the bus.

  assert {
    condition = [
      for statement in jsondecode(output.policies.deployer).Statement : [statement.Action, statement.Resource, statement.Condition]
      if statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : startswith(action, "events:")])
      ] == [[
        "events:PutEvents",
        "arn:aws:events:eu-west-1:123456789012:event-bus/deployer",
        { "ForAllValues:StringEquals" = { "events:source" = "deployer" }, Null = { "events:source" = "false" } },
    ]]
    error_message = "The deployer must send events to its own bus, as itself: ${output.policies.deployer}"
  }

  assert {
    condition = {
      for policy in ["approve", "event_bus", "request"] : policy => [
        for statement in jsondecode(output.policies[policy]).Statement : [
          statement.Action, statement.Resource, statement.Condition["ForAllValues:StringEquals"]["events:detail-type"],
          statement.Condition["ForAllValues:StringNotLike"]["events:source"], statement.Condition.Null,
        ]
      ]
      } == {
      for policy, detail_types in {
        approve   = ["Promotion Approved", "Promotion Declined"]
        event_bus = ["Promotion Requested"]
        request   = ["Promotion Requested"]
        } : policy => [
        ["events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/deployer", detail_types, ["aws.*", "deployer"], { "events:detail-type" = "false", "events:source" = "false" }]
      ]
    }
    error_message = "Who asks must only ask, who approves only approve or decline, and neither as the deployer or as AWS."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.event_bus).Statement : [statement.Principal, statement.Condition.ArnEquals]
    ] == [[{ AWS = ["arn:aws:iam::333333333333:root"] }, { "aws:PrincipalArn" = ["arn:aws:iam::333333333333:role/release"] }]]
    error_message = "Of other accounts only the roles that are named may ask: ${output.policies.event_bus}"
  }

  assert {
    condition     = one(aws_cloudwatch_event_bus_policy.requests).policy == output.policies.event_bus && aws_iam_policy.request.policy == output.policies.request && aws_iam_policy.approve.policy == output.policies.approve
    error_message = "The bus and the policies must be as they are told."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.ledger_bucket).Statement : statement.NotResource if can(statement.NotResource)
    ] == [["arn:aws:s3:::acme-deployer-ledger/open/*", "arn:aws:s3:::acme-deployer-ledger/asked/*", "arn:aws:s3:::acme-deployer-ledger/groups/open/*", "arn:aws:s3:::acme-deployer-ledger/config/deployer.json"]]
    error_message = "Nothing but markers, and the configuration, may be deleted from the ledger: ${output.policies.ledger_bucket}"
  }

  assert {
    condition     = aws_cloudwatch_log_group.deployer.retention_in_days == 90
    error_message = "The log must be kept for as long as it says."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.deployer)) == toset(["configuration", "dead-letters", "errors", "failed-deployments", "failing-messages", "lasting-errors", "late-wakes", "oldest-message", "rollout-overdue", "sweep", "throttled", "upload-backlog", "wake-backlog"])
    error_message = "A person must hear of a configuration that cannot be loaded, dead letters, errors, failed deployments, messages that fail, uploads and wakes that wait, queues that do not get shorter, rollouts that do not go on, a deployer that does not sweep and one that is throttled."
  }

  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.deployer : name => "${alarm.comparison_operator} ${alarm.threshold}, ${alarm.treat_missing_data}" } == {
      configuration      = "GreaterThanThreshold 0, notBreaching"
      dead-letters       = "GreaterThanThreshold 0, notBreaching"
      errors             = "GreaterThanThreshold 0, notBreaching"
      failed-deployments = "GreaterThanThreshold 0, notBreaching"
      failing-messages   = "GreaterThanThreshold 0, notBreaching"
      lasting-errors     = "GreaterThanThreshold 0, notBreaching"
      late-wakes         = "GreaterThanThreshold 0, notBreaching"
      oldest-message     = "GreaterThanThreshold 300, notBreaching"
      rollout-overdue    = "GreaterThanThreshold 0, notBreaching"
      sweep              = "LessThanThreshold 1, breaching"
      throttled          = "GreaterThanThreshold 0, notBreaching"
      upload-backlog     = "GreaterThanThreshold 100, notBreaching"
      wake-backlog       = "GreaterThanThreshold 20, notBreaching"
    }
    error_message = "Silence is well where something is counted that should not be, and not where the deployer should be heard of."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.deployer["oldest-message"].dimensions == tomap({ QueueName = "deployer" }) && aws_cloudwatch_metric_alarm.deployer["oldest-message"].evaluation_periods == 1
    error_message = "What is told is the age of uploads, in the minute in which SQS tells it: wakes are delayed, and nobody says whether that counts."
  }

  assert {
    condition = { for name in ["upload-backlog", "wake-backlog"] : name => "${aws_cloudwatch_metric_alarm.deployer[name].dimensions.QueueName} ${aws_cloudwatch_metric_alarm.deployer[name].statistic} ${aws_cloudwatch_metric_alarm.deployer[name].metric_name}, ${aws_cloudwatch_metric_alarm.deployer[name].datapoints_to_alarm} of ${aws_cloudwatch_metric_alarm.deployer[name].evaluation_periods}" } == {
      upload-backlog = "deployer Minimum ApproximateNumberOfMessagesVisible, 15 of 15"
      wake-backlog   = "deployer-wakes Minimum ApproximateNumberOfMessagesVisible, 15 of 15"
    }
    error_message = "A queue does not keep up where more wait than can be begun at once, for a quarter of an hour: not where a wave comes and goes."
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.deployer : endswith(alarm.alarm_description, " (docs/runbook.md#alarm-${name})") && length(alarm.alarm_description) <= 1024])
    error_message = "Whoever hears an alarm must find what to do."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.deployer : join(" ", alarm.alarm_actions) == "arn:aws:sns:eu-west-1:123456789012:on-call" && join(" ", alarm.ok_actions) == "arn:aws:sns:eu-west-1:123456789012:pager"])
    error_message = "Each alarm must tell those who are named when it begins, and those who are named when it is over."
  }

  assert {
    condition = { for name in ["failing-messages", "late-wakes", "rollout-overdue", "throttled"] : name => "${aws_cloudwatch_metric_alarm.deployer[name].namespace} ${aws_cloudwatch_metric_alarm.deployer[name].metric_name}, ${aws_cloudwatch_metric_alarm.deployer[name].datapoints_to_alarm} of ${aws_cloudwatch_metric_alarm.deployer[name].evaluation_periods}" } == {
      failing-messages = "Deployer/deployer FailingMessages, 1 of 20"
      late-wakes       = "Deployer/deployer LateWakes, 2 of 2"
      rollout-overdue  = "Deployer/deployer RolloutOverdue, 2 of 2"
      throttled        = "AWS/Lambda Throttles, 5 of 15"
    }
    error_message = "Wakes that come late must be told within minutes, and not for one that SQS has counted wrongly; a message that fails, at once, and as long as it does, for it is tried every ten minutes; too little concurrency also where it comes and goes."
  }

  assert {
    condition     = [for name in ["errors", "lasting-errors"] : "${aws_cloudwatch_metric_alarm.deployer[name].namespace}, ${aws_cloudwatch_metric_alarm.deployer[name].evaluation_periods}"] == ["Deployer/deployer, 1", "AWS/Lambda, 10"]
    error_message = "Lambda's own count of errors has the commands in it that somebody mistyped: it may tell only of those that last."
  }

  assert {
    condition = {
      for filter in [
        aws_cloudwatch_log_metric_filter.errors, aws_cloudwatch_log_metric_filter.deaths, aws_cloudwatch_log_metric_filter.unloaded_configurations,
        aws_cloudwatch_log_metric_filter.late_wakes, aws_cloudwatch_log_metric_filter.failing_messages, aws_cloudwatch_log_metric_filter.overdue_rollouts,
        ] : filter.pattern => [
        for transformation in filter.metric_transformation : "${transformation.namespace} ${transformation.name}"
      ]
      } == {
      "{ $.message = \"invocation failed*\" }"                                                                                                                                      = ["Deployer/deployer Errors"]
      "{ $.type = \"platform.report\" && ($.record.status = \"timeout\" || $.record.status = \"failure\" || ($.record.status = \"error\" && $.record.errorType = \"Runtime.*\")) }" = ["Deployer/deployer Errors"]
      "{ $.message = \"deployer.json cannot be loaded*\" }"                                                                                                                         = ["Deployer/deployer UnloadedConfigurations"]
      "{ $.message = \"a queue does not keep up*\" && $.queue = \"deployer-wakes\" }"                                                                                               = ["Deployer/deployer LateWakes"]
      "{ $.message = \"a message fails again and again*\" }"                                                                                                                        = ["Deployer/deployer FailingMessages"]
      "{ $.message = \"a rollout is overdue*\" }"                                                                                                                                   = ["Deployer/deployer RolloutOverdue"]
    }
    error_message = "Errors are the deployer's own lines and its deaths; a configuration that cannot be loaded, wakes that come late, messages that fail and rollouts that are overdue are counted by themselves."
  }

  assert {
    condition = alltrue([
      for alarm, filter in { errors = aws_cloudwatch_log_metric_filter.errors, configuration = aws_cloudwatch_log_metric_filter.unloaded_configurations, late-wakes = aws_cloudwatch_log_metric_filter.late_wakes, failing-messages = aws_cloudwatch_log_metric_filter.failing_messages, rollout-overdue = aws_cloudwatch_log_metric_filter.overdue_rollouts } :
      aws_cloudwatch_metric_alarm.deployer[alarm].metric_name == one(filter.metric_transformation).name && aws_cloudwatch_metric_alarm.deployer[alarm].namespace == one(filter.metric_transformation).namespace
    ])
    error_message = "Alarms must look at what is counted."
  }

  # What the other modules get.

  assert {
    condition = jsondecode(jsonencode(output.deploy_roles)) == {
      "111111111111/deployer-target" = {
        account       = "111111111111"
        role_name     = "deployer-target"
        environments  = ["dev"]
        promoted_from = []
        regions       = ["eu-west-1"]
        external_ids  = ["dev-8c1f"]
      }
      "222222222222/deployer-target" = {
        account       = "222222222222"
        role_name     = "deployer-target"
        environments  = ["prod"]
        promoted_from = ["dev"]
        regions       = ["eu-west-1", "us-east-1"]
        external_ids  = ["prod-51aa"]
      }
    }
    error_message = "The target module must be told of each deploy role."
  }

  assert {
    condition = jsonencode(output.deployer) == jsonencode({
      role_arn         = "arn:aws:iam::123456789012:role/deployer"
      function_arn     = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
      queue_arn        = "arn:aws:sqs:eu-west-1:123456789012:deployer"
      wake_queue_arn   = "arn:aws:sqs:eu-west-1:123456789012:deployer-wakes"
      dead_letters_arn = "arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters"
      event_bus_arn    = "arn:aws:events:eu-west-1:123456789012:event-bus/deployer"
      schedules_arn    = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/deployer"
      log_group_arn    = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer"
      ledger_bucket    = "acme-deployer-ledger"
      artifact_bucket  = "acme-artifacts"
      artifact_key_arn = aws_kms_key.artifacts[0].arn
      region           = "eu-west-1"

      artifact_decryption_key_arns = []
    })
    error_message = "The target module must be told what is the deployer's: ${jsonencode(output.deployer)}"
  }

  assert {
    condition     = output.uploads.environments == ["dev"]
    error_message = "Uploads go to environments without a promotion, unless it is said otherwise."
  }
}

run "with_keys_of_the_owner" {
  variables {
    keys = {
      for number, name in ["artifacts", "bus", "ledger", "log", "queues"] :
      name => "arn:aws:kms:eu-west-1:123456789012:key/${name}"
    }
  }

  assert {
    condition = {
      artifacts = one(one(aws_s3_bucket_server_side_encryption_configuration.artifacts[0].rule).apply_server_side_encryption_by_default).kms_master_key_id
      bus       = aws_cloudwatch_event_bus.deployer.kms_key_identifier
      dead      = aws_sqs_queue.dead_letters.kms_master_key_id
      ledger    = one(one(aws_s3_bucket_server_side_encryption_configuration.ledger.rule).apply_server_side_encryption_by_default).kms_master_key_id
      log       = aws_cloudwatch_log_group.deployer.kms_key_id
      uploads   = aws_sqs_queue.uploads.kms_master_key_id
      wakes     = aws_sqs_queue.wakes.kms_master_key_id
      } == {
      artifacts = "arn:aws:kms:eu-west-1:123456789012:key/artifacts"
      bus       = "arn:aws:kms:eu-west-1:123456789012:key/bus"
      dead      = "arn:aws:kms:eu-west-1:123456789012:key/queues"
      ledger    = "arn:aws:kms:eu-west-1:123456789012:key/ledger"
      log       = "arn:aws:kms:eu-west-1:123456789012:key/log"
      uploads   = "arn:aws:kms:eu-west-1:123456789012:key/queues"
      wakes     = "arn:aws:kms:eu-west-1:123456789012:key/queues"
    }
    error_message = "Each key must encrypt what it is named for."
  }

  assert {
    condition     = length(aws_kms_key.artifacts) == 0 && alltrue([for bucket in [aws_s3_bucket_server_side_encryption_configuration.artifacts[0], aws_s3_bucket_server_side_encryption_configuration.ledger] : one(bucket.rule).bucket_key_enabled && one(one(bucket.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"])
    error_message = "Where the owner has a key, the module makes none, and S3 asks for it once for many objects."
  }

  assert {
    condition     = output.deployer.artifact_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/artifacts" && output.uploads.artifact_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/artifacts" && output.uploads.ledger_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/ledger"
    error_message = "Targets and uploaders must hear of the keys that they need."
  }

  assert {
    condition = sort([for statement in jsondecode(output.policies.deployer).Statement : "${statement.Sid} ${join(" ", flatten([statement.Resource]))}" if strcontains(jsonencode(statement.Action), "kms:")]) == tolist([
      "DecryptArtifacts arn:aws:kms:eu-west-1:123456789012:key/artifacts",
      "UseTheKeyOfTheLedger arn:aws:kms:eu-west-1:123456789012:key/ledger",
      "UseTheKeyOfTheQueues arn:aws:kms:eu-west-1:123456789012:key/queues",
    ])
    error_message = "The deployer uses the keys of artifacts, ledger and queues; log and bus are encrypted by their services."
  }
}

run "with_keys_that_only_decrypt" {
  variables {
    keys = { ledger = "arn:aws:kms:eu-west-1:123456789012:key/ledger", queues = "arn:aws:kms:eu-west-1:123456789012:key/queues" }
    decryption_keys = {
      for name in ["artifacts", "ledger", "queues"] : name => [for age in ["former", "first", "former"] : "arn:aws:kms:eu-west-1:123456789012:key/${name}-${age}"]
    }
  }

  assert {
    condition = {
      for name in ["deployer", "look", "operate"] : name => sort([
        for statement in jsondecode(output.policies[name]).Statement :
        "${statement.Sid} ${join(" ", flatten([statement.Action]))} ${join(" ", [for key in flatten([statement.Resource]) : split("/", key)[1]])} ${split(".", statement.Condition.StringEquals["kms:ViaService"])[0]}"
        if strcontains(jsonencode(statement.Action), "kms:")
      ])
      } == {
      deployer = tolist([
        "DecryptArtifacts kms:Decrypt artifacts-former artifacts-first s3",
        "DecryptMessages kms:Decrypt queues-former queues-first sqs",
        "DecryptTheLedger kms:Decrypt ledger-former ledger-first s3",
        "UseTheKeyOfTheLedger kms:Decrypt kms:GenerateDataKey ledger s3",
        "UseTheKeyOfTheQueues kms:Decrypt kms:GenerateDataKey queues sqs",
      ])
      look = tolist(["DecryptTheLedger kms:Decrypt ledger ledger-former ledger-first s3"])
      operate = tolist([
        "DecryptMessages kms:Decrypt queues-former queues-first sqs",
        "DecryptTheLedger kms:Decrypt ledger ledger-former ledger-first s3",
        "UseTheKeyOfTheQueues kms:Decrypt kms:GenerateDataKey queues sqs",
      ])
    }
    error_message = "Former keys must decrypt what they have encrypted, and encrypt nothing."
  }

  assert {
    condition     = output.deployer.artifact_decryption_key_arns == tolist([for age in ["former", "first"] : "arn:aws:kms:eu-west-1:123456789012:key/artifacts-${age}"]) && output.uploads.ledger_decryption_key_arns == tolist([for age in ["former", "first"] : "arn:aws:kms:eu-west-1:123456789012:key/ledger-${age}"])
    error_message = "Targets and uploaders must hear of the keys that decrypt what they read."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.artifacts[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256" && endswith(one(one(aws_s3_bucket_server_side_encryption_configuration.ledger.rule).apply_server_side_encryption_by_default).kms_master_key_id, "/ledger")
    error_message = "Nothing must be encrypted with a key that only decrypts."
  }
}

run "without_keys_of_the_owner" {
  assert {
    condition     = aws_sqs_queue.uploads.sqs_managed_sse_enabled && aws_sqs_queue.wakes.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled && one(one(aws_s3_bucket_server_side_encryption_configuration.ledger.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Without a key of the owner's, AWS's own encrypt ledger and queues."
  }

  assert {
    condition     = length([for statement in jsondecode(output.policies.operate).Statement : statement if strcontains(jsonencode(statement.Action), "kms:")]) == 0
    error_message = "Without keys nobody needs rights on any."
  }
}

run "with_a_bucket_of_the_owner" {
  variables {
    existing_bucket   = true
    access_log_bucket = "acme-logs"
    keys              = { artifacts = "arn:aws:kms:eu-west-1:123456789012:key/artifacts" }
  }

  override_data {
    target = data.aws_s3_bucket.artifacts
    values = { bucket_regional_domain_name = "acme-artifacts.s3.eu-west-1.amazonaws.com" }
  }

  assert {
    condition     = length(concat(aws_s3_bucket.artifacts, aws_s3_bucket_versioning.artifacts, aws_s3_bucket_ownership_controls.artifacts, aws_s3_bucket_public_access_block.artifacts, aws_s3_bucket_server_side_encryption_configuration.artifacts, aws_s3_bucket_lifecycle_configuration.artifacts, aws_s3_bucket_policy.artifacts, aws_s3_bucket_notification.artifacts)) == 0
    error_message = "Nothing of the owner's bucket may be made or changed."
  }

  assert {
    condition     = keys(aws_s3_bucket_logging.access) == ["ledger"]
    error_message = "Only the module's own bucket is logged."
  }

  assert {
    condition     = output.deployer.artifact_bucket == "acme-artifacts" && output.uploads.artifact_bucket == "acme-artifacts" && contains(jsondecode(output.policies.artifact_bucket).Statement[*].Sid, "TheDeployerNeverWrites")
    error_message = "Targets, uploaders and the owner must hear of the bucket and of what its policy must say."
  }
}

run "without_access_logs" {
  assert {
    condition     = length(aws_s3_bucket_logging.access) == 0
    error_message = "Where no bucket is named, nothing is logged."
  }
}

run "with_access_logs" {
  variables {
    access_log_bucket = "acme-logs"
  }

  assert {
    condition = { for bucket, logging in aws_s3_bucket_logging.access : bucket => "${logging.target_bucket}/${logging.target_prefix}" } == {
      artifacts = "acme-logs/${aws_s3_bucket.artifacts[0].id}/"
      ledger    = "acme-logs/${aws_s3_bucket.ledger.id}/"
    }
    error_message = "Both buckets are logged, each below its own name."
  }
}

run "without_a_key" {
  command = plan

  assert {
    condition     = output.policies.key == null && length(aws_kms_key.artifacts) == 0 && !strcontains(output.policies.deployer, "kms:")
    error_message = "Without customer_key there must be no key, and no right to one."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.artifacts[0].rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Without customer_key S3's own key must encrypt artifacts."
  }
}

run "for_arm64_under_another_name" {
  command = plan

  variables {
    architecture        = "arm64"
    name                = "releases"
    maximum_concurrency = 1000
    wake_concurrency    = 2
  }

  assert {
    condition     = aws_lambda_function.deployer.architectures == tolist(["arm64"]) && one(aws_lambda_event_source_mapping.uploads.scaling_config).maximum_concurrency == 1000 && one(aws_lambda_event_source_mapping.wakes.scaling_config).maximum_concurrency == 2
    error_message = "What is given must be taken."
  }

  assert {
    condition     = aws_iam_role.deployer.name == "releases" && output.deployer.role_arn == "arn:aws:iam::123456789012:role/releases" && strcontains(output.policies.artifact_bucket, "arn:aws:iam::123456789012:role/releases")
    error_message = "Policies must follow the name."
  }
}

run "what_the_deployer_takes_is_taken" {
  variables {
    log_retention_days = 0
    environments = {
      dev = {
        targets        = [{ account = "111111111111", region = "eu-west-1" }]
        alias          = "1-live"
        function_name  = "{environment}-{function}_{function}"
        traffic_within = "30m"
        keep_versions  = 1
        prune_durable  = true
      }
      prod  = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "prod-{function}", execution_role = "lambda/{function}-*", log_groups = ["/acme/{environment}/{function}", "/shared/*"], dead_letter_targets = ["arn:aws:sqs:*:111111111111:{function}-dead"], promotion = { from = "dev", soak = "365d" } }
      stage = { targets = [{ account = "111111111111", region = "eu-west-1" }], function_name = "stage-{function}", execution_role = "{environment}/*", log_groups = [], promotion = { from = "dev", soak = "0s" } }
    }
  }
}

run "fips_and_dual_stack_endpoints_where_asked_for" {
  command = plan

  variables {
    use_fips_endpoints       = true
    use_dual_stack_endpoints = true
    preview                  = "rollouts"
  }

  assert {
    condition     = aws_lambda_function.deployer.environment[0].variables["DEPLOYER_PREVIEW"] == "rollouts"
    error_message = "The deployer must carry rollouts out where it is asked to."
  }

  assert {
    condition     = alltrue([for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] : aws_lambda_function.deployer.environment[0].variables[name] == "true"])
    error_message = "The SDK reads these settings from the environment."
  }
}

run "with_lists_of_who_may_do_what" {
  command = plan

  variables {
    approvers      = ["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Approvers_*"]
    uploaders      = ["arn:aws:iam::123456789012:role/ci-*", "arn:aws:iam::123456789012:user/jenkins"]
    administrators = ["arn:aws:iam::123456789012:role/platform"]
    role_path      = "/releases/"
  }

  assert {
    condition = {
      for name in ["artifact_bucket", "event_bus", "ledger_bucket", "queue", "wake_queue"] : name => [
        for statement in jsondecode(output.policies[name]).Statement : [statement.Sid, statement.Effect, statement.Principal, flatten([statement.Condition.ArnNotLike["aws:PrincipalArn"]])] if startswith(statement.Sid, "Only")
      ]
      } == {
      artifact_bucket = [["OnlyUploadersUpload", "Deny", "*", ["arn:aws:iam::123456789012:role/ci-*", "arn:aws:iam::123456789012:user/jenkins"]]]
      event_bus       = [["OnlyApproversApprove", "Deny", "*", ["arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Approvers_*"]]]
      ledger_bucket   = [["OnlyTheDeployerAndAdministratorsWrite", "Deny", "*", ["arn:aws:iam::123456789012:role/releases/deployer", "arn:aws:iam::123456789012:role/platform"]]]
      queue           = [["OnlyTheDeployerAndAdministrators", "Deny", "*", ["arn:aws:iam::123456789012:role/releases/deployer", "arn:aws:iam::123456789012:role/platform"]]]
      wake_queue      = [["OnlyTheDeployerAndAdministrators", "Deny", "*", ["arn:aws:iam::123456789012:role/releases/deployer", "arn:aws:iam::123456789012:role/platform"]]]
    }
    error_message = "Everybody but those on the list, and the deployer where it works, must be denied."
  }

  assert {
    condition     = one(aws_cloudwatch_event_bus_policy.requests).policy == output.policies.event_bus
    error_message = "The bus must have the policy, though no other account may ask."
  }
}

run "without_lists_nobody_is_denied_by_name" {
  command = plan

  assert {
    condition = alltrue([
      for name in ["artifact_bucket", "ledger_bucket", "queue", "wake_queue"] : [for statement in jsondecode(output.policies[name]).Statement : statement.Sid if startswith(statement.Sid, "Only")] == []
    ])
    error_message = "Lists must be off unless they are given."
  }
}

# tests/infra looks at every resource of this run.
run "with_boundary_path_and_tags" {
  variables {
    customer_key         = true
    permissions_boundary = "arn:aws:iam::123456789012:policy/platform/boundary"
    role_path            = "/platform/releases/"
    tags                 = { owner = "platform", cost-center = "4711" }
    promotion_requesters = ["arn:aws:iam::333333333333:role/release"]
    environments = {
      dev = { targets = [for number in range(200) : { account = format("%012d", number), region = "eu-west-1" }] }
    }
  }

  assert {
    condition     = output.deployer.role_arn == "arn:aws:iam::123456789012:role/platform/releases/deployer"
    error_message = "Targets must be told the role's ARN with its path: ${output.deployer.role_arn}"
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.artifact_bucket).Statement : statement.Condition.ArnEquals["aws:PrincipalArn"] if statement.Sid == "TheDeployerNeverWrites"
    ] == ["arn:aws:iam::123456789012:role/platform/releases/deployer"]
    error_message = "The deployer must be denied to write where uploads arrive by its ARN with the path."
  }

  assert {
    condition     = aws_s3_object.config.tags == null && length(aws_s3_object.config.override_provider) == 1 && length(aws_s3_object.config.override_provider[0].default_tags[0].tags) == 0
    error_message = "deployer.json must have no tags, and none of the provider's: an object takes ten at most."
  }
}

run "a_plan_without_the_package_at_hand_warns" {
  command = plan

  variables {
    package = { path = "nowhere/deployer.zip" }
  }

  expect_failures = [check.package]
}

run "the_deployer_kept_at_a_former_version" {
  variables {
    live_version = "7"
    package      = { path = "versions.tf", version = "0.2.0+1a2b3c" }
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "7" && output.live_version == "7"
    error_message = "The alias must serve the version that was asked for."
  }

  assert {
    condition     = endswith(aws_lambda_function.deployer.description, "(deployer 0.2.0+1a2b3c)")
    error_message = "The description must tell the version that was given: ${aws_lambda_function.deployer.description}"
  }
}
