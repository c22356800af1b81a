# Warns and does not refuse, because AWS may name a new region otherwise.
check "regions" {
  assert {
    condition     = length(local.unusual_regions) == 0
    error_message = "No region of AWS that these modules know is named like these; are they misspelt? ${join(", ", local.unusual_regions)}."
  }
}

locals {
  # Every region so far is named by a point of the compass and one digit.
  unusual_regions = distinct(flatten([for name, environment in var.environments : [
    for target in environment.targets : "${target.region} (${name})"
    if !can(regex("-(central|(north|south)(east|west)?|east|west)-[1-9]$", target.region))
  ]]))
}
