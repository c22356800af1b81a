# What is told, and in which words.
#
# A path that leads nowhere, or to null, leaves a gap in the text (EventBridge User Guide, "Amazon EventBridge input transformation"), so a
# sentence is only made of fields that its rule's pattern asks for; the rest stands on lines of its own. Each line is a text in quotes,
# and arrives with them.

locals {
  # A text, and not null.
  text = [{ prefix = "" }]

  paths = {
    what        = "$.detail-type"
    because     = "$.detail.because"
    deployment  = "$.detail.id"
    environment = "$.detail.environment"
    from        = "$.detail.from"
    function    = "$.detail.function"
    release     = "$.detail.release"
    to          = "$.detail.to"
    wanted      = "$.detail.approvals_wanted"
  }

  notices = {
    failed = {
      description = "What failed, was refused or was rolled back, and why"
      what        = ["Deployment Failed", "Promotion Refused", "Deployment Rolled Back"]
      detail      = { because = local.text, environment = local.text }
      lines = [
        "<what>: <function> in <environment>",
        "Why: <because>",
        "Release: <release>",
        "Deployment: <deployment>",
        "More: deployctl history -e <environment> -f <function>",
      ]
    }
    # A rollback that somebody asked for has nothing to excuse.
    rolled-back = {
      description = "What was rolled back because somebody asked for it"
      what        = ["Deployment Rolled Back"]
      detail      = { because = [null], environment = local.text }
      lines = [
        "<what>: <function> in <environment>",
        "Release that is live again: <release>",
        "Deployment: <deployment>",
        "More: deployctl history -e <environment> -f <function>",
      ]
    }
    paused = {
      description = "Whose rollout is paused, and what people can do"
      what        = ["Rollout Paused"]
      detail      = { because = local.text, environment = local.text }
      lines = [
        "<what>: <function> <release> in <environment>",
        "Why: <because>",
        "To go on: deployctl rollout continue -e <environment> -f <function> --deployment <deployment>",
        "To take it back: deployctl rollout abort -e <environment> -f <function> --deployment <deployment>",
      ]
    }
    # One into an environment that there is not has no record, nor has a group.
    not-recorded = {
      description = "What was refused before there was a record of it"
      what        = ["Promotion Refused"]
      detail      = { because = local.text, environment = [{ exists = false }] }
      lines = [
        "<what>: from <from> to <to>",
        "Why: <because>",
      ]
    }
    wanted = {
      description = "Whose approval is waited for, and how to give it"
      what        = ["Promotion Waiting"]
      detail      = { code = ["Waiting"], approvals_wanted = [{ numeric = [">", 0] }], because = local.text }
      lines = [
        "Approval wanted: <function> <release> for <environment>",
        "Approvals wanted: <wanted>",
        "Why: <because>",
        "To approve: deployctl approve -e <environment> -f <function> --deployment <deployment>",
      ]
    }
  }
}

resource "aws_cloudwatch_event_rule" "notices" {
  for_each = local.notices

  name           = "${var.name}-${each.key}"
  description    = each.value.description
  event_bus_name = local.bus
  event_pattern = jsonencode({
    source        = [local.names.event_source]
    "detail-type" = each.value.what
    detail        = each.value.detail
  })
  tags = var.tags
}

resource "aws_cloudwatch_event_target" "notices" {
  for_each = local.notices

  rule           = aws_cloudwatch_event_rule.notices[each.key].name
  event_bus_name = local.bus
  target_id      = "people"
  arn            = aws_sns_topic.notifications.arn
  role_arn       = aws_iam_role.notifications.arn

  # Not by jsonencode, which writes < and > in a way that EventBridge does not know for a variable's.
  input_transformer {
    input_paths    = { for variable, path in local.paths : variable => path if strcontains(join("", each.value.lines), "<${variable}>") }
    input_template = join("\n", [for line in each.value.lines : "\"${line}\""])
  }

  depends_on = [aws_iam_role_policy.notifications]
}
