variable "artifact_bucket" {
  description = "The name of the bucket that CI uploads to. The module makes it, unless existing_bucket says that it is there."
  type        = string

  validation {
    condition     = can(regex(local.names.patterns.bucket, var.artifact_bucket))
    error_message = "artifact_bucket must be a bucket name: 3 to 63 of a-z, 0-9, . and -. This is none, and has ${try(length(var.artifact_bucket), 0)} characters: ${jsonencode(var.artifact_bucket)}."
  }
}

variable "ledger_bucket" {
  description = "The name of the bucket of the ledger: heads, records, results and deployer.json. The module makes it."
  type        = string

  validation {
    condition     = can(regex(local.names.patterns.bucket, var.ledger_bucket))
    error_message = "ledger_bucket must be a bucket name: 3 to 63 of a-z, 0-9, . and -. This is none, and has ${try(length(var.ledger_bucket), 0)} characters: ${jsonencode(var.ledger_bucket)}."
  }

  validation {
    condition     = var.ledger_bucket != var.artifact_bucket
    error_message = "ledger_bucket must be another bucket than artifact_bucket: CI writes to that one."
  }
}

variable "environments" {
  description = "The environments, as deployer.json has them (docs/reference/configuration.md; their type is in ../environments/variables.tf). The deployer's own rights, the buckets' policies and deployer.json are all made from this."

  # Without a type, for Terraform drops fields that a type does not name. A promotion that is misspelt would leave prod open.
  type = any

  validation {
    condition = length(flatten([for part in flatten([
      try([for name, environment in var.environments : { of = "environment", where = name, value = environment }], []),
      try([for name, environment in var.environments : [for number, target in try(environment.targets, []) : { of = "target", where = "target ${number + 1} of ${name}", value = target }]], []),
      try([for name, environment in var.environments : [for of in ["promotion", "approval", "rollout"] : { of = of, where = "${of} of ${name}", value = try(environment[of], {}) }]], []),
      try([for name, environment in var.environments : [for number, freeze in try(environment.freeze, []) : { of = "freeze", where = "freeze ${number + 1} of ${name}", value = freeze }]], []),
      try([for name, environment in var.environments : [for number, approver in try(environment.approval.approvers, []) : { of = "approver", where = "approver ${number + 1} of ${name}", value = approver }]], []),
      try([for name, environment in var.environments : { of = "guard", where = "guard of ${name}", value = try(environment.rollout.guard, {}) }], []),
      try([for name, environment in var.environments : [for number, step in try(environment.rollout.steps, []) : { of = "step", where = "step ${number + 1} of ${name}", value = step }]], []),
      try([for name, environment in var.environments : [for number, test in try(environment.rollout.smoke_test, []) : { of = "smoke_test", where = "smoke test ${number + 1} of ${name}", value = test }]], []),
      ]) : [
      for field in try(keys(part.value), []) : field if !contains(local.names.fields[part.of], field)
    ]])) == 0
    error_message = "Unknown fields in environments: ${join(", ", flatten([for part in flatten([
      try([for name, environment in var.environments : { of = "environment", where = name, value = environment }], []),
      try([for name, environment in var.environments : [for number, target in try(environment.targets, []) : { of = "target", where = "target ${number + 1} of ${name}", value = target }]], []),
      try([for name, environment in var.environments : [for of in ["promotion", "approval", "rollout"] : { of = of, where = "${of} of ${name}", value = try(environment[of], {}) }]], []),
      try([for name, environment in var.environments : [for number, freeze in try(environment.freeze, []) : { of = "freeze", where = "freeze ${number + 1} of ${name}", value = freeze }]], []),
      try([for name, environment in var.environments : [for number, approver in try(environment.approval.approvers, []) : { of = "approver", where = "approver ${number + 1} of ${name}", value = approver }]], []),
      try([for name, environment in var.environments : { of = "guard", where = "guard of ${name}", value = try(environment.rollout.guard, {}) }], []),
      try([for name, environment in var.environments : [for number, step in try(environment.rollout.steps, []) : { of = "step", where = "step ${number + 1} of ${name}", value = step }]], []),
      try([for name, environment in var.environments : [for number, test in try(environment.rollout.smoke_test, []) : { of = "smoke_test", where = "smoke test ${number + 1} of ${name}", value = test }]], []),
      ]) : [
      for field in try(keys(part.value), []) : "${field} (${join("; ", concat(
        [part.where],
        [for of, fields in local.names.fields : "it belongs into ${of}" if contains(fields, field)],
        [for best in [reverse(sort([for pair in [for known in local.names.fields[part.of] : [known, "^${lower(replace(field, "/[_-]/", ""))}$", "^${replace(known, "_", "")}$"]] : format("%04d %s", floor(
          1000 * length(setintersection([for at in range(length(pair[1]) - 1) : substr(pair[1], at, 2)], [for at in range(length(pair[2]) - 1) : substr(pair[2], at, 2)])) / max(length(pair[1]) - 1, length(pair[2]) - 1)
          + 1000 * length(setintersection(split("", pair[1]), split("", pair[2]))) / length(setunion(split("", pair[1]), split("", pair[2])))
        ), pair[0])]))[0]] : "the nearest is ${substr(best, 5, -1)}" if tonumber(substr(best, 0, 4)) >= 900],
      ))})" if !contains(local.names.fields[part.of], field)
      ]]))}. Known are ${join("; ", [for of in distinct([for part in flatten([
        try([for environment in var.environments : { of = "environment", value = environment }], []),
        try([for environment in var.environments : [for target in try(environment.targets, []) : { of = "target", value = target }]], []),
        try([for environment in var.environments : [for of in ["promotion", "approval", "rollout"] : { of = of, value = try(environment[of], {}) }]], []),
        try([for environment in var.environments : [for freeze in try(environment.freeze, []) : { of = "freeze", value = freeze }]], []),
        try([for environment in var.environments : { of = "guard", value = try(environment.rollout.guard, {}) }], []),
        try([for environment in var.environments : [for step in try(environment.rollout.steps, []) : { of = "step", value = step }]], []),
        try([for environment in var.environments : [for test in try(environment.rollout.smoke_test, []) : { of = "smoke_test", value = test }]], []),
      ]) : part.of if length(setsubtract(try(keys(part.value), []), local.names.fields[part.of])) > 0
    ]) : "${join(", ", local.names.fields[of])} of ${of}"])}."
  }
}

