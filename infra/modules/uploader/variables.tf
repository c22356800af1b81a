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
    artifact_bucket            = string
    artifact_key_arn           = optional(string)
    ledger_bucket              = string
    ledger_key_arn             = optional(string)
    environments               = list(string)
    region                     = string
    ledger_decryption_key_arns = optional(list(string), [])
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
  description = "Who takes the role: exactly one of github (GitHub Actions), gitlab (GitLab CI), bitbucket (Bitbucket Pipelines), buildkite, circleci, oidc (any other OIDC provider), eks_pods (pods of an EKS cluster, by EKS Pod Identity), ec2 (a build agent, by an instance profile) and principals (ARNs of roles or users). For those that come with a token of OIDC the account needs the identity provider, once."

  type = object({
    github = optional(object({
      repository   = optional(string)
      ref          = optional(string)
      environment  = optional(string)
      repositories = optional(list(object({ repository = string, ref = optional(string), environment = optional(string) })), [])
    }))
    gitlab = optional(object({
      project  = optional(string)
      ref      = optional(string)
      ref_type = optional(string, "branch")
      projects = optional(list(object({ project = string, ref = string, ref_type = optional(string, "branch") })), [])
      host     = optional(string, "gitlab.com")
    }))
    bitbucket = optional(object({
      workspace    = string
      workspace_id = string
      repositories = list(object({ repository_id = string, environment_id = string }))
    }))
    buildkite = optional(object({
      organization = string
      pipelines    = list(object({ pipeline = string, ref = string }))
    }))
    circleci = optional(object({
      organization_id = string
      projects        = list(object({ project_id = string, origin = string, ref = string }))
    }))
    oidc       = optional(object({ issuer = string, audience = string, subjects = list(string) }))
    eks_pods   = optional(object({ cluster_arn = string, namespace = string, service_account = string }))
    ec2        = optional(bool, false)
    principals = optional(list(string), [])
  })

  validation {
    condition     = length([for given in [var.trust.github != null, var.trust.gitlab != null, var.trust.bitbucket != null, var.trust.buildkite != null, var.trust.circleci != null, var.trust.oidc != null, var.trust.eks_pods != null, var.trust.ec2, length(var.trust.principals) > 0] : given if given]) == 1
    error_message = "trust must say exactly one of github, gitlab, bitbucket, buildkite, circleci, oidc, eks_pods, ec2 and principals: make one uploader for each."
  }

  validation {
    condition     = var.trust.github == null || try(length(var.trust.github.repositories) == 0 ? var.trust.github.repository != null : length([for one in [var.trust.github.repository, var.trust.github.ref, var.trust.github.environment] : one if one != null]) == 0, false)
    error_message = "trust.github must name one repository with its ref or environment, { repository, ref }, or a list of them, { repositories = [{ repository, ref }] }, and not both."
  }

  validation {
    condition     = alltrue([for one in try(concat([for one in [var.trust.github] : one if one.repository != null], var.trust.github.repositories), []) : can(regex("^[A-Za-z0-9_.-]+(@[0-9]+)?/[A-Za-z0-9_.-]+(@[0-9]+)?$", one.repository))])
    error_message = "trust.github: each repository must be <owner>/<repository>, or with GitHub's ids of both <owner>@<id>/<repository>@<id>, without wildcards."
  }

  validation {
    condition     = alltrue([for one in try(concat([for one in [var.trust.github] : one if one.repository != null], var.trust.github.repositories), []) : length([for given in [one.ref, one.environment] : given if given != null && given != ""]) == 1])
    error_message = "trust.github: each repository must come with either ref (refs/heads/main, refs/tags/v*) or environment (a GitHub environment): with neither, every branch and pull request of the repository could upload."
  }

  validation {
    condition     = alltrue([for one in try(concat([for one in [var.trust.github] : one if one.repository != null], var.trust.github.repositories), []) : one.ref == null || can(regex("^refs/(heads|tags)/([A-Za-z0-9_./-]+[*]?|[*])$", one.ref))])
    error_message = "trust.github: ref must be a branch or a tag by its full name, refs/heads/main or refs/tags/v1.0, at most with a * at the end."
  }

  validation {
    condition     = alltrue([for one in try(concat([for one in [var.trust.github] : one if one.repository != null], var.trust.github.repositories), []) : one.environment == null || can(regex("^[A-Za-z0-9_./-]+[*]?$", one.environment))])
    error_message = "trust.github: environment must be letters, digits and . _ / -, at most with a * at the end, and not just *."
  }

  validation {
    condition     = var.trust.gitlab == null || try(length(var.trust.gitlab.projects) == 0 ? var.trust.gitlab.project != null : var.trust.gitlab.project == null && var.trust.gitlab.ref == null, false)
    error_message = "trust.gitlab must name one project with its ref, { project, ref }, or a list of them, { projects = [{ project, ref }] }, and not both."
  }

  validation {
    condition     = alltrue([for one in try(concat([for one in [var.trust.gitlab] : one if one.project != null], var.trust.gitlab.projects), []) : can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", one.project)) && can(regex("^[A-Za-z0-9_./-]+[*]?$", one.ref)) && contains(["branch", "tag"], one.ref_type)])
    error_message = "trust.gitlab: each project must be <group>/<project> and come with ref (main, v*; not just *) and, for tags, ref_type = \"tag\"."
  }

  validation {
    condition     = var.trust.gitlab == null || can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+$", try(var.trust.gitlab.host, "")))
    error_message = "trust.gitlab.host must be the host of a GitLab of your own, such as gitlab.example.com, without https:// and without a path."
  }

  validation {
    condition     = var.trust.bitbucket == null || can(regex("^[a-z0-9_-]+$", var.trust.bitbucket.workspace)) && can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.trust.bitbucket.workspace_id))
    error_message = "trust.bitbucket must say workspace, as it stands in the addresses of its repositories, and workspace_id, the UUID at the end of the audience that Bitbucket shows (repository settings, OpenID Connect), in small letters and without braces."
  }

  validation {
    condition     = var.trust.bitbucket == null || try(length(var.trust.bitbucket.repositories) > 0 && alltrue([for id in flatten([for one in var.trust.bitbucket.repositories : [one.repository_id, one.environment_id]]) : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))]), false)
    error_message = "trust.bitbucket.repositories must name at least one repository, each with repository_id and environment_id, the UUIDs of the repository and of its deployment environment that Bitbucket shows (repository settings, OpenID Connect), in small letters and without braces. Without an environment every branch of the repository could upload."
  }

  validation {
    condition     = var.trust.buildkite == null || try(length(var.trust.buildkite.pipelines) > 0 && alltrue([for slug in concat([var.trust.buildkite.organization], var.trust.buildkite.pipelines[*].pipeline) : can(regex("^[a-z0-9-]+$", slug))]), false)
    error_message = "trust.buildkite must say organization and at least one pipeline, by their slugs as they stand in the pipeline's address: a-z, 0-9 and -, without wildcards."
  }

  validation {
    condition     = alltrue([for one in try(var.trust.buildkite.pipelines, []) : can(regex("^refs/(heads|tags)/([A-Za-z0-9_./-]+[*]?|[*])$", one.ref))])
    error_message = "trust.buildkite: each pipeline must come with ref, a branch or a tag by its full name, refs/heads/main or refs/tags/v1.0, at most with a * at the end."
  }

  validation {
    condition     = var.trust.circleci == null || try(length(var.trust.circleci.projects) > 0 && alltrue([for id in concat([var.trust.circleci.organization_id], var.trust.circleci.projects[*].project_id) : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))]), false)
    error_message = "trust.circleci must say organization_id and at least one project by its project_id: the UUIDs that CircleCI shows in the settings of the organization and of the project, in small letters."
  }

  validation {
    condition     = alltrue([for one in try(var.trust.circleci.projects, []) : can(regex("^[a-z0-9-]+([.][a-z0-9-]+)+(/[A-Za-z0-9_.-]+)+$", one.origin)) && can(regex("^refs/(heads|tags)/([A-Za-z0-9_./-]+[*]?|[*])$", one.ref))])
    error_message = "trust.circleci: each project must come with origin (github.com/<owner>/<repository>, without https:// and wildcards) and ref, a branch or a tag by its full name, refs/heads/main or refs/tags/v1.0, at most with a * at the end."
  }

  validation {
    condition     = var.trust.oidc == null || can(regex("^https://[a-z0-9-]+([.][a-z0-9-]+)+(/[A-Za-z0-9_.~-]+)*$", try(var.trust.oidc.issuer, "")))
    error_message = "trust.oidc.issuer must be the claim iss of the tokens: https://<host>, or https://<host>/<path>, without a slash at the end."
  }

  validation {
    condition     = var.trust.oidc == null || can(regex("^[^*?$[:space:]]+$", try(var.trust.oidc.audience, "")))
    error_message = "trust.oidc.audience must be the claim aud of the tokens, word for word: no wildcards. Ask the provider for one that only AWS or only this role is named by (sts.amazonaws.com)."
  }

  # The fixed beginning has two parts or a UUID.
  validation {
    condition     = var.trust.oidc == null || try(length(var.trust.oidc.subjects) > 0 && alltrue([for subject in var.trust.oidc.subjects : can(regex("^([^*?$[:space:]]+|([^*?$:/[:space:]]+[:/]+[^*?$:/[:space:]]|[^*?$[:space:]]*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})[^$[:space:]]*)$", subject))]), false)
    error_message = "trust.oidc.subjects must name at least one subject (the claim sub of the tokens), each with a beginning before its first wildcard that says whose token it is: repo:acme/*, not * or repo:*."
  }

  validation {
    condition     = var.trust.eks_pods == null || can(regex("^arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", try(var.trust.eks_pods.cluster_arn, "")))
    error_message = "trust.eks_pods.cluster_arn must be the ARN of one cluster, arn:aws:eks:<region>:<account>:cluster/<name>, without wildcards."
  }

  validation {
    condition     = var.trust.eks_pods == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", try(var.trust.eks_pods.namespace, ""))) && can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", try(var.trust.eks_pods.service_account, "")))
    error_message = "trust.eks_pods must say namespace and service_account, each the name of one in Kubernetes: a-z, 0-9 and - (and . in a service account), without wildcards."
  }

  validation {
    condition     = alltrue([for arn in var.trust.principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "trust.principals must be exact ARNs of roles or users: not an account's root, and no wildcards."
  }
}

variable "trust_policy_quota" {
  description = "How many characters IAM takes in a trust policy in this account: 2,048, or up to 8,192 where the account's quota L-C07B4B0D (Role trust policy length) was raised."
  type        = number
  default     = 2048

  validation {
    condition     = var.trust_policy_quota >= 2048 && var.trust_policy_quota <= 8192
    error_message = "trust_policy_quota must be from 2048, which every account has, to 8192, which IAM gives at most (IAM User Guide, \"IAM and AWS STS quotas\")."
  }
}

variable "permissions_boundary" {
  description = "The ARN of the permissions boundary that the role gets, where the account's rules want one. It must allow the role's policy: s3:PutObject and s3:AbortMultipartUpload on the artifact bucket, s3:GetObject and s3:ListBucket on the ledger bucket, and with a customer key kms:Decrypt and kms:GenerateDataKey."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the ARN of a managed policy: arn:aws:iam::<account>:policy/<name>."
  }
}

variable "role_path" {
  description = "The path of the role and of the instance profile."
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path must begin and end with a slash, such as /ci/: at most 512 of letters, digits and + = , . @ _ - /."
  }
}

variable "tags" {
  description = "Tags of the role and of the instance profile."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", key)) && can(regex("^[A-Za-z0-9 _.:/=+@-]{0,256}$", value)) && !startswith(lower(key), "aws:")])
    error_message = "tags must have keys of 1 to 128 and values of at most 256 of letters, digits, spaces and _ . : / = + - @, and no key that begins with aws:."
  }
}
