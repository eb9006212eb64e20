package dev.postrider.mail;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.Route;
import org.awaitility.core.ConditionFactory;

/** A whole application that sends through a server of the tests, and tries again soon and often. */
final class Postman implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ROUTE = "email-dispatch";

    private final RunningApplication application;

    private Postman(RunningApplication application) {
        this.application = application;
    }

    static Postman through(int port, String... settings) {
        List<String> all = new ArrayList<>(List.of(
                "postrider.mail.host=localhost",
                "postrider.mail.port=" + port,
                "postrider.mail.from=Postrider <no-reply@sender.example>",
                "postrider.mail.timeout=3s"));
        all.addAll(Arrays.asList(settings));
        RunningApplication application = RunningApplication.start(all.toArray(String[]::new));
        Route before = application.camel().getRoute(ROUTE);
        application.putRoute("engine/redelivery.camel.yaml", """
                - beans:
                    - name: defaultRedelivery
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties: {maximumRedeliveries: 1000, redeliveryDelay: 150, backOffMultiplier: 1}
                """);
        // What uses the policy is built again.
        await().until(() -> application.camel().getRoute(ROUTE) != null
                && application.camel().getRoute(ROUTE) != before
                && application
                        .camel()
                        .getRouteController()
                        .getRouteStatus(ROUTE)
                        .isStarted());
        return new Postman(application);
    }

    RunningApplication application() {
        return application;
    }

    /** The mail server's threads die loudly of a lost connection, which is what is tried here. */
    static ConditionFactory await() {
        return RunningApplication.await().dontCatchUncaughtExceptions();
    }

    /** Enqueues a mail; returns its task. */
    String send(Map<String, ?> payload) {
        try {
            return application.enqueue(ROUTE, JSON.writeValueAsString(payload));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    String sendPlain() {
        return send(Map.of("to", "ada@example.com", "subject", "Hello", "text", "Hello Ada"));
    }

    Answer awaitSent(String task) {
        return awaitTask(task, "completed");
    }

    /** Waits until a task is a dead letter; returns why. */
    String awaitDead(String task) {
        return awaitTask(task, "dead").text("/lastError");
    }

    private Answer awaitTask(String task, String status) {
        await().until(() -> application
                .call("GET", "/v1/tasks/" + task, null)
                .text("/status")
                .equals(status));
        return application.call("GET", "/v1/tasks/" + task, null);
    }

    /** Waits until a task has failed at least once; returns why. It is neither lost nor given up. */
    String awaitFailed(String task) {
        await().until(() -> application
                        .call("GET", "/v1/tasks/" + task, null)
                        .json()
                        .path("failures")
                        .asInt()
                > 0);
        Answer failed = application.call("GET", "/v1/tasks/" + task, null);
        if (!List.of("queued", "processing").contains(failed.text("/status"))) {
            throw new AssertionError(failed);
        }
        return failed.text("/lastError");
    }

    /** Writes an asset of the workspace; returns its id. */
    UUID asset(String name, String mediaType, byte[] content) {
        return asset(WORKSPACE, name, mediaType, content);
    }

    UUID asset(UUID workspace, String name, String mediaType, byte[] content) {
        return application.as(
                "tenant", workspace, sql -> sql.queryForObject("""
                insert into postrider.workspace_assets (workspace_id, name, media_type, content)
                values (postrider.active_workspace(), ?, ?, ?) returning asset_id""", UUID.class, name, mediaType, content));
    }

    @Override
    public void close() {
        application.close();
    }
}
