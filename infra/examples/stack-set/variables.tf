variable "dev_account" {
  description = "The account of dev."
  type        = string
}

variable "prod_accounts" {
  description = "The accounts of prod, as many as there are."
  type        = list(string)
}

variable "organizational_unit_ids" {
  description = "The organizational units that the accounts are in (ou-…), or the organization's root (r-…)."
  type        = list(string)
}

variable "call_as" {
  description = "SELF in the organization's management account, DELEGATED_ADMIN in an account that administers StackSets for it."
  type        = string
  default     = "DELEGATED_ADMIN"
}

variable "organization_id" {
  description = "The organization (o-…)."
  type        = string
}

variable "profile" {
  description = "The AWS CLI's profile for the tooling account."
  type        = string
  default     = null
}

variable "prefix" {
  description = "What the buckets' names begin with: bucket names are taken world-wide."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
  default     = "eu-west-1"
}

variable "package" {
  description = "The deployer's code: the path of deployer.zip, or an object in S3 (infra/README.md, \"The package\")."
  type = object({
    path       = optional(string)
    bucket     = optional(string)
    key        = optional(string)
    version_id = optional(string)
    sha256     = optional(string)
    version    = optional(string)
  })
  default = { path = "../../../artifacts/deployer.zip" }
}

variable "architecture" {
  description = "What deployer.zip was built for: x86_64 or arm64."
  type        = string
  default     = "x86_64"
}

variable "functions" {
  description = "The names of the functions that may be deployed, with * as a wildcard: at most three."
  type        = list(string)

  validation {
    condition     = length(var.functions) >= 1 && length(var.functions) <= 3
    error_message = "functions must be one to three patterns: the template has three parameters for them."
  }
}

variable "execution_roles" {
  description = "The execution roles that may be given to functions: path and name, with * as a wildcard, at most three."
  type        = list(string)

  validation {
    condition     = length(var.execution_roles) <= 3
    error_message = "execution_roles must be at most three patterns: the template has three parameters for them."
  }
}

variable "alarm_topic_arn" {
  description = "The SNS topic that alarms tell when they begin and when they are over. Terraform warns while there is none."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary of the tooling account's roles, where the organization asks for one."
  type        = string
  default     = null
}

variable "target_permissions_boundary" {
  description = "The permissions boundary of the deploy roles: path and name of a policy that each account has, such as platform/boundary."
  type        = string
  default     = null

  validation {
    condition     = var.target_permissions_boundary == null || can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]+$", var.target_permissions_boundary))
    error_message = "target_permissions_boundary must be path and name of a policy, such as platform/boundary, and not an ARN: each account has its own."
  }
}

variable "role_path" {
  description = "The path of the tooling account's roles, such as /platform/. A deploy role's path is a part of its role_name."
  type        = string
  default     = "/"
}

variable "tags" {
  description = "Tags of everything that is made and takes tags, in the target accounts too. They come on top of the provider's `default_tags`."
  type        = map(string)
  default     = {}
}
