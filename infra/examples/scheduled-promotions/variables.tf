variable "event_bus_arn" {
  description = "The deployer's bus, as the output `event_bus_arn` of the module tooling tells it."
  type        = string
}

variable "name" {
  description = "What the group of schedules and its role are called."
  type        = string
  default     = "deployer-promotions"
}

variable "function" {
  description = "The function, or * for all."
  type        = string
  default     = "*"
}

variable "from" {
  description = "The environment that is promoted from."
  type        = string
  default     = "stage"
}

variable "to" {
  description = "The environment that is promoted to, whose `promotion` names the other."
  type        = string
  default     = "prod"
}

variable "zone" {
  description = "Where it is nine o'clock: a name of the IANA Time Zone Database."
  type        = string
  default     = "Europe/Berlin"
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary of the role that is made, where the organization asks for one. It must allow what the role's policy allows (output `policies`)."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a policy, such as arn:aws:iam::123456789012:policy/boundary."
  }
}

variable "role_path" {
  description = "The path of the role that is made, such as /platform/."
  type        = string
  default     = "/"

  # IAM API Reference, CreateRole: up to 512 characters.
  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path must begin and end with a slash, with letters, digits and + = , . @ _ - between slashes, such as /platform/, and have at most 512 characters."
  }
}

variable "tags" {
  description = "Tags of everything that is made and takes tags. They come on top of the provider's `default_tags`."
  type        = map(string)
  default     = {}
}