variable "package" {
  description = "The deployer's code (infra/README.md, \"The package\"): either path, of a deployer.zip on this machine (artifacts/build makes one), or bucket, key and version_id of an object in the deployer's region, and its sha256 as sha256sum prints it. The file at path is read only where it is there: a plan, a destroy and an apply that leaves the code as it is do without. version is told in the function's description; give it where the zip is not of the same release as these modules."
  type = object({
    path       = optional(string)
    bucket     = optional(string)
    key        = optional(string)
    version_id = optional(string)
    sha256     = optional(string)
    version    = optional(string)
  })
  nullable = false

  validation {
    condition     = (var.package.path != null) != (length([for field in ["bucket", "key", "version_id", "sha256"] : field if var.package[field] != null]) > 0)
    error_message = "package must have either path, such as { path = \"artifacts/deployer.zip\" }, or bucket, key, version_id and sha256 of an object: not both, and not neither."
  }

  validation {
    condition     = contains([0, 4], length([for field in ["bucket", "key", "version_id", "sha256"] : field if var.package[field] != null]))
    error_message = "A package in S3 must have bucket, key, version_id and sha256; missing: ${join(", ", [for field in ["bucket", "key", "version_id", "sha256"] : field if var.package[field] == null])}."
  }

  validation {
    condition     = length([for field, value in var.package : field if value != null && trimspace(coalesce(value, " ")) == ""]) == 0
    error_message = "The fields of package must not be empty; these are: ${join(", ", [for field, value in var.package : field if value != null && trimspace(coalesce(value, " ")) == ""])}."
  }

  validation {
    condition     = var.package.version_id != "null"
    error_message = "package.version_id must not be null: the object has no version of its own. Turn versioning on for its bucket, then upload it again."
  }

  validation {
    condition     = var.package.sha256 == null || can(regex("^[0-9A-Fa-f]{64}$", var.package.sha256))
    error_message = "package.sha256 must be the 64 hexadecimal digits that sha256sum deployer.zip prints."
  }

  validation {
    condition     = var.package.version == null || can(regex("^[A-Za-z0-9._+-]{1,64}$", var.package.version))
    error_message = "package.version must be 1 to 64 of letters, digits, ., _, + and -, such as 0.1.0."
  }
}

