# What is made of the least and of the most that can be asked for. The policies word for word are in infra/contract/policies; here is what
# they must be like.

mock_provider "aws" {
  source = "../../mocks"

  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "222222222222" }
  }
}

variables {
  deployer = {
    role_arn        = "arn:aws:iam::123456789012:role/deployer"
    function_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
    queue_arn       = "arn:aws:sqs:eu-west-1:123456789012:deployer"
    ledger_bucket   = "acme-deployer-ledger"
    artifact_bucket = "acme-artifacts"
    region          = "eu-west-1"
  }
  deploy_role = {
    account      = "222222222222"
    role_name    = "deployer-target"
    environments = ["prod"]
    regions      = ["eu-west-1", "us-east-1"]
    external_ids = ["prod-51aa"]
  }
  functions       = ["*"]
  execution_roles = ["lambda/*"]
}

run "the_least" {
  command = plan

  assert {
    condition = jsondecode(output.policies.trust) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "TheDeployerEnters"
          Effect    = "Allow"
          Principal = { AWS = "arn:aws:iam::123456789012:role/deployer" }
          Action    = "sts:AssumeRole"
          Condition = {
            StringEquals = { "sts:ExternalId" = ["prod-51aa"] }
            StringLike   = { "sts:SourceIdentity" = "deployer-*" }
          }
        },
        {
          Sid       = "AndNamesItsDeployment"
          Effect    = "Allow"
          Principal = { AWS = "arn:aws:iam::123456789012:role/deployer" }
          Action    = "sts:SetSourceIdentity"
          Condition = { StringLike = { "sts:SourceIdentity" = "deployer-*" } }
        },
      ]
    }
    error_message = "The deployer alone enters, with the external id, naming its deployment: ${output.policies.trust}"
  }

  assert {
    condition     = aws_iam_role.deploy.name == "deployer-target" && aws_iam_role.deploy.assume_role_policy == output.policies.trust && aws_iam_role.deploy.max_session_duration == 3600
    error_message = "The role must have the trust that is told."
  }

  assert {
    condition     = aws_iam_role_policy.deploy.policy == output.policies.permissions
    error_message = "The role must have the permissions that are told."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policies.permissions).Statement : statement.Action if statement.Effect == "Allow"
      ])) == toset([
      "iam:PassRole",
      "lambda:CreateAlias",
      "lambda:CreateFunction",
      "lambda:DeleteFunction",
      "lambda:GetAlias",
      "lambda:GetFunction",
      "lambda:GetProvisionedConcurrencyConfig",
      "lambda:ListAliases",
      "lambda:ListTags",
      "lambda:ListVersionsByFunction",
      "lambda:PublishVersion",
      "lambda:TagResource",
      "lambda:UntagResource",
      "lambda:UpdateAlias",
      "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration",
      "s3:GetObject",
      "s3:GetObjectVersion",
    ])
    error_message = "Without being asked for more, these actions must be allowed and no others: no patterns, no networks, layers or keys."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(output.policies.permissions).Statement : [
        for arn in flatten([statement.Resource]) : length(split(":", arn)) >= 6 && startswith(arn, "arn:aws:") && (split(":", arn)[2] == "s3" ? split(":", arn)[4] == "" : split(":", arn)[4] == "222222222222")
      ] if statement.Effect == "Allow"
    ]))
    error_message = "Each resource must be an ARN of this account, or of the artifact bucket."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(output.policies.permissions).Statement : [
        for arn in flatten([statement.Resource]) : contains(["eu-west-1", "us-east-1"], split(":", arn)[3]) if split(":", arn)[2] == "lambda"
      ] if statement.Effect == "Allow"
    ]))
    error_message = "Functions must be of the role's regions."
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.permissions).Statement : statement.Condition if statement.Sid == "WorkOnFunctions"]) == { Null = { "lambda:VpcIds" = "true" } }
    error_message = "Without being asked for, functions are in no VPC: ${output.policies.permissions}"
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Resource, statement.Condition] if statement.Effect == "Allow" && contains(flatten([try(statement.Action, [])]), "iam:PassRole")
      ] == [[
        ["arn:aws:iam::222222222222:role/lambda/*"],
        { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } },
    ]]
    error_message = "Only the execution roles may be passed, and only to Lambda."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.permissions).Statement : statement.Resource if statement.Effect == "Allow" && anytrue([for action in flatten([try(statement.Action, [])]) : startswith(action, "s3:")])
    ] == [["arn:aws:s3:::acme-artifacts/prod/*"]]
    error_message = "Only the environment's artifacts may be read."
  }

  assert {
    condition     = output.policies.execution_boundary == null && length(aws_iam_policy.execution_boundary) == 0 && output.execution_boundary_arn == null
    error_message = "No boundary must be made that was not asked for."
  }
}

