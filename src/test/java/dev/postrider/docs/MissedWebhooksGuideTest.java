package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The route of docs/guides/missed-webhooks.md, as it is printed, takes in what GitHub could not deliver. */
class MissedWebhooksGuideTest {

    private static final String GUIDE = "missed-webhooks.md";

    @Test
    void the_route_takes_in_what_was_missed_once() throws Exception {
        try (Receiver github = Receiver.start();
                RunningApplication application = RunningApplication.start(
                        "github.url=http://127.0.0.1:" + github.port(), "github.token=t0ken")) {
            Map<String, String> pages = Map.of(
                    "/repos/acme/shop/hooks/1/deliveries?per_page=100",
                    "[{\"id\": 13, \"status_code\": 502}, {\"id\": 12, \"status_code\": 200}, {\"id\": 11, \"status_code\": 0}]",
                    "/repos/acme/shop/hooks/1/deliveries/11",
                    delivery("guid-11", "2026-01-01T00:00:00Z", "opened"),
                    "/repos/acme/shop/hooks/1/deliveries/13",
                    delivery("guid-13", "2026-01-02T00:00:00Z", "closed"));
            github.answers(exchange -> {
                byte[] body = pages.get(exchange.getRequestURI().toString()).getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
            });
            application.route("tasks/github-missed.camel.yaml", Guide.block(GUIDE, "yaml"));
            assertThat(application
                            .call(
                                    "POST",
                                    "/v1/sources",
                                    "{\"provider\": \"github\", \"secrets\": [\"a secret of it\"]}")
                            .status())
                    .isEqualTo(201);

            String task = "{\"hook\": \"acme/shop/hooks/1\"}";
            application.awaitTask(application.enqueue("github-missed", task), "completed");
            application.awaitTask(application.enqueue("github-missed", task), "completed");

            assertThat(github.requests())
                    .allSatisfy(request ->
                            assertThat(request.header("Authorization")).isEqualTo("Bearer t0ken"));
            Answer mirrored = application.call("GET", "/v1/billing-events/github/I_1", null);
            assertThat(mirrored.text("/eventData/issue/state")).isEqualTo("closed");
            JsonNode receipts =
                    application.call("GET", "/v1/receipts", null).json().path("items");
            assertThat(receipts.findValuesAsText("verdict"))
                    .containsExactly("duplicate", "duplicate", "stale", "applied");
            assertThat(receipts.findValuesAsText("reason")).containsOnly("fetched");
            assertThat(receipts.findValuesAsText("eventType")).containsOnly("issues");

            ProcessBuilder shell = new ProcessBuilder(
                    "bash",
                    "-e",
                    "-c",
                    Guide.block(GUIDE, "sh")
                            .replace("localhost:8080", "localhost:" + application.port())
                            .replace("$KEY", application.newKey(RunningApplication.WORKSPACE)));
            assertThat(new String(shell.start().getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("\"taskType\": \"github-missed\"");
        }
    }

    private static String delivery(String id, String changed, String state) {
        return """
                {"request": {"headers": {"X-GitHub-Delivery": "%s", "X-GitHub-Event": "issues", "content-type": "application/json"},
                 "payload": {"issue": {"node_id": "I_1", "updated_at": "%s", "state": "%s"}}}}""".formatted(id, changed, state);
    }
}
