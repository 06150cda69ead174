"""What somebody could try against a hub, what is done about it, and the tests that prove it.

``python -m tests.house.threats docs/reference`` writes the page; a test compares it, and that every test is there.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

from tests.house.threats_later import LATER, Threat

ROOT = Path(__file__).resolve().parents[2]
PAGE = "threats.md"
PREFACE = """# Threats and proofs

What somebody could try against a hub, or a system through it, what is done about it, and the tests that prove it: each
fails where the defence is taken away. Written by `python -m tests.house.threats`; a test compares, and that each test
is there. What goes wrong by itself stands in [Faults and proofs](faults.md).

"""


THREATS = (
    Threat(
        "Requests forged through addresses in settings, records, webhooks or tickets (SSRF)",
        "One guarded transport: hosts by an allow-list, names resolved once and every address looked at, credentials"
        " to their own origin only; no proxy tickets of CAS",
        {
            "unit/http/test_addresses.py": "test_an_address_outside_the_allow_list_is_refused"
            " test_private_addresses_in_every_notation_are_not_public"
            " test_one_private_address_among_public_ones_is_enough_to_refuse"
            " test_the_name_is_resolved_once_and_the_connection_goes_there"
            " test_an_address_of_another_host_gets_no_credentials",
            "unit/http/test_transport.py": "test_a_redirect_to_another_port_gets_neither_request_nor_credentials",
            "unit/provider/test_cas.py": "test_there_are_no_proxy_tickets",
        },
    ),
    Threat(
        "Document types, entities and inclusions in XML (SOAP, IDoc, WSDL, workbooks)",
        "One place parses XML; a document type is refused in any encoding; descriptions come from files or their own"
        " host",
        {
            "unit/http/test_untrusted.py": "test_a_document_type_is_refused_in_any_encoding"
            " test_xml_that_is_too_deep_too_large_or_broken_is_refused test_inclusions_are_left_alone",
            "unit/connectors_soap/test_documents.py": "test_a_wsdl_from_the_net_reaches_no_file_and_no_other_host",
            "unit/house/test_threats.py": "test_xml_is_parsed_in_one_place",
        },
    ),
    Threat(
        "Signatures of XML that cover something else than what is read, old digests, other transforms",
        "Body and time must be covered by one signature of a trusted key, by SHA-2 and one transform",
        {
            "unit/connectors_soap/test_signature.py": "test_answers_that_are_not_signed_as_they_must_be_are_not_read"
            " test_answers_in_several_parts_are_not_covered test_ids_are_made_anew_for_every_message",
        },
        "SAML",
    ),
    Threat(
        "Archives, workbooks and streams that inflate without end",
        "Inflating is bounded by size, ratio and number; links and archives within archives are not opened",
        {
            "unit/http/test_untrusted.py": "test_a_stream_that_explodes_or_breaks_off_is_refused"
            " test_an_archive_that_means_harm_is_not_opened test_members_are_counted_before_the_directory_is_read"
            " test_a_member_that_is_larger_than_it_says_is_stopped",
            "unit/http/test_transport.py": "test_a_gzip_bomb_stops_at_the_limit",
            "unit/connectors_files/test_formats.py": "test_a_harmful_or_broken_workbook_is_refused",
        },
    ),
    Threat(
        "Cells that a spreadsheet runs as formulas",
        "In what people are given they begin with an apostrophe, full-width signs too; files for systems do so where"
        " that is declared",
        {
            "unit/exchange/test_reconcile.py": "test_a_file_for_people_holds_no_formula",
            "unit/todos/test_dashboards.py": "test_csv_has_all_lines_and_no_formula",
            "unit/connectors_files/test_formats.py": "test_formulas_are_defused_where_that_is_declared",
            "unit/exchange/test_links.py": "test_a_key_that_looks_like_a_formula_comes_back_as_it_was",
        },
    ),
    Threat(
        "SQL through expressions of mappings, filters of SCIM and values of records",
        "Expressions are parsed, checked against a list and rendered anew; values are bound, names quoted",
        {
            "unit/mapping/test_expressions.py": "test_what_is_no_expression_over_one_record_is_refused"
            " test_no_refused_function_is_allowed_as_well test_comments_and_the_authors_text_do_not_survive"
            " test_names_become_quoted_paths_below_the_record",
            "unit/scim/test_server.py": "test_filters_are_values_and_never_statements",
            "unit/connectors_sql/test_dialects.py": "test_an_upsert_quotes_names_and_holds_no_values"
            " test_parameters_of_a_query_are_bound_and_nothing_else_is",
            "integration/test_log_in_directories.py": "test_a_name_is_no_filter",
        },
    ),
    Threat(
        "Expressions and templates that run code, or without end",
        "Scalar expressions only, with bounds of length, depth and growth; nothing of a record is a template",
        {
            "unit/mapping/test_expressions.py": "test_what_is_no_expression_over_one_record_is_refused"
            " test_nested_list_functions_take_no_time test_any_text_is_an_expression_that_duckdb_parses_or_an_issue",
            "unit/portal/test_pages.py": "test_what_systems_say_is_text",
            "unit/security/test_redact.py": "test_masking_hostile_text_takes_linear_time",
        },
    ),
    Threat(
        "YAML: tags, aliases that multiply, keys that come twice, words that become other values",
        "One loader by YAML 1.2; tags, aliases and second keys are refused; size is bounded",
        {
            "unit/workspace/test_yaml.py": "test_scalars_follow_the_core_schema_of_yaml_1_2"
            " test_what_is_refused_names_line_column_and_remedy test_an_alias_bomb_is_refused_before_it_is_composed"
            " test_files_that_are_too_large_or_not_utf8_are_refused"
            " test_two_duplicates_and_a_tag_are_all_found_and_the_first_value_counts",
            "faults/test_bad_input.py": "test_an_alias_bomb_is_refused_before_it_grows",
        },
    ),
    Threat(
        "Secrets in files, logs, errors, plans, databases and pages",
        "Files hold references; every text that leaves is masked by what is known and by what looks like a secret",
        {
            "faults/test_leaks.py": "test_a_secret_stands_nowhere test_a_crash_tells_no_secret"
            " test_a_classified_value_stands_in_its_own_column_only",
            "unit/provider/test_login.py": "test_nothing_secret_is_logged_or_stored",
            "unit/provider/test_cas.py": "test_nothing_of_a_ticket_is_kept_in_the_clear",
            "unit/api/test_unforeseen.py": "test_a_failed_statement_leaves_no_value_in_answer_error_or_log",
            "unit/security/test_redact.py": "test_no_known_secret_survives_anywhere",
        },
    ),
    Threat(
        "Lines, colours and directions of text that falsify a log",
        "One line of printable text remains, the rest is written out",
        {
            "unit/security/test_redact.py": "test_one_line_of_printable_text_remains"
            " test_a_colour_sequence_does_not_hide_a_secret",
            "unit/api/test_unforeseen.py": "test_the_log_has_no_text_of_an_error",
        },
    ),
    Threat(
        "Addresses that lead a browser elsewhere after a log-in, a log-out or a deep link",
        "Addresses of clients letter by letter, services part by part, pages of the portal only, templates of tickets"
        " within their system",
        {
            "unit/portal/test_login.py": "test_after_log_in_one_stays_here",
            "unit/login/test_relying_party.py": "test_where_one_goes_after_a_log_in_is_a_page_of_the_portal",
            "unit/provider/test_login.py": "test_a_browser_is_sent_to_registered_addresses_only",
            "unit/provider/test_conformance.py": "test_what_is_not_right_ends_nothing_and_leads_nowhere",
            "unit/provider/test_cas.py": "test_only_declared_services_get_tickets_or_browsers"
            " test_services_are_compared_part_by_part",
            "unit/provider/test_tickets.py": "test_what_is_filled_in_never_leads_elsewhere",
        },
    ),
    Threat(
        "Codes, tokens and tickets that come twice, late, or for somebody else",
        "Used up in one statement of SQL, whatever process asks; short lives; each for one client",
        {
            "unit/provider/test_once.py": "test_codes_and_tokens_and_tickets_are_redeemed_once_by_eight_at_once",
            "unit/provider/test_conformance.py": "test_a_code_that_comes_twice_ends_what_came_of_it",
            "unit/provider/test_tokens.py": "test_a_refresh_token_that_comes_twice_ends_the_log_in",
            "unit/provider/test_devices.py": "test_a_code_of_a_device_works_once",
            "unit/provider/test_login.py": "test_a_code_of_one_client_is_nothing_to_another",
            "unit/provider/test_cas.py": "test_a_ticket_works_once_and_for_half_a_minute"
            " test_a_ticket_for_another_service_is_used_up",
            "unit/provider/test_tickets.py": "test_a_to_do_is_opened_by_a_ticket_that_works_once"
            " test_a_ticket_is_for_one_client_and_one_minute",
            "unit/provider/test_jwts.py": "test_what_is_refused",
            "unit/login/test_relying_party.py": "test_a_state_is_of_one_browser_one_provider_one_use_and_a_while",
            "unit/login/test_second_factor.py": "test_one_code_at_once_from_many_sides_is_taken_by_one",
        },
    ),
    Threat(
        "Rights that grow through writing back a to-do",
        "By the person's own account; whose it is, and what may be answered, is looked at at once; nobody approves what"
        " he asked for; a substitute of a substitute has nothing",
        {
            "unit/portal/test_answers.py": "test_nobody_answers_for_another test_a_button_pressed_twice_decides_once",
            "unit/todos/test_acts.py": "test_what_cannot_be_pressed_is_refused_before_anything_is_asked",
            "unit/todos/test_substitutes.py": "test_a_substitute_of_a_substitute_sees_his_own_only"
            " test_who_began_it_does_not_decide_it_for_another",
            "unit/api/test_working.py": "test_a_held_plan_is_approved_by_another_key_and_applied_once",
            "integration/test_acts_tryton.py":
                "test_who_may_not_approve_is_told_so_by_tryton_and_may_reject_nothing_twice"
                " test_what_was_decided_or_changed_in_tryton_itself_is_not_decided_again",
        },
    ),
    Threat(
        "SCIM clients that write more than they may, or take over an account",
        "Attributes by an allow-list, on every path; protected names, however they are spelled; each client's resources"
        " its own; a token of somebody who left is nobody's",
        {
            "unit/scim/test_server.py": "test_what_is_not_allowed_is_dropped"
            " test_paths_of_what_is_not_allowed_change_nothing test_an_external_id_is_no_id"
            " test_another_clients_resources_are_not_there"
            " test_patch_without_a_path_and_with_names_as_entra_writes_them",
            "unit/scim/test_protected.py": "test_protected_names_cannot_be_taken"
            " test_nobody_is_renamed_into_a_protected_name test_however_a_path_is_written_a_protected_name_is_refused"
            " test_who_has_a_protected_name_already_is_left_alone_however_it_is_spelled",
            "unit/security/test_alike.py": "test_names_that_are_one",
            "unit/scim/test_tokens.py": "test_who_is_there_no_more_is_not_me"
            " test_whose_account_at_the_client_is_gone_is_not_me",
        },
    ),
    Threat(
        "Paths that lead out of a folder, and hostile documents",
        "Every path is judged after its links; content is stored by its hash; nothing foreign is shown inline",
        {
            "unit/connectors_files/test_reading.py": "test_no_path_leads_out_of_the_folder"
            " test_a_link_out_of_the_folder_is_refused",
            "unit/http/test_untrusted.py": "test_an_archive_that_means_harm_is_not_opened",
            "unit/connectors_soap/test_documents.py": "test_no_file_above_config_is_opened"
            " test_a_link_out_of_config_is_not_followed",
            "integration/test_mail.py": "test_attachments_come_by_hash_and_where_wanted_with_content",
            "unit/portal/test_pages.py":
                "test_every_answer_has_the_headers_of_safety_and_no_page_runs_what_stands_in_it",
        },
        "Feeds of documents",
    ),
    Threat(
        "JSON Web Tokens with another algorithm, without one, with keys or claims of the sender",
        "One function decodes, by algorithms, keys, issuer, audience and kind that its caller names",
        {
            "unit/provider/test_jwts.py": "test_what_is_refused",
            "unit/house/test_rules.py": "test_tokens_are_decoded_in_one_place",
            "unit/login/test_relying_party.py": "test_what_a_relying_party_refuses",
            "unit/provider/test_tickets.py": "test_other_tokens_of_the_hub_are_no_tickets",
        },
    ),
    Threat(
        "Keys and descriptions of providers that are poisoned, and answers of the wrong provider",
        "Issuer and description must name each other; keys are pinned and asked for anew in bounds; an answer names its"
        " issuer",
        {
            "unit/login/test_relying_party.py": "test_signing_key_rotation"
            " test_a_key_that_was_withdrawn_is_not_taken_for_long_nor_an_old_discovery_document"
            " test_an_answer_of_another_issuer_is_a_mix_up",
            "unit/provider/test_jwts.py": "test_an_unknown_key_is_told_apart_so_that_keys_are_asked_for_again",
        },
    ),
    Threat(
        "Records, to-dos and sessions of others, by their id",
        "Every query begins at who asks; what is not his is as unknown as what is not there",
        {
            "unit/portal/test_pages.py": "test_a_person_sees_what_is_his_and_nothing_else",
            "unit/portal/test_sessions.py": "test_nobody_ends_a_session_of_somebody_else",
            "unit/api/test_access.py": "test_every_route_needs_a_key_and_its_grant"
            " test_a_confined_key_sees_nothing_else",
            "unit/api/test_schemathesis.py": "test_nothing_is_found_by_drawn_requests",
            "unit/provider/test_tickets.py": "test_only_ones_own_to_dos_are_opened",
            "unit/provider/test_tokens.py": "test_a_token_is_told_to_who_holds_it_and_to_nobody_else",
            "unit/scim/test_server.py": "test_another_clients_place_is_as_unknown_as_none",
        },
    ),
    Threat(
        "Forms from elsewhere, sessions that were there before, pages within other pages",
        "Forms carry a word of their session; a log-in makes a new session; headers say who may frame",
        {
            "unit/portal/test_login.py": "test_a_form_from_elsewhere_is_refused"
            " test_a_form_of_another_session_is_refused test_every_log_in_has_a_session_of_its_own"
            " test_a_session_is_a_cookie_that_only_its_digest_is_kept_of",
            "unit/portal/test_pages.py":
                "test_every_answer_has_the_headers_of_safety_and_no_page_runs_what_stands_in_it",
            "unit/api/test_cors.py": "test_an_origin_is_one_and_exact",
        },
    ),
    Threat(
        "Guessing of passwords, codes and keys; finding out names; locking others out",
        "Bounds by name, by address (of IPv6 by /64) and by known browser, which counts for one name; the same answer"
        " after the same work; a directory sees fewer wrong passwords than lock an account",
        {
            "unit/portal/test_login.py": "test_wrong_passwords_are_slowed_down_by_name"
            " test_the_number_of_names_that_one_address_tries_is_bounded test_an_unknown_name_costs_the_same_work"
            " test_what_is_wrong_is_not_told",
            "unit/portal/test_known_browsers.py": "test_a_cookie_of_one_name_is_a_strangers_at_another"
            " test_a_stolen_cookie_is_worth_some_guesses_in_all_processes_and_then_nothing"
            " test_strangers_do_not_lock_the_owner_out_of_his_browser test_one_network_of_ipv6_is_one_address",
            "unit/login/test_second_factor.py": "test_wrong_codes_are_bounded_and_strangers_do_not_lock_the_owner_out",
            "unit/provider/test_devices.py": "test_codes_cannot_be_guessed",
            "unit/api/test_access.py": "test_wrong_keys_are_counted_by_address",
            "integration/test_log_in_directories.py": "test_the_directory_sees_no_more_wrong_passwords_than_it_allows"
            " test_an_unknown_name_and_a_wrong_password_get_the_same_answer_after_the_same_work",
        },
    ),
    Threat(
        "A Host header that becomes an address of ours",
        "The hub's address is configured; a request says nothing about it",
        {
            "unit/provider/test_login.py": "test_the_issuer_is_never_taken_from_a_request",
            "unit/scim/test_server.py": "test_addresses_come_from_the_configuration",
        },
    ),
    Threat(
        "Webhooks that somebody else sends, changes or repeats",
        "Signatures over the bytes as they came, within five minutes, each id once",
        {
            "unit/bus/test_accepting.py": "test_the_published_vectors_hold test_their_negative_twins_do_not"
            " test_other_bytes_are_not_signed test_what_is_not_signed_is_refused test_a_signed_webhook_is_stored_once"
            " test_a_weak_secret_is_refused",
            "unit/api/test_pushing.py": "test_what_is_not_proven_is_not_read",
            "unit/login/test_relying_party.py": "test_a_logout_token_ends_what_it_is_about_once",
        },
    ),
    Threat(
        "A harmful connector, or an author of files who wants more",
        "Connectors are code of the package; files run none and hold no secrets; three administrators; somebody else"
        " approves",
        {
            "unit/workspace/test_connectors.py": "test_a_name_nobody_has_gives_nothing"
            " test_only_the_connector_asked_for_is_imported",
            "unit/workspace/test_yaml.py": "test_what_is_refused_names_line_column_and_remedy",
            "unit/security/test_decisions.py": "test_none_of_three_administrators_does_the_work_of_another"
            " test_commands_ask_for_the_administrator",
            "unit/api/test_working.py": "test_a_held_plan_is_approved_by_another_key_and_applied_once",
            "unit/cli/test_running.py": "test_a_secret_is_set_from_stdin_listed_rotated_and_removed_and_never_shown",
        },
    ),
    *LATER,
)


def missing(threat: Threat) -> list[str]:
    """Tests that a threat names and that are not there."""
    return [
        f"{file}::{name}"
        for file, names in threat.proofs.items()
        for name in names.split()
        if name not in _tests(file)
    ]


@cache
def _tests(file: str) -> frozenset[str]:
    path = ROOT / "tests" / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def page() -> str:
    """The reference page."""
    rows = [PREFACE + "| | threat | what is done | tests |\n|---|---|---|---|"]
    for number, threat in enumerate(THREATS, 1):
        proofs = "<br>".join(
            f"{file.removesuffix('.py')}: " + ", ".join(f"`{name.removeprefix('test_')}`" for name in names.split())
            for file, names in threat.proofs.items()
        )
        void = f" (not there yet: {threat.void})" if threat.void else ""
        rows.append(f"| {number} | {threat.name} | {threat.control}{void} | {proofs} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1], PAGE).write_text(page(), encoding="utf-8")