run "whatever_somebody_attaches_later_is_denied" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(output.policies.permissions).Statement : statement.Sid => flatten([try(statement.Resource, []), [for arn in flatten([try(statement.NotResource, [])]) : "not ${arn}"]])
      if statement.Effect == "Deny" && !can(statement.Condition)
      } == {
      NeverAnythingElse    = ["*"]
      NeverDeleteAFunction = ["not arn:aws:lambda:*:*:function:*:*"]
      NeverTouchTheDeployer = [
        "arn:aws:lambda:eu-west-1:123456789012:function:deployer",
        "arn:aws:lambda:eu-west-1:123456789012:function:deployer:*",
        "arn:aws:iam::123456789012:role/deployer",
      ]
      NeverPassAnotherRole = ["not arn:aws:iam::222222222222:role/lambda/*"]
    }
    error_message = "What is never allowed must be denied, and without a condition."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : toset(statement.NotAction) if statement.Sid == "NeverAnythingElse"
      ]) == toset(flatten([
        for statement in jsondecode(output.policies.permissions).Statement : statement.Action if statement.Effect == "Allow"
    ]))
    error_message = "All that is not allowed must be denied, also what is not known today: ${output.policies.permissions}"
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.permissions).Statement : [statement.Effect, statement.Action] if statement.Sid == "NeverTouchTheDeployer"] == [["Deny", "*"]]
    error_message = "Nothing at all may be done to the deployer's function and role: ${output.policies.permissions}"
  }
}

