variable "name" {
  description = "The role's name."
  type        = string

  validation {
    condition     = can(regex(local.names.patterns.role, var.name))
    error_message = "name must be a role's name: 1 to 64 of letters, digits and + = , . @ _ - (no path)."
  }
}

variable "uploads" {
  description = "Where uploads go, as the output `uploads` of the module tooling tells it."

  type = object({
    artifact_bucket  = string
    artifact_key_arn = optional(string)
    ledger_bucket    = string
    ledger_key_arn   = optional(string)
    environments     = list(string)
    region           = string
  })
}

variable "environments" {
  description = "The environments that this CI may upload to."
  type        = list(string)

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex(local.names.patterns.environment, name))])
    error_message = "environments must name at least one environment, each a lower-case letter, then at most 31 of a-z, 0-9 and -: no wildcards."
  }

  validation {
    condition     = length(setsubtract(var.environments, var.uploads.environments)) == 0
    error_message = "Uploads may only go into an environment that accepts them (others only take promotions, or do not exist). These do not: ${join(", ", setsubtract(var.environments, var.uploads.environments))}. These do: ${join(", ", var.uploads.environments)}."
  }
}

variable "functions" {
  description = "The names of the functions that this CI may upload, with * as a wildcard."
  type        = list(string)

  validation {
    condition     = length(var.functions) > 0 && alltrue([for name in var.functions : can(regex("^[A-Za-z0-9_*-]{1,64}$", name))])
    error_message = "functions must be names of functions, at least one: 1 to 64 of letters, digits, - and _, with * as a wildcard."
  }
}

variable "trust" {
  description = "Who takes the role: exactly one of github (GitHub Actions by OIDC), gitlab (GitLab CI by OIDC), ec2 (a build agent, by an instance profile) and principals (ARNs of roles or users)."

  type = object({
    github     = optional(object({ repository = string, ref = optional(string), environment = optional(string) }))
    gitlab     = optional(object({ project = string, ref = string, ref_type = optional(string, "branch"), host = optional(string, "gitlab.com") }))
    ec2        = optional(bool, false)
    principals = optional(list(string), [])
  })

  validation {
    condition     = length([for given in [var.trust.github != null, var.trust.gitlab != null, var.trust.ec2, length(var.trust.principals) > 0] : given if given]) == 1
    error_message = "trust must say exactly one of github, gitlab, ec2 and principals: make one uploader for each."
  }

  validation {
    condition     = var.trust.github == null || can(regex("^[A-Za-z0-9_.-]+(@[0-9]+)?/[A-Za-z0-9_.-]+(@[0-9]+)?$", try(var.trust.github.repository, "")))
    error_message = "trust.github.repository must be <owner>/<repository>, or with GitHub's ids of both <owner>@<id>/<repository>@<id>, without wildcards."
  }

  validation {
    condition     = var.trust.github == null || length([for given in [try(var.trust.github.ref, null), try(var.trust.github.environment, null)] : given if given != null && given != ""]) == 1
    error_message = "trust.github must say either ref (refs/heads/main, refs/tags/v*) or environment (a GitHub environment): with neither, every branch and pull request of the repository could upload."
  }

  validation {
    condition     = try(var.trust.github.ref, null) == null || can(regex("^refs/(heads|tags)/([A-Za-z0-9_./-]+[*]?|[*])$", try(var.trust.github.ref, "")))
    error_message = "trust.github.ref must be a branch or a tag by its full name, refs/heads/main or refs/tags/v1.0, at most with a * at the end."
  }

  validation {
    condition     = try(var.trust.github.environment, null) == null || can(regex("^[A-Za-z0-9_./-]+[*]?$", try(var.trust.github.environment, "")))
    error_message = "trust.github.environment must be letters, digits and . _ / -, at most with a * at the end, and not just *."
  }

  validation {
    condition     = var.trust.gitlab == null || (can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", try(var.trust.gitlab.project, ""))) && can(regex("^[A-Za-z0-9_./-]+[*]?$", try(var.trust.gitlab.ref, ""))) && contains(["branch", "tag"], try(var.trust.gitlab.ref_type, "")) && can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+$", try(var.trust.gitlab.host, ""))))
    error_message = "trust.gitlab must say project (<group>/<project>), ref (main, v*; not just *), ref_type (branch or tag) and, for a GitLab of your own, host (gitlab.example.com)."
  }

  validation {
    condition     = alltrue([for arn in var.trust.principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "trust.principals must be exact ARNs of roles or users: not an account's root, and no wildcards."
  }
}
