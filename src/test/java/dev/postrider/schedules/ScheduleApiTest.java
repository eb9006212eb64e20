package dev.postrider.schedules;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What callers of the API can do with schedules, and what is refused. */
class ScheduleApiTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    private final UUID workspace = APPLICATION.newWorkspace();
    private final String key = APPLICATION.newKey(workspace);

    @Test
    void a_schedule_is_made_shown_listed_and_deleted() {
        Answer made = call("POST", "/v1/schedules", """
                {"taskType": "report-generate", "payload": {"pi": 3.14159265358979323846}, "cron": "30 2 * * *", "timeZone": "Europe/Berlin"}""");
        Answer every = call("POST", "/v1/schedules", """
                {"taskType": "report-generate", "every": 3600000, "missed": "all", "enabled": false}""");

        assertThat(made.status()).as(made.body()).isEqualTo(201);
        assertThat(made.body()).contains("{\"pi\": 3.14159265358979323846}");
        assertThat(made.text("/cron")).isEqualTo("30 2 * * *");
        assertThat(made.json().path("every").isNull()).isTrue();
        assertThat(made.text("/missed")).isEqualTo("once");
        assertThat(made.json().path("enabled").asBoolean()).isTrue();
        assertThat(Instant.parse(made.text("/nextTickAt")).atZone(ZoneId.of("Europe/Berlin")))
                .matches(tick -> tick.getHour() == 2 && tick.getMinute() == 30 || tick.getHour() == 3);
        assertThat(made.json().path("lastTickAt").isNull()).isTrue();
        assertThat(every.text("/timeZone")).isEqualTo("UTC");
        assertThat(every.json().path("nextTickAt").isNull()).isTrue();
        assertThat(call("GET", at(made), null).json()).isEqualTo(made.json());
        assertThat(call("GET", "/v1/schedules", null).json().path("items")).containsExactly(every.json(), made.json());
        String cursor = call("GET", "/v1/schedules?limit=1", null).text("/nextCursor");
        assertThat(call("GET", "/v1/schedules?limit=1&cursor=" + cursor, null)
                        .json()
                        .path("items"))
                .containsExactly(made.json());
        assertThat(call("DELETE", at(made), null).status()).isEqualTo(204);
        assertThat(call("DELETE", at(made), null).status()).isEqualTo(404);
        assertThat(call("GET", at(made), null).status()).isEqualTo(404);
        assertThat(call("PATCH", at(made), "{\"enabled\": true}").status()).isEqualTo(404);
    }

    @Test
    void a_change_counts_from_now_on_and_what_does_not_say_when_leaves_the_next_tick() {
        Answer made = call("POST", "/v1/schedules", "{\"taskType\": \"a\", \"every\": 3600000}");
        String next = made.text("/nextTickAt");

        Answer renamed =
                call("PATCH", at(made), "{\"taskType\": \"b\", \"payload\": {\"n\": 1}, \"missed\": \"skip\"}");
        assertThat(renamed.text("/nextTickAt")).isEqualTo(next);
        assertThat(renamed.text("/taskType") + renamed.json().path("payload") + renamed.text("/missed"))
                .isEqualTo("b{\"n\":1}skip");

        Answer slower = call("PATCH", at(made), "{\"every\": 86400000}");
        assertThat(Duration.between(Instant.parse(next), Instant.parse(slower.text("/nextTickAt"))))
                .isBetween(Duration.ofHours(23), Duration.ofHours(24));

        Answer cron = call("PATCH", at(made), "{\"cron\": \"0 0 1 1 *\"}");
        assertThat(cron.json().path("every").isNull()).isTrue();
        assertThat(cron.text("/nextTickAt")).endsWith("-01-01T00:00:00.000Z");
        Answer elsewhere = call("PATCH", at(made), "{\"timeZone\": \"Asia/Tokyo\"}");
        assertThat(elsewhere.text("/nextTickAt")).endsWith("-12-31T15:00:00.000Z");
    }

    @Test
    void a_schedule_that_is_enabled_again_does_not_make_up_for_the_time_between() {
        Answer made = call("POST", "/v1/schedules", "{\"taskType\": \"a\", \"every\": 3600000, \"missed\": \"all\"}");

        Answer disabled = call("PATCH", at(made), "{\"enabled\": false}");
        assertThat(disabled.json().path("nextTickAt").isNull()).isTrue();
        assertThat(call("PATCH", at(made), "{\"every\": 7200000}")
                        .json()
                        .path("nextTickAt")
                        .isNull())
                .isTrue();
        Answer enabled = call("PATCH", at(made), "{\"enabled\": true}");
        assertThat(Duration.between(
                        Instant.parse(made.text("/nextTickAt")), Instant.parse(enabled.text("/nextTickAt"))))
                .isBetween(Duration.ofHours(1), Duration.ofMinutes(61));
    }

    @Test
    void each_change_is_in_the_audit_trail() {
        Answer made = call("POST", "/v1/schedules", "{\"taskType\": \"a\", \"every\": 3600000}");
        call("PATCH", at(made), "{\"taskType\": \"b\"}");
        call("PATCH", at(made), "{\"enabled\": false}");
        call("PATCH", at(made), "{\"enabled\": true}");
        call("DELETE", at(made), null);

        Answer trail = call("GET", "/v1/system-events", null);
        assertThat(trail.json().findValuesAsText("type"))
                .startsWith(
                        "schedule.deleted",
                        "schedule.enabled",
                        "schedule.disabled",
                        "schedule.updated",
                        "schedule.created");
        assertThat(trail.text("/items/3/payload/before/task_type") + trail.text("/items/3/payload/after/task_type"))
                .isEqualTo("ab");
        assertThat(trail.text("/items/3/actor")).startsWith("api-key:");
    }

    @Test
    void another_workspace_sees_none_of_it_and_neither_does_an_operator() {
        Answer mine = call("POST", "/v1/schedules", "{\"taskType\": \"a\", \"every\": 3600000}");
        Answer global =
                APPLICATION.callAsOperator("POST", "/v1/schedules", "{\"taskType\": \"a\", \"every\": 31536000000}");
        assertThat(global.status()).as(global.body()).isEqualTo(201);
        String other = APPLICATION.newKey(APPLICATION.newWorkspace());

        for (String method : List.of("GET", "PATCH", "DELETE")) {
            String body = method.equals("PATCH") ? "{\"enabled\": false}" : null;
            assertThat(APPLICATION.send(other, method, at(mine), body).status()).isEqualTo(404);
            assertThat(APPLICATION.callAsOperator(method, at(mine), body).status())
                    .isEqualTo(404);
            assertThat(call(method, at(global), body).status()).isEqualTo(404);
        }
        assertThat(APPLICATION.send(other, "GET", "/v1/schedules", null).json().path("items"))
                .isEmpty();
        assertThat(APPLICATION
                        .callAsOperator("GET", "/v1/schedules", null)
                        .json()
                        .findValuesAsText("scheduleId"))
                .contains(global.text("/scheduleId"))
                .doesNotContain(mine.text("/scheduleId"));
        assertThat(APPLICATION.callAsOperator("DELETE", at(global), null).status())
                .isEqualTo(204);
    }

    @Test
    void a_key_that_may_only_produce_makes_no_schedule() {
        String producing = APPLICATION
                .callAsOperator("POST", "/v1/workspaces/" + workspace + "/keys", "{\"scopes\": [\"produce\"]}")
                .text("/apiKey");

        Answer refused =
                APPLICATION.send(producing, "POST", "/v1/schedules", "{\"taskType\": \"a\", \"every\": 3600000}");

        assertThat(refused.status()).isEqualTo(403);
        assertThat(refused.text("/detail")).isEqualTo("The key lacks the scope inspect.");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {"taskType": "a"}                                                    | cron     | is missing: give cron or every
            {"taskType": "a", "cron": "* * * * *", "every": 1000}                | every    | excludes cron: give one of them
            {"taskType": "a", "cron": "every day"}                               | cron     | is no cron expression: Cron expression must consist of 6 fields (found 2
            {"taskType": "a", "cron": "61 * * * *"}                              | cron     | is no cron expression: Invalid value for MinuteOfHour
            {"taskType": "a", "cron": "0 0 30 2 *"}                              | cron     | never fires
            {"taskType": "a", "cron": "0 0 30 2 *", "enabled": false}            | cron     | never fires
            {"taskType": "a", "every": 999}                                      | every    | must have a minimum value of 1000
            {"taskType": "a", "every": "1h"}                                     | every    | string found, integer expected
            {"taskType": "a", "every": 31536000001}                              | every    | must have a maximum value of 31536000000
            {"taskType": "a", "every": 1000, "timeZone": "Europe/Bonn"}          | timeZone | is not known: 'Europe/Bonn'
            {"taskType": "a", "every": 1000, "missed": "some"}                   | missed   | does not have a value in the enumeration
            {"taskType": "Not a type", "every": 1000}                            | taskType | does not match the regex pattern
            {"every": 1000}                                                      | taskType | is missing
            {"taskType": "a", "every": 1000, "payload": []}                      | payload  | array found, object expected
            """)
    void a_schedule_that_cannot_tick_is_refused_with_the_field_and_the_reason(
            String body, String field, String reason) {
        Answer answer = call("POST", "/v1/schedules", body);

        assertThat(answer.status()).as(answer.body()).isEqualTo(400);
        assertThat(answer.text("/errors/0/field")).isEqualTo(field);
        assertThat(answer.text("/errors/0/message")).contains(reason);
        assertThat(call("GET", "/v1/schedules", null).json().path("items")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {}                                    | body
            {"cron": "* * * * *", "every": 1000}  | every
            {"cron": "0 0 31 9 *"}                | cron
            {"timeZone": "Mars"}                  | timeZone
            {"cron": null}                        | cron
            {"scheduleId": "x"}                   | scheduleId
            """)
    void a_change_that_is_refused_changes_nothing(String body, String field) {
        Answer made = call("POST", "/v1/schedules", "{\"taskType\": \"a\", \"cron\": \"0 0 1 1 *\"}");

        Answer answer = call("PATCH", at(made), body);

        assertThat(answer.status()).as(answer.body()).isEqualTo(400);
        assertThat(answer.text("/errors/0/field")).isEqualTo(field);
        assertThat(call("GET", at(made), null).json()).isEqualTo(made.json());
    }

    @Test
    void a_payload_over_the_cap_is_413() {
        Answer answer = call(
                "POST",
                "/v1/schedules",
                "{\"taskType\": \"a\", \"every\": 1000, \"payload\": {\"x\": \"%s\"}}"
                        .formatted("x".repeat(256 * 1024)));

        assertThat(answer.status()).isEqualTo(413);
        assertThat(answer.text("/errors/0/field")).isEqualTo("payload");
    }

    private static String at(Answer schedule) {
        return "/v1/schedules/" + schedule.text("/scheduleId");
    }

    private Answer call(String method, String path, String body) {
        return APPLICATION.send(key, method, path, body);
    }
}