run "the_most" {
  command = plan

  variables {
    deployer = {
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
      artifact_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"
      region           = "eu-west-1"
    }
    deploy_role = {
      account      = "222222222222"
      role_name    = "deployer-target"
      environments = ["prod", "prod-eu"]
      regions      = ["eu-west-1", "us-east-1"]
      external_ids = ["prod-51aa", "prod-eu-9d30"]
    }
    functions          = ["orders-*", "hello"]
    execution_roles    = ["lambda/*", "lambda-orders"]
    organization_id    = "o-exampleorg1"
    layers             = ["arn:aws:lambda:eu-west-1:222222222222:layer:shared:*"]
    function_keys      = ["arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002"]
    capacity_providers = ["arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared"]
    vpc = {
      subnet_ids         = ["subnet-00000001", "subnet-00000002"]
      security_group_ids = ["sg-00000001"]
    }
    concurrency             = true
    rollouts                = true
    smoke_tests             = true
    function_tags           = { stage = ["prod", "prod-eu"], team = [] }
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:222222222222:code-signing-config:csc-0f6c334abcdea4d8b"
    execution_boundary      = ["logs", "s3"]
    permissions_boundary    = "arn:aws:iam::222222222222:policy/landing-zone"
    tags                    = { owner = "platform" }
  }

  assert {
    condition = one([for statement in jsondecode(output.policies.permissions).Statement : statement.Condition if statement.Sid == "WorkOnFunctions"]) == {
      "ForAllValues:StringEquals" = {
        "aws:TagKeys"             = ["stage", "team", "deployer-doctor-probe"]
        "lambda:SecurityGroupIds" = ["sg-00000001"]
        "lambda:SubnetIds"        = ["subnet-00000001", "subnet-00000002"]
      }
      StringEqualsIfExists = { "aws:RequestTag/stage" = ["prod", "prod-eu"] }
    }
    error_message = "Networks and tags must be those that are named: ${output.policies.permissions}"
  }

  assert {
    condition = setintersection(
      one([for statement in jsondecode(output.policies.permissions).Statement : statement.Action if statement.Sid == "WorkOnFunctions"]),
      ["lambda:DeleteFunctionConcurrency", "lambda:PutFunctionConcurrency"],
    ) == toset(["lambda:DeleteFunctionConcurrency", "lambda:PutFunctionConcurrency"])
    error_message = "Concurrency may be reserved where that is asked for."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Effect, statement.Action, statement.Resource, statement.Condition] if statement.Sid == "NeverCreateUnsigned"
      ] == [[
        "Deny", "lambda:CreateFunction", "*",
        { ArnNotEquals = { "lambda:CodeSigningConfigArn" = "arn:aws:lambda:eu-west-1:222222222222:code-signing-config:csc-0f6c334abcdea4d8b" } },
    ]]
    error_message = "No function must be made without the code signing configuration: ${output.policies.permissions}"
  }

  assert {
    condition     = aws_iam_role.deploy.permissions_boundary == "arn:aws:iam::222222222222:policy/landing-zone" && aws_iam_role.deploy.tags == tomap({ owner = "platform" }) && aws_iam_policy.execution_boundary[0].tags == tomap({ owner = "platform" })
    error_message = "The role must have the account's boundary, and all must have the tags."
  }

  assert {
    condition = jsondecode(output.policies.trust).Statement[*].Condition == [
      {
        StringEquals = { "aws:PrincipalOrgID" = "o-exampleorg1", "sts:ExternalId" = ["prod-51aa", "prod-eu-9d30"] }
        StringLike   = { "sts:SourceIdentity" = "deployer-*" }
      },
      {
        StringEquals = { "aws:PrincipalOrgID" = "o-exampleorg1" }
        StringLike   = { "sts:SourceIdentity" = "deployer-*" }
      },
    ]
    error_message = "The organization must be asked for in both statements, an external id only to enter: ${output.policies.trust}"
  }

  assert {
    condition = toset([
      for statement in jsondecode(output.policies.permissions).Statement : statement.Sid if statement.Effect == "Allow" && !contains(
        ["PassExecutionRoles", "ReadArtifacts", "WorkOnFunctions"], statement.Sid
      )
    ]) == toset(["DecryptArtifacts", "EncryptVariables", "LookAtNetworks", "RunSmokeTests", "UseCapacityProviders", "UseLayers", "WatchRollouts"])
    error_message = "Each that is asked for is a statement of its own."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Action, statement.Resource, statement.Condition] if statement.Sid == "DecryptArtifacts"
      ]) == [
      "kms:Decrypt",
      ["arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"],
      { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } },
    ]
    error_message = "The artifacts' key must be used through S3 only."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Action, statement.Resource, statement.Condition] if statement.Sid == "EncryptVariables"
      ]) == [
      ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
      ["arn:aws:kms:eu-west-1:222222222222:key/1c8e2f0a-0000-4000-8000-000000000002"],
      { StringEquals = { "kms:ViaService" = ["lambda.eu-west-1.amazonaws.com", "lambda.us-east-1.amazonaws.com"] } },
    ]
    error_message = "The functions' keys must be used through Lambda only."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Action, statement.Resource] if statement.Sid == "UseLayers"
    ]) == ["lambda:GetLayerVersion", ["arn:aws:lambda:eu-west-1:222222222222:layer:shared:*"]]
    error_message = "Only the given layers may be used."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Action, statement.Resource] if statement.Sid == "UseCapacityProviders"
    ]) == ["lambda:PassCapacityProvider", ["arn:aws:lambda:eu-west-1:222222222222:capacity-provider:shared"]]
    error_message = "Functions may be put on the given capacity providers only."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.permissions).Statement : sort(statement.Action) if statement.Effect == "Allow" && try(statement.Resource == "*", false)
      ] == [
      tolist(["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "elasticfilesystem:DescribeMountTargets"]),
      tolist(["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"]),
    ]
    error_message = "Only looking at networks, metrics and alarms is allowed everywhere, for those calls know no resources."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : [statement.Action, toset(statement.Resource)] if statement.Sid == "RunSmokeTests"
      ]) == ["lambda:InvokeFunction", toset(flatten([
        for region in ["eu-west-1", "us-east-1"] : [for name in ["orders-*", "hello"] : "arn:aws:lambda:${region}:222222222222:function:${name}:*"]
    ]))]
    error_message = "Versions of the named functions may be invoked, and never $LATEST."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.permissions).Statement : toset(statement.NotResource) if statement.Sid == "NeverInvokeAnythingElse"
      ] == [
      for statement in jsondecode(output.policies.permissions).Statement : toset(statement.Resource) if statement.Sid == "RunSmokeTests"
    ]
    error_message = "Nothing else may ever be invoked."
  }

  assert {
    condition = one([for statement in jsondecode(output.policies.permissions).Statement : toset(statement.Resource) if statement.Sid == "WorkOnFunctions"]) == toset(flatten([
      for region in ["eu-west-1", "us-east-1"] : [
        for name in ["orders-*", "hello", "hello:*"] : "arn:aws:lambda:${region}:222222222222:function:${name}"
      ]
    ]))
    error_message = "The role must reach the named functions with their versions, in both regions."
  }

  assert {
    condition = one([for statement in jsondecode(output.policies.permissions).Statement : statement.NotResource if statement.Sid == "NeverPassAnotherRole"]) == [
      "arn:aws:iam::222222222222:role/lambda/*", "arn:aws:iam::222222222222:role/lambda-orders",
    ]
    error_message = "Every role but those of the list must be denied."
  }

  assert {
    condition     = aws_iam_policy.execution_boundary[0].policy == output.policies.execution_boundary && aws_iam_policy.execution_boundary[0].name == "deployer-target-execution-boundary"
    error_message = "The boundary that was asked for must be made."
  }

  assert {
    condition = {
      for statement in jsondecode(output.policies.execution_boundary).Statement : statement.Sid => [statement.Effect, flatten([statement.Resource])]
      } == {
      UseTheseServices      = ["Allow", ["*"]]
      NeverDeploy           = ["Deny", ["*"]]
      NeverEnterADeployRole = ["Deny", ["arn:aws:iam::*:role/deployer-target"]]
      NeverTouchTheDeployer = ["Deny", [
        "arn:aws:iam::123456789012:role/deployer",
        "arn:aws:lambda:eu-west-1:123456789012:function:deployer",
        "arn:aws:lambda:eu-west-1:123456789012:function:deployer:*",
        "arn:aws:sqs:eu-west-1:123456789012:deployer",
        "arn:aws:sqs:eu-west-1:123456789012:deployer-wakes",
        "arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters",
        "arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001",
        "arn:aws:events:eu-west-1:123456789012:event-bus/deployer",
        "arn:aws:events:eu-west-1:123456789012:rule/deployer/*",
        "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/deployer",
        "arn:aws:scheduler:eu-west-1:123456789012:schedule/deployer/*",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/deployer:*",
        "arn:aws:s3:::acme-artifacts",
        "arn:aws:s3:::acme-artifacts/*",
        "arn:aws:s3:::acme-deployer-ledger",
        "arn:aws:s3:::acme-deployer-ledger/*",
      ]]
    }
    error_message = "The boundary must allow the given services, and deny what is the deployer's: ${output.policies.execution_boundary}"
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.execution_boundary).Statement : statement.Action if statement.Effect == "Allow"]) == ["logs:*", "s3:*"]
    error_message = "The boundary must allow the given services and no others."
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.execution_boundary).Statement : statement.Action if statement.Sid == "NeverTouchTheDeployer"]) == "*"
    error_message = "Nothing at all may be done to what is the deployer's: ${output.policies.execution_boundary}"
  }
}

