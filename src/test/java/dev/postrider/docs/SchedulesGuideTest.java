package dev.postrider.docs;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The schedules of docs/guides/schedules.md are accepted as they are printed, and its handler runs. */
class SchedulesGuideTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    @Test
    void the_schedules_are_accepted_and_the_handler_gets_the_tick() {
        String key = APPLICATION.newKey(APPLICATION.newWorkspace());
        List<String> bodies = Pattern.compile("-d '([^']+)'")
                .matcher(Guide.block("schedules.md", "sh"))
                .results()
                .map((MatchResult call) -> call.group(1))
                .toList();
        assertThat(bodies)
                .hasSize(2)
                .allSatisfy(body -> assertThat(APPLICATION
                                .send(key, "POST", "/v1/schedules", body)
                                .status())
                        .isEqualTo(201));

        APPLICATION.route("tasks/nightly-check.camel.yaml", Guide.block("schedules.md", "yaml"));
        Answer made =
                APPLICATION.send(key, "POST", "/v1/schedules", "{\"taskType\": \"nightly-check\", \"every\": 1000}");
        String at = "/v1/schedules/" + made.text("/scheduleId");
        await().until(() -> !APPLICATION
                .send(key, "GET", at, null)
                .json()
                .path("lastTaskId")
                .isNull());
        assertThat(APPLICATION.send(key, "DELETE", at, null).status()).isEqualTo(204);

        await().until(() -> APPLICATION
                        .send(key, "GET", "/v1/tasks?taskType=nightly-check&status=completed", null)
                        .json()
                        .path("items")
                        .size()
                > 0);
    }
}
