# Warns and does not refuse, because AWS may name a new region otherwise.
check "regions" {
  assert {
    condition     = length(local.unusual_regions) == 0
    error_message = "No region of AWS that these modules know is named like these; are they misspelt? ${join(", ", local.unusual_regions)}."
  }
}

locals {
  # The word before a region's number is a direction in every region so far.
  unusual_regions = distinct(flatten([for name, environment in var.environments : [
    for target in environment.targets : "${target.region} (${name})"
    if !can(regex(local.names.patterns.direction, reverse(split("-", target.region))[1]))
  ]]))
}