run "an_environment_that_takes_promotions" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { promoted_from = ["dev", "stage"] })
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.permissions).Statement : statement.Resource if statement.Sid == "ReadArtifacts"
    ]) == ["arn:aws:s3:::acme-artifacts/prod/*", "arn:aws:s3:::acme-artifacts/dev/*", "arn:aws:s3:::acme-artifacts/stage/*"]
    error_message = "What is promoted here must be read where it was uploaded: ${output.policies.permissions}"
  }
}

run "while_an_external_id_is_rotated" {
  command = plan

  variables {
    deploy_role = merge(var.deploy_role, { external_ids = ["prod-51aa", "prod-77fe"] })
  }

  assert {
    condition     = toset(jsondecode(output.policies.trust).Statement[0].Condition.StringEquals["sts:ExternalId"]) == toset(["prod-51aa", "prod-77fe"])
    error_message = "The trust must take the former external id and the new one."
  }
}

run "without_external_ids" {
  command = plan

  variables {
    deploy_role = {
      account      = "222222222222"
      role_name    = "deployer-target"
      environments = ["prod"]
      regions      = ["eu-west-1"]
      external_ids = []
    }
  }

  assert {
    condition     = [for statement in jsondecode(output.policies.trust).Statement : keys(statement.Condition)] == [["StringLike"], ["StringLike"]]
    error_message = "Without an external id none is asked for, but a deployment's name is: ${output.policies.trust}"
  }
}

run "without_execution_roles_no_role_is_passed" {
  command = plan

  variables {
    execution_roles = []
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies.permissions).Statement : statement.Sid if contains(flatten([try(statement.Action, []), try(statement.NotAction, [])]), "iam:PassRole")
    ] == []
    error_message = "No role may be passed: ${output.policies.permissions}"
  }
}

