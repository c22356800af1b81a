variable "accounts" {
  description = "The account that the deployer runs in, and one for each environment."
  type        = object({ tooling = string, dev = string, stage = string, prod = string })
}

variable "admin_role" {
  description = "The role by which Terraform enters each account."
  type        = string
  default     = "OrganizationAccountAccessRole"
}

variable "organization_id" {
  description = "The organization's id."
  type        = string
}

variable "prefix" {
  description = "What the buckets' names begin with: bucket names are taken world-wide."
  type        = string
}

variable "alarm_topic_arn" {
  description = "The SNS topic that alarms tell when they begin and when they are over. Terraform warns while there is none."
  type        = string
  default     = null
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
