variable "deployer" {
  description = "The deployer, as the output `deployer` of the module tooling tells it."

  type = object({
    role_arn                     = string
    function_arn                 = string
    queue_arn                    = string
    wake_queue_arn               = optional(string)
    dead_letters_arn             = optional(string)
    event_bus_arn                = optional(string)
    schedules_arn                = optional(string)
    log_group_arn                = optional(string)
    ledger_bucket                = string
    artifact_bucket              = string
    artifact_key_arn             = optional(string)
    region                       = string
    artifact_decryption_key_arns = optional(list(string), [])
  })

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", var.deployer.role_arn))
    error_message = "deployer.role_arn must be the exact ARN of the deployer's role, arn:aws:iam::<account>:role/<name>: an account's root or a pattern would trust everybody there."
  }

  validation {
    condition     = can(regex(local.names.patterns.region, var.deployer.region))
    error_message = "deployer.region must be a region's code such as eu-west-1."
  }

  validation {
    condition     = var.deployer.artifact_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.deployer.artifact_key_arn))
    error_message = "deployer.artifact_key_arn must be the ARN of a key (not of an alias): arn:aws:kms:<region>:<account>:key/<id>."
  }

  validation {
    condition     = alltrue([for arn in var.deployer.artifact_decryption_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "deployer.artifact_decryption_key_arns must be ARNs of keys (not of aliases): arn:aws:kms:<region>:<account>:key/<id>."
  }

  # What is denied is denied by these: a wrong one would protect nothing.
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}$", var.deployer.function_arn))
    error_message = "deployer.function_arn must be the ARN of the deployer's function, without a version: arn:aws:lambda:<region>:<account>:function:<name>."
  }

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$", var.deployer.queue_arn))
    error_message = "deployer.queue_arn must be the ARN of the deployer's queue: arn:aws:sqs:<region>:<account>:<name>."
  }

  validation {
    condition     = var.deployer.wake_queue_arn == null || can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$", var.deployer.wake_queue_arn))
    error_message = "deployer.wake_queue_arn must be the ARN of the queue by which the deployer wakes itself: arn:aws:sqs:<region>:<account>:<name>."
  }

  validation {
    condition     = var.deployer.dead_letters_arn == null || can(regex("^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$", var.deployer.dead_letters_arn))
    error_message = "deployer.dead_letters_arn must be the ARN of the queue of the deployer's dead letters: arn:aws:sqs:<region>:<account>:<name>."
  }

  validation {
    condition     = var.deployer.event_bus_arn == null || can(regex("^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9/._-]{1,256}$", var.deployer.event_bus_arn))
    error_message = "deployer.event_bus_arn must be the ARN of the deployer's event bus: arn:aws:events:<region>:<account>:event-bus/<name>."
  }

  validation {
    condition     = var.deployer.schedules_arn == null || can(regex("^arn:aws[a-z-]*:scheduler:[a-z0-9-]+:[0-9]{12}:schedule-group/[A-Za-z0-9._-]{1,64}$", var.deployer.schedules_arn))
    error_message = "deployer.schedules_arn must be the ARN of the group of the deployer's schedules: arn:aws:scheduler:<region>:<account>:schedule-group/<name>."
  }

  validation {
    condition     = var.deployer.log_group_arn == null || can(regex("^arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9_/.#-]{1,512}$", var.deployer.log_group_arn))
    error_message = "deployer.log_group_arn must be the ARN of the deployer's log group, without :* at its end: arn:aws:logs:<region>:<account>:log-group:<name>."
  }

  validation {
    condition     = alltrue([for bucket in [var.deployer.artifact_bucket, var.deployer.ledger_bucket] : can(regex(local.names.patterns.bucket, bucket))])
    error_message = "deployer.artifact_bucket and deployer.ledger_bucket must be bucket names: 3 to 63 of a-z, 0-9, . and -."
  }

  validation {
    condition     = var.deployer.artifact_bucket != var.deployer.ledger_bucket
    error_message = "deployer.artifact_bucket and deployer.ledger_bucket must be two buckets."
  }

  validation {
    condition     = length(distinct([for arn in compact([var.deployer.role_arn, var.deployer.function_arn, var.deployer.queue_arn, var.deployer.wake_queue_arn, var.deployer.dead_letters_arn, var.deployer.event_bus_arn, var.deployer.schedules_arn, var.deployer.log_group_arn]) : try(split(":", arn)[4], "")])) == 1
    error_message = "deployer.role_arn, function_arn, queue_arn, wake_queue_arn, dead_letters_arn, event_bus_arn, schedules_arn and log_group_arn must be of one account, the deployer's."
  }
}

