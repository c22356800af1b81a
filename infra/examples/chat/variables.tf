variable "event_bus_arn" {
  description = "The deployer's bus, as the output `event_bus_arn` of the module tooling tells it."
  type        = string
}

variable "webhook_url" {
  description = "The chat's webhook. Where the URL itself is the secret, keep it like one."
  type        = string

  validation {
    condition     = startswith(var.webhook_url, "https://")
    error_message = "webhook_url must begin with https://: EventBridge calls nothing else."
  }
}

variable "api_key" {
  description = "What is sent as the header Authorization, such as Bearer …; any text where the webhook does not ask for one."
  type        = string
  sensitive   = true
}

variable "name" {
  description = "What connection, destination, rule and role are called."
  type        = string
  default     = "deployer-chat"
}
