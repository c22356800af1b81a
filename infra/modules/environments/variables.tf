# What an environment is. The module tooling hands its variable on to this one, which has a type: Terraform drops the fields that a type
# does not name without a word, so tooling's own has none, and looks for fields that nobody knows.

variable "environments" {
  description = "The environments, as the module tooling is given them."

  type = map(object({
    targets             = list(object({ account = string, region = string }))
    role_name           = optional(string)
    external_id         = optional(string)
    alias               = optional(string)
    function_name       = optional(string)
    execution_role      = optional(string)
    log_groups          = optional(list(string))
    dead_letter_targets = optional(list(string))
    accept_uploads      = optional(bool)
    create              = optional(bool)
    traffic_within      = optional(string)
    keep_versions       = optional(number)
    prune_durable       = optional(bool)
    immutable_releases  = optional(bool)
    promotion = optional(object({
      from      = string
      also_from = optional(list(string), [])
      require   = optional(string)
      automatic = optional(bool)
      soak      = optional(string)
      policy    = optional(string)
    }))
    approval = optional(object({
      required  = number
      expires   = optional(string)
      proven    = optional(bool)
      approvers = optional(list(object({ arn = string, session_names = optional(string) })), [])
    }))
    freeze = optional(list(object({
      days  = optional(list(string))
      from  = optional(string)
      to    = optional(string)
      first = optional(string)
      last  = optional(string)
      zone  = string
    })), [])
    when_frozen = optional(string)
    proven      = optional(list(string))
    rollout = optional(object({
      steps            = optional(list(object({ weight = number, for = string, then = optional(string) })))
      watch            = optional(string)
      waves            = optional(list(string))
      alarms           = optional(list(string))
      already_alarming = optional(string)
      guard = optional(object({
        invocations  = optional(number)
        errors       = optional(number)
        margin       = optional(number)
        significance = optional(number)
      }))
      when_quiet       = optional(string)
      when_unshiftable = optional(string)
      on_newer         = optional(string)
      pause_expires    = optional(string)
      # event and expect are JSON (jsonencode), because a field has one type in all environments.
      smoke_test = optional(list(object({ event = string, expect = optional(string), timeout = optional(string) })), [])
    }))
  }))

  validation {
    condition     = length(var.environments) > 0 && length(var.environments) <= 64
    error_message = "environments must name between 1 and 64 environments."
  }

  validation {
    condition     = alltrue([for name in keys(var.environments) : can(regex(local.names.patterns.environment, name))])
    error_message = "Each environment's name must be a lower-case letter, then at most 31 of a-z, 0-9 and -; these are not: ${join(", ", [for name in keys(var.environments) : name if !can(regex(local.names.patterns.environment, name))])}."
  }

  validation {
    condition     = alltrue([for environment in values(var.environments) : length(environment.targets) > 0])
    error_message = "Each environment needs at least one target; these have none: ${join(", ", [for name, environment in var.environments : name if length(environment.targets) == 0])}."
  }

  validation {
    condition     = alltrue([for target in flatten(values(var.environments)[*].targets) : can(regex(local.names.patterns.account, target.account))])
    error_message = "A target's account must be the 12 digits of an AWS account, in quotes so that leading zeros stay; these are not: ${join(", ", [for target in flatten(values(var.environments)[*].targets) : target.account if !can(regex(local.names.patterns.account, target.account))])}."
  }

  validation {
    condition     = alltrue([for target in flatten(values(var.environments)[*].targets) : can(regex(local.names.patterns.region, target.region))])
    error_message = "A target's region must be a region's code such as eu-west-1; these are not: ${join(", ", [for target in flatten(values(var.environments)[*].targets) : target.region if !can(regex(local.names.patterns.region, target.region))])}."
  }

  validation {
    condition     = alltrue([for environment in values(var.environments) : length(distinct(environment.targets)) == length(environment.targets)])
    error_message = "An environment must not name a target twice; these stand twice: ${join(", ", flatten([for name, environment in var.environments : [for where, same in { for target in environment.targets : "${target.account} in ${target.region} (${name})" => target... } : where if length(same) > 1]]))}."
  }

  validation {
    condition     = alltrue([for environment in values(var.environments) : environment.role_name == null || can(regex(local.names.patterns.deploy_role, environment.role_name))])
    error_message = "role_name must be a role's name: 1 to 64 of letters, digits and + = , . @ _ -, perhaps with a path before it, such as platform/deployer-target; these are not: ${join(", ", [for name, environment in var.environments : "${coalesce(environment.role_name, "empty")} (${name})" if environment.role_name != null && !can(regex(local.names.patterns.deploy_role, environment.role_name))])}."
  }

  validation {
    condition     = alltrue([for id in values(var.environments)[*].external_id : id == null || (can(regex(local.names.patterns.external_id, id)) && length(coalesce(id, "-")) <= 1224)])
    error_message = "An external_id must have 2 to 1224 of letters, digits and _ + = , . @ : / -. It must not be empty: leave it out where an environment has none. These are not so: ${join(", ", [for name, environment in var.environments : name if environment.external_id != null && !(can(regex(local.names.patterns.external_id, environment.external_id)) && length(coalesce(environment.external_id, "-")) <= 1224)])}."
  }

  validation {
    condition     = length(distinct(compact(values(var.environments)[*].external_id))) == length(compact(values(var.environments)[*].external_id))
    error_message = "Each environment needs an external_id of its own: who may deploy to dev must not be able to name prod's. These are shared: ${join(" and ", [for name, environment in var.environments : name if environment.external_id != null && length([for other in values(var.environments)[*].external_id : other if other == environment.external_id]) > 1])}."
  }

  validation {
    condition = alltrue([
      for environment in values(var.environments) : alltrue([
        for other in values(var.environments) : (environment.external_id == null) == (other.external_id == null)
        if length(setintersection([for target in environment.targets : "${target.account}/${coalesce(environment.role_name, local.names.deploy_role)}"], [for target in other.targets : "${target.account}/${coalesce(other.role_name, local.names.deploy_role)}"])) > 0
      ])
    ])
    error_message = "Environments that share a deploy role must all have an external_id, or none: its trust asks for one or not. Give one to these as well, or a role_name of their own: ${join(", ", [for name, environment in var.environments : name if environment.external_id == null])}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for from in try(concat([environment.promotion.from], environment.promotion.also_from), []) : "${name} (from ${from})" if !contains(keys(var.environments), from)]])) == 0
    error_message = "promotion.from and promotion.also_from must name environments; these do not: ${join(", ", flatten([for name, environment in var.environments : [for from in try(concat([environment.promotion.from], environment.promotion.also_from), []) : "${name} (from ${from})" if !contains(keys(var.environments), from)]]))}."
  }

  validation {
    condition     = length([for name, environment in var.environments : name if try(length(distinct(concat([environment.promotion.from], environment.promotion.also_from))) <= length(environment.promotion.also_from), false)]) == 0
    error_message = "promotion.from and promotion.also_from must not name an environment twice; these do: ${join(", ", [for name, environment in var.environments : name if try(length(distinct(concat([environment.promotion.from], environment.promotion.also_from))) <= length(environment.promotion.also_from), false)])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : "${jsonencode(environment.promotion.require)} (${name})" if !contains(["all", "any"], try(coalesce(environment.promotion.require, "all"), "all"))]) == 0
    error_message = "promotion.require must be all or any; these are not: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.promotion.require)} (${name})" if !contains(["all", "any"], try(coalesce(environment.promotion.require, "all"), "all"))])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : "${jsonencode(environment.promotion.policy)} (${name})" if !contains(["newest", "in-order"], try(coalesce(environment.promotion.policy, "newest"), "newest"))]) == 0
    error_message = "promotion.policy must be newest or in-order; these are not: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.promotion.policy)} (${name})" if !contains(["newest", "in-order"], try(coalesce(environment.promotion.policy, "newest"), "newest"))])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : "${jsonencode(environment.promotion.soak)} (${name})" if !(try(environment.promotion.soak, null) == null || (can(regex(local.names.patterns.span, environment.promotion.soak)) && try(tonumber(regex("^[0-9]+", environment.promotion.soak)) * local.names.spans.seconds[substr(environment.promotion.soak, -1, 1)] <= local.names.spans.longest, false)))]) == 0
    error_message = "promotion.soak must be a whole number and s, m, h or d, such as 30m, and at most 365d; these are not: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.promotion.soak)} (${name})" if !(try(environment.promotion.soak, null) == null || (can(regex(local.names.patterns.span, environment.promotion.soak)) && try(tonumber(regex("^[0-9]+", environment.promotion.soak)) * local.names.spans.seconds[substr(environment.promotion.soak, -1, 1)] <= local.names.spans.longest, false)))])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : name if environment.promotion == null && (environment.approval != null || length(environment.freeze) > 0)]) == 0
    error_message = "approval and freeze are about promotions; these environments have no promotion: ${join(", ", [for name, environment in var.environments : name if environment.promotion == null && (environment.approval != null || length(environment.freeze) > 0)])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : "${environment.approval.required} (${name})" if !try(environment.approval.required >= 1 && environment.approval.required <= 10 && floor(environment.approval.required) == environment.approval.required, environment.approval == null)]) == 0
    error_message = "approval.required must be a whole number from 1 to 10; these are not: ${join(", ", [for name, environment in var.environments : "${environment.approval.required} (${name})" if !try(environment.approval.required >= 1 && environment.approval.required <= 10 && floor(environment.approval.required) == environment.approval.required, environment.approval == null)])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : "${jsonencode(environment.approval.expires)} (${name})" if !(try(environment.approval.expires, null) == null || ((can(regex(local.names.patterns.span, environment.approval.expires)) && try(tonumber(regex("^[0-9]+", environment.approval.expires)) * local.names.spans.seconds[substr(environment.approval.expires, -1, 1)] <= local.names.spans.longest, false)) && !can(regex("^0+[smhd]$", environment.approval.expires))))]) == 0
    error_message = "approval.expires must be a whole number and s, m, h or d, such as 7d, more than 0s and at most 365d; these are not: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.approval.expires)} (${name})" if !(try(environment.approval.expires, null) == null || ((can(regex(local.names.patterns.span, environment.approval.expires)) && try(tonumber(regex("^[0-9]+", environment.approval.expires)) * local.names.spans.seconds[substr(environment.approval.expires, -1, 1)] <= local.names.spans.longest, false)) && !can(regex("^0+[smhd]$", environment.approval.expires))))])}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for approver in try(environment.approval.approvers, []) : "${approver.arn} (${name})" if !can(regex(local.names.patterns.approver, approver.arn))]])) == 0
    error_message = "approval.approvers must be ARNs of roles or users in one account, such as arn:aws:iam::123456789012:role/release-*, with * in the name only; these are not: ${join(", ", flatten([for name, environment in var.environments : [for approver in try(environment.approval.approvers, []) : "${approver.arn} (${name})" if !can(regex(local.names.patterns.approver, approver.arn))]]))}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for approver in try(environment.approval.approvers, []) : "${approver.arn} (${name})" if can(regex(":role/.*/[^/]*[*]", approver.arn)) && !can(regex(":role/aws-reserved/sso[.]amazonaws[.]com/(.*/)?AWSReservedSSO_[^/]*$", approver.arn))]])) == 0
    error_message = "AWS does not tell the path of a role, so an approver with a path must have no * in its name; these have both: ${join(", ", flatten([for name, environment in var.environments : [for approver in try(environment.approval.approvers, []) : "${approver.arn} (${name})" if can(regex(":role/.*/[^/]*[*]", approver.arn)) && !can(regex(":role/aws-reserved/sso[.]amazonaws[.]com/(.*/)?AWSReservedSSO_[^/]*$", approver.arn))]]))}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for approver in try(environment.approval.approvers, []) : "${approver.arn} (${name})" if approver.session_names != null && (approver.session_names != "trusted" || can(regex(":user/", approver.arn)))]])) == 0
    error_message = "session_names of an approver must be trusted or left out, and is for roles only; not so: ${join(", ", flatten([for name, environment in var.environments : [for approver in try(environment.approval.approvers, []) : "${approver.arn} (${name})" if approver.session_names != null && (approver.session_names != "trusted" || can(regex(":user/", approver.arn)))]]))}."
  }

  validation {
    condition     = length([for name, environment in var.environments : name if try(environment.approval.proven, null) == true && length(try(environment.approval.approvers, [])) == 0]) == 0
    error_message = "approval.proven needs approvers, for any role of any account would count otherwise; these environments have none: ${join(", ", [for name, environment in var.environments : name if try(environment.approval.proven, null) == true && length(try(environment.approval.approvers, [])) == 0])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : name if coalesce(try(environment.approval.proven, null), false) == false && length(try(environment.approval.approvers, [])) > 0]) == 0
    error_message = "approval.approvers needs proven = true; these environments lack it: ${join(", ", [for name, environment in var.environments : name if coalesce(try(environment.approval.proven, null), false) == false && length(try(environment.approval.approvers, [])) > 0])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : name if length(try(environment.approval.approvers, [])) != length(distinct(try(environment.approval.approvers[*].arn, [])))]) == 0
    error_message = "approval.approvers must name nobody twice; these environments do: ${join(", ", [for name, environment in var.environments : name if length(try(environment.approval.approvers, [])) != length(distinct(try(environment.approval.approvers[*].arn, [])))])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : name if try(length(environment.approval.approvers) > 0 && alltrue([for approver in environment.approval.approvers : approver.session_names == null && !can(regex("[*]", approver.arn)) && !can(regex("/AWSReservedSSO_[^/]*$", approver.arn))]) && length(distinct([for approver in environment.approval.approvers : replace(approver.arn, "/:role/.*/", ":role/")])) < environment.approval.required, false)]) == 0
    error_message = "approval.approvers can never give the approvals that are required, because a user and a role whose session_names are not trusted count once; in: ${join(", ", [for name, environment in var.environments : name if try(length(environment.approval.approvers) > 0 && alltrue([for approver in environment.approval.approvers : approver.session_names == null && !can(regex("[*]", approver.arn)) && !can(regex("/AWSReservedSSO_[^/]*$", approver.arn))]) && length(distinct([for approver in environment.approval.approvers : replace(approver.arn, "/:role/.*/", ":role/")])) < environment.approval.required, false)])}."
  }

  validation {
    condition     = length([for name, environment in var.environments : name if length(setsubtract(coalesce(environment.proven, []), ["hold", "reject", "recall", "override-freeze", "rollout"])) > 0 || length(coalesce(environment.proven, [])) != length(distinct(coalesce(environment.proven, [])))]) == 0
    error_message = "proven must list some of hold, reject, recall, override-freeze and rollout, each once; not so in: ${join(", ", [for name, environment in var.environments : name if length(setsubtract(coalesce(environment.proven, []), ["hold", "reject", "recall", "override-freeze", "rollout"])) > 0 || length(coalesce(environment.proven, [])) != length(distinct(coalesce(environment.proven, [])))])}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for number, freeze in environment.freeze : "${name} (freeze ${number + 1})" if(freeze.days != null || freeze.from != null || freeze.to != null) == (freeze.first != null || freeze.last != null) || (freeze.from == null) != (freeze.to == null) || (freeze.first == null) != (freeze.last == null) || ((freeze.from != null || freeze.days != null) && length(coalesce(freeze.days, [])) == 0)]])) == 0
    error_message = "A freeze must have either days, at least one, and perhaps from and to together, or first and last; these are not so: ${join(", ", flatten([for name, environment in var.environments : [for number, freeze in environment.freeze : "${name} (freeze ${number + 1})" if(freeze.days != null || freeze.from != null || freeze.to != null) == (freeze.first != null || freeze.last != null) || (freeze.from == null) != (freeze.to == null) || (freeze.first == null) != (freeze.last == null) || ((freeze.from != null || freeze.days != null) && length(coalesce(freeze.days, [])) == 0)]]))}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for freeze in environment.freeze : [for day in coalesce(freeze.days, []) : "${jsonencode(day)} (${name})" if !contains(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], day)]]])) == 0
    error_message = "The days of a freeze must be mon, tue, wed, thu, fri, sat or sun; these are not: ${join(", ", flatten([for name, environment in var.environments : [for freeze in environment.freeze : [for day in coalesce(freeze.days, []) : "${jsonencode(day)} (${name})" if !contains(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], day)]]]))}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for freeze in environment.freeze : [for time in [freeze.from, freeze.to] : "${jsonencode(time)} (${name})" if time != null && !can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", time))]]])) == 0
    error_message = "The from and to of a freeze must be times of the day such as 08:00; these are not: ${join(", ", flatten([for name, environment in var.environments : [for freeze in environment.freeze : [for time in [freeze.from, freeze.to] : "${jsonencode(time)} (${name})" if time != null && !can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", time))]]]))}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for freeze in environment.freeze : [for date in [freeze.first, freeze.last] : "${jsonencode(date)} (${name})" if date != null && !(can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", date)) && can(formatdate("YYYY", "${date}T00:00:00Z")))]]])) == 0
    error_message = "The first and last of a freeze must be dates such as 2026-12-20; these are not: ${join(", ", flatten([for name, environment in var.environments : [for freeze in environment.freeze : [for date in [freeze.first, freeze.last] : "${jsonencode(date)} (${name})" if date != null && !(can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", date)) && can(formatdate("YYYY", "${date}T00:00:00Z")))]]]))}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for freeze in environment.freeze : "${freeze.last} (${name})" if try(tonumber(replace(freeze.last, "-", "")) < tonumber(replace(freeze.first, "-", "")), false)]])) == 0
    error_message = "The last day of a freeze must not be before its first; these are: ${join(", ", flatten([for name, environment in var.environments : [for freeze in environment.freeze : "${freeze.last} (${name})" if try(tonumber(replace(freeze.last, "-", "")) < tonumber(replace(freeze.first, "-", "")), false)]]))}."
  }

  validation {
    condition     = length(flatten([for name, environment in var.environments : [for freeze in environment.freeze : "${jsonencode(freeze.zone)} (${name})" if !can(regex("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", freeze.zone))]])) == 0
    error_message = "The zone of a freeze must be a name of the IANA Time Zone Database such as Europe/Berlin or UTC; these are not: ${join(", ", flatten([for name, environment in var.environments : [for freeze in environment.freeze : "${jsonencode(freeze.zone)} (${name})" if !can(regex("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$", freeze.zone))]]))}."
  }

  validation {
    condition     = length([for name, environment in var.environments : "${jsonencode(environment.when_frozen)} (${name})" if !contains(["wait", "refuse"], coalesce(environment.when_frozen, "wait")) || (environment.when_frozen != null && length(environment.freeze) == 0)]) == 0
    error_message = "when_frozen must be wait or refuse, and stand beside a freeze; these are not so: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.when_frozen)} (${name})" if !contains(["wait", "refuse"], coalesce(environment.when_frozen, "wait")) || (environment.when_frozen != null && length(environment.freeze) == 0)])}."
  }

  validation {
    condition     = alltrue([for name, environment in var.environments : environment.alias == null || (can(regex(local.names.patterns.alias, environment.alias)) && !can(regex("^[0-9]+$", environment.alias)))])
    error_message = "alias must be 1 to 128 of letters, digits, - and _, and not digits only, such as live; these are not: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.alias)} (${name})" if !(environment.alias == null || (can(regex(local.names.patterns.alias, environment.alias)) && !can(regex("^[0-9]+$", environment.alias))))])}."
  }

  validation {
    condition     = alltrue([for name, environment in var.environments : environment.function_name == null || can(regex(local.names.patterns.function_name, environment.function_name))])
    error_message = "function_name must have {function} in it, and may have {environment}, letters, digits, - and _, such as {environment}-{function}; a release cannot be in it, for a function keeps its name from one release to the next. These are not so: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.function_name)} (${name})" if !(environment.function_name == null || can(regex(local.names.patterns.function_name, environment.function_name)))])}."
  }

  validation {
    condition     = alltrue([for name, environment in var.environments : try(length(replace(replace(environment.function_name, "{function}", "f"), "{environment}", name)) <= 64, true)])
    error_message = "function_name must leave room for a function's name: Lambda allows 64 characters in all. These do not: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.function_name)} (${name})" if !(try(length(replace(replace(environment.function_name, "{function}", "f"), "{environment}", name)) <= 64, true))])}."
  }

  validation {
    condition     = alltrue([for environment in values(var.environments) : environment.execution_role == null || (can(regex(local.names.patterns.execution_role, environment.execution_role)) && length(setintersection([".", ".."], split("/", coalesce(environment.execution_role, "-")))) == 0)])
    error_message = "execution_role must be a role's path and name without its account, such as lambda/{function}; {function} and {environment} may be in it, and a * at its end. These are not so: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.execution_role)} (${name})" if !(environment.execution_role == null || (can(regex(local.names.patterns.execution_role, environment.execution_role)) && length(setintersection([".", ".."], split("/", coalesce(environment.execution_role, "-")))) == 0))])}."
  }

  validation {
    condition     = alltrue(flatten([for environment in values(var.environments) : [for pattern in coalesce(environment.log_groups, []) : can(regex(local.names.patterns.log_group, pattern))]]))
    error_message = "log_groups must be names of log groups, such as /acme/{environment}/{function}; {function}, {environment} and * may be in them. These are not so: ${join(", ", flatten([for name, environment in var.environments : [for pattern in coalesce(environment.log_groups, []) : "${jsonencode(pattern)} (${name})" if !can(regex(local.names.patterns.log_group, pattern))]]))}."
  }

  validation {
    condition     = alltrue(flatten([for environment in values(var.environments) : [for pattern in coalesce(environment.dead_letter_targets, []) : can(regex(local.names.patterns.dead_letter_target, pattern))]]))
    error_message = "dead_letter_targets must be ARNs of queues and topics, such as arn:aws:sqs:*:*:{function}-dead-letters; {function}, {environment} and * may be in them. These are not so: ${join(", ", flatten([for name, environment in var.environments : [for pattern in coalesce(environment.dead_letter_targets, []) : "${jsonencode(pattern)} (${name})" if !can(regex(local.names.patterns.dead_letter_target, pattern))]]))}."
  }

  validation {
    condition     = length([for name, environment in var.environments : "${jsonencode(environment.traffic_within)} (${name})" if !(environment.traffic_within == null || ((can(regex(local.names.patterns.span, environment.traffic_within)) && try(tonumber(regex("^[0-9]+", environment.traffic_within)) * local.names.spans.seconds[substr(environment.traffic_within, -1, 1)] <= local.names.spans.longest, false)) && !can(regex("^0+[smhd]$", environment.traffic_within))))]) == 0
    error_message = "traffic_within must be a whole number and s, m, h or d, such as 15m, more than 0s and at most 365d; these are not: ${join(", ", [for name, environment in var.environments : "${jsonencode(environment.traffic_within)} (${name})" if !(environment.traffic_within == null || ((can(regex(local.names.patterns.span, environment.traffic_within)) && try(tonumber(regex("^[0-9]+", environment.traffic_within)) * local.names.spans.seconds[substr(environment.traffic_within, -1, 1)] <= local.names.spans.longest, false)) && !can(regex("^0+[smhd]$", environment.traffic_within))))])}."
  }

  validation {
    condition     = alltrue([for name, environment in var.environments : environment.keep_versions == null || try(environment.keep_versions >= 1 && environment.keep_versions <= 4294967295 && floor(environment.keep_versions) == environment.keep_versions, false)])
    error_message = "keep_versions must be a whole number from 1 (the live version is one of those kept) to 4294967295; these are not: ${join(", ", [for name, environment in var.environments : "${environment.keep_versions} (${name})" if !(environment.keep_versions == null || try(environment.keep_versions >= 1 && environment.keep_versions <= 4294967295 && floor(environment.keep_versions) == environment.keep_versions, false))])}."
  }
}