variable "deploy_role" {
  description = "The deploy role to make, as the output `deploy_roles` of the module tooling tells it: `module.tooling.deploy_roles[\"222222222222/deployer-target\"]`."

  type = object({
    account       = string
    role_name     = string
    environments  = list(string)
    promoted_from = optional(list(string), [])
    regions       = list(string)
    external_ids  = list(string)
  })

  validation {
    condition     = can(regex(local.names.patterns.account, var.deploy_role.account))
    error_message = "deploy_role.account must be the 12 digits of an AWS account, in quotes so that leading zeros stay."
  }

  validation {
    condition     = can(regex(local.names.patterns.deploy_role, var.deploy_role.role_name))
    error_message = "deploy_role.role_name must be a role's name: 1 to 64 of letters, digits and + = , . @ _ -, perhaps with a path before it, such as platform/deployer-target."
  }

  validation {
    condition     = length(var.deploy_role.environments) > 0 && alltrue([for name in concat(var.deploy_role.environments, var.deploy_role.promoted_from) : can(regex(local.names.patterns.environment, name))])
    error_message = "deploy_role.environments must name the environments that this role is for: at least one, each a lower-case letter, then at most 31 of a-z, 0-9 and -; these are not: ${join(", ", [for name in concat(var.deploy_role.environments, var.deploy_role.promoted_from) : "\"${name}\"" if !(can(regex(local.names.patterns.environment, name)))])}."
  }

  validation {
    condition     = length(var.deploy_role.regions) > 0 && alltrue([for region in var.deploy_role.regions : can(regex(local.names.patterns.region, region))])
    error_message = "deploy_role.regions must name at least one region by its code, such as eu-west-1; these are not: ${join(", ", [for region in var.deploy_role.regions : "\"${region}\"" if !(can(regex(local.names.patterns.region, region)))])}."
  }

  validation {
    condition     = alltrue([for id in var.deploy_role.external_ids : can(regex(local.names.patterns.external_id, id)) && length(id) <= 1224])
    error_message = "Each of deploy_role.external_ids must have 2 to 1224 of letters, digits and _ + = , . @ : / -. None may be empty: leave it out where an environment has none."
  }

  # The trust asks for one of them, or for none at all. There are more than environments while an external id is rotated.
  validation {
    condition     = length(var.deploy_role.external_ids) == 0 || length(var.deploy_role.external_ids) >= length(var.deploy_role.environments)
    error_message = "Of the environments that share this deploy role, either each has an external_id or none: give them to all, or give each its own role_name."
  }
}

variable "functions" {
  description = "The names of the functions that may be deployed, with * as a wildcard. Whoever may upload can replace the code of each, which then runs with the role that the function has."
  type        = list(string)

  validation {
    condition     = length(var.functions) > 0 && alltrue([for name in var.functions : can(regex("^[A-Za-z0-9_*-]{1,64}$", name))])
    error_message = "functions must be names of functions, at least one: 1 to 64 of letters, digits, - and _, with * as a wildcard; these are not: ${join(", ", [for name in var.functions : "\"${name}\"" if !(can(regex("^[A-Za-z0-9_*-]{1,64}$", name)))])}."
  }
}

variable "execution_roles" {
  description = "The execution roles that may be given to functions: path and name, with * as a wildcard, such as [\"lambda/orders/*\"]. A manifest's `role` names one of them. []: none may be given."
  type        = list(string)

  validation {
    condition     = alltrue([for role in var.execution_roles : can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]+[*]?$|^([A-Za-z0-9+=,.@_-]+/)+[*]$", role))])
    error_message = "execution_roles must be roles such as lambda/orders-api, or patterns of them such as lambda/*: with a path or a prefix of the name, never just *, which would pass any role of the account; these are not: ${join(", ", [for role in var.execution_roles : "\"${role}\"" if !(can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]+[*]?$|^([A-Za-z0-9+=,.@_-]+/)+[*]$", role)))])}."
  }
}

variable "organization_id" {
  description = "The organization that the deployer must belong to (o-…), where there is one."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id must be an organization's id: o- and 10 to 32 of a-z and 0-9."
  }
}

variable "layers" {
  description = "The layers that functions may have: ARNs of layer versions, with * as a wildcard."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for layer in var.layers : can(regex("^arn:aws[a-z-]*:lambda:([a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_*-]+:([0-9]+|[*])|::awslayer:[A-Za-z0-9_*-]+)$", layer))])
    error_message = "layers must be ARNs of layer versions of one account and region: arn:aws:lambda:<region>:<account>:layer:<name>:<number or *>, or of AWS's own: arn:aws:lambda:::awslayer:<name>; these are not: ${join(", ", [for layer in var.layers : "\"${layer}\"" if !(can(regex("^arn:aws[a-z-]*:lambda:([a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_*-]+:([0-9]+|[*])|::awslayer:[A-Za-z0-9_*-]+)$", layer)))])}."
  }
}

variable "function_keys" {
  description = "The ARNs of the KMS keys that functions' variables, code and durable executions are encrypted with."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for key in var.function_keys : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", key))])
    error_message = "function_keys must be ARNs of keys (not of aliases): arn:aws:kms:<region>:<account>:key/<id>; these are not: ${join(", ", [for key in var.function_keys : "\"${key}\"" if !(can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", key)))])}."
  }
}

variable "capacity_providers" {
  description = "The capacity providers that functions may run on: their ARNs. Whoever may put a function on one shares its instances."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for provider in var.capacity_providers : can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:capacity-provider:[A-Za-z0-9_-]+$", provider))])
    error_message = "capacity_providers must be ARNs of capacity providers: arn:aws:lambda:<region>:<account>:capacity-provider:<name>; these are not: ${join(", ", [for provider in var.capacity_providers : "\"${provider}\"" if !(can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:capacity-provider:[A-Za-z0-9_-]+$", provider)))])}."
  }
}

