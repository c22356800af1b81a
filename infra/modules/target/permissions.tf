# What the deploy role may do. Each session is cut down further, to the one function that is deployed.

locals {
  # Each function with its versions and aliases: calls about those are authorised on the function or on its qualified ARN, depending on
  # the call. A pattern that ends in * covers both.
  functions = flatten([for region in var.deploy_role.regions : [
    for name in var.functions : [
      for qualifier in(endswith(name, "*") ? [""] : ["", ":*"]) : "arn:${local.partition}:lambda:${region}:${local.account}:function:${name}${qualifier}"
    ]
  ]])
  qualified_functions = flatten([for region in var.deploy_role.regions : [
    for name in var.functions : "arn:${local.partition}:lambda:${region}:${local.account}:function:${name}:*"
  ]])
  execution_roles = [for role in var.execution_roles : "arn:${local.partition}:iam::${local.account}:role/${role}"]
  bucket_arn      = "arn:${local.partition}:s3:::${var.deployer.artifact_bucket}"
  artifact_keys   = compact(concat([var.deployer.artifact_key_arn], var.deployer.artifact_decryption_key_arns))
  dns_suffix      = local.names.partitions[local.partition].dns_suffix

  permissions = jsonencode({ Version = "2012-10-17", Statement = concat(local.allowed, local.denied) })

  permissions_length = length(local.permissions)

  allowed = concat(
    [
      # DeleteFunction without a qualifier deletes the function, which NeverDeleteAFunction denies.
      merge(
        {
          Sid    = "WorkOnFunctions"
          Effect = "Allow"
          Action = concat(
            [
              "lambda:CreateAlias", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:GetAlias", "lambda:GetFunction",
              "lambda:GetProvisionedConcurrencyConfig", "lambda:ListAliases", "lambda:ListTags", "lambda:ListVersionsByFunction",
              "lambda:PublishVersion", "lambda:TagResource", "lambda:UntagResource", "lambda:UpdateAlias", "lambda:UpdateFunctionCode",
              "lambda:UpdateFunctionConfiguration",
            ],
            var.concurrency ? ["lambda:DeleteFunctionConcurrency", "lambda:PutFunctionConcurrency"] : [],
          )
          Resource = local.functions
        },
        { for bounds in [local.bounds] : "Condition" => bounds if length(bounds) > 0 },
      ),
      {
        Sid      = "ReadArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [for environment in concat(var.deploy_role.environments, var.deploy_role.promoted_from) : "${local.bucket_arn}/${environment}/*"]
      },
    ],
    local.allowed_where_asked,
  )

  # Which networks and tags a manifest may ask for. A call has these keys only where it names a network or tags (Service Authorization
  # Reference, "Condition keys for AWS Lambda"), so that the others pass.
  bounds = merge(
    var.vpc == null ? { Null = { "lambda:VpcIds" = "true" } } : {},
    { for listed in [local.listed_bounds] : "ForAllValues:StringEquals" => listed if length(listed) > 0 },
    { for tags in [local.bound_tags] : "StringEqualsIfExists" => tags if length(tags) > 0 },
  )
  listed_bounds = merge(
    { for groups in [try(var.vpc.security_group_ids, null)] : "lambda:SecurityGroupIds" => groups if groups != null },
    { for subnets in [try(var.vpc.subnet_ids, null)] : "lambda:SubnetIds" => subnets if subnets != null },
    # The doctor tries tagging out with a key of its own.
    { for tags in [var.function_tags] : "aws:TagKeys" => concat(keys(tags), [local.names.probe]) if tags != null },
  )
  bound_tags = { for key, values in coalesce(var.function_tags, {}) : "aws:RequestTag/${key}" => values if length(values) > 0 }

  allowed_where_asked = concat(
    length(var.execution_roles) == 0 ? [] : [{
      Sid       = "PassExecutionRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = local.execution_roles
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }],
    var.deployer.artifact_key_arn == null && length(var.deployer.artifact_decryption_key_arns) == 0 ? [] : [{
      Sid       = "DecryptArtifacts"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = local.artifact_keys
      Condition = { StringEquals = { "kms:ViaService" = "s3.${var.deployer.region}.${local.dns_suffix}" } }
    }],
    length(var.function_keys) == 0 ? [] : [{
      Sid       = "EncryptVariables"
      Effect    = "Allow"
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = var.function_keys
      Condition = { StringEquals = { "kms:ViaService" = [for region in var.deploy_role.regions : "lambda.${region}.${local.dns_suffix}"] } }
    }],
    length(var.layers) == 0 ? [] : [{
      Sid      = "UseLayers"
      Effect   = "Allow"
      Action   = "lambda:GetLayerVersion"
      Resource = var.layers
    }],
    length(var.capacity_providers) == 0 ? [] : [{
      Sid      = "UseCapacityProviders"
      Effect   = "Allow"
      Action   = "lambda:PassCapacityProvider"
      Resource = var.capacity_providers
    }],
    # These calls know no resources (Service Authorization Reference, "Amazon EC2", "Amazon Elastic File System").
    var.vpc == null ? [] : [{
      Sid    = "LookAtNetworks"
      Effect = "Allow"
      Action = [
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "elasticfilesystem:DescribeMountTargets",
      ]
      Resource = "*"
    }],
    # GetMetricData knows no resource, and composite alarms are shown only to whoever may read all alarms (CloudWatch API Reference,
    # DescribeAlarms and DescribeAlarmHistory).
    var.rollouts ? [{
      Sid      = "WatchRollouts"
      Effect   = "Allow"
      Action   = ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"]
      Resource = "*"
    }] : [],
    # Versions and aliases only, never $LATEST.
    var.smoke_tests ? [{
      Sid      = "RunSmokeTests"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = local.qualified_functions
    }] : [],
  )

  # Whatever somebody attaches to the role later.
  denied = concat(
    [
      # Also what AWS invents later.
      {
        Sid       = "NeverAnythingElse"
        Effect    = "Deny"
        NotAction = sort(distinct(flatten(local.allowed[*].Action)))
        Resource  = "*"
      },
      {
        Sid         = "NeverDeleteAFunction"
        Effect      = "Deny"
        Action      = "lambda:DeleteFunction"
        NotResource = "arn:${local.partition}:lambda:*:*:function:*:*"
      },
      # Where the deployer deploys to its own account: an upload must never become the deployer, nor run with its role.
      {
        Sid      = "NeverTouchTheDeployer"
        Effect   = "Deny"
        Action   = "*"
        Resource = [var.deployer.function_arn, "${var.deployer.function_arn}:*", var.deployer.role_arn]
      },
    ],
    length(var.execution_roles) == 0 ? [] : [{
      Sid         = "NeverPassAnotherRole"
      Effect      = "Deny"
      Action      = "iam:PassRole"
      NotResource = local.execution_roles
    }],
    var.smoke_tests ? [{
      Sid         = "NeverInvokeAnythingElse"
      Effect      = "Deny"
      Action      = "lambda:InvokeFunction"
      NotResource = local.qualified_functions
    }] : [],
    var.code_signing_config_arn == null ? [] : [{
      Sid       = "NeverCreateUnsigned"
      Effect    = "Deny"
      Action    = "lambda:CreateFunction"
      Resource  = "*"
      Condition = { ArnNotEquals = { "lambda:CodeSigningConfigArn" = var.code_signing_config_arn } }
    }],
  )
}
