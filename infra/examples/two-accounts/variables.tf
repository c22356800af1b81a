variable "accounts" {
  description = "The account that the deployer runs in, which is dev's too, and prod's."
  type        = object({ tooling = string, prod = string })
}

variable "profiles" {
  description = "The AWS CLI's profiles for them."
  type        = object({ tooling = optional(string), prod = optional(string) })
  default     = {}
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