variable "vpc" {
  description = "Whether functions may be put into a VPC, and given its file systems. Null: none may. {}: into any. With subnet_ids or security_group_ids: into these only."

  type = object({
    subnet_ids         = optional(list(string))
    security_group_ids = optional(list(string))
  })

  default = null

  validation {
    condition     = try(var.vpc.subnet_ids, null) == null || (try(length(var.vpc.subnet_ids), 0) > 0 && alltrue([for id in try(coalesce(var.vpc.subnet_ids, []), []) : can(regex("^subnet-[0-9a-f]{8,17}$", id))]))
    error_message = "vpc.subnet_ids must be ids of subnets (subnet-…), at least one: leave it out where any subnet may be used, and make vpc null where functions may be in none; these are not: ${join(", ", [for id in try(coalesce(var.vpc.subnet_ids, []), []) : "\"${id}\"" if !can(regex("^subnet-[0-9a-f]{8,17}$", id))])}."
  }

  validation {
    condition     = try(var.vpc.security_group_ids, null) == null || (try(length(var.vpc.security_group_ids), 0) > 0 && alltrue([for id in try(coalesce(var.vpc.security_group_ids, []), []) : can(regex("^sg-[0-9a-f]{8,17}$", id))]))
    error_message = "vpc.security_group_ids must be ids of security groups (sg-…), at least one: leave it out where any may be used; these are not: ${join(", ", [for id in try(coalesce(var.vpc.security_group_ids, []), []) : "\"${id}\"" if !can(regex("^sg-[0-9a-f]{8,17}$", id))])}."
  }
}

variable "concurrency" {
  description = "Whether manifests may reserve concurrency (reserved_concurrent_executions). What one function reserves, all others of the account lose; and 0 stops a function."
  type        = bool
  default     = false
}

variable "rollouts" {
  description = "Whether environments may roll out here (`rollout` in deployer.json): the deployer reads the metrics and the states of all alarms of the account."
  type        = bool
  default     = false
}

variable "smoke_tests" {
  description = "Whether rollouts may run smoke tests here: the deployer invokes published versions of the functions, one by one."
  type        = bool
  default     = false
}

variable "function_tags" {
  description = "The keys of the tags that manifests may set and remove, each with the values that it may have; [] for any value. Null: any tag. Say it where tags decide who may do what, or who pays."
  type        = map(list(string))
  default     = null

  validation {
    condition     = alltrue([for key in keys(coalesce(var.function_tags, {})) : can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", key))])
    error_message = "The keys of function_tags must be 1 to 128 of letters, digits, spaces and _ . : / = + - @; these are not: ${join(", ", [for key in keys(coalesce(var.function_tags, {})) : "\"${key}\"" if !can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", key))])}."
  }

  validation {
    condition     = alltrue(flatten([for values in values(coalesce(var.function_tags, {})) : [for value in values : can(regex("^[A-Za-z0-9 _.:/=+@-]{0,256}$", value))]]))
    error_message = "The values of function_tags must be at most 256 of letters, digits, spaces and _ . : / = + - @; these are not: ${join(", ", flatten([for key, values in coalesce(var.function_tags, {}) : [for value in values : "\"${value}\" (${key})" if !can(regex("^[A-Za-z0-9 _.:/=+@-]{0,256}$", value))]]))}."
  }
}

variable "code_signing_config_arn" {
  description = "Denies making a function without this code signing configuration. The deployer names none, so with it functions are made before their first deployment, with the configuration; the deployer then brings signed zips, and Lambda refuses others. Null: functions may be made."
  type        = string
  default     = null

  validation {
    condition     = var.code_signing_config_arn == null || can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "code_signing_config_arn must be the ARN of a code signing configuration: arn:aws:lambda:<region>:<account>:code-signing-config:csc-<17 of a-z and 0-9>."
  }
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary that the account asks of every role: it is set on the deploy role. It must allow what the deploy role's policy allows."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a managed policy: arn:aws:iam::<account>:policy/<name>."
  }
}

variable "tags" {
  description = "Tags of what this module makes: the deploy role, and the boundary for execution roles."
  type        = map(string)
  default     = {}
}

variable "execution_boundary" {
  description = "Makes a permissions boundary for execution roles, which lets deployed functions use these services (s3, dynamodb, logs, …) and never deploy, enter a deploy role of this name or touch what is the deployer's. Null: none is made."
  type        = list(string)
  default     = null

  validation {
    condition     = var.execution_boundary == null || (try(length(var.execution_boundary), 0) > 0 && alltrue([for service in coalesce(var.execution_boundary, []) : can(regex("^[a-z0-9-]+$", service)) && !contains(["account", "iam", "organizations"], service)]))
    error_message = "execution_boundary must be prefixes of services' actions, such as s3, dynamodb or logs, at least one, without a colon or *, and not account, iam or organizations: a deployed function never changes rights."
  }
}
