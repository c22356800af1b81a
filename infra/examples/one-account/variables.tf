variable "account" {
  description = "The account, which the AWS CLI must be logged in to."
  type        = string
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