variable "live_version" {
  description = "The version of the deployer's function that is to work, as a number: one that an earlier apply published. It keeps the deployer where `aws lambda update-alias` brought it back to (docs/upgrading.md). Without it the version of this apply works."
  type        = string
  default     = null

  validation {
    condition     = var.live_version == null || can(regex("^[1-9][0-9]*$", var.live_version))
    error_message = "live_version must be the number of a published version, such as 7: aws lambda list-versions-by-function shows them."
  }
}

variable "name" {
  description = "What the function, its role, its queue of uploads and its bus are called; other names begin with it."
  type        = string
  default     = "deployer"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,40}$", var.name))
    error_message = "name must be 1 to 40 of letters, digits, - and _, because longer names are made from it. This has ${try(length(var.name), 0)} characters: ${jsonencode(var.name)}."
  }
}

variable "architecture" {
  description = "What deployer.zip was built for: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "preview" {
  description = "What the deployer does although it is not finished: rollouts, or null for nothing (docs/concepts/rollouts.md#preview)."
  type        = string
  default     = null

  validation {
    condition     = var.preview == null || var.preview == local.names.rollouts_preview
    error_message = "preview must be \"${local.names.rollouts_preview}\" or null, not \"${coalesce(var.preview, "-")}\"."
  }
}

variable "use_fips_endpoints" {
  description = "Whether the deployer asks AWS at its FIPS endpoints. Each region of the targets must have them."
  type        = bool
  default     = false
}

variable "use_dual_stack_endpoints" {
  description = "Whether the deployer asks AWS at its dual-stack endpoints, over IPv6 too."
  type        = bool
  default     = false
}

variable "maximum_concurrency" {
  description = "How many uploads may be worked on at once (Lambda: 2 to 1000). Each has an invocation of its own, so the account must have as many concurrent executions to spare, and wake_concurrency beside them: a new account has 10 in all, so set 5 here and 2 there, or ask Service Quotas for more of L-B99A9384 first (infra/README.md, \"How much at once\")."
  type        = number
  default     = 100

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000 && floor(var.maximum_concurrency) == var.maximum_concurrency
    error_message = "maximum_concurrency must be a whole number from 2 to 1000: that is what Lambda takes."
  }
}

variable "wake_concurrency" {
  description = "How many of the deployer's own ticks and of requests for promotions may be worked on at once (Lambda: 2 to 1000), beside maximum_concurrency. Promotions share these with ticks: raise it where many functions are promoted at once. In a new account set 2."
  type        = number
  default     = 20

  validation {
    condition     = var.wake_concurrency >= 2 && var.wake_concurrency <= 1000 && floor(var.wake_concurrency) == var.wake_concurrency
    error_message = "wake_concurrency must be a whole number from 2 to 1000: that is what Lambda takes."
  }
}

variable "log_retention_days" {
  description = "How long the deployer's log is kept, in days; 0 for ever."
  type        = number
  default     = 90

  # Amazon CloudWatch Logs API Reference, PutRetentionPolicy.
  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653, which are all that CloudWatch Logs takes, or 0 to keep the log for ever."
  }
}

variable "promotion_requesters" {
  description = "The ARNs of roles of other accounts that may ask for promotions (docs/concepts/promotions.md). Those of this account need the policy `request` alone."
  type        = list(string)
  default     = []

  validation {
    condition     = length([for arn in var.promotion_requesters : arn if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", arn))]) == 0
    error_message = "promotion_requesters must be ARNs of roles, such as arn:aws:iam::333333333333:role/release: no wildcards. These are not: ${join(", ", [for arn in var.promotion_requesters : arn if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", arn))])}."
  }
}

variable "alarm_actions" {
  description = "The ARNs that hear when an alarm begins: SNS topics, say. Terraform warns while there is none."
  type        = list(string)
  default     = []

  validation {
    condition     = length([for arn in var.alarm_actions : arn if !can(regex("^arn:[a-z-]+:[a-z0-9-]+:.+$", arn))]) == 0
    error_message = "alarm_actions must be ARNs, such as arn:aws:sns:eu-west-1:123456789012:on-call. These are not: ${join(", ", [for arn in var.alarm_actions : arn if !can(regex("^arn:[a-z-]+:[a-z0-9-]+:.+$", arn))])}."
  }

  # CloudWatch API Reference, PutMetricAlarm.
  validation {
    condition     = length(var.alarm_actions) <= 5
    error_message = "alarm_actions must name 5 at most: that is what CloudWatch takes. Let a topic tell the others."
  }
}

