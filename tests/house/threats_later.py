"""The last rows of the threats, and what a row is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Threat:
    """One row. ``proofs`` is a file below ``tests`` and names of its tests; ``void``, the feature that is not there
    yet and that a part of the threat needs."""

    name: str
    control: str
    proofs: dict[str, str]
    void: str = ""


LATER = (
    Threat(
        "Log-ins that stand still: a provider that hangs, and rows that strangers have made without end",
        "A log-in takes a bounded time at a provider, and a bounded number waits for one; what is kept for who has not"
        " logged in is bounded by address and swept",
        {
            "unit/login/test_hanging_provider.py": "test_others_log_in_while_a_provider_hangs"
            " test_of_all_places_together_some_threads_are_left test_the_whole_of_a_log_in_is_bounded"
            " test_a_provider_may_hang_anywhere_and_come_back",
            "unit/login/test_begun.py": "test_one_address_begins_so_many_and_no_more"
            " test_who_comes_back_is_not_counted",
            "unit/provider/test_strangers.py": "test_one_address_has_so_many_rows_made_and_no_more"
            " test_who_logs_in_is_not_counted test_what_nobody_answered_is_swept",
            "unit/scim/test_limits.py": "test_filters_have_so_many_terms_levels_and_letters"
            " test_a_patch_has_so_many_operations_alone_and_in_bulk"
            " test_so_many_attributes_are_asked_for_at_once test_to_judge_a_filter_takes_no_time",
        },
    ),
    Threat(
        "A dependency that was exchanged",
        "Every dependency, those of the build too, is pinned with its hashes",
        {
            "unit/house/test_locks.py": "test_every_dependency_is_pinned_within_its_bounds test_all_locks_agree"
            " test_every_pin_has_hashes_and_no_address",
            "unit/portal/test_pages.py": "test_htmx_is_the_file_that_its_maintainers_published",
        },
    ),
    Threat(
        "Content of records that runs in the browser of who looks at it",
        "Pages escape everything; a policy lets nothing inline run; names of clients and agents are text too",
        {
            "unit/portal/test_pages.py": "test_what_systems_say_is_text"
            " test_every_answer_has_the_headers_of_safety_and_no_page_runs_what_stands_in_it",
            "unit/portal/test_sessions.py": "test_a_browser_is_called_by_two_words",
            "unit/provider/test_cas.py": "test_what_people_are_called_is_no_markup",
            "unit/login/test_relying_party.py": "test_what_the_provider_says_no_to_is_told_without_its_words",
        },
    ),
    Threat(
        "Answers that one person gives for another: consent, an account that is chosen, a code of a device",
        "An answer counts for what its page showed, in the session that it was shown in; the question of a device is"
        " put to who typed its code; claims by name are agreed to as scopes are",
        {
            "unit/provider/test_consent.py": "test_who_is_sent_the_question_of_a_device_is_not_asked_it"
            " test_a_link_with_the_code_of_a_device_shows_it_and_asks test_nobody_agrees_for_another"
            " test_what_was_shown_to_one_session_is_not_agreed_to_in_another"
            " test_an_account_that_somebody_else_chose_is_not_chosen"
            " test_claims_that_are_asked_for_by_name_are_shown_and_agreed_to",
        },
    ),
    Threat(
        "Going on after the end: of a session, of somebody's time here, of a password",
        "The worker ends sessions by their own times and log-ins of who left, and clients are told by the"
        " outbox; nothing is given to a session that has ended meanwhile; what was proven before an account changed"
        " opens nothing after it",
        {
            "unit/provider/test_ended.py": "test_clients_are_told_of_a_session_that_ends_by_time"
            " test_a_session_that_was_used_meanwhile_goes_on test_clients_are_told_of_who_leaves"
            " test_a_token_of_who_left_is_exchanged_for_nothing"
            " test_nothing_comes_of_a_session_that_ends_at_this_very_moment",
            "unit/login/test_second_factor.py": "test_what_changes_the_account_ends_what_is_half_done"
            " test_what_was_proven_before_a_change_opens_nothing_after_it",
        },
    ),
    Threat(
        "Becoming somebody else by a name that one chooses, by an old log-in elsewhere, or by a merge that is undone",
        "Accounts of providers are linked and called by issuer and subject, sessions are as fresh as their auth_time;"
        " what is made while two are one goes with the one whose account or record it was made for",
        {
            "unit/login/test_relying_party.py": "test_an_account_is_called_by_its_subject_and_nothing_that_one_chooses"
            " test_nobody_is_found_by_his_mail",
            "unit/login/test_freshness.py": "test_an_old_log_in_at_the_provider_is_none_where_a_new_one_is_asked_for"
            " test_the_session_is_as_old_as_what_the_provider_says",
            "unit/provider/test_login.py": "test_a_session_is_as_old_as_the_proof_of_its_owner",
            "unit/provider/test_merged.py": "test_a_log_in_under_the_sub_of_the_other_ends_with_the_merge"
            " test_a_sub_that_was_made_while_two_were_one_goes_with_the_account_that_it_was_made_through"
            " test_an_account_that_was_made_while_two_were_one_goes_with_the_record_that_it_was_made_for",
        },
    ),
)
