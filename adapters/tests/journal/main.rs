//! One suite for every arm of the journal port: the bodies are written once and run on each.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed assertion")]

mod bench;
mod commits;
mod contents;
mod crashes;
mod model;
mod mysql;
mod people;
mod plans;
mod sizes;
mod sqlite;
mod streams;

/// Runs every body on every arm.
macro_rules! suite {
    ($($module:ident: $($body:ident),+ $(,)?;)+) => {
        mod on_memory {
            $($(
                #[tokio::test]
                async fn $body() {
                    crate::$module::$body(crate::bench::Memory::new()).await;
                }
            )+)+
        }
        mod on_sqlite {
            $($(
                #[tokio::test]
                async fn $body() {
                    crate::$module::$body(crate::bench::Sqlite::new()).await;
                }
            )+)+
        }
        mod on_mysql {
            $($(
                #[tokio::test]
                async fn $body() {
                    crate::$module::$body(crate::bench::MySql::new()).await;
                }
            )+)+
        }
    };
}

suite! {
    commits:
        what_is_accepted_is_read_back,
        names_are_bytes_and_two_that_a_collation_holds_equal_are_two,
        names_are_swapped_in_one_operation,
        a_name_is_free_once_its_node_is_deleted_and_the_node_can_come_back,
        a_thousand_files_are_one_commit,
        a_commit_sent_again_gets_the_same_answer,
        commits_through_several_handles_leave_no_gap,
        two_folders_know_nothing_of_each_other,
        a_folder_grows_up_to_its_quota_and_all_heads_are_told_at_once;
    streams:
        entries_come_in_order_and_no_more_than_asked_for,
        small_contents_come_along_while_they_are_current_and_within_the_credit,
        large_entries_come_a_few_at_a_time,
        pages_give_every_live_node_once_by_id,
        a_greeting_tells_how_the_device_stood_and_notes_its_lineage,
        a_revoked_device_is_neither_greeted_nor_polled,
        an_acknowledgement_never_goes_back_and_forgets_what_it_passed,
        a_session_is_served_by_the_journal;
    people:
        a_folder_is_made_once_and_found_by_its_name,
        a_device_is_found_by_its_token,
        devices_are_listed_renamed_and_revoked,
        invites_are_listed_by_when_they_expire_and_taken_back,
        an_invite_makes_as_many_devices_as_it_may,
        an_invite_shown_again_by_the_same_device_costs_nothing,
        an_expired_invite_makes_nothing,
        of_many_that_show_a_one_time_invite_one_gets_in,
        a_pass_is_exchanged_once_and_the_one_in_its_place_is_good_until_it_expires,
        a_setting_is_set_once,
        a_setting_that_many_servers_put_at_once_is_what_one_of_them_said;
    contents:
        a_manifest_is_taken_when_all_its_chunks_are_there,
        a_long_manifest_comes_back_whole,
        a_chunk_stays_where_it_was_first,
        a_damaged_chunk_is_missing_until_it_is_put_again,
        a_content_is_of_its_folder_alone,
        what_a_folder_takes_up_is_counted,
        a_commit_may_name_what_was_uploaded;
    crashes:
        a_commit_cut_short_happened_whole_or_not_at_all,
        an_answer_that_was_lost_is_given_again,
        everything_is_there_after_opening_again;
}
