# What the deploy role may do. Each session is cut down further, to the one function that is deployed.

locals {
  functions = flatten([for region in var.deploy_role.regions : [
    for name in var.functions : "arn:${local.partition}:lambda:${region}:${local.account}:function:${name}"
  ]])
  # Versions and aliases: calls about them are authorised on the function or on its qualified ARN, depending on the call.
  qualified = [for function in local.functions : "${function}:*"]
  # A pattern that ends in * covers those too.
  with_versions   = concat(local.functions, [for function in local.functions : "${function}:*" if !endswith(function, "*")])
  execution_roles = [for role in var.execution_roles : "arn:${local.partition}:iam::${local.account}:role/${role}"]
  bucket_arn      = "arn:${local.partition}:s3:::${var.deployer.artifact_bucket}"
  dns_suffix      = local.names.partitions[local.partition].dns_suffix

  permissions = jsonencode({ Version = "2012-10-17", Statement = concat(local.allowed, local.allowed_where_asked, local.denied) })

  permissions_length = length(local.permissions)

  allowed = [
    {
      Sid    = "ReadFunctions"
      Effect = "Allow"
      Action = [
        "lambda:GetAlias", "lambda:GetFunction", "lambda:GetProvisionedConcurrencyConfig", "lambda:ListAliases", "lambda:ListTags",
        "lambda:ListVersionsByFunction",
      ]
      Resource = local.with_versions
    },
    {
      Sid      = "PublishAndMoveTheAlias"
      Effect   = "Allow"
      Action   = ["lambda:CreateAlias", "lambda:PublishVersion", "lambda:UpdateAlias", "lambda:UpdateFunctionCode"]
      Resource = local.with_versions
    },
    {
      Sid    = "CreateAndConfigure"
      Effect = "Allow"
      Action = [
        "lambda:CreateFunction", "lambda:DeleteFunctionConcurrency", "lambda:PutFunctionConcurrency", "lambda:TagResource",
        "lambda:UntagResource", "lambda:UpdateFunctionConfiguration",
      ]
      Resource = local.functions
    },
    # DeleteFunction without a qualifier deletes the function: only versions, by their qualified ARN.
    {
      Sid      = "DeleteOldVersions"
      Effect   = "Allow"
      Action   = "lambda:DeleteFunction"
      Resource = local.qualified
    },
    {
      Sid      = "ReadArtifacts"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = [for environment in concat(var.deploy_role.environments, var.deploy_role.promoted_from) : "${local.bucket_arn}/${environment}/*"]
    },
  ]

  allowed_where_asked = concat(
    length(var.execution_roles) == 0 ? [] : [{
      Sid       = "PassExecutionRoles"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = local.execution_roles
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }],
    var.deployer.artifact_key_arn == null ? [] : [{
      Sid       = "DecryptArtifacts"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = var.deployer.artifact_key_arn
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
    var.vpc ? [{
      Sid    = "LookAtNetworks"
      Effect = "Allow"
      Action = [
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "elasticfilesystem:DescribeMountTargets",
      ]
      Resource = "*"
    }] : [],
  )

  # Whatever somebody attaches to the role later.
  denied = concat(local.denied_roles, [
    {
      Sid         = "NeverDeleteAFunction"
      Effect      = "Deny"
      Action      = "lambda:DeleteFunction"
      NotResource = "arn:${local.partition}:lambda:*:*:function:*:*"
    },
    {
      Sid    = "NeverOpenCallOrRewireAFunction"
      Effect = "Deny"
      Action = [
        "lambda:AddLayerVersionPermission", "lambda:AddPermission", "lambda:CreateEventSourceMapping", "lambda:CreateFunctionUrlConfig",
        "lambda:DeleteAlias", "lambda:DeleteCodeSigningConfig", "lambda:DeleteEventSourceMapping",
        "lambda:DeleteFunctionCodeSigningConfig", "lambda:DeleteFunctionUrlConfig", "lambda:InvokeAsync", "lambda:InvokeFunction",
        "lambda:InvokeFunctionUrl", "lambda:PutFunctionCodeSigningConfig", "lambda:PutFunctionEventInvokeConfig",
        "lambda:RemovePermission", "lambda:UpdateCodeSigningConfig", "lambda:UpdateEventSourceMapping",
        "lambda:UpdateFunctionEventInvokeConfig", "lambda:UpdateFunctionUrlConfig",
      ]
      Resource = "*"
    },
    # Where the deployer deploys to its own account: an upload must never become the deployer.
    {
      Sid      = "NeverTouchTheDeployer"
      Effect   = "Deny"
      Action   = "lambda:*"
      Resource = [var.deployer.function_arn, "${var.deployer.function_arn}:*"]
    },
    {
      Sid    = "NeverChangeRights"
      Effect = "Deny"
      Action = [
        "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:Put*", "iam:Remove*", "iam:Set*", "iam:Update*",
        "iam:Upload*",
      ]
      Resource = "*"
    },
    {
      Sid      = "NeverBecomeAnother"
      Effect   = "Deny"
      Action   = "sts:AssumeRole"
      Resource = "*"
    },
    {
      Sid      = "NeverWriteArtifacts"
      Effect   = "Deny"
      Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]
      Resource = "${local.bucket_arn}/*"
    },
  ])

  denied_roles = concat(
    length(var.execution_roles) == 0 ? [] : [{
      Sid         = "NeverPassAnotherRole"
      Effect      = "Deny"
      Action      = "iam:PassRole"
      NotResource = local.execution_roles
    }],
    length(var.execution_roles) > 0 ? [] : [{
      Sid      = "NeverPassARole"
      Effect   = "Deny"
      Action   = "iam:PassRole"
      Resource = "*"
    }],
  )
}