variable "ok_actions" {
  description = "The ARNs that hear when an alarm is over: the same topic, say, where a pager closes its incident by it."
  type        = list(string)
  default     = []

  validation {
    condition     = length([for arn in var.ok_actions : arn if !can(regex("^arn:[a-z-]+:[a-z0-9-]+:.+$", arn))]) == 0
    error_message = "ok_actions must be ARNs, such as arn:aws:sns:eu-west-1:123456789012:on-call. These are not: ${join(", ", [for arn in var.ok_actions : arn if !can(regex("^arn:[a-z-]+:[a-z0-9-]+:.+$", arn))])}."
  }

  validation {
    condition     = length(var.ok_actions) <= 5
    error_message = "ok_actions must name 5 at most: that is what CloudWatch takes. Let a topic tell the others."
  }
}

variable "access_log_bucket" {
  description = "The name of a bucket of yours to which S3 writes who has read and written what in both buckets, below their names. It must be in this account and region (infra/README.md, \"Access logs\")."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_bucket == null || can(regex(local.names.patterns.bucket, var.access_log_bucket))
    error_message = "access_log_bucket must be a bucket name: 3 to 63 of a-z, 0-9, . and -."
  }

  # S3 User Guide, "Enabling Amazon S3 server access logging": a bucket that logs to itself logs its own logs.
  validation {
    condition     = var.access_log_bucket == null || !contains([var.artifact_bucket, var.ledger_bucket], coalesce(var.access_log_bucket, "-"))
    error_message = "access_log_bucket must be another bucket than artifact_bucket and ledger_bucket: each log that S3 writes there would make another."
  }
}

variable "customer_key" {
  description = "Whether artifacts are encrypted with a KMS key of this account's own, which the module makes. Otherwise S3's own key does. Never turn it off by itself: the key would be deleted, and with it every artifact that it encrypts (infra/README.md, \"From customer_key to a key of yours\")."
  type        = bool
  default     = false
}

variable "existing_bucket" {
  description = "Whether the artifact bucket is there already, and yours: the module then makes nothing of it. Never turn it on where the module has made the bucket: Terraform would destroy the bucket. It must have versioning, the statements of `policies.artifact_bucket` and a notification to the queue (infra/README.md, \"A bucket of your own\")."
  type        = bool
  default     = false

  validation {
    condition     = !(var.existing_bucket && var.customer_key)
    error_message = "customer_key encrypts a bucket that the module makes. Name the key of your bucket in keys, for artifacts, if it has one."
  }
}

variable "keys" {
  description = "KMS keys of yours, by what they encrypt: artifacts (in place of customer_key), ledger, queues, log and bus, each by its ARN. Each key's policy must say what the output `key_policies` has for it (infra/README.md, \"Keys of your own\")."
  type        = map(string)
  default     = {}
  nullable    = false

  # Not an object: Terraform passes over a misspelt field of one.
  validation {
    condition     = length(setsubtract(keys(var.keys), ["artifacts", "bus", "ledger", "log", "queues"])) == 0
    error_message = "keys may name keys for artifacts, bus, ledger, log and queues; these it does not know: ${join(", ", setsubtract(keys(var.keys), ["artifacts", "bus", "ledger", "log", "queues"]))}."
  }

  validation {
    condition     = length([for arn in values(var.keys) : arn if !can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))]) == 0
    error_message = "keys must be ARNs of keys, not of aliases, such as arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001. These are not: ${join(", ", [for arn in values(var.keys) : arn if !can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])}."
  }

  validation {
    condition     = !(var.customer_key && contains(keys(var.keys), "artifacts"))
    error_message = "Artifacts have one key: either customer_key makes it, or keys names yours for artifacts."
  }
}

