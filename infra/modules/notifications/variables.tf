variable "event_bus_arn" {
  description = "The bus that the deployer tells what happens on, as the output `event_bus_arn` of the module tooling tells it. In this account and region."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9_-]+$", var.event_bus_arn))
    error_message = "event_bus_arn must be the ARN of the deployer's bus, such as arn:aws:events:eu-west-1:123456789012:event-bus/deployer."
  }
}

variable "name" {
  description = "What the topic and its role are called; the rules' names begin with it."
  type        = string
  default     = "deployer-notifications"

  # EventBridge API Reference, PutRule: 64 characters, of which the longest notice takes 13.
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,50}$", var.name))
    error_message = "name must be 1 to 50 of letters, digits, - and _."
  }
}

variable "key_arn" {
  description = "The ARN of a KMS key of yours that encrypts the topic; its policy must say what the output `key_policy` has. Who subscribes by other means than e-mail needs no right on it."
  type        = string
  default     = null

  validation {
    condition     = var.key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.key_arn))
    error_message = "key_arn must be the ARN of a key, not of an alias, such as arn:aws:kms:eu-west-1:123456789012:key/1c8e2f0a-0000-4000-8000-000000000001."
  }
}

variable "emails" {
  description = "The addresses that are told by e-mail. Each gets a message of AWS's first, and hears nothing until the link in it is followed."
  type        = list(string)
  default     = []

  validation {
    condition     = length([for email in var.emails : email if !can(regex("^[^@ ]+@[^@ ]+$", email))]) == 0
    error_message = "emails must be e-mail addresses; these are not: ${join(", ", [for email in var.emails : email if !can(regex("^[^@ ]+@[^@ ]+$", email))])}."
  }
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
  description = "The path of every role that the module makes, such as /platform/."
  type        = string
  default     = "/"

  # IAM API Reference, CreateRole: up to 512 characters.
  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path must begin and end with a slash, with letters, digits and + = , . @ _ - between slashes, such as /platform/, and have at most 512 characters."
  }
}

variable "tags" {
  description = "Tags of everything that the module makes and that takes tags. They come on top of the provider's `default_tags`."
  type        = map(string)
  default     = {}
}
