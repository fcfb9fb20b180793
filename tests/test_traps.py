"""The traps of realtime transcription services, each with the tests that show that it does not snap.

They come from documentation, issue threads and questions of people who lost days to them. Each has a number.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
COLLECTED = 52

TRAPS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "a model that only transcribes is refused as the address's model",
        (
            "ladder::a_session_of_each_model_is_right_at_once",
            "diagnosis::a_transcription_model_in_the_address_is_explained",
        ),
    ),
    2: (
        "a model and a transcription session in one address exclude each other",
        ("dialects::an_address_has_one_selector", "ladder::the_second_way_in_is_taken_and_remembered"),
    ),
    3: (
        "what samples for the preview left in an address leads to 401 and 404",
        ("services::where_a_connection_goes", "doctor::settings_that_mislead_are_noted"),
    ),
    4: (
        "portals let one copy a dozen forms of the same endpoint",
        (
            "services::an_address_is_understood_however_it_was_copied",
            "dialects::a_copied_address_may_name_its_deployment",
            "dialects::azure_is_known_by_the_end_of_a_host_name",
        ),
    ),
    5: (
        "the header of the beta closes the connection",
        ("azure::the_handshake_names_one_way_in_and_carries_the_key_in_a_header",),
    ),
    6: (
        "a redirect carries the key to another host",
        ("azure::a_redirect_leads_no_key_to_another_host", "diagnosis::the_preview_route_is_explained"),
    ),
    7: (
        "a token for the wrong one of two audiences looks like a wrong key",
        (
            "credentials::a_refused_token_is_asked_for_once_more_for_the_older_audience",
            "credentials::audiences_follow_the_cloud_unless_pinned",
            "credentials::a_pinned_audience_is_the_only_one_asked_for",
        ),
    ),
    8: (
        "the token that opened the first connection is too old for the second",
        (
            "credentials::each_connection_gets_a_fresh_token_off_the_loop",
            "credentials::what_was_fetched_ahead_gets_old",
        ),
    ),
    9: (
        "a role just given, or keys switched off, also answer 401",
        ("diagnosis::each_refused_handshake_is_explained",),
    ),
    10: (
        "a wrong key is told only after the handshake has succeeded",
        ("openai::a_wrong_key_is_refused_after_the_handshake", "openai::a_close_alone_says_as_much"),
    ),
    11: (
        "settings in the beta's flat form are refused",
        (
            "dialects::every_configuration_is_right_in_the_official_types",
            "azure::every_message_of_a_session_is_of_the_official_types",
        ),
    ),
    12: (
        "one setting that is not known voids all of them",
        (
            "protocol::several_refused_fields_are_given_up_one_by_one",
            "protocol::a_service_that_refuses_for_ever_is_given_up",
            "ladder::a_deployment_of_any_name_finds_its_settings",
        ),
    ),
    13: (
        "settings are accepted and not applied, or refused and applied",
        (
            "azure::settings_that_were_changed_silently_are_said",
            "compatible::settings_that_are_taken_and_not_applied_are_said_again_in_the_other_shape",
            "compatible::an_error_and_success_for_one_update_are_both_heard",
            "compatible::an_error_is_waited_out_before_it_counts",
        ),
    ),
    14: (
        "sound sent before the settings are accepted is lost",
        ("azure::no_sound_is_sent_before_the_settings_are_accepted", "protocol::nothing_is_sent_before_its_time"),
    ),
    15: (
        "without a word about turns a service cuts at every fifth of a second",
        ("ladder::a_session_of_each_model_is_right_at_once",),
    ),
    16: (
        "models that write while one speaks refuse turn detection",
        (
            "protocol::a_service_without_turn_detection_gets_turns_of_ours",
            "ladder::a_deployment_of_any_name_finds_its_settings",
        ),
    ),
    17: (
        "where nobody cuts, nothing ever becomes final",
        (
            "cutting::each_phrase_is_a_turn",
            "cutting::words_that_only_the_service_hears_are_cut_off_too",
            "session::client_side_turns_are_committed_at_the_end",
        ),
    ),
    18: (
        "a turn of less than a tenth of a second is refused",
        ("cutting::a_short_rest_is_filled_up_to_what_services_take", "protocol::an_own_empty_commit_is_no_error"),
    ),
    19: (
        "closing a turn by hand while the service cuts breaks some connections",
        (
            "cutting::a_service_that_finds_turns_is_left_to_it",
            "compatible::a_server_that_drops_the_connection_over_a_commit_gets_none",
        ),
    ),
    20: (
        "a turn cut by the clock ends in the middle of a word",
        (
            "cutting::speech_that_goes_on_is_cut_where_it_is_quiet",
            "cutting::a_cut_is_decided_when_its_sound_has_just_come",
            "cutting::what_is_committed_ends_exactly_at_the_cut",
        ),
    ),
    21: (
        "a voice model answers, and is paid for it",
        (
            "azure::a_voice_model_that_answers_is_cancelled_with_one_warning",
            "dialects::a_voice_session_is_told_not_to_answer",
            "ladder::the_second_way_in_is_taken_and_remembered",
        ),
    ),
    22: ("a limit on idleness makes a voice model speak up", ("ladder::the_second_way_in_is_taken_and_remembered",)),
    23: (
        "texts come in another order than they were spoken",
        ("azure::interleaved_turns_and_late_completions_stand_in_order",),
    ),
    24: (
        "a turn that failed holds up all behind it",
        ("azure::interleaved_turns_and_late_completions_stand_in_order",),
    ),
    25: (
        "the final text put behind its own pieces stands there twice",
        ("azure::deltas_are_joined_as_they_are_and_replaced_by_the_final_text",),
    ),
    26: (
        "spaces put between pieces, or taken off them, garble words",
        ("azure::deltas_are_joined_as_they_are_and_replaced_by_the_final_text",),
    ),
    27: ("pieces of two turns come mixed", ("azure::interleaved_turns_and_late_completions_stand_in_order",)),
    28: (
        "events come without saying which turn they mean",
        (
            "azure::events_without_an_item_are_not_lost",
            "protocol::turns_without_ids_are_counted",
            "compatible::interim_text_of_mai_is_replaced",
        ),
    ),
    29: (
        "an error is taken for the end, or never for one",
        (
            "azure::an_error_that_ends_nothing_is_shown_once",
            "diagnosis::a_fatal_code_is_never_one_that_passes",
            "openai::a_first_frame_that_is_a_final_error_ends_the_session",
        ),
    ),
    30: (
        "an error is blamed on what was sent last",
        (
            "protocol::an_error_about_something_else_does_not_fail_the_configuration",
            "protocol::other_errors_reach_the_user_and_settle_the_commit",
        ),
    ),
    31: (
        "a session ends by itself after half an hour or one",
        (
            "azure::a_session_that_reaches_its_greatest_length_goes_on",
            "outages::before_a_connection_expires_the_next_takes_over_at_a_pause",
        ),
    ),
    32: (
        "a lost connection takes the sentence being spoken with it",
        (
            "session::a_lost_connection_is_made_again_and_the_unsettled_audio_sent_again",
            "faults::nothing_is_lost_or_doubled",
        ),
    ),
    33: ("what was sent again becomes text twice", ("faults::nothing_is_lost_or_doubled",)),
    34: (
        "attempts in a row use up a quota of three a minute",
        (
            "ladder::a_busy_service_is_left_alone_for_as_long_as_it_says",
            "ladder::attempts_are_capped",
            "ladder::a_refusal_that_is_final_is_not_tried_again",
            "ladder::a_close_that_is_final_is_not_tried_again",
            "ladder::a_service_that_takes_sound_and_drops_it_is_given_up_too",
        ),
    ),
    35: ("a message over a megabyte breaks the connection", ("azure::large_messages_are_taken",)),
    36: ("what a slow network does not take fills the memory, or is dropped", ("faults::nothing_is_lost_or_doubled",)),
    37: (
        "a cell that computes starves the connection",
        (
            "portal::everything_runs_on_one_daemon_thread",
            "lane::messages_are_handled_while_a_cell_sleeps_and_while_it_computes",
        ),
    ),
    38: (
        "sound at another rate than it is said to be becomes nonsense that nobody refuses",
        ("azure::settings_that_were_changed_silently_are_said", "microphone::another_rate_is_resampled_in_one_stream"),
    ),
    39: (
        "samples that overflow, or half a sample, become noise",
        ("pcm::what_does_not_fit_is_clipped", "recording::half_a_sample_is_refused"),
    ),
    40: (
        "in silence models make up words, or repeat their prompt",
        (
            "cutting::silence_is_never_committed",
            "cutting::where_nobody_speaks_nothing_is_cut_off",
            "cutting::a_long_silence_is_forgotten_by_the_service",
            "azure::a_repeated_prompt_is_no_text",
            "azure::log_probabilities_become_confidence",
        ),
    ),
    41: (
        "`fr-FR` is no language to them",
        (
            "azure::the_language_is_reduced_to_what_azure_takes",
            "azure::a_language_that_the_service_does_not_know_is_dropped_and_said",
            "compatible::french_is_asked_for_in_the_words_of_each_service",
        ),
    ),
    42: (
        "the name of a deployment says nothing of its model",
        (
            "ladder::a_deployment_of_any_name_finds_its_settings",
            "azure::a_model_of_unknown_name_is_judged_by_what_it_does",
        ),
    ),
    43: (
        "settings are accepted for a deployment that does not exist",
        (
            "diagnosis::a_deployment_that_is_missed_late_is_named",
            "diagnosis::three_turns_that_fail_without_a_reason_end_the_session",
            "doctor::a_deployment_that_is_missing_is_found_by_the_silence",
        ),
    ),
    44: (
        "a model that writes after the pause seems to hang",
        ("azure::a_model_that_writes_after_each_pause_is_said_to",),
    ),
    45: (
        "closing at once on Stop loses the last words",
        ("azure::the_last_words_are_waited_for", "azure::a_turn_whose_text_never_comes_does_not_hold_up_the_end"),
    ),
    46: (
        "keys show in addresses, logs, errors and files",
        (
            "secrets::nothing_is_left_of_a_secret_after_a_session",
            "secrets::nothing_is_left_of_a_secret_in_an_error",
            "secrets::the_doctors_text_holds_no_secret",
        ),
    ),
    47: (
        "a key in a subprotocol, as browsers must send it, is refused",
        ("azure::the_handshake_names_one_way_in_and_carries_the_key_in_a_header",),
    ),
    48: (
        "the code for a model in the wrong place is spelt in two ways",
        ("ladder::which_rung_comes_next", "diagnosis::each_refused_handshake_is_explained"),
    ),
    49: (
        "services send events that were not there yesterday",
        ("azure::what_is_unknown_or_unreadable_is_passed_over",),
    ),
    50: ("a proxy puts frames in between that are no JSON", ("azure::what_is_unknown_or_unreadable_is_passed_over",)),
    51: (
        "networks have proxies, and companies look into their traffic",
        (
            "openai::a_proxy_of_the_environment_is_used_and_gets_no_key",
            "openai::a_certificate_that_is_not_trusted_is_explained_and_can_be",
            "openai::a_proxy_that_refuses_is_named_as_the_culprit",
        ),
    ),
    52: (
        "Azure Voice Live looks like the same protocol and is not",
        (
            "voicelive::a_session_is_configured_in_its_own_words",
            "voicelive::words_have_times_where_they_are_given",
            "voicelive::a_warning_is_said_and_an_answer_cancelled",
            "judges::settings_are_right_in_every_dialect",
            "judges::each_judge_refuses_a_wrong_event",
        ),
    ),
}


@cache
def functions(module: str) -> frozenset[str]:
    """Return the tests of a module that run with the suite."""
    tree = ast.parse((TESTS / f"test_{module}.py").read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not re.search(r"mark\.(long|skip|xfail)", " ".join(map(ast.unparse, node.decorator_list)))
    )


def test_every_trap_is_in_the_table() -> None:
    """No number is missing."""
    assert sorted(TRAPS) == list(range(1, COLLECTED + 1))
    assert all(tests for _, tests in TRAPS.values())


@pytest.mark.parametrize("number", TRAPS, ids=[f"{number}: {words}" for number, (words, _) in TRAPS.items()])
def test_a_trap_is_shown_by_tests_that_exist(number: int) -> None:
    """Every test that a row names is there and runs with the suite."""
    missing = []
    for name in TRAPS[number][1]:
        module, _, function = name.partition("::")
        if f"test_{function}" not in functions(module):
            missing.append(name)
    assert missing == []
