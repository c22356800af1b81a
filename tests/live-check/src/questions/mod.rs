//! The list of questions, in the order in which they are asked.

mod alias_tells_the_executed_version;
mod aliases_and_lists_are_shown_as_recorded;
mod code_is_read_by_the_caller;
mod code_key_is_used_through_s3;
mod code_version_needs_its_own_right;
mod conditional_writes_see_through_markers;
mod description_shuts_out_older_writes;
mod dot_names_are_unpacked;
mod empty_weights_end_a_shift;
mod empty_weights_end_a_transition;
mod event_keys_are_plain;
mod event_source_is_bound_for_all_values;
mod external_id_is_not_for_the_source_identity;
mod function_kept_from_version_deletion;
mod missing_object_is_denied;
mod publish_makes_versions_by_updates;
mod publish_of_other_code_is_refused;
mod replayed_event_is_marked;
mod revision_of_latest_changes;
mod rights_are_checked_before_existence;
mod same_alias_write_changes_revision;
mod signed_identity_lasts_15_minutes;
mod source_function_arn_has_no_qualifier;
mod tags_need_list_tags;
mod trust_asks_for_the_source_identity;
mod unchanged_role_must_be_passed;
mod update_with_publish_answers_the_version;
mod variables_key_is_used_through_lambda;
mod version_ids_are_told_apart;
mod versions_are_deleted_as_recorded;
mod zips_keep_symbolic_links;

use crate::question::Question;

/// Returns all questions.
#[must_use]
pub fn all() -> Vec<Box<dyn Question>> {
    vec![
        Box::new(missing_object_is_denied::MissingObjectIsDenied),
        Box::new(conditional_writes_see_through_markers::ConditionalWritesSeeThroughMarkers),
        Box::new(version_ids_are_told_apart::VersionIdsAreToldApart),
        Box::new(rights_are_checked_before_existence::RightsAreCheckedBeforeExistence),
        Box::new(code_is_read_by_the_caller::CodeIsReadByTheCaller),
        Box::new(code_version_needs_its_own_right::CodeVersionNeedsItsOwnRight),
        Box::new(function_kept_from_version_deletion::FunctionKeptFromVersionDeletion),
        Box::new(unchanged_role_must_be_passed::UnchangedRoleMustBePassed),
        Box::new(tags_need_list_tags::TagsNeedListTags),
        Box::new(same_alias_write_changes_revision::SameAliasWriteChangesRevision),
        Box::new(description_shuts_out_older_writes::DescriptionShutsOutOlderWrites),
        Box::new(empty_weights_end_a_shift::EmptyWeightsEndAShift),
        Box::new(revision_of_latest_changes::RevisionOfLatestChanges),
        Box::new(publish_makes_versions_by_updates::PublishMakesVersionsByUpdates),
        Box::new(publish_of_other_code_is_refused::PublishOfOtherCodeIsRefused),
        Box::new(update_with_publish_answers_the_version::UpdateWithPublishAnswersTheVersion),
        Box::new(versions_are_deleted_as_recorded::VersionsAreDeletedAsRecorded),
        Box::new(aliases_and_lists_are_shown_as_recorded::AliasesAndListsAreShownAsRecorded),
        Box::new(alias_tells_the_executed_version::AliasTellsTheExecutedVersion),
        Box::new(zips_keep_symbolic_links::ZipsKeepSymbolicLinks),
        Box::new(dot_names_are_unpacked::DotNamesAreUnpacked),
        Box::new(source_function_arn_has_no_qualifier::SourceFunctionArnHasNoQualifier),
        Box::new(trust_asks_for_the_source_identity::TrustAsksForTheSourceIdentity),
        Box::new(external_id_is_not_for_the_source_identity::ExternalIdIsNotForTheSourceIdentity),
        Box::new(signed_identity_lasts_15_minutes::SignedIdentityLasts15Minutes),
        Box::new(event_source_is_bound_for_all_values::EventSourceIsBoundForAllValues),
        Box::new(event_keys_are_plain::EventKeysArePlain),
        Box::new(replayed_event_is_marked::ReplayedEventIsMarked),
        Box::new(empty_weights_end_a_transition::EmptyWeightsEndATransition),
        Box::new(code_key_is_used_through_s3::CodeKeyIsUsedThroughS3),
        Box::new(variables_key_is_used_through_lambda::VariablesKeyIsUsedThroughLambda),
    ]
}