variable "decryption_keys" {
  description = "KMS keys of yours that only decrypt, by what they have encrypted (artifacts, ledger, queues), each a list of ARNs: former keys of `keys`, whose objects and messages are still read, and a key that is to come (infra/README.md, \"Rotate a key\")."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.decryption_keys), ["artifacts", "ledger", "queues"])) == 0
    error_message = "decryption_keys may name keys of artifacts, ledger and queues; these it does not know: ${join(", ", setsubtract(keys(var.decryption_keys), ["artifacts", "ledger", "queues"]))}. Log and bus are decrypted by their services: keep the policies of their former keys."
  }

  validation {
    condition     = length([for arn in flatten(values(var.decryption_keys)) : arn if !can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))]) == 0
    error_message = "decryption_keys must be ARNs of keys, not of aliases, such as arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001. These are not: ${join(", ", [for arn in flatten(values(var.decryption_keys)) : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])}."
  }

  validation {
    condition     = length([for of, arns in var.decryption_keys : of if contains(coalesce(arns, []), lookup(var.keys, of, "none"))]) == 0
    error_message = "decryption_keys must be other keys than those of keys, which decrypt too. These are in both: ${join(", ", [for of, arns in var.decryption_keys : of if contains(coalesce(arns, []), lookup(var.keys, of, "none"))])}."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module deletes the buckets with all that is in them. For trials only."
  type        = bool
  default     = false
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary of every role that the module makes, where the organization asks for one. It must allow what the roles' policies allow (output `policies`)."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a policy, such as arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "role_path" {
  description = "The path of every role and policy that the module makes, such as /platform/."
  type        = string
  default     = "/"

  # IAM API Reference, CreateRole: up to 512 characters.
  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path must begin and end with a slash, with letters, digits and + = , . @ _ - between slashes, such as /platform/, and have at most 512 characters."
  }
}

variable "tags" {
  description = "Tags of everything that the module makes and that takes tags, but for the object deployer.json: an object takes ten at most. They come on top of the provider's `default_tags`."
  type        = map(string)
  default     = {}
}

variable "approvers" {
  description = "Who may approve and decline promotions by events, as ARNs with * and ? in them; everybody else of the account is denied it, whatever their policies say. Null for no such list."
  type        = list(string)
  default     = null

  validation {
    condition     = var.approvers == null || try(length(var.approvers) > 0 && length([for arn in var.approvers : arn if !can(regex("^arn:[a-z-]+:iam::([0-9]{12}|\\*):(root|(role|user)/[A-Za-z0-9+=,.@_/*?-]+)$", arn))]) == 0, false)
    error_message = "approvers must be ARNs of roles or users, at least one, such as arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Approvers_* (null for no list); these are not: ${join(", ", [for arn in coalesce(var.approvers, []) : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::([0-9]{12}|\\*):(root|(role|user)/[A-Za-z0-9+=,.@_/*?-]+)$", arn))])}."
  }
}

variable "uploaders" {
  description = "Who may upload to the artifact bucket, as ARNs with * and ? in them; everybody else is denied it, whatever their policies say. Null for no such list."
  type        = list(string)
  default     = null

  validation {
    condition     = var.uploaders == null || try(length(var.uploaders) > 0 && length([for arn in var.uploaders : arn if !can(regex("^arn:[a-z-]+:iam::([0-9]{12}|\\*):(root|(role|user)/[A-Za-z0-9+=,.@_/*?-]+)$", arn))]) == 0, false)
    error_message = "uploaders must be ARNs of roles or users, at least one, such as arn:aws:iam::123456789012:role/ci-* (null for no list); these are not: ${join(", ", [for arn in coalesce(var.uploaders, []) : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::([0-9]{12}|\\*):(root|(role|user)/[A-Za-z0-9+=,.@_/*?-]+)$", arn))])}."
  }
}

variable "administrators" {
  description = "Who beside the deployer may write and delete in the ledger, deployer.json included, and send to, read and empty the queues, as ARNs with * and ? in them; everybody else is denied it, whatever their policies say. Whoever applies this module must be among them, and whoever redrives dead letters. Null for no such list."
  type        = list(string)
  default     = null

  validation {
    condition     = var.administrators == null || try(length(var.administrators) > 0 && length([for arn in var.administrators : arn if !can(regex("^arn:[a-z-]+:iam::([0-9]{12}|\\*):(root|(role|user)/[A-Za-z0-9+=,.@_/*?-]+)$", arn))]) == 0, false)
    error_message = "administrators must be ARNs of roles or users, at least one, such as arn:aws:iam::123456789012:role/platform-* (null for no list); these are not: ${join(", ", [for arn in coalesce(var.administrators, []) : coalesce(arn, "null") if !can(regex("^arn:[a-z-]+:iam::([0-9]{12}|\\*):(root|(role|user)/[A-Za-z0-9+=,.@_/*?-]+)$", arn))])}."
  }
}
