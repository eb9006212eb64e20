package dev.postrider.docs;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The route and the commands of docs/guides/dead-letters.md do what the guide says. */
class DeadLettersGuideTest {

    private static final String GUIDE = "dead-letters.md";

    @Test
    void the_route_opens_tickets_and_the_commands_count_replay_pause_resume_and_cancel() throws Exception {
        try (Receiver tickets = Receiver.start();
                Receiver api = Receiver.start();
                RunningApplication application = RunningApplication.start(
                        "tickets.url=" + tickets.url(), "postrider.third-party-sync.url=" + api.url())) {
            application.putRoute("tasks/dead-letter.camel.yaml", Guide.block(GUIDE, "yaml"));
            application.handlerWhoseTasksDie("third-party-sync");
            await().until(() -> application.camel().getRoutes().stream()
                    .anyMatch(route -> String.valueOf(route.getDescription()).startsWith("Opens a ticket")));
            await().until(() -> application.camel().getRoutes().stream()
                    .anyMatch(route -> "A handler whose tasks die.".equals(route.getDescription())));
            UUID workspace = application.newWorkspace();
            String key = application.newKey(workspace);

            String task = application
                    .send(key, "POST", "/v1/tasks", "{\"taskType\": \"third-party-sync\", \"payload\": {}}")
                    .text("/taskId");
            await().until(() -> !tickets.requests().isEmpty());
            assertThat(json(tickets.requests().get(0).body()).path("taskId").asText())
                    .isEqualTo(task);
            application
                    .sql()
                    .update(
                            "update postrider.dead_letters set last_error = 'answered 503' where workspace_id = ?",
                            workspace);

            List<String> commands = Guide.blocks(GUIDE, "sh");
            assertThat(commands).hasSize(3);
            assertThat(json(run(application, key, "", commands.get(0)))
                            .path("matched")
                            .asInt())
                    .isOne();
            String replay = json(run(application, key, "", commands.get(1)))
                    .path("replayId")
                    .asText();
            await().until(() -> application
                    .send(key, "GET", "/v1/replays/" + replay, null)
                    .text("/status")
                    .equals("completed"));
            // One that lasts until it is cancelled.
            application.send(key, "POST", "/v1/tasks", "{\"taskType\": \"third-party-sync\"}");
            await().until(() -> application
                            .send(key, "GET", "/v1/dead-letters", null)
                            .json()
                            .path("items")
                            .size()
                    == 2);
            String slow = application
                    .send(key, "POST", "/v1/replays", "{\"filter\": {\"all\": true}, \"ratePerSecond\": 0.001}")
                    .text("/replayId");
            assertThat(run(application, key, slow, commands.get(2)))
                    .contains("\"matched\": 2", "\"status\": \"paused\"", "\"status\": \"running\"");
            assertThat(application.send(key, "GET", "/v1/replays/" + slow, null).text("/status"))
                    .isEqualTo("cancelled");
        }
    }

    private static String run(RunningApplication application, String key, String replay, String commands)
            throws IOException {
        ProcessBuilder shell = new ProcessBuilder(
                "bash", "-e", "-c", commands.replace("localhost:8080", "localhost:" + application.port()));
        shell.environment().put("KEY", key);
        shell.environment().put("REPLAY", replay);
        return new String(shell.start().getInputStream().readAllBytes());
    }

    private static JsonNode json(String text) throws IOException {
        return new ObjectMapper().readTree(text);
    }
}