run "with_former_keys_of_the_artifacts" {
  command = plan

  variables {
    deployer = {
      role_arn        = "arn:aws:iam::123456789012:role/deployer"
      function_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:deployer"
      queue_arn       = "arn:aws:sqs:eu-west-1:123456789012:deployer"
      ledger_bucket   = "acme-deployer-ledger"
      artifact_bucket = "acme-artifacts"
      region          = "eu-west-1"

      artifact_decryption_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/former", "arn:aws:kms:eu-west-1:123456789012:key/first"]
    }
    execution_boundary = ["kms"]
  }

  assert {
    condition = [for statement in jsondecode(output.policies.permissions).Statement : [statement.Sid, statement.Action, statement.Resource] if strcontains(jsonencode(try(statement.Action, "")), "kms:")] == [
      ["DecryptArtifacts", "kms:Decrypt", ["arn:aws:kms:eu-west-1:123456789012:key/former", "arn:aws:kms:eu-west-1:123456789012:key/first"]]
    ]
    error_message = "What former keys have encrypted must be read: ${output.policies.permissions}"
  }

  assert {
    condition     = alltrue([for key in ["former", "first"] : strcontains(output.policies.execution_boundary, "arn:aws:kms:eu-west-1:123456789012:key/${key}")])
    error_message = "Functions must never use the deployer's former keys: ${output.policies.execution_boundary}"
  }
}

run "in_china" {
  command = plan

  variables {
    deployer = {
      role_arn         = "arn:aws-cn:iam::123456789012:role/deployer"
      function_arn     = "arn:aws-cn:lambda:cn-north-1:123456789012:function:deployer"
      queue_arn        = "arn:aws-cn:sqs:cn-north-1:123456789012:deployer"
      ledger_bucket    = "acme-deployer-ledger"
      artifact_bucket  = "acme-artifacts"
      artifact_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001"
      region           = "cn-north-1"
    }
    deploy_role = {
      account      = "222222222222"
      role_name    = "deployer-target"
      environments = ["prod"]
      regions      = ["cn-north-1"]
      external_ids = ["prod-51aa"]
    }
    execution_boundary = ["logs"]
  }

  assert {
    condition     = !strcontains(join("", values(output.policies)), "arn:aws:") && strcontains(output.policies.permissions, "s3.cn-north-1.amazonaws.com.cn")
    error_message = "ARNs must be of the partition that the deployer is in."
  }
}

run "a_deploy_role_with_a_path" {
  command = plan

  variables {
    deploy_role        = merge(var.deploy_role, { role_name = "platform/teams/deployer-target" })
    execution_boundary = ["logs"]
  }

  assert {
    condition     = aws_iam_role.deploy.name == "deployer-target" && aws_iam_role.deploy.path == "/platform/teams/" && aws_iam_role_policy.deploy.name == "deployer-target" && aws_iam_policy.execution_boundary[0].name == "deployer-target-execution-boundary"
    error_message = "The path must be the role's, and in no name."
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.execution_boundary).Statement : statement.Resource if statement.Sid == "NeverEnterADeployRole"]) == "arn:aws:iam::*:role/platform/teams/deployer-target"
    error_message = "A role's ARN has its path: ${output.policies.execution_boundary}"
  }
}

run "networks_without_bounds" {
  command = plan

  variables {
    vpc           = {}
    function_tags = {}
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.permissions).Statement : statement.Condition if statement.Sid == "WorkOnFunctions"]) == { "ForAllValues:StringEquals" = { "aws:TagKeys" = ["deployer-doctor-probe"] } }
    error_message = "Functions may be in any VPC, and without keys they may have no tags: ${output.policies.permissions}"
  }
}

run "security_groups_alone" {
  command = plan

  variables {
    vpc = { security_group_ids = ["sg-00000001"] }
  }

  assert {
    condition     = one([for statement in jsondecode(output.policies.permissions).Statement : statement.Condition if statement.Sid == "WorkOnFunctions"]) == { "ForAllValues:StringEquals" = { "lambda:SecurityGroupIds" = ["sg-00000001"] } }
    error_message = "Any subnet may be used, but not any security group: ${output.policies.permissions}"
  }
}

run "no_bounds_at_all" {
  command = plan

  variables {
    vpc = {}
  }

  assert {
    condition     = !can(one([for statement in jsondecode(output.policies.permissions).Statement : statement if statement.Sid == "WorkOnFunctions"]).Condition)
    error_message = "There must be no condition where nothing is bounded: ${output.policies.permissions}"
  }
}

run "ten_names_in_two_regions_fit_well" {
  command = plan

  variables {
    functions = [for number in range(10) : format("function-%02d", number)]
  }

  assert {
    condition     = length(output.policies.permissions) < 5500
    error_message = "Half of what IAM takes must be enough: ${length(output.policies.permissions)}"
  }
}
