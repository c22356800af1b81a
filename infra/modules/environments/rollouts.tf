# The rules of a rollout, as the deployer has them (deployer/core/src/config/rollout). A validation may not name locals that are made from
# its variable, so the output asks for them.

locals {
  rollouts = { for name, environment in var.environments : name => environment.rollout if environment.rollout != null }

  rollout_steps = { for name, rollout in local.rollouts : name => rollout.steps == null ? [{ weight = 10, for = "10m", then = null }] : rollout.steps }

  # Every duration: where it is said, and the seconds that it may be at least and at most.
  rollout_spans = flatten([for name, rollout in local.rollouts : concat(
    [for number, step in local.rollout_steps[name] : { of = name, is_step = true, where = "steps[${number}].for of ${name}", span = step.for, least = 180, lasts = 180, most = local.names.spans.longest }],
    [
      { of = name, is_step = true, where = "watch of ${name}", span = rollout.watch == null ? "10m" : rollout.watch, least = 180, lasts = 480, most = local.names.spans.longest },
      { of = name, is_step = false, where = "pause_expires of ${name}", span = rollout.pause_expires == null ? "1d" : rollout.pause_expires, least = 1, lasts = 1, most = local.names.spans.longest },
    ],
    [for number, test in rollout.smoke_test : { of = name, is_step = false, where = "smoke_test[${number}].timeout of ${name}", span = test.timeout == null ? "60s" : test.timeout, least = 1, lasts = 1, most = 60 }],
  )])

  rollout_seconds = { for at in local.rollout_spans : at.where => can(regex(local.names.patterns.span, at.span)) ? try(tonumber(regex("^[0-9]+", at.span)) * local.names.spans.seconds[substr(at.span, -1, 1)], -1) : -1 }

  # The waves: the targets that have begun with each.
  rollout_waves = { for name, rollout in local.rollouts : name => [
    for wave in rollout.waves == null ? ["100%"] : rollout.waves : {
      text   = wave
      is_one = can(regex(local.names.patterns.wave, wave))
      share  = can(regex("%$", wave))
      number = try(tonumber(trimsuffix(wave, "%")), 0)
      begun  = try(endswith(wave, "%") ? ceil(length(var.environments[name].targets) * tonumber(trimsuffix(wave, "%")) / 100) : min(tonumber(wave), length(var.environments[name].targets)), 0)
    }
  ] }

  # A watch lasts 8 minutes at least: the guard needs so long with all traffic on the new version.
  rollout_lengths = { for name in keys(local.rollouts) : name => sum([for at in local.rollout_spans : max(local.rollout_seconds[at.where], at.lasts) if at.of == name && at.is_step]) * length(distinct(local.rollout_waves[name][*].begun)) }

  rollout_choices = {
    already_alarming = ["disarm", "refuse"]
    when_quiet       = ["proceed", "pause", "fail"]
    when_unshiftable = ["all-at-once", "refuse"]
    on_newer         = ["wait", "replace"]
  }

  rollout_mistakes = flatten([for name, rollout in local.rollouts : concat(
    [for number, step in local.rollout_steps[name] : "steps[${number}].weight of ${name} must be a whole number from 1 to 99, and is ${step.weight}" if !(step.weight >= 1 && step.weight <= 99 && floor(step.weight) == step.weight)],
    [for number, step in local.rollout_steps[name] : "steps[${number}].weight of ${name} must be more than the ${local.rollout_steps[name][number - 1].weight} of the step before, and is ${step.weight}" if number > 0 && try(step.weight <= local.rollout_steps[name][number - 1].weight, false)],
    [for number, step in local.rollout_steps[name] : "steps[${number}].then of ${name} must be pause or left out, and is ${jsonencode(step.then)}" if step.then != null && step.then != "pause"],
    [for at in local.rollout_spans : "${at.where} must be a whole number and s, m, h or d, from ${at.least}s to ${at.most}s, and is ${jsonencode(at.span)}" if at.of == name && !(local.rollout_seconds[at.where] >= at.least && local.rollout_seconds[at.where] <= at.most)],
    [for number, wave in local.rollout_waves[name] : "waves[${number}] of ${name} must be a number of targets such as 1, or a share of them such as 10%, up to 100%, and is ${jsonencode(wave.text)}" if !wave.is_one],
    [for number, wave in local.rollout_waves[name] : "waves[${number}] of ${name}, ${wave.text}, must be more than the ${local.rollout_waves[name][number - 1].text} of the wave before" if number > 0 && try(
      wave.share == local.rollout_waves[name][number - 1].share ? wave.number <= local.rollout_waves[name][number - 1].number : wave.begun < local.rollout_waves[name][number - 1].begun, false
    )],
    [for last in [try(local.rollout_waves[name][length(local.rollout_waves[name]) - 1].begun, 0)] : "the last of waves of ${name} must be all of its ${length(var.environments[name].targets)} targets: 100%" if last < length(var.environments[name].targets)],
    [for length in [local.rollout_lengths[name]] : "all waves of ${name} together take ${length}s; at most 172800s (48h)" if length > 172800],
    [for alarm in coalesce(rollout.alarms, []) : "alarms of ${name} must be names, in which {function} and {environment} may be, and no ARN; this is none: ${jsonencode(alarm)}" if !can(regex(local.names.patterns.alarm, alarm)) || can(regex("^arn:", alarm))],
    [for alarms in [coalesce(rollout.alarms, [])] : "alarms of ${name} must be at most 20, and none twice" if length(alarms) > 20 || length(distinct(alarms)) < length(alarms)],
    [for field, choices in local.rollout_choices : "${field} of ${name} must be ${join(" or ", choices)}, and is ${jsonencode(rollout[field])}" if rollout[field] != null && !try(contains(choices, rollout[field]), false)],
    flatten([for guard in rollout.guard[*] : concat(
      [for field in ["invocations", "errors"] : "guard.${field} of ${name} must be a whole number, at least 1, and is ${guard[field]}" if !try(guard[field] >= 1 && floor(guard[field]) == guard[field], guard[field] == null)],
      [for margin in guard.margin[*] : "guard.margin of ${name} must be 0 to 100 percentage points, and is ${margin}" if margin < 0 || margin > 100],
      [for significance in guard.significance[*] : "guard.significance of ${name} must be above 0 and at most 0.05, and is ${significance}" if significance <= 0 || significance > 0.05],
    )]),
    [for tests in [rollout.smoke_test] : "smoke_test of ${name} must be at most 5" if length(tests) > 5],
    [for number, test in rollout.smoke_test : "smoke_test[${number}] of ${name} must have JSON in event and expect (jsonencode), and at most 64 KB in event" if !can(jsondecode(test.event)) || length(test.event) > 65536 || (test.expect != null && !can(jsondecode(test.expect)))],
  )])
}
